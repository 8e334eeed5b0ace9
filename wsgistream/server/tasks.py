"""Tasks: waitress's answering of one request, in steps that any thread can take."""

from __future__ import annotations

from collections.abc import Iterator
from contextvars import copy_context
from enum import Enum, auto
from typing import Any, Final, NamedTuple

from waitress.channel import ClientDisconnected, HTTPChannel
from waitress.task import ErrorTask, WSGITask
from waitress.utilities import InternalServerError

from wsgistream.rules.head import has_body
from wsgistream.server.environ import make_environ
from wsgistream.server.framing import FramedTask
from wsgistream.server.outgoing import FilePart
from wsgistream.server.start_response import StartedTask
from wsgistream.wsgi.bodies import close
from wsgistream.wsgi.files import FileWrapper, length_of
from wsgistream.wsgi.notes import NOTES
from wsgistream.wsgi.text import as_bytes
from wsgistream.wsgi.waiting import IN_LOOP, Wakeable, is_pausable

#: What is overridden or read of waitress beyond its documentation; a test looks for each.
INTERNALS: Final = {
    ErrorTask: ("execute", "finish", "start"),
    HTTPChannel: ("adj", "connected", "parser_class", "server"),
    WSGITask: (
        "close_on_finish",
        "content_length",
        "logged_write_excess",
        "remove_content_length_header",
        "request",
        "response_headers",
        "start",
        "status",
        "version",
        "write",
        "wrote_header",
    ),
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


class RefusalTask(FramedTask, ErrorTask):  # type: ignore[misc]
    """An answer of waitress's own: to a request that it could not pass on, or to a failure."""

    def run(self, in_loop: bool) -> Outcome:
        """Take the only step."""
        self.in_loop = in_loop
        self.start()
        self.execute()
        self.finish()
        return Outcome.DONE


def apology(channel: Any, request: Any, why: str) -> RefusalTask:
    """Answer for an application that failed; ``why`` is for those who may see it."""
    failed = channel.parser_class(channel.adj)
    failed.error = InternalServerError(
        why if channel.adj.expose_tracebacks else "The server failed to answer this request."
    )
    failed.version = request.version
    failed.headers = request.headers
    failed.first_line = request.first_line
    failed.client = getattr(request, "client", None)
    failed.command = request.command
    return RefusalTask(channel, failed)


class ApplicationTask(StartedTask, WSGITask):  # type: ignore[misc]
    """An application's answer."""

    #: Its body may have nothing to send for now.
    _may_be_idle = False

    def __init__(self, channel: Any, request: Any) -> None:
        super().__init__(channel, request)
        self._body: Any = None
        self._chunks: Any = None
        #: An idle stream has said nothing for long.
        self.is_silent = False
        # What the application keeps there goes with its answer, whichever thread makes it.
        self._context = copy_context()
        self.start()

    @property
    def heartbeat(self) -> float:
        """Seconds of silence after which an idle stream shows that it is still there."""
        return float(self._body.heartbeat)

    @property
    def waits_for_time(self) -> bool:
        """Whether what an idle stream waits for comes by itself."""
        return bool(self._body.waits_for_time)

    def run(self, in_loop: bool) -> Outcome:
        """Take the next step; raises what the application raises, ClientDisconnected too."""
        self.in_loop = in_loop
        step = self._ask if self._chunks is None else self._go_on
        outcome: Outcome = self._context.run(step)
        if outcome is Outcome.DONE:
            self.end()
            self.finish()
        return outcome

    def slim(self) -> None:
        """Let go of what only the beginning of an answer needs: streams stay for long."""
        self._access = self._make_access() if self.channel.logs else None
        self.request = _Begun(self.request.command, self.request.path)
        self.response_headers = []

    def end(self) -> None:
        body, self._body, self._chunks = self._body, None, iter(())
        if body is not None and type(body) is not list:
            self._context.run(close, body)

    def _ask(self) -> Outcome:
        self._body = self._call()
        if isinstance(self._body, FileWrapper) and self._send_file(self._body):
            return Outcome.DONE
        self._chunks = self._begin()
        if self.in_loop and not (self.is_quick or isinstance(self._body, list)):
            return Outcome.TURN  # who knows what it waits for
        return self._go_on()

    def _call(self) -> Any:
        environ = make_environ(self.channel, self.request, self.version)
        if self.in_loop:
            environ[IN_LOOP] = self.asked_in_loop = True
        if self.channel.logs:
            environ[NOTES] = self._notes = {}
        try:
            return self.channel.server.application(environ, self.start_response)
        finally:
            if self.channel.adj.trusted_proxy:
                # For the log: in whose name the proxy asks, as waitress has read it by now.
                self.request.client = environ.get("REMOTE_ADDR")

    def _begin(self) -> Iterator[Any]:
        if isinstance(self._body, Wakeable):
            self._body.wake_by(self.channel.waker())
            self._pausable = self._may_be_idle = True
            self.is_quick = self._body.quick
            return iter(self._body.take, self)  # None is nothing for now, and not the end
        self._pausable = self.channel.server.pausable or is_pausable(self._body)
        return iter(self._body)

    def _go_on(self) -> Outcome:
        left = _TURN
        if self.is_silent:
            self.is_silent = False
            self.write(self._body.beat())
        for chunk in self._chunks:
            if chunk is None and self._may_be_idle:
                return self._stay()
            data = chunk if type(chunk) is bytes else as_bytes(chunk)
            outcome = self._send_chunk(data)
            if outcome is not None:
                return outcome
            left -= len(data) + _EACH
            if left < 0 and self._pausable and self._others_wait():
                return Outcome.TURN
        return Outcome.DONE

    def _stay(self) -> Outcome:
        """Show that there is an answer, though nothing of its body is there."""
        if not self.wrote_header:
            self.send(b"")
        return Outcome.IDLE if self._bodied else Outcome.DONE

    def _send_chunk(self, data: bytes) -> Outcome | None:
        """Send a chunk of the body; None: the next may follow at once."""
        if data:
            if not self.wrote_header:
                self._know_length(data)
            self.send(data)
            if self.logged_write_excess or not self._bodied:
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
        if self.content_length is None:
            sized = hasattr(self._body, "__len__") and len(self._body) == 1
            self.content_length = len(chunk) if sized else None

    def _send_file(self, wrapper: FileWrapper) -> bool:
        """Have the loop send a file, if its size can be known; the queue closes it in the end."""
        size = length_of(wrapper.file)
        if not size or self._is_head() or not has_body(self.status):
            return False
        if self.content_length is not None:
            size = min(size, self.content_length)
        if self.content_length != size:
            self.remove_content_length_header()
            self.content_length = size
        self._body = None
        part = FilePart(wrapper.file, size, wrapper)
        try:
            self.channel.put([self.build_response_header(), part])
            self.made = size
        except BaseException:
            part.close()
            raise
        return True


class _Begun(NamedTuple):
    """What is left of a request when its answer has begun."""

    command: str
    path: str
