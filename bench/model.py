"""Model: the nouns of a measurement, from what is asked to what was found."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bench.numbers import difference, median, ratio

if TYPE_CHECKING:
    from bench.crew import Crew
    from bench.process import Cores, Server

KIB = 1024
MIB = 1024**2
GIB = 1024**3

#: What one contestant showed in one round; infinite: no answer came; None: nobody can tell.
Figures = Mapping[str, "float | None"]

#: Finds a figure of a contestant, or None.
Find = Callable[[str, str], "float | None"]


@dataclass(frozen=True)
class Settings:
    """How much of everything there is; the fields are what a quick run makes small."""

    rounds: int = 5
    seconds: float = 3.0
    warm_seconds: float = 0.5
    big_size: int = GIB
    sparse_size: int = 5 * GIB
    streams: int = 10_000
    slow_clients: int = 100
    rows: int = 2_000_000
    ranges: int = 1_000
    quick: bool = False


@dataclass(frozen=True)
class Place:
    """The folders of a run: what is served, and what else has to be written."""

    root: Path
    temporary: Path
    big_size: int

    #: The targets of the files, as every contestant serves them.
    big = "/big.bin"
    sparse = "/sparse.bin"
    small = tuple(f"/small-{number:02}.bin" for number in range(32))
    small_size = KIB

    def path(self, target: str) -> Path:
        return self.root / target[1:]


@dataclass(frozen=True)
class Command:
    """What starts a server."""

    arguments: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Contestant:
    """A server with its application; ``missing`` says why it cannot be started here, or None."""

    name: str
    what: str
    command: Callable[[Place, int], Command]
    missing: Callable[[], str | None]
    #: What the others are compared with, and never left out.
    is_ours: bool = False

    @property
    def family(self) -> str:
        """Its name without what it does here in particular."""
        return self.name.partition(",")[0]


@dataclass(frozen=True)
class Trial:
    """One contestant in one round: its server, which runs, and who may load it."""

    contestant: str
    server: Server
    place: Place
    settings: Settings
    crew: Crew
    cores: Cores


@dataclass(frozen=True)
class Column:
    """A figure, as a table shows it."""

    key: str
    title: str
    digits: int = 0
    plotted: bool = False


@dataclass(frozen=True)
class Target:
    """What should hold of the medians: of a figure, its ratio to another, or what it is more."""

    what: str
    of: tuple[str, str]
    at_least: float | None = None
    at_most: float | None = None
    over: tuple[str, str] | None = None
    minus: tuple[str, str] | None = None
    unit: str = ""
    digits: int = 2

    def value(self, find: Find) -> float | None:
        value = find(*self.of)
        if self.over is not None:
            return ratio(value, find(*self.over))
        if self.minus is not None:
            return difference(value, find(*self.minus))
        return value

    def holds(self, value: float) -> bool:
        above = self.at_least is None or value >= self.at_least
        return above and (self.at_most is None or value <= self.at_most)


def _nothing(place: Place, settings: Settings) -> AbstractContextManager[None]:
    return nullcontext()


@dataclass(frozen=True)
class Scenario:
    """What is done to each contestant, what is noted of it, and what should come out."""

    name: str
    what: str
    contestants: Sequence[Contestant]
    measure: Callable[[Trial], Figures]
    columns: Sequence[Column]
    targets: Sequence[Target] = ()
    #: The targets whose contents are compared with the files before anything is measured.
    checked: Sequence[str] = ()
    #: What has to be there while it is measured.
    around: Callable[[Place, Settings], AbstractContextManager[None]] = _nothing
    note: str = ""


@dataclass(frozen=True)
class Round:
    """What one contestant showed at one time."""

    contestant: str
    number: int
    figures: Figures
    failure: str | None = None


@dataclass(frozen=True)
class Result:
    """All rounds of a scenario, and who was left out and why."""

    scenario: Scenario
    rounds: Sequence[Round]
    left_out: Mapping[str, str]

    def contestants(self) -> list[str]:
        return list(dict.fromkeys(each.contestant for each in self.rounds))

    def median(self, contestant: str, key: str) -> float | None:
        return median(
            each.figures.get(key) for each in self.rounds if each.contestant == contestant
        )

    def in_round(self, number: int) -> Find:
        """Make what finds the figures of one round alone."""
        figures = {each.contestant: each.figures for each in self.rounds if each.number == number}

        def find(contestant: str, key: str) -> float | None:
            return figures.get(contestant, {}).get(key)

        return find

    def by_round(self, target: Target) -> list[float]:
        """What a target would be in each round alone, where it can be told."""
        numbers = sorted({each.number for each in self.rounds})
        values = [target.value(self.in_round(number)) for number in numbers]
        return [value for value in values if value is not None]
