"""A file that somebody else has opened as a source."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.sources.contract import DATA, SourceContract
from wsgistream.sources.opened import Opened, plain_part
from wsgistream.types import Source
from wsgistream.wsgi.bodies import Truncated


def source_of(file: Any) -> Opened:
    part = plain_part(file)
    assert part is not None
    return Opened(file, *part)


class TestOpened(SourceContract):
    @pytest.fixture(autouse=True)
    def _path(self, tmp_path: Path) -> None:
        self.path = tmp_path / "data"
        self.path.write_bytes(DATA)

    def make(self) -> Source:
        return source_of(open(self.path, "rb"))


class TestOpenedInTheMiddle(TestOpened):
    def make(self) -> Source:
        self.path.write_bytes(b"before" + DATA)
        file = open(self.path, "rb")
        assert file.read(6) == b"before"
        return source_of(file)


class TestWritten(TestOpened):
    """What was written a moment ago need not be in the file yet."""

    def make(self) -> Source:
        file = tempfile.TemporaryFile()
        file.write(DATA)
        file.seek(0)
        return source_of(file)


class TestNamed(TestOpened):
    def make(self) -> Source:
        file = tempfile.NamedTemporaryFile()
        file.write(DATA)
        file.seek(0)
        return source_of(file)


def test_what_was_given_is_closed_and_not_what_is_below_it() -> None:
    file = tempfile.NamedTemporaryFile()
    source_of(file).close()
    assert file.closed
    assert not os.path.exists(file.name)


def test_a_position_behind_the_end_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(DATA)
    with open(tmp_path / "data", "rb") as file:
        file.seek(5000)
        assert source_of(file).meta.size == 0


def test_a_file_that_shrinks_is_cut(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(DATA)
    with open(tmp_path / "data", "rb") as file:
        source = source_of(file)
        os.truncate(tmp_path / "data", 0)
        with pytest.raises(Truncated):
            list(source.read(0, 5))


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: io.BytesIO(DATA), id="a file in memory"),
        pytest.param(lambda: open(os.devnull, "rb"), id="a device"),
        pytest.param(tempfile.SpooledTemporaryFile, id="one that may be in memory"),
    ],
)
def test_nothing_else_is_a_regular_file(make: Callable[[], Any]) -> None:
    with make() as file:
        assert plain_part(file) is None
