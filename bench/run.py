"""Run: rounds of all contestants in turn, so that what disturbs one disturbs all alike."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.clients import compare
from bench.crew import Crew
from bench.model import MIB, Contestant, Place, Result, Round, Scenario, Settings, Trial
from bench.process import Cores, Failed, free_port, started
from bench.wire import Broken

Tell = Callable[[str], None]


@contextmanager
def place_of(settings: Settings) -> Iterator[Place]:
    """Make the files that are served; they are gone in the end."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        place = Place(Path(folder, "root"), Path(folder), settings.big_size)
        place.root.mkdir()
        # Random, for a server may see that a block is empty, or a disk may.
        blocks = [os.urandom(MIB) for _ in range(8)]
        with place.path(Place.big).open("wb") as file:
            for number in range(settings.big_size // MIB):
                file.write(number.to_bytes(8, "big") + blocks[number % len(blocks)][8:])
            file.flush()
            os.fsync(file.fileno())  # now, and not while something is measured
        for target in Place.small:
            place.path(target).write_bytes(os.urandom(Place.small_size))
        with place.path(Place.sparse).open("wb") as file:
            file.truncate(settings.sparse_size)
        yield place


class Runner:
    """Measures scenarios, one at a time."""

    def __init__(self, place: Place, settings: Settings, cores: Cores, tell: Tell) -> None:
        self._place = place
        self._settings = settings
        self._cores = cores
        self._tell = tell
        self._compared: set[tuple[str, str]] = set()

    def run(self, scenario: Scenario, chosen: Collection[str] | None) -> Result:
        """Measure all rounds of a scenario; ``chosen``: the peers beside ours, or None for all."""
        left_out: dict[str, str] = {}
        present: list[Contestant] = []
        for contestant in scenario.contestants:
            if chosen is not None and not (contestant.is_ours or contestant.family in chosen):
                continue
            if reason := contestant.missing():
                left_out[contestant.name] = reason
            else:
                present.append(contestant)
        rounds: list[Round] = []
        with scenario.around(self._place, self._settings), Crew(self._cores) as crew:
            for number in range(1, self._settings.rounds + 1):
                for contestant in present:
                    self._tell(f"{scenario.name}, round {number}: {contestant.name}")
                    rounds.append(self._round(scenario, contestant, number, crew))
                    crew.rest()
        return Result(scenario, rounds, left_out)

    def _round(self, scenario: Scenario, contestant: Contestant, number: int, crew: Crew) -> Round:
        port = free_port()
        command = contestant.command(self._place, port)
        log = self._place.temporary / "server.log"
        try:
            with started(command, port, self._cores.server, log) as server:
                for target in scenario.checked:
                    self._compare(contestant, target, port, crew)
                trial = Trial(
                    contestant.name, server, self._place, self._settings, crew, self._cores
                )
                return Round(contestant.name, number, scenario.measure(trial))
        except (Broken, Failed, OSError) as error:
            # One that fails does not spoil the others' measurement.
            said = str(error) or type(error).__name__
            self._tell(f"{scenario.name}, round {number}: {contestant.name} failed: {said}")
            return Round(contestant.name, number, {}, said)

    def _compare(self, contestant: Contestant, target: str, port: int, crew: Crew) -> None:
        """See once that a contestant sends what it should."""
        key = (contestant.what, target)
        if key not in self._compared:
            crew.run(compare, port, target, self._place.path(target))
            self._compared.add(key)
