"""Cost: what a large file costs each server, sent by us and by the server's own file wrapper."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from bench.process import cpu_seconds
from bench.wire import Line, request
from tests.matrix.servers import SERVERS, Matrix, run

_SIZE: Final = 512 * 1024**2
_ROUNDS: Final = 12


class Cost(NamedTuple):
    """Seconds of computing for a GiB."""

    ours: float
    native: float


def costs() -> Iterator[tuple[str, Cost]]:
    """Measure each server that there is."""
    with tempfile.TemporaryDirectory(prefix="matrix-files-") as name:
        root = Path(name)
        root.chmod(0o755)
        (root / "small.txt").write_bytes(b"0123456789")
        with (root / "sparse.bin").open("wb") as file:
            for _ in range(_SIZE // 1024**2):
                file.write(bytes(1024**2))
        for served in SERVERS:
            if served.missing() is None:
                with run(served, root) as matrix:
                    yield served.name, Cost(_cost(matrix, "/sparse.bin"), _cost(matrix, "/native"))


def _cost(matrix: Matrix, target: str) -> float:
    _fetch(matrix, target)
    return min(_fetch(matrix, target) for _ in range(_ROUNDS)) * (1024**3 / _SIZE)


def _fetch(matrix: Matrix, target: str) -> float:
    before = cpu_seconds(matrix.pid)
    line = Line(matrix.port)
    line.ask(request(target, {"Connection": "close"}))
    line.close()
    after = cpu_seconds(matrix.pid)
    assert before is not None
    assert after is not None
    return after - before
