"""Tasks: waitress's answering of one request, in steps that any thread can take."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextvars import copy_context
from enum import Enum, auto
from typing import Any, Final, NamedTuple

from waitress.channel import ClientDisconnected
from waitress.task import ErrorTask, WSGITask, hop_by_hop

from wsgistream.rules.access import Access
from wsgistream.rules.head import has_body, write_head
from wsgistream.server.outgoing import FilePart
from wsgistream.server.sending import SMALL
from wsgistream.wsgi.bodies import close
from wsgistream.wsgi.files import FileWrapper, length_of
from wsgistream.wsgi.waiting import IN_LOOP, Wakeable, is_pausable

_OF_TASKS: Final = (
    "build_response_header",
    "chunked_response",
    "close_on_finish",
    "complete",
    "content_length",
    "execute",
    "logged_write_excess",
    "logged_write_no_body",
    "response_headers",
    "set_close_on_finish",
    "start",
    "start_time",
    "status",
    "version",
    "wrote_header",
)

#: What is overridden or read of waitress beyond its documentation; a test looks for each.
INTERNALS: Final = {
    WSGITask: (*_OF_TASKS, "environ", "get_environment"),
    ErrorTask: _OF_TASKS,
}

#: Bytes that a step makes while others wait for its thread, or for the loop.
_TURN: Final = 4 * 1024 * 1024

# What a chunk costs beside its bytes, in bytes.
_EACH: Final = 4096


class Outcome(Enum):
    """How a step of a task has ended."""

    DONE = auto()
    """The answer is made."""
    FULL = auto()
    """Its client has to take some of it first."""
    IDLE = auto()
    """There is nothing to send for now; somebody will say when there is."""
    TURN = auto()
    """Others wait for the thread."""
    BLOCKS = auto()
    """It needs a thread, and was tried in the loop."""


class _Accounted:
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
    #: Its body may have nothing to send for now.
    _may_be_idle = False
    #: The application was asked in the loop, and told so.
    asked_in_loop = False
    _access: Access | None = None
    _bodied = True

    def end(self) -> None:
        """Release what the answer was made from; nothing is done twice."""

    def is_short(self) -> bool:
        """Tell whether the body ended before the length that its head announced."""
        if self.content_length is None or not self._may_have_body():
            return False
        return self.made < self.content_length

    def ends_unseen(self) -> bool:
        """Tell whether a cut would look like the end: HTTP/1.0, and no length was announced."""
        unbounded = not self.chunked_response and self.content_length is None
        return unbounded and self._may_have_body()

    def may_be_asked_again(self) -> bool:
        """Tell whether the application can still be asked in a thread: nothing is said yet."""
        return self.asked_in_loop and not self.wrote_header

    def _may_have_body(self) -> bool:
        if self.wrote_header:
            return self._bodied
        return has_body(self.status) and not self._is_head()

    def _is_head(self) -> bool:
        # What could not be read as a request has no method.
        return getattr(self.request, "command", None) == "HEAD"

    def write(self, data: Any) -> None:
        """Send a part of the body, after the head if that has not been sent."""
        if not self.complete:
            raise RuntimeError("start_response was not called before the body began (PEP 3333).")
        data = _as_bytes(data)  # before the head, behind which nothing can be refused
        parts = [] if self.wrote_header else [self.build_response_header()]
        self.wrote_header = True
        data = self._fitting(data)
        if data and self.chunked_response:
            parts += [b"%X\r\n" % len(data), data, b"\r\n"]
        elif data:
            parts.append(data)
        if len(data) < SMALL:
            self.channel.put_small(b"".join(parts))
        else:
            self.channel.put(parts)
        self.made += len(data)
        if not (self.in_loop or self._pausable):
            self.channel.wait_for_room()

    def _fitting(self, data: bytes) -> bytes:
        """Cut off what is not to be sent."""
        if data and not self._may_have_body():
            self._complain_of_body()
            return b""
        if self.content_length is not None:
            return self._within(data, self.content_length)
        return data

    def _within(self, data: bytes, length: int) -> bytes:
        fitting = data[: length - self.made]
        if len(fitting) < len(data) and not self.logged_write_excess:
            self.logged_write_excess = True
            self.logger.warning(
                "The application has more bytes than its Content-Length of %s.", length
            )
        return fitting

    def _complain_of_body(self) -> None:
        if not self._is_head() and not self.logged_write_no_body:
            self.logged_write_no_body = True
            self.logger.warning("An answer %r has no body; what there was is dropped.", self.status)

    def finish(self) -> None:
        """Send what is left to be said: the head of an empty answer, the last chunk."""
        if not self.wrote_header:
            self.write(b"")
        if self.chunked_response:
            self.channel.put([b"0\r\n\r\n"])
        if self.is_short():
            self.logger.warning(
                "The application has fewer bytes than its Content-Length of %s.",
                self.content_length,
            )
            self.close_on_finish = True

    def build_response_header(self) -> bytes:
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
        self.close_on_finish = head.close
        self._bodied = has_body(self.status) and not self._is_head()
        # The body of a HEAD has no last chunk either (RFC 9110 §9.3.2).
        self.chunked_response = head.chunked and not self._is_head()
        return head.data

    def access(self) -> Access:
        """Say who asked for what."""
        return self._access or self._make_access()

    def _make_access(self) -> Access:
        request, headers = self.request, self.request.headers
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


class RefusalTask(_Accounted, ErrorTask):  # type: ignore[misc]
    """An answer of waitress's own: to a request that it could not pass on, or to a failure."""

    def run(self, in_loop: bool) -> Outcome:
        """Take the only step."""
        self.in_loop = in_loop
        self.start()
        self.execute()
        self.finish()
        return Outcome.DONE


