"""Fixtures of rows: with msgspec, and without it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.rules.rows.written import without


@pytest.fixture(params=["msgspec", "the standard library"])
def by(request: pytest.FixtureRequest) -> Iterator[str]:
    """Write by one, then by the other."""
    if request.param == "msgspec":
        yield request.param
    else:
        with without("msgspec"):
            yield request.param
