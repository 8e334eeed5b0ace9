"""What the tests of the matrix share: the files, the servers, and what is known of them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.matrix.cases import BIG, OFFSET, TAIL
from tests.matrix.deviations import DEVIATIONS
from tests.matrix.servers import SERVERS, Matrix, Served, run

_NUMBERS = count()


@pytest.fixture
def name() -> str:
    """What is opened for this test's request is told under this name."""
    return f"request-{next(_NUMBERS)}"


@pytest.fixture(scope="session")
def root() -> Iterator[Path]:
    # Apache's user is another one, to whom the folders of pytest are closed.
    with tempfile.TemporaryDirectory(prefix="matrix-files-") as name:
        root = Path(name)
        root.chmod(0o755)
        (root / "small.txt").write_bytes(b"0123456789")
        (root / "empty").write_bytes(b"")
        (root / "big.bin").write_bytes(BIG)
        with (root / "sparse.bin").open("wb") as sparse:
            sparse.seek(OFFSET)
            sparse.write(TAIL)
        for path in root.iterdir():
            os.utime(path, (1_600_000_000, 1_600_000_000))
        yield root


@pytest.fixture(scope="session", params=SERVERS, ids=lambda served: served.identity)
def matrix(request: pytest.FixtureRequest, root: Path) -> Iterator[Matrix]:
    missing = request.param.missing()
    if missing is not None:
        pytest.skip(missing)
    with run(request.param, root) as running:
        yield running


@pytest.fixture(autouse=True)
def known(request: pytest.FixtureRequest) -> None:
    """What is known to fail has to: the day on which a server does better is to be seen."""
    if "matrix" not in request.fixturenames:
        return
    parameters = request.node.callspec.params
    served: Served = parameters["matrix"]
    name = f"{parameters['method']} of " if parameters.get("method") == "HEAD" else ""
    name += parameters["case"].name if "case" in parameters else ""
    request.node.user_properties.append(("server", served.name))
    reason = DEVIATIONS.get((served.name, name))
    if reason is not None:
        request.applymarker(pytest.mark.xfail(reason=reason, strict=True))
