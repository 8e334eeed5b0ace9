"""Compressed: one stream of text, and who compresses it: our middleware, Django's, Starlette's."""

from __future__ import annotations

import http.client
import json
import random
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from functools import cache
from importlib import import_module
from typing import Any, Final, NamedTuple

from bench.model import KIB, MIB
from bench.wire import Broken
from wsgistream import CompressMiddleware
from wsgistream.types import Environ, StartResponse, WSGIApp

CONTENT_TYPE: Final = "text/plain; charset=utf-8"

_CHUNK: Final = 64 * KIB
# Far more than any of them looks back to, so that to repeat it helps none.
_CYCLE: Final = 8 * MIB


def lines(mebibytes: int) -> Iterator[bytes]:
    """Make so much text: lines of JSON, as an export or a log has them."""
    text = _cycle()
    for start in range(0, mebibytes * MIB, _CHUNK):
        place = start % _CYCLE
        yield text[place : place + _CHUNK]


@cache
def _cycle() -> bytes:
    chance = random.Random(1)  # the same text for all
    made = bytearray()
    while len(made) < _CYCLE:
        row = {
            "id": len(made),
            "name": chance.choice(["Ada", "Grace", "Barbara", "Radia", "Frances"]),
            "score": round(chance.random(), 4),
            "at": f"2024-{chance.randrange(1, 13):02}-{chance.randrange(1, 29):02}",
            "tags": chance.sample(["red", "green", "blue", "grey", "black"], 2),
        }
        made += json.dumps(row).encode() + b"\n"
    return bytes(made[:_CYCLE])


def _stream(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", CONTENT_TYPE)])
    return lines(int(environ["PATH_INFO"][1:]))


def ours(root: str) -> WSGIApp:
    """As it comes: the client's Accept-Encoding says in what."""
    return CompressMiddleware(_stream)


def ours_as_django(root: str) -> WSGIApp:
    """With gzip's level that Django uses."""
    return CompressMiddleware(_stream, level={"gzip": 6})


def django(root: str) -> WSGIApp:
    """Django with its own middleware and nothing else."""
    from django.conf import settings  # noqa: PLC0415
    from django.core.wsgi import get_wsgi_application  # noqa: PLC0415
    from django.http import StreamingHttpResponse  # noqa: PLC0415
    from django.urls import path  # noqa: PLC0415

    def stream(request: Any, mebibytes: int) -> Any:
        return StreamingHttpResponse(lines(mebibytes), content_type=CONTENT_TYPE)

    settings.configure(
        ALLOWED_HOSTS=["*"],
        MIDDLEWARE=["django.middleware.gzip.GZipMiddleware"],
        ROOT_URLCONF=(path("<int:mebibytes>", stream),),
    )
    app: WSGIApp = get_wsgi_application()
    return app


class Unpacked(NamedTuple):
    """What was received of a compressed answer, and how much it was before."""

    received: int
    plain: int
    seconds: float


def unpack(port: int, mebibytes: int, coding: str) -> Unpacked:
    """Download the text in this coding; raises Broken where it is not that, or another text."""
    decode = _DECODERS[coding]()
    received = plain = checked = 0
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        begin = time.monotonic()
        connection.request("GET", f"/{mebibytes}", headers={"Accept-Encoding": coding})
        answer = connection.getresponse()
        if (got := answer.headers.get("Content-Encoding", "identity")) != coding:
            raise Broken(f"The answer is in {got}, and not in {coding}.")
        while data := answer.read1(_CHUNK):
            text = decode(data)
            received += len(data)
            plain += len(text)
            checked = zlib.crc32(text, checked)
    if (plain, checked) != (mebibytes * MIB, _checksum(mebibytes)):
        raise Broken(f"The answer is of {plain} bytes, or of others than it should be.")
    return Unpacked(received, plain, time.monotonic() - begin)


@cache
def _checksum(mebibytes: int) -> int:
    checked = 0
    for chunk in lines(mebibytes):
        checked = zlib.crc32(chunk, checked)
    return checked


_DECODERS: Final[dict[str, Callable[[], Callable[[bytes], bytes]]]] = {
    "identity": lambda: bytes,
    "gzip": lambda: zlib.decompressobj(31).decompress,
    "br": lambda: import_module("brotli").Decompressor().process,
    "zstd": lambda: import_module("zstandard").ZstdDecompressor().decompressobj().decompress,
}
