"""A stream of any length through every middleware: ``python -m tests.middleware.whole``."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Final

from tests.middleware.every import EVERY
from wsgistream import StreamingResponse, serve
from wsgistream.types import Body, Environ, StartResponse
from wsgistream.wsgi import stack

CHUNK: Final = b"".join(b"%d lines of text\n" % number for number in range(12000))


def chunks(count: int) -> Iterator[bytes]:
    for number in range(count):
        yield b"%d\n" % number
        yield CHUNK


def application(environ: Environ, start_response: StartResponse) -> Body:
    """Stream as many chunks as the last name of the path says."""
    count = int(environ["PATH_INFO"].rpartition("/")[2])
    answer = StreamingResponse(chunks(count), content_type="text/plain")
    return answer(environ, start_response)


whole = stack(application, *(case.layer for case in EVERY.values()))

if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    serve(whole, listen="127.0.0.1:0", threads=2)
