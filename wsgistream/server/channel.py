"""Channel: waitress's connection, whose answers need a thread only while one makes them."""

from __future__ import annotations

import time
import traceback
from contextlib import suppress
from functools import partial
from typing import Final

from waitress.channel import ClientDisconnected, HTTPChannel

from wsgistream.server.parser import Parser
from wsgistream.server.tasks import ApplicationTask, Outcome, RefusalTask, apology
from wsgistream.server.watching import WatchingChannel
from wsgistream.wsgi.waiting import WouldBlock

#: What is overridden or read of waitress beyond its documentation; a test looks for each.
INTERNALS: Final = {
    HTTPChannel: (
        "adj",
        "cancel",
        "close_when_flushed",
        "connected",
        "handle_close",
        "last_activity",
        "logger",
        "parser_class",
        "request",
        "requests",
        "send_continue",
        "sent_continue",
        "server",
        "service",
        "total_outbufs_len",
    ),
}


class _Answered:
    """What stands for a request whose answer has begun, so that the next one waits."""

    def close(self) -> None:
        """It has no body that could be closed."""


_ANSWERED: Final = _Answered()


class Channel(WatchingChannel):
    """A connection. All but ``service`` and what it calls is the loop's alone.

    An answer is made in steps. A step that has filled the queue, or has nothing to send, ends, and
    its thread goes; the next follows when the client has drained the queue, or when there is news.
    """

    parser_class = Parser

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
        self.server.loop.watch(self)
        if request.error or self.server.quick:
            self._follow(self._step(self._task, in_loop=True))
        else:
            self._queue()

    def service(self) -> None:
        """Take a step, in a thread."""
        outcome = self._step(self._task, in_loop=False)
        self.server.loop.call(partial(self._follow, outcome))

    def _queue(self) -> None:
        self.server.task_dispatcher.add_task(self)

    def _follow(self, outcome: Outcome) -> None:
        """Do what follows a step."""
        if outcome is Outcome.DONE:
            self._finish()
        elif outcome is Outcome.TURN and self._task.is_quick:
            self.server.loop.call(self.resume)
        elif outcome is Outcome.BLOCKS or outcome is Outcome.TURN:
            self._queue()
        else:
            self._pause(outcome)

    def _pause(self, outcome: Outcome) -> None:
        if self.requests[0] is not _ANSWERED:
            self._slim()
        if outcome is Outcome.IDLE:
            # If the client has left, the answer ends now, and news yet to come must not end it too.
            self._idle = self.connected and not self._news
            self._news = False
        else:
            self._full = self.total_outbufs_len > self._low()
        if not (self._idle or self._full):
            self.server.loop.call(self.resume)
        elif self._ended and self.is_idle():
            self.handle_close()

    def resume(self) -> None:
        self._idle = self._full = False
        if self._task is None:
            self.begin()
        elif self.connected and self._task.is_quick:
            self._follow(self._step(self._task, in_loop=True))
        else:
            self._queue()  # if the client has left, the step finds out

    def _finish(self) -> None:
        """Go on to the next request, or to the end of the connection."""
        task, self._task = self._task, None
        self.server.loop.watch(self)
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

    def _slim(self) -> None:
        """Let go of the request of an answer that may take long, if it has no body to be read."""
        request = self.requests[0]
        if request.body_rcv is None:
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
            task = self._task = apology(self, self.requests[0], why)
            with suppress(ClientDisconnected):
                task.run(in_loop=True)
                cut = False
        elif why is not None and task.ends_unseen():
            self.reset_in_the_end()
        self.account(task, cut)

    def _release(self, task: ApplicationTask | RefusalTask) -> None:
        try:
            task.end()
        except (Exception, SystemExit):
            self.logger.exception("Exception while closing what %s gave", task.request.path)

    def cancel(self) -> None:
        """Give up a step that no thread will take any more, as the server ends."""
        self._forget()
        super().cancel()
        task, self._task = self._task, None
        self._fail(task, None)
