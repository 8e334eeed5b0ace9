"""Framing: the head of an answer, what frames its body, and whether it came to its end."""

from __future__ import annotations

from typing import Any, Final

from waitress.task import Task

from wsgistream.rules.access import Access
from wsgistream.rules.head import write_head
from wsgistream.server.sending import SMALL
from wsgistream.wsgi.notes import Notes, rows_in
from wsgistream.wsgi.text import as_bytes

#: What is overridden or read of waitress beyond its documentation; a test looks for each.
INTERNALS: Final = {
    Task: (
        "build_response_header",
        "channel",
        "chunked_response",
        "close_on_finish",
        "complete",
        "content_length",
        "finish",
        "logged_write_excess",
        "logged_write_no_body",
        "logger",
        "request",
        "response_headers",
        "start_time",
        "status",
        "version",
        "write",
        "wrote_header",
    ),
}


class FramedTask(Task):  # type: ignore[misc]
    """A task that knows how long its answer is, and whether it came to its end."""

    channel: Any
    request: Any
    status: str
    version: str
    start_time: float
    chunked_response: bool
    close_on_finish: bool
    complete: bool
    content_length: int | None
    response_headers: list[tuple[str, str]]
    wrote_header: bool
    logged_write_excess: bool
    logged_write_no_body: bool
    logger: Any
    #: Bytes of the body that were made.
    made = 0
    #: The step that is taken is the loop's: it must not wait.
    in_loop = False
    #: No step of it waits for anything.
    is_quick = False
    #: No thread waits while its client takes what there is.
    _pausable = False
    #: The application was asked in the loop, and told so.
    asked_in_loop = False
    _access: Access | None = None
    #: What its application may know of it; None: nobody wants to.
    _notes: Notes | None = None
    #: It has a body, as its head says.
    _bodied = False

    def end(self) -> None:
        """Release what the answer was made from; nothing is done twice."""

    def is_short(self) -> bool:
        """Tell whether the body ended before the length that its head announced."""
        return self._bodied and self.content_length is not None and self.made < self.content_length

    def ends_unseen(self) -> bool:
        """Tell whether a cut would look like the end: HTTP/1.0, and no length was announced."""
        return self._bodied and not self.chunked_response and self.content_length is None

    def may_be_asked_again(self) -> bool:
        """Tell whether the application can still be asked in a thread: nothing is said yet."""
        return self.asked_in_loop and not self.wrote_header

    def _is_head(self) -> bool:
        # What could not be read as a request has no method.
        return getattr(self.request, "command", None) == "HEAD"

    def write(self, data: Any) -> None:
        """Send a part of the body, after the head if that has not been sent; PEP 3333's own."""
        self.send(as_bytes(data))  # before the head, behind which nothing can be refused

    def send(self, data: bytes) -> None:
        """Send a part of the body, or none, after the head if that has not been sent."""
        if self.chunked_response and 0 < len(data) < SMALL:
            # An event, as it goes to thousands: its head is sent, and it has no length to keep to.
            self.channel.put_small(b"%X\r\n%b\r\n" % (len(data), data))
        else:
            data = self._send_framed(data)
        self.made += len(data)
        if not (self.in_loop or self._pausable):
            self.channel.wait_for_room()

    def _send_framed(self, data: bytes) -> bytes:
        """Send the head if that has not been sent, and what is to be sent of ``data``; gives it."""
        parts = [] if self.wrote_header else [self.build_response_header()]
        data = self._fitting(data)
        if data and self.chunked_response:
            parts += [b"%X\r\n" % len(data), data, b"\r\n"]
        elif data:
            parts.append(data)
        if len(data) < SMALL:
            self.channel.put_small(b"".join(parts))
        else:
            self.channel.put(parts)
        return data

    def _fitting(self, data: bytes) -> bytes:
        """Cut off what is not to be sent."""
        if data and not self._bodied:
            self._complain_of_body()
            return b""
        if self.content_length is None or len(data) <= self.content_length - self.made:
            return data
        if not self.logged_write_excess:
            self.logged_write_excess = True
            self.logger.warning(
                "The application has more bytes than its Content-Length of %s.",
                self.content_length,
            )
        return data[: self.content_length - self.made]

    def _complain_of_body(self) -> None:
        if not self._is_head() and not self.logged_write_no_body:
            self.logged_write_no_body = True
            self.logger.warning("An answer %r has no body; what there was is dropped.", self.status)

    def finish(self) -> None:
        """Send what is left to be said: the head of an empty answer, the last chunk."""
        if not self.wrote_header:
            self.send(b"")
        if self.chunked_response:
            self.channel.put([b"0\r\n\r\n"])
        if self.is_short():
            self.logger.warning(
                "The application has fewer bytes than its Content-Length of %s.",
                self.content_length,
            )
            self.close_on_finish = True

    def build_response_header(self) -> bytes:
        if not self.complete:
            raise RuntimeError("start_response was not called before the body began (PEP 3333).")
        # waitress's own closes after whatever has no length, also where none is needed.
        server = self.channel.server
        head = write_head(
            self.status,
            self.response_headers,
            version=self.version,
            connection=self.request.headers.get("CONNECTION", ""),
            length=self.content_length,
            close=self.close_on_finish or (server.draining and len(self.channel.requests) == 1),
            server=server.adj.ident or "waitress",
            now=self.start_time,
        )
        self.wrote_header = True
        self.close_on_finish = head.close
        # The body of a HEAD has no last chunk either (RFC 9110 §9.3.2).
        asked_for = not self._is_head()
        self._bodied, self.chunked_response = head.bodied and asked_for, head.chunked and asked_for
        return head.data

    def access(self) -> Access:
        """Say who asked for what."""
        access = self._access or self._make_access()
        return access if self._notes is None else access._replace(rows=rows_in(self._notes))

    def _make_access(self) -> Access:
        request, headers = self.request, self.request.headers
        return Access(
            client=str(getattr(request, "client", None) or self.channel.addr[0]),
            began=self.start_time,
            request=getattr(request, "first_line", b"").decode("latin-1") or "-",
            status=int(self.status[:3]),
            sent=0,
            duration=0.0,
            aborted=False,
            referer=headers.get("REFERER", "-"),
            agent=headers.get("USER_AGENT", "-"),
        )
