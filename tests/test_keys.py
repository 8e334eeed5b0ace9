"""The file that holds the keys of signed links."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from wsgistream import read_keys

FIRST, SECOND = b"the key that signs", b"\xff\xfe and one from before"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "keys"
    path.touch(0o600)
    return path


@pytest.mark.parametrize(
    ("content", "keys"),
    [
        pytest.param(FIRST, (FIRST,), id="one line without an end"),
        pytest.param(FIRST + b"\n" + SECOND + b"\n", (FIRST, SECOND), id="two keys"),
        pytest.param(b"  " + FIRST + b" \r\n", (FIRST,), id="white space around it"),
        pytest.param(b"\n# old\n \n" + FIRST + b"\n #x\n", (FIRST,), id="comments"),
    ],
)
def test_keys_are_read(file: Path, content: bytes, keys: tuple[bytes, ...]) -> None:
    file.write_bytes(content)
    assert read_keys(file) == read_keys(str(file)) == keys


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        pytest.param(b"", "There is no key in {name}.", id="an empty file"),
        pytest.param(b"# none\n\n", "There is no key in {name}.", id="comments alone"),
        pytest.param(
            FIRST + b"\n\nsecret\n", "Line 3 of {name} is shorter than 16 bytes.", id="a short key"
        ),
    ],
)
def test_a_file_without_good_keys_is_refused(file: Path, content: bytes, sentence: str) -> None:
    file.write_bytes(content)
    with pytest.raises(ValueError, match=re.escape(sentence.format(name=repr(str(file))))) as error:
        read_keys(file)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("mode", [0o604, 0o602, 0o644, 0o607])
def test_a_file_that_everybody_may_use_is_refused(file: Path, mode: int) -> None:
    file.write_bytes(FIRST)
    file.chmod(mode)
    with pytest.raises(ValueError, match=r"Every user of this machine can use the keys: chmod o= "):
        read_keys(file)


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o640, 0o660])
def test_a_file_of_an_owner_and_a_group_is_read(file: Path, mode: int) -> None:
    file.write_bytes(FIRST)
    file.chmod(mode)
    assert read_keys(file) == (FIRST,)


def test_a_pipe_is_read() -> None:
    """As a shell makes it of ``--key-file <(pass show key)``."""
    read_end, write_end = os.pipe()
    try:
        os.write(write_end, FIRST)
        os.close(write_end)
        assert read_keys(f"/dev/fd/{read_end}") == (FIRST,)
    finally:
        os.close(read_end)


def test_a_file_that_is_not_there_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_keys(tmp_path / "none")
