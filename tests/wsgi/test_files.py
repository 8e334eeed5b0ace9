"""Files handed to, and taken from, a server's file wrapper."""

from __future__ import annotations

import gzip
import io
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from waitress.buffers import ReadOnlyFileBasedBuffer

from tests.files import Pipe, beyond_its_end
from wsgistream.sources.file import File
from wsgistream.sources.memory import Memory
from wsgistream.types import Slice
from wsgistream.wsgi.bodies import Pieces, Truncated
from wsgistream.wsgi.files import (
    READ_SIZE,
    FileWrapper,
    PiecesFile,
    hand_over,
    length_of,
    plain_file,
    read_at,
)

DIGITS = b"0123456789" * 100


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "digits"
    file.write_bytes(DIGITS)
    return file


def pieces_file(path: Path, *pieces: bytes | Slice, turns: bool = False) -> PiecesFile:
    source = File(path)
    file = PiecesFile(Pieces(source, pieces), source.file)
    file.turns = turns
    return file


def uwsgi_sendfile(file: Any, block_size: int) -> Any:
    """The wrapper of uWSGI, known by its name: it takes files that have a descriptor."""
    return file, block_size


PARTS = (b"<", Slice(3, 7), b"|", Slice(0, 2), b">")
JOINED = b"<3456|01>"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=st.lists(st.tuples(st.integers(0, len(JOINED)), st.integers(0, 12)), max_size=10))
def test_a_file_of_pieces_reads_as_the_joined_bytes_do(
    path: Path, moves: list[tuple[int, int]]
) -> None:
    file, model = pieces_file(path, *PARTS), io.BytesIO(JOINED)
    for position, size in moves:
        file.seek(position)
        model.seek(position)
        chunk = file.read(size)
        # A read may be short, but only ends where the file does.
        assert model.getvalue()[position : position + size].startswith(bytes(chunk))
        assert bool(chunk) == bool(model.read(size))
        assert file.tell() == position + len(chunk)
    file.close()


def test_a_file_of_pieces_is_read_whole_from_its_position(path: Path) -> None:
    file = pieces_file(path, *PARTS)
    assert (file.seek(-4, os.SEEK_END), file.seek(1, os.SEEK_CUR), file.read()) == (5, 6, b"01>")
    file.close()


def test_a_file_of_pieces_has_no_descriptor_to_send_from(path: Path) -> None:
    file = pieces_file(path, *PARTS)
    assert file.seekable()
    assert not hasattr(file, "fileno")
    file.close()


def test_a_read_is_bounded(tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.write_bytes(bytes(3 * READ_SIZE))
    file = pieces_file(large, Slice(0, 3 * READ_SIZE))
    assert len(file.read(3 * READ_SIZE)) == READ_SIZE
    file.close()


def test_what_was_read_and_not_sent_is_given_again_from_memory(path: Path) -> None:
    file = pieces_file(path, Slice(0, 1000))
    first = file.read(1000)
    path.write_bytes(b"changed" * 200)
    file.seek(500)
    assert (first, file.read(500)) == (DIGITS, DIGITS[500:])
    file.close()


def test_waitress_is_given_a_turn_after_two_mebibytes(tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.write_bytes(bytes(5 * 1024 * 1024))
    file = pieces_file(large, Slice(0, 5 * 1024 * 1024), turns=True)
    sent = turns = 0
    while sent < 5 * 1024 * 1024:
        # As waitress does: look, send, and skip what was sent.
        position = file.tell()
        block = file.read(1 << 20)
        file.seek(position)
        file.seek(len(block), os.SEEK_CUR)
        sent += len(block)
        turns += not block
    assert turns == 2
    file.close()


def test_a_file_that_has_shrunk_is_truncated(path: Path) -> None:
    file = pieces_file(path, Slice(0, 1000))
    os.truncate(path, 100)
    assert len(file.read(1000)) == 100
    with pytest.raises(Truncated):
        file.read(900)
    file.close()


def test_reading_at_an_offset_leaves_the_position_alone(path: Path) -> None:
    with path.open("rb", buffering=0) as file:
        assert (read_at(file, 13, 4), file.tell()) == (b"3456", 0)


@pytest.mark.parametrize(
    ("wrapper", "in_memory", "expected"),
    [
        pytest.param(None, False, Pieces, id="a server without a wrapper iterates"),
        pytest.param(FileWrapper, True, Pieces, id="what is no file is iterated"),
        pytest.param(FileWrapper, False, FileWrapper, id="a file goes to the wrapper"),
        pytest.param(uwsgi_sendfile, False, FileWrapper, id="uWSGI would not give up in time"),
        pytest.param(
            ReadOnlyFileBasedBuffer, False, ReadOnlyFileBasedBuffer, id="waitress knows its own"
        ),
    ],
)
def test_a_body_is_handed_over_where_that_helps(
    path: Path, wrapper: Any, in_memory: bool, expected: type
) -> None:
    source = Memory(DIGITS) if in_memory else File(path)
    body: Any = hand_over({"wsgi.file_wrapper": wrapper}, Pieces(source, (Slice(10, 20),)))
    assert type(body) is expected
    assert b"".join(bytes(chunk) for chunk in body) == b"0123456789"
    body.close()


def test_uwsgi_takes_a_file_of_its_own_kind(path: Path) -> None:
    with path.open("rb") as file:
        assert FileWrapper(file, 300).given_to(uwsgi_sendfile) == (file, 300)


def test_the_wrapper_reads_its_file_in_blocks_and_closes_it(path: Path) -> None:
    file = path.open("rb")
    wrapper = FileWrapper(file, 300)
    assert [len(block) for block in wrapper] == [300, 300, 300, 100]
    wrapper.close()
    assert file.closed


def test_only_a_regular_file_read_as_it_is_is_plain(path: Path) -> None:
    packed = path.with_suffix(".gz")
    packed.write_bytes(gzip.compress(DIGITS))
    with path.open("rb") as buffered, path.open("rb", buffering=0) as raw:
        assert plain_file(buffered) is buffered.raw
        assert plain_file(raw) is raw
    with gzip.open(packed) as unpacking:
        assert plain_file(unpacking) is None
    assert plain_file(io.BytesIO(DIGITS)) is None
    reader, writer = os.pipe()
    os.close(writer)
    with io.FileIO(reader) as pipe:
        assert plain_file(pipe) is None


@pytest.mark.parametrize(
    ("file", "length"),
    [
        pytest.param(io.BytesIO(b"some"), 4, id="a file"),
        pytest.param(beyond_its_end(), 0, id="a file beyond its end"),
        pytest.param(Pipe(b"some"), 0, id="a pipe"),
        pytest.param(object(), 0, id="what does not tell"),
    ],
)
def test_the_length_is_known_of(file: Any, length: int) -> None:
    assert length_of(file) == length
