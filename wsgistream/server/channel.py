"""Channel: waitress's connection, whose answers need a thread only while one makes them."""

from __future__ import annotations

import fcntl
import socket
import struct
import sys
import termios
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final

from waitress.channel import ClientDisconnected, HTTPChannel
from waitress.utilities import InternalServerError

from wsgistream.server.accounts import AccountingChannel
from wsgistream.server.parser import Parser
from wsgistream.server.tasks import ApplicationTask, Outcome, RefusalTask
from wsgistream.wsgi.waiting import WouldBlock

#: What is overridden or read of waitress beyond its documentation; a test looks for each.
INTERNALS: Final = {
    HTTPChannel: (
        "addr",
        "adj",
        "cancel",
        "close_when_flushed",
        "connected",
        "handle_close",
        "handle_read",
        "handle_write",
        "last_activity",
        "outbuf_lock",
        "parser_class",
        "readable",
        "request",
        "requests",
        "send_continue",
        "sent_continue",
        "service",
        "total_outbufs_len",
        "will_close",
    ),
}


class _Answered:
    """What stands for a request whose answer has begun, so that the next one waits."""

    def close(self) -> None:
        """It has no body that could be closed."""


_ANSWERED: Final = _Answered()

#: Seconds without progress after which a client that has stopped sending is taken to have left.
_GONE: Final = 0.5


