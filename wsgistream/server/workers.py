"""Workers: processes that share the listening sockets, and the parent that looks after them."""

from __future__ import annotations

import os
import selectors
import signal
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import count as naturals
from typing import Final

from wsgistream.server.backoff import BackOff
from wsgistream.server.signals import pipe, signals_heard
from wsgistream.server.sockets import release
from wsgistream.server.worker import LOG, READY, Runs, fork

#: Seconds beyond its time after which a worker is not asked any more, but killed.
MOMENT: Final = 5.0

# Seconds; the system cannot wait for any number of them.
_LONGEST_WAIT: Final = 3600.0


class CannotStart(Exception):
    """The workers cannot serve; the text says why, for a person."""


@dataclass(slots=True)
class _Worker:
    """A process, as its parent sees it."""

    process: int
    place: int
    """Its number among those that run."""
    generation: int
    """How many reloads there were before it."""
    began: float
    word: int | None
    """A descriptor; None when it has had its word."""
    ready: bool = False
    complaint: str = ""
    deadline: float | None = None
    """The time at which it has to be gone; None: it may stay."""


class Workers:
    """``count`` processes that serve ``sockets``, which are taken over.

    ``make`` makes the server, in each of them, from its number among those that run.
    SIGTERM and SIGINT let running answers finish, for
    ``grace`` seconds at most; a second one ends them. SIGHUP puts new processes in the place of
    all, one by one. One that dies is replaced. ``greet`` is called once, when all serve.
    """

    def __init__(
        self,
        make: Callable[[int], Runs],
        sockets: Sequence[socket.socket],
        *,
        count: int,
        grace: float,
        greet: Callable[[], object],
    ) -> None:
        self._make = make
        self._sockets = sockets
        self._count = count
        self._grace = grace
        self._greet = greet
        self._workers: dict[int, _Worker] = {}
        self._generation = 0
        self._back_off = BackOff()
        self._up = False
        self._draining = False
        self._failure: str | None = None

    def run(self) -> None:
        """Serve until a signal; only in the main thread, and better without others beside it.

        Raises CannotStart if a worker cannot serve, and never all of them could.
        """
        with signals_heard() as (self._heard, *own), pipe() as (self._alive, held):
            self._own = (*own, held)
            with selectors.PollSelector() as self._selector:
                self._selector.register(own[0], selectors.EVENT_READ)
                try:
                    self._look_after()
                finally:
                    self._stop_listening()
        if self._failure is not None:
            raise CannotStart(self._failure)

    def _look_after(self) -> None:
        self._replace()
        while self._workers or not self._draining:
            for key, _ in self._selector.select(self._wait()):
                if key.data is None:
                    os.read(key.fd, 4096)
                else:
                    self._hear(key.data)
            while self._heard:
                self._obey(self._heard.popleft())
            self._bury()
            self._end_the_overdue()
            self._replace()

    def _wait(self) -> float | None:
        """Tell for how many seconds nothing is to be done unless something happens."""
        now = time.monotonic()
        times = [each.deadline - now for each in self._workers.values() if each.deadline]
        if self._wanted():
            times.append(self._back_off.left())
        return min(*times, _LONGEST_WAIT) if times else None

    def _obey(self, number: int) -> None:
        if number == signal.SIGHUP:
            self._generation += 1
        elif number != signal.SIGCHLD:
            if self._draining:
                self._insist()
            self._drain()

    # The processes that are to serve.

    def _serving(self) -> list[_Worker]:
        return [each for each in self._workers.values() if each.deadline is None]

    def _is_outdated(self, worker: _Worker) -> bool:
        return worker.generation < self._generation

    def _wanted(self) -> int:
        """Count those to start: all that are missing, or one in the place of an outdated one."""
        serving = self._serving()
        missing = self._count - len(serving)
        if self._draining or missing < 0:
            return 0
        reloading = any(map(self._is_outdated, serving)) and all(each.ready for each in serving)
        return missing or int(reloading)

    def _replace(self) -> None:
        """End the oldest where there is one too many; then start those that are to be started."""
        ready = [each for each in self._serving() if each.ready]
        if len(ready) > self._count:
            self._end(min(ready, key=lambda each: (each.generation, each.began)))
        for _ in range(self._wanted()):
            if not self._draining and not self._back_off.left():
                self._start()

    def _start(self) -> None:
        words = [each.word for each in self._workers.values() if each.word is not None]
        place = self._free_place()
        began = time.monotonic()
        try:
            process, word = fork(partial(self._make, place), self._alive, (*self._own, *words))
        except OSError as error:
            self._could_not_start(f"{(error.strerror or str(error)).lower()}.")
            return
        worker = _Worker(process, place, self._generation, began, word)
        self._workers[process] = worker
        self._selector.register(word, selectors.EVENT_READ, worker)

    def _free_place(self) -> int:
        taken = {each.place for each in self._workers.values()}
        return next(place for place in naturals() if place not in taken)

    def _hear(self, worker: _Worker) -> None:
        """Take the one word of a worker, if it has not been taken."""
        if worker.word is None:
            return
        said = b""
        with suppress(BlockingIOError):  # it is dead, and a process of its own holds its end
            said = os.read(worker.word, 4096)
        self._selector.unregister(worker.word)
        os.close(worker.word)
        worker.word = None
        worker.ready = said == READY
        worker.complaint = said.decode(errors="replace")
        if not self._up and sum(each.ready for each in self._serving()) == self._count:
            self._up = True
            self._greet()

    def _could_not_start(self, why: str) -> None:
        outdated = [each for each in self._serving() if self._is_outdated(each)]
        if not self._up:
            self._failure = self._failure or why
            self._drain()
        elif outdated:
            LOG.error("The reload is given up, and those that serve go on: %s", why)
            for worker in outdated:
                worker.generation = self._generation
        else:
            LOG.error("A worker cannot start: %s", why)
            self._back_off.died(0.0)

    def _bury(self) -> None:
        """Part from those that have died."""
        for worker in list(self._workers.values()):
            process, status = os.waitpid(worker.process, os.WNOHANG)
            if process:
                self._hear(worker)
                del self._workers[process]
                if worker.deadline is None:
                    self._mourn(worker, os.waitstatus_to_exitcode(status))

    def _mourn(self, worker: _Worker, code: int) -> None:
        """Take note of a death that was not asked for."""
        how = f"ended with status {code}" if code >= 0 else f"was ended by signal {-code}"
        if not worker.ready:
            self._could_not_start(worker.complaint or f"worker {worker.process} {how}.")
            return
        LOG.warning("Worker %d %s; another takes its place.", worker.process, how)
        self._back_off.died(time.monotonic() - worker.began)

    # The end.

    def _drain(self) -> None:
        self._draining = True
        self._stop_listening()
        for worker in self._serving():
            self._end(worker)

    def _end(self, worker: _Worker) -> None:
        worker.deadline = time.monotonic() + self._grace + MOMENT
        os.kill(worker.process, signal.SIGTERM)

    def _insist(self) -> None:
        soon = time.monotonic() + MOMENT
        for worker in self._workers.values():
            worker.deadline = min(worker.deadline or soon, soon)
            os.kill(worker.process, signal.SIGQUIT)

    def _end_the_overdue(self) -> None:
        now = time.monotonic()
        for worker in self._workers.values():
            if worker.deadline is not None and worker.deadline <= now:
                worker.deadline = now + MOMENT
                os.kill(worker.process, signal.SIGKILL)

    def _stop_listening(self) -> None:
        for sock in self._sockets:
            release(sock)
