"""Objects, apps: obstore alone, and a view of Flask over boto3, beside our server."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any, Final, TypeAlias

from bench.model import KIB, MIB, Place
from bench.objects_store import BUCKET
from wsgistream.types import Environ, StartResponse, WSGIApp

#: Bytes of a range, and where it begins and ends.
RANGE: Final = MIB
Piece: TypeAlias = tuple[int, int]

_KEY: Final = Place.big[1:]
_CHUNK: Final = 128 * KIB


def read_ranges(
    read: Callable[[Sequence[Piece]], object], total: int, count: int, by: int
) -> float:
    """Have ranges read by so many threads: from anywhere in an object, the same for all.

    Gives seconds.
    """
    pieces = places(total, count)
    begin = time.perf_counter()
    with ThreadPoolExecutor(by) as pool:
        for _ in pool.map(read, [pieces[each::by] for each in range(by)]):
            pass  # what one has raised is raised here
    return time.perf_counter() - begin


def places(total: int, count: int) -> Sequence[Piece]:
    """Choose ranges."""
    chance = random.Random(1)
    starts = [chance.randrange(total - RANGE) for _ in range(count)]
    return [(start, start + RANGE) for start in starts]


class _Bare:
    """The library alone, in one process that sends nothing; each way gives seconds."""

    def __init__(self) -> None:
        self._library = import_module("obstore")
        url, options = f"s3://{os.environ[BUCKET]}", {"allow_http": True}
        self._store = import_module("obstore.store").from_url(url, client_options=options)
        self.size: int = self._library.head(self._store, _KEY)["size"]

    def get(self, smallest: int, **options: Any) -> Iterator[bytes]:
        result = self._library.get(self._store, _KEY, options=options)
        chunks: Iterator[bytes] = result.stream(min_chunk_size=smallest)
        return chunks

    def whole(self, count: int) -> float:
        begin = time.perf_counter()
        for _ in range(count):
            self._read(self.size)
        return time.perf_counter() - begin

    def ranges(self, count: int, by: int) -> float:
        return read_ranges(self._read_pieces, self.size, count, by)

    def first(self, count: int) -> list[float]:
        return [self._begin(piece) for piece in places(self.size, count)]

    def _read_pieces(self, pieces: Sequence[Piece]) -> None:
        for piece in pieces:
            self._read(RANGE, range=piece)

    def _read(self, size: int, **options: Any) -> None:
        if sum(map(len, self.get(MIB, **options))) != size:
            raise OSError("The object has another size.")

    def _begin(self, piece: Piece) -> float:
        time.sleep(0.005)  # as who asks our server does
        begin = time.perf_counter()
        chunks = self.get(1, range=piece)
        size = len(next(chunks))
        took = time.perf_counter() - begin
        # To the end, so that the store is not busy any more when the next is asked for.
        if size + sum(map(len, chunks)) != RANGE:
            raise OSError("A range has another size.")
        return took


def bare(root: str) -> WSGIApp:
    """Answer how long it took: ``/whole/3``, ``/ranges/100/4``, ``/first/100``; else the object."""
    made = _Bare()

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        _, way, *counts = environ["PATH_INFO"].split("/")
        if not counts:
            start_response("200 OK", [("Content-Length", str(made.size))])
            return made.get(_CHUNK)
        content = json.dumps(getattr(made, way)(*map(int, counts))).encode()
        start_response("200 OK", [("Content-Length", str(len(content)))])
        return [content]

    return app


def flask() -> WSGIApp:
    """A view as it is often written, with one range."""
    library, client = import_module("flask"), import_module("boto3").client("s3")
    made = library.Flask(__name__)

    def view(key: str) -> Any:
        asked = library.request.headers.get("Range")
        options = {} if asked is None else {"Range": asked}
        found = client.get_object(Bucket=os.environ[BUCKET], Key=key, **options)
        body = found["Body"].iter_chunks(_CHUNK)
        headers = {"Content-Length": str(found["ContentLength"])}
        if asked is not None:
            headers["Content-Range"] = found["ContentRange"]
        return library.Response(body, 200 if asked is None else 206, headers)

    made.add_url_rule("/<path:key>", view_func=view)
    app: WSGIApp = made
    return app


def flask_of(root: str) -> WSGIApp:
    """The same, where it is to be served from a folder."""
    return flask()
