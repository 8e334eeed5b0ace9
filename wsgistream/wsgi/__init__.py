"""WSGI: calling an application and holding its answer, before any of it is sent (PEP 3333)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain, islice
from typing import Any, Final

from wsgistream.types import Body, Environ, Header, StartResponse, WSGIApp
from wsgistream.wsgi.bodies import Closing, close
from wsgistream.wsgi.files import FileWrapper

_FILE_WRAPPER: Final = "wsgi.file_wrapper"


class Reply:
    """An application's answer: status line, headers and body, none of it sent yet.

    A file is a FileWrapper until it is sent: then it goes to ``file_wrapper``, the server's own.
    """

    __slots__ = ("body", "file_wrapper", "headers", "status")

    def __init__(
        self,
        status: str,
        headers: Iterable[Header],
        body: Body,
        file_wrapper: Callable[..., Body] | None = None,
    ) -> None:
        self.status = status
        self.headers = list(headers)
        self.body = body
        self.file_wrapper = file_wrapper

    def get(self, name: str) -> str | None:
        """Return the first value of a header, in any letter case; None: there is none."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)

    def set(self, name: str, value: str | None) -> None:
        """Replace every value of a header by one; None: remove it."""
        unwanted = name.lower()
        self.headers = [header for header in self.headers if header[0].lower() != unwanted]
        if value is not None:
            self.headers.append((name, value))

    def wrap(self, body: Body) -> None:
        """Put ``body``, which reads the present one, in its place; both are closed in the end."""
        self.body = Closing(body, close, self.body)

    def close(self) -> None:
        """Give the answer up."""
        close(self.body)

    def send(self, start_response: StartResponse) -> Body:
        """Begin the answer and return its body; the body is closed if it cannot begin."""
        try:
            start_response(self.status, self.headers)
            if isinstance(self.body, FileWrapper) and self.file_wrapper is not None:
                return self.body.given_to(self.file_wrapper)
        except BaseException:
            self.close()
            raise
        return self.body


def call(app: WSGIApp, environ: Environ) -> Reply:
    """Call an application and hold its answer.

    An application may begin its answer as late as its first chunk (PEP 3333): only then is that
    one chunk read ahead. What it writes through the old ``write()`` is held and comes before its
    body. Raises what the application raises, its body closed, and AssertionError where it never
    begins.
    """
    start = _Start()
    file_wrapper = environ.get(_FILE_WRAPPER)
    if file_wrapper not in (None, FileWrapper):
        environ = {**environ, _FILE_WRAPPER: FileWrapper}
    body = app(environ, start)
    try:
        reply = start.reply(body)
    except BaseException:
        close(body)
        raise
    reply.file_wrapper = file_wrapper
    return reply


def stack(app: WSGIApp, *layers: Callable[[WSGIApp], WSGIApp]) -> WSGIApp:
    """Put an application inside of layers, such as middleware; a request meets the first first.

    ``stack(app, AccessLogMiddleware, partial(CompressMiddleware, minimum=1000))``
    """
    for layer in reversed(layers):
        app = layer(app)
    return app


class _Start:
    """The start_response of a held answer."""

    def __init__(self) -> None:
        self._begun: tuple[str, list[Header]] | None = None
        self._written: list[bytes] = []
        self._held = True

    def __call__(
        self, status: str, headers: list[Header], exc_info: Any = None, /
    ) -> Callable[[bytes], object]:
        if exc_info is not None and not self._held:
            # The headers are with the server: the failure has to cut the answer (PEP 3333).
            raise exc_info[1].with_traceback(exc_info[2])
        if exc_info is None and self._begun is not None:
            raise AssertionError("start_response was called twice without exc_info (PEP 3333).")
        self._begun = status, headers
        return self._write

    def _write(self, data: bytes) -> None:
        if not self._held:
            raise AssertionError("write() was called after the body was given (PEP 3333).")
        self._written.append(data)

    def reply(self, body: Body) -> Reply:
        whole = body
        if self._begun is None:
            chunks = iter(body)
            first = list(islice(chunks, 1))
            whole = Closing(chain(first, chunks), close, body)
        if self._begun is None:
            raise AssertionError("The application gave a body without start_response (PEP 3333).")
        if self._written:
            whole = Closing(chain(self._written, whole), close, whole)
        self._held = False
        return Reply(*self._begun, whole)
