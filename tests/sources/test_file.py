"""A regular file as a source."""

from __future__ import annotations

import io
import os
import shutil
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sources.contract import DATA, SourceContract
from wsgistream.sources.file import File, etag_of_content, etag_of_status, open_regular
from wsgistream.types import Source
from wsgistream.wsgi.bodies import Truncated
from wsgistream.wsgi.files import READ_SIZE

MTIME_NS = 1_614_834_367_900_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "data.bin"
    file.write_bytes(DATA)
    os.utime(file, ns=(MTIME_NS, MTIME_NS))
    return file


def tag(file: Path, maker: object = etag_of_status) -> str | None:
    source = File(file, etag=maker)  # type: ignore[arg-type]
    source.close()
    return source.meta.etag


class TestFile(SourceContract):
    @pytest.fixture(autouse=True)
    def _path(self, path: Path) -> None:
        self.path = path

    def make(self) -> Source:
        return File(self.path)


def test_it_says_what_the_open_file_is(path: Path) -> None:
    source = File(path, extra=(("X-Extra", "1"),))
    source.close()
    meta = source.meta
    assert (meta.size, meta.modified, meta.encoding) == (1024, MTIME_NS // 10**9, None)
    assert meta.content_type == "application/octet-stream"
    assert meta.extra == (("X-Content-Type-Options", "nosniff"), ("X-Extra", "1"))


def test_its_type_can_come_from_another_name_or_be_told(path: Path) -> None:
    named, told = File(path, name="page.html"), File(path, content_type="text/x", encoding="gzip")
    named.close()
    told.close()
    assert named.meta.content_type == "text/html; charset=utf-8"
    assert (told.meta.content_type, told.meta.encoding) == ("text/x", "gzip")


def test_nothing_depends_on_the_position_of_the_file(path: Path) -> None:
    source = File(path)
    reading = source.read(0, 1024)
    source.file.seek(500)
    assert b"".join(reading) == DATA
    assert source.file.tell() == 500
    source.close()


def test_it_is_read_in_blocks(tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.write_bytes(bytes(2 * READ_SIZE + 1))
    source = File(large)
    assert [len(block) for block in source.read(0, 2 * READ_SIZE + 1)] == [READ_SIZE, READ_SIZE, 1]
    source.close()


def test_a_file_that_shrinks_is_truncated_and_one_that_grows_keeps_its_word(path: Path) -> None:
    source = File(path)
    with path.open("ab") as file:
        file.write(b"more")
    assert b"".join(source.read(0, 1024)) == DATA
    os.truncate(path, 10)
    with pytest.raises(Truncated):
        list(source.read(0, 1024))
    source.close()


def test_a_sparse_file_beyond_four_gibibytes_is_read_at_its_end(tmp_path: Path) -> None:
    sparse = tmp_path / "sparse"
    size = 5 * 1024**3
    with sparse.open("wb") as file:
        file.truncate(size)
        file.seek(size - 3)
        file.write(b"end")
    source = File(sparse)
    assert source.meta.size == size
    assert b"".join(source.read(size - 5, size)) == b"\0\0end"
    source.close()


def test_the_tag_of_a_copy_is_the_same_and_that_of_a_change_is_not(path: Path) -> None:
    copy = path.with_name("copy")
    shutil.copy2(path, copy)
    first = tag(path)
    assert first == tag(copy)
    os.utime(path, ns=(MTIME_NS, MTIME_NS + 1))
    assert tag(path) != first
    path.write_bytes(DATA + b"!")
    os.utime(path, ns=(MTIME_NS, MTIME_NS))
    assert tag(path) != first


def test_the_tag_of_the_content_is_that_of_the_bytes_alone(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(DATA)
    first = tag(path, etag_of_content)
    assert first == tag(path, etag_of_content) == tag(other, etag_of_content)
    other.write_bytes(DATA[:-1] + b"!")
    assert tag(other, etag_of_content) not in (first, None)


def test_the_tag_of_a_content_is_found_in_files_larger_than_a_block(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_bytes(bytes(READ_SIZE) + b"1")
    two.write_bytes(bytes(READ_SIZE) + b"2")
    assert tag(one, etag_of_content) != tag(two, etag_of_content)


def test_there_may_be_no_tag_or_a_weak_one_of_the_callers(path: Path) -> None:
    assert tag(path, None) is None
    assert tag(path, lambda file, status: f'W/"{status.st_size}"') == 'W/"1024"'


def test_a_tag_that_is_none_is_refused_and_the_file_closed(path: Path) -> None:
    file = io.FileIO(path)
    with pytest.raises(ValueError, match="quotes included"):
        File(file, name="x", etag=lambda file, status: "unquoted")
    assert file.closed


@pytest.fixture(params=["fifo", "socket", "device", "folder"])
def irregular(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "irregular"
    listener = socket.socket(socket.AF_UNIX)
    if request.param == "fifo":
        os.mkfifo(path)
    elif request.param == "socket":
        listener.bind(str(path))
    elif request.param == "device":
        path = Path(os.devnull)
    else:
        path.mkdir()
    yield path
    listener.close()


def test_what_is_no_regular_file_is_not_there(irregular: Path) -> None:
    with pytest.raises(FileNotFoundError):
        File(irregular)


def test_a_fifo_put_where_the_file_was_does_not_hang_us(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    regular = os.stat(path)
    assert stat.S_ISREG(regular.st_mode)
    # The race itself: what is looked at is the file, what is opened is the FIFO.
    monkeypatch.setattr("wsgistream.sources.file.os.stat", lambda name: regular)
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(FileNotFoundError):
        open_regular(fifo)
    assert len(os.listdir("/proc/self/fd")) == before
