"""Program: what is behind the proxies: the matrix's, and what is told from outside."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Iterator
from queue import Empty, SimpleQueue
from typing import Final

from tests.matrix.program import Told, ToldBody, name_of, respond_told
from tests.matrix.program import app as matrix
from wsgistream import DirectoryApp, PrefixMiddleware, StreamingResponse, Wakeable
from wsgistream.types import Body, Environ, StartResponse

#: What is said to a stream, by its name; nothing is its end.
_NEWS: Final[dict[str, SimpleQueue[bytes]]] = defaultdict(SimpleQueue)


class _Idle(Told, Wakeable):
    """A stream that is idle until it is told what to say."""

    open: Final[dict[str, _Idle]] = {}

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._news = _NEWS[name]
        self.open[name] = self

    def take(self) -> bytes | None:
        try:
            news = self._news.get_nowait()
        except Empty:
            return None
        if not news:
            raise StopIteration
        return news


def _tell(name: str, news: bytes) -> None:
    _NEWS[name].put(news)
    if name in _Idle.open:
        _Idle.open[name].wake()


def _numbers(*, fails: bool) -> Iterator[bytes]:
    for number in range(10_000):
        yield b"%d\n" % number
    if fails:
        raise OSError("the disk is gone")


def views(environ: Environ, start_response: StartResponse) -> Body:
    name, _, news = name_of(environ).partition("&")
    path = environ["PATH_INFO"]
    if path == "/tell":
        _tell(name, news.encode())
        answer = StreamingResponse("told")
    elif path == "/events":
        answer = StreamingResponse(_Idle(name), content_type="text/event-stream")
    elif path == "/lines":
        answer = StreamingResponse(_Idle(name))
    elif path in ("/unknown", "/known"):
        # Of these nobody says that they must not be held back.
        length = None if path == "/unknown" else len(b"firstsecond.")
        body = ToldBody(name, iter(_NEWS[name].get, b""))
        answer = StreamingResponse(body, content_length=length)
    elif path in ("/whole", "/cut"):
        answer = StreamingResponse(_numbers(fails=path == "/cut"), end="# end\n")
    else:
        seen = {key: value for key, value in environ.items() if isinstance(value, str)}
        answer = StreamingResponse(json.dumps(seen))
    return answer(environ, start_response)


_KEPT: Final = DirectoryApp(
    os.environ["MATRIX_ROOT"], responder=respond_told, cache_control="max-age=60", listing=True
)

app = PrefixMiddleware(_KEPT, prefix="/kept", outside=matrix)
app = PrefixMiddleware(views, prefix="/live", outside=app)
