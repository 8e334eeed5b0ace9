"""Channel: waitress's connection, with an account of what each answer has really sent."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from waitress.channel import HTTPChannel
from waitress.task import ErrorTask, WSGITask

from wsgistream.rules.access import Access

#: Where the lines of the access log go.
ACCESS: Final = logging.getLogger("wsgistream.access")

#: What is overridden or read of waitress beyond its documentation; a test looks for each.
INTERNALS: Final = {
    HTTPChannel: (
        "task_class",
        "error_task_class",
        "total_outbufs_len",
        "send",
        "handle_close",
        "_flush_some",
    ),
    WSGITask: ("build_response_header", "execute", "service", "wrote_header"),
    ErrorTask: ("build_response_header", "execute", "service", "wrote_header"),
}


@dataclass(slots=True)
class _Answer:
    """An answer on its way: where it begins and ends among the bytes of its connection."""

    access: Access
    start: int
    """Of the body, in bytes since the connection began."""
    stop: int
    failed: bool


class LoggedChannel(HTTPChannel):  # type: ignore[misc]
    """A connection that logs each answer when its last byte is sent, or when it is cut off."""

    write_line: Callable[[Access], object]

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._sent = 0
        self._answers: deque[_Answer] = deque()
        super().__init__(*arguments, **options)

    def position(self) -> int:
        """Count the bytes that were sent or wait to be, since the connection began."""
        with self.outbuf_lock:
            return int(self._sent + self.total_outbufs_len)

    def send(self, data: bytes, do_close: bool = True) -> int:
        sent = int(super().send(data, do_close))
        self._sent += sent
        self._settle()
        return sent

    def handle_close(self) -> None:
        super().handle_close()
        self._settle()

    def account(self, access: Access, start: int, failed: bool) -> None:
        """Take up an answer whose task has ended; its bytes may still wait to be sent."""
        with self.outbuf_lock:
            self._answers.append(_Answer(access, start, self.position(), failed))
        self._settle()

    def _settle(self) -> None:
        """Write the lines of the answers that are over."""
        with self.outbuf_lock:
            while self._answers and (self._sent >= self._answers[0].stop or not self.connected):
                answer = self._answers.popleft()
                sent = min(self._sent, answer.stop) - answer.start
                self.write_line(
                    answer.access._replace(
                        sent=max(0, sent),
                        duration=time.time() - answer.access.began,
                        aborted=answer.failed or self._sent < answer.stop,
                    )
                )


class _Logged:
    """A task that knows where its answer begins, and whether it came to its end."""

    channel: LoggedChannel
    request: Any
    status: str
    start_time: float
    wrote_header: bool
    _head = 0
    _failed = True

    def service(self) -> None:
        begin = self.channel.position()
        # An error's own task has no request line; the request it answers still stands first.
        request = self.channel.requests[0]
        try:
            super().service()  # type: ignore[misc]
        finally:
            if self.wrote_header:
                self.channel.account(self._access(request), begin + self._head, self._failed)

    def execute(self) -> None:
        super().execute()  # type: ignore[misc]
        self._failed = False

    def build_response_header(self) -> bytes:
        head: bytes = super().build_response_header()  # type: ignore[misc]
        self._head = len(head)
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


class _LoggedTask(_Logged, WSGITask):  # type: ignore[misc]
    """An application's answer."""


class _LoggedErrorTask(_Logged, ErrorTask):  # type: ignore[misc]
    """An answer of waitress's own to a request that it could not pass on."""


LoggedChannel.task_class = _LoggedTask
LoggedChannel.error_task_class = _LoggedErrorTask


def logged_channel(line: Callable[[Access], str]) -> type[LoggedChannel]:
    """Make a channel class that logs in the format that ``line`` writes."""

    def write_line(_: LoggedChannel, access: Access) -> None:
        ACCESS.info("%s", line(access))

    return type("LoggedChannel", (LoggedChannel,), {"write_line": write_line})
