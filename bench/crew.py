"""Crew: the processes that clients run in, so that they disturb neither each other nor us."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, Final, Generic, ParamSpec, TypeVar

from bench.process import Cores, Failed, pin, raise_descriptor_limit

Answer = TypeVar("Answer")
Arguments = ParamSpec("Arguments")

# Every piece of work is bounded by itself; this is for what cannot be foreseen.
_PATIENCE: Final = 180.0
_MEMBERS: Final = 2


class Job(Generic[Answer]):
    """Work that goes on elsewhere."""

    def __init__(self, member: _Member) -> None:
        self._member = member

    def is_over(self) -> bool:
        """Tell whether the result is there."""
        return self._member.has_answered()

    def result(self) -> Answer:
        """Wait for the end; raises what the work has raised."""
        answer: Answer = self._member.answer()
        return answer


class Crew:
    """Two processes on the clients' cores, each of which does one thing at a time."""

    def __init__(self, cores: Cores) -> None:
        self._cores = cores
        self._members = [_Member() for _ in range(_MEMBERS)]

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *_: object) -> None:
        for member in self._members:
            member.end()

    def rest(self) -> None:
        """See that nothing goes on: who still works at what nobody waits for is replaced."""
        for number, member in enumerate(self._members):
            if member.is_busy:
                member.end()
                self._members[number] = _Member()

    def start(
        self,
        work: Callable[Arguments, Answer],
        *arguments: Arguments.args,
        **options: Arguments.kwargs,
    ) -> Job[Answer]:
        """Have work begun, on the clients' cores."""
        return self._begin(self._cores.clients, work, arguments, options)

    def start_anywhere(
        self,
        work: Callable[Arguments, Answer],
        *arguments: Arguments.args,
        **options: Arguments.kwargs,
    ) -> Job[Answer]:
        """Have work begun, on any core."""
        return self._begin(None, work, arguments, options)

    def run_beside(
        self,
        work: Callable[Arguments, Answer],
        *arguments: Arguments.args,
        **options: Arguments.kwargs,
    ) -> Answer:
        """Have work done on the server's cores, where the others are somebody else's."""
        job: Job[Answer] = self._begin(self._cores.server, work, arguments, options)
        return job.result()

    def run(
        self,
        work: Callable[Arguments, Answer],
        *arguments: Arguments.args,
        **options: Arguments.kwargs,
    ) -> Answer:
        """Have work done, on the clients' cores."""
        return self.start(work, *arguments, **options).result()

    def _begin(self, *task: Any) -> Job[Any]:
        member = next(each for each in self._members if not each.is_busy)
        member.begin(task)
        return Job(member)


class _Member:
    """A process that does what it is told, one thing after the other."""

    def __init__(self) -> None:
        # Not forked: it begins as clean as a client that somebody has started.
        spawning = multiprocessing.get_context("spawn")
        self._line, theirs = spawning.Pipe()
        self._process = spawning.Process(target=_obey, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()
        self.is_busy = False

    def begin(self, task: tuple[Any, ...]) -> None:
        self.is_busy = True
        self._line.send(task)

    def has_answered(self) -> bool:
        return self._line.poll()

    def answer(self) -> Any:
        if not self._line.poll(_PATIENCE):
            raise Failed("A client did not come to its end.")
        try:
            answer, error = self._line.recv()
        except EOFError:
            raise Failed("A client was ended.") from None
        self.is_busy = False
        if error is not None:
            raise error
        return answer

    def end(self) -> None:
        self._process.kill()
        self._process.join()
        self._line.close()


def _obey(line: Connection) -> None:
    # Ctrl+C is for the one who gives the work, and who ends us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise_descriptor_limit()
    while True:
        try:
            cores, work, arguments, options = line.recv()
        except EOFError:
            return
        pin(cores)
        try:
            line.send((work(*arguments, **options), None))
        except Exception as error:  # whatever it is, it is for the one who waits
            line.send((None, error))
