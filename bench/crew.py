"""Crew: the processes that clients run in, so that they disturb neither each other nor us."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable
from multiprocessing.pool import AsyncResult
from typing import Any, Final, Generic, ParamSpec, TypeVar

from bench.process import Cores, Failed, pin, raise_descriptor_limit

Answer = TypeVar("Answer")
Arguments = ParamSpec("Arguments")

# Every piece of work is bounded by itself; this is for what cannot be foreseen.
_PATIENCE: Final = 180.0
_MEMBERS: Final = 2


class Job(Generic[Answer]):
    """Work that goes on elsewhere."""

    def __init__(self, result: AsyncResult[Any]) -> None:
        self._result = result

    def result(self) -> Answer:
        """Wait for the end; raises what the work has raised."""
        try:
            answer: Answer = self._result.get(_PATIENCE)
        except multiprocessing.TimeoutError:
            raise Failed("Its client waited for too long.") from None
        return answer


class Crew:
    """Two processes on the clients' cores, which are there from the beginning to the end."""

    def __init__(self, cores: Cores) -> None:
        self._cores = cores
        spawning = multiprocessing.get_context("spawn")
        self._pool = spawning.Pool(_MEMBERS, initializer=_prepare)

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.terminate()
        self._pool.join()

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

    def run(
        self,
        work: Callable[Arguments, Answer],
        *arguments: Arguments.args,
        **options: Arguments.kwargs,
    ) -> Answer:
        """Have work done, on the clients' cores."""
        return self.start(work, *arguments, **options).result()

    def _begin(self, cores: frozenset[int] | None, *work: Any) -> Job[Any]:
        return Job(self._pool.apply_async(_work, (cores, *work)))


def _prepare() -> None:
    # Ctrl+C is for the one who gives the work, and who ends us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise_descriptor_limit()


def _work(
    cores: frozenset[int] | None,
    work: Callable[..., Any],
    arguments: tuple[Any, ...],
    options: dict[str, Any],
) -> Any:
    pin(cores)
    return work(*arguments, **options)