class ApplicationTask(_Accounted, WSGITask):  # type: ignore[misc]
    """An application's answer."""

    def __init__(self, channel: Any, request: Any) -> None:
        super().__init__(channel, request)
        self._body: Any = None
        self._chunks: Iterator[Any] | None = None
        #: An idle stream has said nothing for long.
        self.is_silent = False
        # What the application keeps there goes with its answer, whichever thread makes it.
        self._context = copy_context()
        self.start()

    @property
    def heartbeat(self) -> float:
        """Seconds of silence after which an idle stream shows that it is still there."""
        return float(self._body.heartbeat)

    def run(self, in_loop: bool) -> Outcome:
        """Take the next step; raises what the application raises, ClientDisconnected too."""
        self.in_loop = in_loop
        outcome: Outcome = self._context.run(self._step)
        if outcome is Outcome.DONE:
            self.end()
            self.finish()
        return outcome

    def slim(self) -> None:
        """Let go of what only the beginning of an answer needs: streams stay for long."""
        self._access = self._make_access() if self.channel.logs else None
        self.request = _Begun(self.request.command, self.request.path)
        self.environ = None
        self.response_headers = []

    def end(self) -> None:
        body, self._body, self._chunks = self._body, None, iter(())
        if body is not None:
            self._context.run(close, body)

    def _step(self) -> Outcome:
        if self._chunks is None:
            self._body = self._call()
            if isinstance(self._body, FileWrapper) and self._send_file(self._body):
                return Outcome.DONE
            self._chunks = self._begin()
            if self.in_loop and not (self.is_quick or isinstance(self._body, list)):
                return Outcome.TURN  # who knows what it waits for
        return self._go_on(self._chunks)

    def _call(self) -> Any:
        environ = self.get_environment()
        environ["wsgi.file_wrapper"] = FileWrapper
        environ["wsgi.multiprocess"] = self.channel.server.processes > 1
        if self.in_loop:
            environ[IN_LOOP] = self.asked_in_loop = True
        return self.channel.server.application(environ, self._start_response)

    def _begin(self) -> Iterator[Any]:
        if isinstance(self._body, Wakeable):
            self._body.wake_by(self.channel.waker())
            self._pausable = self._may_be_idle = True
            self.is_quick = self._body.quick
            return iter(self._body.take, self)  # None is nothing for now, and not the end
        self._pausable = self.channel.server.pausable or is_pausable(self._body)
        return iter(self._body)

    def _go_on(self, chunks: Iterator[Any]) -> Outcome:
        left = _TURN
        if self.is_silent:
            self.is_silent = False
            self.write(self._body.beat())
        for chunk in chunks:
            if chunk is None and self._may_be_idle:
                return self._stay()
            data = _as_bytes(chunk)
            outcome = self._send(data)
            if outcome is not None:
                return outcome
            left -= len(data) + _EACH
            if left < 0 and self._pausable and self._others_wait():
                return Outcome.TURN
        return Outcome.DONE

    def _stay(self) -> Outcome:
        """Show that there is an answer, though nothing of its body is there."""
        if not self.wrote_header:
            self.write(b"")
        return Outcome.IDLE if self._may_have_body() else Outcome.DONE

    def _send(self, data: bytes) -> Outcome | None:
        """Send a chunk of the body; None: the next may follow at once."""
        if data:
            self._know_length(data)
            self.write(data)
            if self.logged_write_excess or not self._may_have_body():
                return Outcome.DONE  # whatever follows, none of it is to be sent
            if self._pausable and not self.channel.has_room(len(data)):
                return Outcome.FULL
        elif not self.channel.connected:
            raise ClientDisconnected  # which nothing that is sent would tell
        return None

    def _others_wait(self) -> bool:
        return self.in_loop or bool(self.channel.server.task_dispatcher.queue)

    def _know_length(self, chunk: bytes) -> None:
        """Take the length of a body of one chunk from it, if it has not been told."""
        if self.content_length is None and not self.wrote_header:
            sized = hasattr(self._body, "__len__") and len(self._body) == 1
            self.content_length = len(chunk) if sized else None

    def _send_file(self, wrapper: FileWrapper) -> bool:
        """Have the loop send a file, if its size can be known; the queue closes it in the end."""
        size = length_of(wrapper.file)
        if not size or not self._may_have_body():
            return False
        if self.content_length is not None:
            size = min(size, self.content_length)
        if self.content_length != size:
            self.remove_content_length_header()
            self.content_length = size
        self._body = None
        part = FilePart(wrapper.file, size, wrapper)
        try:
            head, self.wrote_header = self.build_response_header(), True
            self.channel.put([head, part])
            self.made = size
        except BaseException:
            part.close()
            raise
        return True

    def _start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: Any = None, /
    ) -> Callable[[bytes], object]:
        if exc_info is not None:
            if self.wrote_header:
                raise exc_info[1].with_traceback(exc_info[2])
            self.response_headers = []
            self.content_length = None
        elif self.complete:
            raise AssertionError("start_response was called twice without exc_info (PEP 3333).")
        _check(status, headers)
        for name, value in headers:
            key = name.lower()
            if key == "content-length":
                if self.content_length is not None:
                    raise ValueError("The application gives two lengths (RFC 9110 §8.6).")
                self.content_length = _length(value)
            elif key in hop_by_hop:
                raise AssertionError(f"{name} is between servers and clients alone (PEP 3333).")
        self.complete = True
        self.status = status
        self.response_headers.extend(headers)
        return self.write


class _Begun(NamedTuple):
    """What is left of a request when its answer has begun."""

    command: str
    path: str


def _check(status: str, headers: list[tuple[str, str]]) -> None:
    """Raise AssertionError for what is no text, and ValueError for what would end its line."""
    try:
        texts = "".join([status, *[text for header in headers for text in header]])
    except TypeError:
        raise AssertionError("The status and the headers are strings (PEP 3333).") from None
    if "\n" in texts or "\r" in texts:
        raise ValueError("There is a line end in the status or in a header.")
    if not re.match(r"[1-9]\d\d\b", status, re.ASCII):
        raise ValueError("The status does not begin with a number of three digits (PEP 3333).")


def _length(value: str) -> int:
    if not re.fullmatch(r"\d+", value.strip(), re.ASCII):
        raise ValueError(f"A Content-Length of {value!r} is none.")
    return int(value)


def _as_bytes(data: Any) -> bytes:
    if isinstance(data, bytes):
        return data
    if isinstance(data, (bytearray, memoryview)):
        return bytes(data)
    raise TypeError(f"A body is made of bytes, not of {type(data).__name__} (PEP 3333).")
