"""What the tests of proxies share: the files, the proxies, and what is known of them."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fronts.deviations import DEVIATIONS
from tests.fronts.files import NAMES, STYLE
from tests.fronts.proxies import PROXIES, Front, run
from tests.matrix.conftest import name, root  # noqa: F401


@pytest.fixture(scope="session")
def media(root: Path) -> Path:  # noqa: F811
    """The files of the matrix, some of every name, and in a folder one that has two codings."""
    for each in NAMES.values():
        (root / os.fsdecode(each)).write_bytes(b"This is " + each)
    (root / "sub").mkdir()
    (root / "sub" / "style.css").write_bytes(STYLE)
    (root / "sub" / "style.css.gz").write_bytes(gzip.compress(STYLE, mtime=0))
    return root


@pytest.fixture(scope="session", params=PROXIES, ids=lambda proxy: proxy.name)
def matrix(request: pytest.FixtureRequest, media: Path) -> Iterator[Front]:
    with run(request.param, media) as running:
        yield running


@pytest.fixture(autouse=True)
def known(request: pytest.FixtureRequest) -> None:
    """What is known to fail has to: the day on which a front does better is to be seen."""
    if not {"front", "matrix"} & set(request.fixturenames):
        return
    parameters = request.node.callspec.params
    front = parameters["front"] if "front" in parameters else parameters["matrix"].name
    asked = parameters.get("case")
    if asked is None:
        case = request.node.originalname.removeprefix("test_").replace("_", " ")
    else:
        case = f"HEAD of {asked.name}" if parameters.get("method") == "HEAD" else asked.name
    reason = DEVIATIONS.get((front, case))
    if reason is not None:
        request.applymarker(pytest.mark.xfail(reason=reason, strict=True))
