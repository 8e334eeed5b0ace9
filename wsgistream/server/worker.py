"""Worker: one of the processes that serve the same sockets, from its fork to its exit."""

from __future__ import annotations

import logging
import os
import select
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterable
from contextlib import suppress
from types import FrameType
from typing import Any, Final, NoReturn, Protocol

#: Where processes that cannot start, and that are replaced, are told of.
LOG: Final = logging.getLogger("wsgistream.workers")

#: What a worker says when it serves; what else it says is why it cannot.
READY: Final = b"\0"

#: What has another meaning in a worker than in its parent; no signal may come in between.
SIGNALS: Final = (
    signal.SIGCHLD,
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGTERM,
)


class Runs(Protocol):
    """What a worker runs: a Server."""

    def run(self) -> None:
        """Serve until the stop, and then let what is running finish."""

    def stop(self) -> None:
        """Ask for the end; a second time, for the end at once."""


def fork(make: Callable[[], Runs], alive: int, parents: Iterable[int]) -> tuple[int, int]:
    """Fork a process that serves what ``make``, called in it, makes; returns its id and its word.

    The word is a descriptor, from which one reads READY or the reason why it cannot serve.
    SIGTERM, and the end of what ``alive`` can be read from, lets running answers finish; SIGQUIT
    ends them. ``parents``: descriptors that it has no use for. Raises OSError where the system has
    no room for another process.
    """
    word, said = os.pipe()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        _flush()  # or both would write what waits
        process = os.fork() or _live(make, said, alive, (word, *parents))
    except OSError:
        os.close(word)
        raise
    finally:
        os.close(said)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    os.set_blocking(word, False)
    return process, word


def _live(make: Callable[[], Runs], said: int, alive: int, parents: Iterable[int]) -> NoReturn:
    """Be a worker. Nothing may return from here into the program of the parent."""
    status = 1
    try:
        for descriptor in parents:
            os.close(descriptor)
        _be_deaf()
        status = _serve(make, said, alive)
    except BaseException:
        LOG.exception("Worker %d has failed.", os.getpid())
    finally:
        _flush()
        os._exit(status)


def _be_deaf() -> None:
    """Leave SIGINT and SIGHUP to the parent: a terminal sends them to both.

    Not by SIG_IGN, which the programs that the application runs would inherit.
    """

    def ignore(number: int, frame: FrameType | None) -> None:
        """The parent will say what is to be done."""

    signal.set_wakeup_fd(-1)
    for number in (signal.SIGHUP, signal.SIGINT):
        signal.signal(number, ignore)
    # Nobody is served yet: these may end it in the middle.
    for number in (signal.SIGCHLD, signal.SIGQUIT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def _serve(make: Callable[[], Runs], said: int, alive: int) -> int:
    try:
        server = make()
    except (Exception, SystemExit) as error:
        if not isinstance(error, (ValueError, OSError)):
            # The program is wrong, not what it was told: its author wants more than a sentence.
            LOG.exception("The application cannot be made.")
        os.write(said, _sentence(error).encode(errors="replace")[: select.PIPE_BUF])
        return 1
    ending = _Ending(server)
    signal.signal(signal.SIGQUIT, ending.insist)  # which comes after the other only
    signal.signal(signal.SIGTERM, ending.ask)
    threading.Thread(target=ending.ask_when_over, args=(alive,), daemon=True).start()
    with suppress(BrokenPipeError):  # the parent is gone, which is noticed elsewhere
        os.write(said, READY)
    os.close(said)
    server.run()
    return 0


class _Ending:
    """The two ways in which a server is asked to end."""

    def __init__(self, server: Runs) -> None:
        self._server = server
        self._asked = threading.Lock()

    def ask(self, *_: Any) -> None:
        """Let running answers finish.

        However often: a service manager may send SIGTERM to every process, and the parent does so
        as well, and neither wants downloads to be cut.
        """
        if self._asked.acquire(blocking=False):
            self._server.stop()

    def insist(self, *_: Any) -> None:
        """End at once."""
        self._server.stop()
        self._server.stop()

    def ask_when_over(self, alive: int) -> None:
        """Wait for the end of the parent, which alone could write here."""
        os.read(alive, 1)
        self.ask()


def _sentence(error: BaseException) -> str:
    known = isinstance(error, ValueError)
    text = str(error) if known else traceback.format_exception_only(type(error), error)[-1]
    return " ".join(text.split())


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, OSError, ValueError):  # there is none, or it is closed
            stream.flush()