class Channel(AccountingChannel):
    """A connection. All but ``service`` and what it calls is the loop's alone.

    An answer is made in steps. A step that has filled the queue, or has nothing to send, ends, and
    its thread goes; the next follows when the client has drained the queue, or when there is news.
    """

    parser_class = Parser
    requests: list[Any]
    #: The answer that is being made; None between answers.
    _task: Any = None
    #: The next step waits for the client to take something, or for news.
    _full = _idle = False
    #: News that the loop has not heard yet; news that it has, and a step has not.
    _woken = _news = False
    #: While its answer is made, the client has said something more, or has stopped sending.
    _spoke = _ended = False
    _held = 0

    def changed(self) -> None:
        self.server.loop.call(partial(self.server.loop.watch, self))

    def has_room(self, size: int) -> bool:
        """Tell whether ``size`` more bytes may be held, or none are."""
        held = self.total_outbufs_len
        return not held or held + size <= self.adj.outbuf_high_watermark

    def waker(self) -> Callable[[], None]:
        """Give what is to be called when there is news for an idle answer; from any thread."""
        return self._wake

    # An answer, from its beginning to its end

    def begin(self) -> None:
        """Begin to answer the first of the requests that have come."""
        if not self.connected:
            self._forget()
            return
        request = self.requests[0]
        self._spoke = self._news = False
        kind = RefusalTask if request.error else ApplicationTask
        self._task = kind(self, request)
        if request.error or self.server.quick:
            self._run()
        else:
            self._queue()

    def service(self) -> None:
        """Take a step, in a thread."""
        outcome = self._step(self._task, in_loop=False)
        self.server.loop.call(partial(self._follow, outcome))

    def _run(self) -> None:
        """Take a step, in the loop."""
        self._follow(self._step(self._task, in_loop=True))

    def _queue(self) -> None:
        self.server.task_dispatcher.add_task(self)

    def _follow(self, outcome: Outcome) -> None:
        """Do what follows a step."""
        if outcome is Outcome.DONE:
            self._finish()
        elif outcome is Outcome.TURN and self._task.is_quick:
            self.server.loop.call(self._resume)
        elif outcome is Outcome.BLOCKS or outcome is Outcome.TURN:
            self._queue()
        else:
            self._pause(outcome)
        self.server.loop.watch(self)

    def _pause(self, outcome: Outcome) -> None:
        self._slim()
        if outcome is Outcome.IDLE:
            # If the client has left, the answer ends now, and news yet to come must not end it too.
            self._idle = self.connected and not self._news
            self._news = False
        else:
            self._full = self.total_outbufs_len > self._low()
        if not (self._idle or self._full):
            self.server.loop.call(self._resume)
        elif self._idle and self._ended:
            self.handle_close()

    def _resume(self) -> None:
        self._idle = self._full = False
        if self._task is None:
            self.begin()
        elif self.connected and self._task.is_quick:
            self._run()
        else:
            self._queue()  # if the client has left, the step finds out

    def _finish(self) -> None:
        """Go on to the next request, or to the end of the connection."""
        task, self._task = self._task, None
        self.last_activity = time.time()
        if task.close_on_finish:
            self.close_when_flushed = True
            self._forget()
            return
        self.requests.pop(0).close()
        if self.requests:
            self._full = self.total_outbufs_len > self.adj.outbuf_high_watermark
            if not self._full:
                self.server.loop.call(self.begin)
        elif self._waits_to_continue():
            self.send_continue()

    def _forget(self) -> None:
        """Give up the requests that will not be answered any more."""
        requests, self.requests = self.requests, []
        for request in requests:
            request.close()

    def _waits_to_continue(self) -> bool:
        """Tell whether a request has been read up to where its client waits for a word."""
        request = self.request
        return (
            self.connected
            and request is not None
            and request.expect_continue
            and request.headers_finished
            and not self.sent_continue
        )

    def _low(self) -> int:
        return int(self.adj.outbuf_high_watermark) // 4

    def _slim(self) -> None:
        """Let go of the request of an answer that may take long, if it has no body to be read."""
        request = self.requests[0]
        if request is not _ANSWERED and request.body_rcv is None:
            self._task.slim()
            self.requests[0] = _ANSWERED

    # One step, in the loop or in a thread

    def _step(self, task: ApplicationTask | RefusalTask, in_loop: bool) -> Outcome:
        try:
            if not self.connected:
                raise ClientDisconnected
            outcome = task.run(in_loop)
        except ClientDisconnected:
            self.logger.info("Client disconnected while serving %s", task.request.path)
            self._fail(task, None)
        except KeyboardInterrupt:
            raise  # it is meant for the program, not for the application
        except BaseException as error:
            if isinstance(error, WouldBlock) and task.may_be_asked_again():
                return self._ask_again(task)
            self.logger.exception("Exception while serving %s", task.request.path)
            self._fail(task, traceback.format_exc())
        else:
            if outcome is not Outcome.DONE:
                return outcome
            self.account(task, task.is_short())
        return Outcome.DONE

    def _ask_again(self, task: ApplicationTask | RefusalTask) -> Outcome:
        """Begin anew, as if the application had never been asked."""
        self._release(task)
        request = self.requests[0]
        request.get_body_stream().seek(0)
        self._task = ApplicationTask(self, request)
        return Outcome.BLOCKS

    def _fail(self, task: ApplicationTask | RefusalTask, why: str | None) -> None:
        """End an answer that cannot be made, or not any more."""
        self._release(task)
        task.close_on_finish = cut = True
        if why is not None and not task.wrote_header:
            task = self._task = self._apology(why)
            with suppress(ClientDisconnected):
                task.run(in_loop=True)
                cut = False
        elif why is not None and task.ends_unseen():
            self._reset_in_the_end()
        self.account(task, cut)

    def _release(self, task: ApplicationTask | RefusalTask) -> None:
        try:
            task.end()
        except (Exception, SystemExit):
            self.logger.exception("Exception while closing what %s gave", task.request.path)

    def _apology(self, why: str) -> RefusalTask:
        request = self.requests[0]
        failed = self.parser_class(self.adj)
        failed.error = InternalServerError(
            why if self.adj.expose_tracebacks else "The server failed to answer this request."
        )
        failed.version = request.version
        failed.headers = request.headers
        failed.first_line = request.first_line
        failed.command = request.command
        return RefusalTask(self, failed)

    def _reset_in_the_end(self) -> None:
        """Have the connection end in a reset, which a client cannot take for an end of its own."""
        at_once = struct.pack("ii", 1, 0)
        with self.outbuf_lock:
            if self.connected:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)

    def cancel(self) -> None:
        """Give up a step that no thread will take any more, as the server ends."""
        self._forget()
        super().cancel()
        task, self._task = self._task, None
        self._fail(task, None)

    # What the client does meanwhile

    def readable(self) -> bool:
        if self.total_outbufs_len or self.will_close or self.close_when_flushed:
            return False
        if self._task is None or self._spoke:
            return len(self.requests) <= self._lookahead()
        return not self._ended

    def handle_read(self) -> None:
        if self.requests and not self._peek():
            return
        if len(self.requests) <= self._lookahead():
            super().handle_read()

    def _lookahead(self) -> int:
        return int(self.adj.channel_request_lookahead)

    def _peek(self) -> bool:
        """Tell whether the client has said more while its answer is made; notes if it stopped."""
        try:
            data = self.socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            self.handle_close()
            return False
        self._spoke = bool(data)
        self._ended = not data
        if self._ended and self._idle:
            self.handle_close()
        return self._spoke

    def handle_write(self) -> None:
        super().handle_write()
        if self._full and self.total_outbufs_len <= self._low():
            self._resume()

    def handle_close(self) -> None:
        super().handle_close()
        if self._full or self._idle:
            self._resume()

    def _wake(self) -> None:
        if not self._woken:
            self._woken = True
            self.server.loop.call(self._hear)

    def _hear(self) -> None:
        self._woken = False
        if self._idle:
            self._resume()
        else:
            self._news = True

    # What time does

    def look(self, now: float) -> None:
        """Close the connection of a client that has long given or taken nothing."""
        if self.request is not None and self._is_late(now):
            self.handle_close()
        elif self.total_outbufs_len:
            self._close_if_stalled(now)
        elif not self.requests:
            if now - self.last_activity > self.adj.channel_timeout:
                self.handle_close()
        elif self._ended:
            if now - self.last_activity > _GONE and self._has_begun():
                self.handle_close()
        elif self._idle:
            self._beat(now)

    def _has_begun(self) -> bool:
        return self._task is not None and bool(self._task.wrote_header)

    def _is_late(self, now: float) -> bool:
        """Tell whether a head has had its time; while an answer is made, it has not begun."""
        if self.requests or self.total_outbufs_len:
            self.request.began = now
        return bool(self.request.is_late(now))

    def _close_if_stalled(self, now: float) -> None:
        """Close the connection of a client that has long taken nothing of what waits for it.

        A thread may wait with it; and a slow client, for which the system holds the bytes of
        minutes, must not be taken for one of these.
        """
        with self.outbuf_lock:
            held = _bytes_held(self.socket)
            if held != self._held:
                self._held, self.last_activity = held, now
            elif now - self.last_activity > self.adj.channel_timeout:
                self.handle_close()

    def _beat(self, now: float) -> None:
        task = self._task
        if now - self.last_activity > task.heartbeat:
            self.last_activity = now
            task.is_silent = True
            self._resume()

    def is_idle(self) -> bool:
        """Tell whether an answer waits for news."""
        return self._idle

    def is_busy(self) -> bool:
        """Tell whether an answer is on its way, or a request; not a stream without an end."""
        return not self._idle and bool(
            self.requests or self.request is not None or self.total_outbufs_len
        )


def _bytes_held(sock: socket.socket) -> int:
    """Count the bytes that the system has taken and the client's side has not; 0: it cannot."""
    count = bytearray(4)
    with suppress(OSError):
        fcntl.ioctl(sock, termios.TIOCOUTQ, count)
    return int.from_bytes(count, sys.byteorder)
