"""Objects, apps: obstore alone, and a view of Flask over boto3, beside our server."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Iterable, Iterator
from importlib import import_module
from typing import Any, Final

from bench.model import KIB, MIB, Place
from bench.objects_store import BUCKET
from wsgistream.types import Environ, StartResponse, WSGIApp

#: What is read of an object from anywhere.
RANGE: Final = MIB

_KEY: Final = Place.big[1:]
_CHUNK: Final = 128 * KIB


def places(total: int, count: int) -> Iterator[tuple[int, int]]:
    """Choose ranges from anywhere in an object: the same ones for all."""
    chance = random.Random(1)
    for _ in range(count):
        start = chance.randrange(total - RANGE)
        yield start, start + RANGE


class _Bare:
    """The library alone, in one process that sends nothing; each way gives what it took."""

    def __init__(self) -> None:
        self._library = import_module("obstore")
        url, options = f"s3://{os.environ[BUCKET]}", {"allow_http": True}
        self._store = import_module("obstore.store").from_url(url, client_options=options)
        self.size: int = self._library.head(self._store, _KEY)["size"]

    def get(self, smallest: int, **options: Any) -> Iterator[bytes]:
        result = self._library.get(self._store, _KEY, options=options)
        chunks: Iterator[bytes] = result.stream(min_chunk_size=smallest)
        return chunks

    def whole(self, count: int) -> list[float]:
        return [self._read(self.size) for _ in range(count)]

    def ranges(self, count: int) -> list[float]:
        return [self._read(RANGE, range=piece) for piece in places(self.size, count)]

    def first(self, count: int) -> list[float]:
        return [self._begin() for _ in range(count)]

    def _read(self, size: int, **options: Any) -> float:
        begin = time.perf_counter()
        if sum(map(len, self.get(MIB, **options))) != size:
            raise OSError("The object has another size.")
        return time.perf_counter() - begin

    def _begin(self) -> float:
        time.sleep(0.005)  # as who asks our server does
        begin = time.perf_counter()
        next(self.get(1, range={"offset": self.size // 2}))
        return time.perf_counter() - begin


def bare(root: str) -> WSGIApp:
    """Answer how long it took: ``/whole/3``, ``/ranges/100``, ``/first/100``; else the object."""
    made = _Bare()

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        _, way, *count = environ["PATH_INFO"].split("/")
        if not count:
            start_response("200 OK", [("Content-Length", str(made.size))])
            return made.get(_CHUNK)
        content = json.dumps(getattr(made, way)(int(count[0]))).encode()
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
