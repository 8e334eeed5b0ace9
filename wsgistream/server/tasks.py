"""Tasks: waitress's answering of one request, which knows its length and how it ended."""

from __future__ import annotations

from typing import Any, Final

from waitress.channel import ClientDisconnected
from waitress.task import ErrorTask, WSGITask

from wsgistream.rules.access import Access

_OF_TASKS: Final = (
    "build_response_header",
    "chunked_response",
    "close_on_finish",
    "content_length",
    "execute",
    "finish",
    "has_body",
    "service",
    "start",
    "start_time",
    "status",
    "version",
    "write",
    "wrote_header",
)

#: What is overridden or read of waitress beyond its documentation; a test looks for each.
INTERNALS: Final = {WSGITask: _OF_TASKS, ErrorTask: _OF_TASKS}


class _Accounted:
    """A task that knows how long its answer is, and whether it came to its end."""

    channel: Any
    request: Any
    status: str
    version: str
    start_time: float
    chunked_response: bool
    close_on_finish: bool
    content_length: int | None
    has_body: bool
    wrote_header: bool
    _head = 0
    _chunked = 0

    def service(self) -> None:
        begin = self.channel.position()
        # An error's own task has no request line; the request it answers still stands first.
        request = self.channel.requests[0]
        over = failed = True
        try:
            self._serve()
            failed = self._is_short(self._size(begin))
        except ClientDisconnected:
            raise
        except Exception:
            over = self.wrote_header  # or else waitress answers with an error
            if over and not self.chunked_response and self.content_length is None:
                # HTTP/1.0: the end of the connection would be taken for the end of the body.
                self.channel.reset_in_the_end()
            raise
        finally:
            if over:
                self.channel.account(self._access(request), self._size(begin), failed)

    def _serve(self) -> None:
        # waitress's own service takes an OSError of the application for one of the connection,
        # and says nothing to anybody.
        self.start()  # type: ignore[attr-defined]
        self.execute()  # type: ignore[attr-defined]
        self.finish()  # type: ignore[attr-defined]

    def _size(self, begin: int) -> int:
        """Count the bytes of the body so far, without what frames its chunks."""
        if self.chunked_response:
            return self._chunked
        return int(self.channel.position()) - begin - self._head

    def _is_short(self, size: int) -> bool:
        """Tell whether the body ended before the length that its head announced."""
        if self.content_length is None or not self.has_body or self._is_head():
            return False
        return size < self.content_length

    def _is_head(self) -> bool:
        # What could not be read as a request has no method.
        return getattr(self.request, "command", None) == "HEAD"

    def _is_last(self) -> bool:
        """Tell whether the client wants no more of this connection (RFC 9112 §9.6)."""
        options = self.request.headers.get("CONNECTION", "").lower().split(",")
        return "close" in (option.strip() for option in options)

    def write(self, data: bytes) -> None:
        super().write(data)  # type: ignore[misc]
        self._chunked += len(data)

    def build_response_header(self) -> bytes:
        # waitress closes, and says so, whenever there is no length: also where none is needed, as
        # after a 304, and where the last chunk ends the body (RFC 9112 §6.3, §9.3). It does not if
        # it thinks that it has done so already.
        kept = not self.close_on_finish and self.version == "1.1" and not self._is_last()
        self.close_on_finish |= kept
        head: bytes = super().build_response_header()  # type: ignore[misc]
        self.close_on_finish &= not kept
        self._head = len(head)
        if self._is_head():
            # waitress would send the last chunk of a body that there is none of (RFC 9110 §9.3.2).
            self.chunked_response = False
        return head

    def _access(self, request: Any) -> Access:
        headers = request.headers
        return Access(
            client=str(self.channel.addr[0]),
            began=self.start_time,
            request=getattr(request, "first_line", b"").decode("latin-1") or "-",
            status=int(self.status[:3]),
            sent=0,
            duration=0.0,
            aborted=False,
            referer=headers.get("REFERER", "-"),
            agent=headers.get("USER_AGENT", "-"),
        )


class ApplicationTask(_Accounted, WSGITask):  # type: ignore[misc]
    """An application's answer."""


class RefusalTask(_Accounted, ErrorTask):  # type: ignore[misc]
    """An answer of waitress's own: to a request that it could not pass on, or to a failure."""
