"""The precompressed siblings of a folder's files: where they help, and as they must be."""

from __future__ import annotations

import gzip
import os
import random
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import brotli
import pytest
import zstandard

from wsgistream.compress import CODINGS, MissingLibrary, Written, compress_tree

TEXT = b"All work and no play makes a dull page. " * 100
NOISE = random.Random(1).randbytes(10_000)
TIMES = (1_500_000_000_123_456_789, 1_600_000_000_987_654_321)

DECODERS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.decompress,
    ".br": brotli.decompress,
    ".zst": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
}


def put(path: Path, content: bytes = TEXT, mode: int = 0o640) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode)
    os.utime(path, ns=TIMES)
    return path


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}


def compress(folder: Path, *codings: str) -> list[Written]:
    return list(compress_tree(str(folder), codings or None))


def test_a_file_gets_a_sibling_in_each_coding_with_its_content_its_times_and_its_rights(
    tmp_path: Path,
) -> None:
    path = put(tmp_path / "a.css", TEXT * 600)  # more than is read at once
    before = path.stat()
    written = compress(tmp_path)
    assert names(tmp_path) == {"a.css", "a.css.gz", "a.css.br", "a.css.zst"}
    assert {Path(each.path).suffix for each in written} == set(DECODERS)
    for each in written:
        sibling = Path(each.path)
        status = sibling.stat()
        assert DECODERS[sibling.suffix](sibling.read_bytes()) == TEXT * 600
        assert (each.size, each.plain_size) == (status.st_size, before.st_size)
        assert status.st_mtime_ns == before.st_mtime_ns
        assert stat.S_IMODE(status.st_mode) == 0o640
        assert (status.st_uid, status.st_gid) == (before.st_uid, before.st_gid)


@pytest.mark.skipif(os.geteuid() != 0, reason="only the system's own user can give files away")
def test_a_sibling_belongs_to_whom_its_file_belongs(tmp_path: Path) -> None:
    os.chown(put(tmp_path / "a.css"), 65534, 65534)
    compress(tmp_path, "gzip")
    status = (tmp_path / "a.css.gz").stat()
    assert (status.st_uid, status.st_gid) == (65534, 65534)


@pytest.mark.parametrize(
    ("name", "content", "made"),
    [
        pytest.param("a.txt", TEXT, True, id="text"),
        pytest.param("deep/er/a.js", TEXT, True, id="text in a folder below"),
        pytest.param("a.svg", TEXT, True, id="text in all but name"),
        pytest.param("a b é.html", TEXT, True, id="a name of any kind"),
        pytest.param("a.txt", TEXT[:256], True, id="a small file"),
        pytest.param("a.txt", TEXT[:255], False, id="a file too small"),
        pytest.param("a.txt", NOISE, False, id="what does not shrink"),
        pytest.param("a.txt", b"", False, id="an empty file"),
        pytest.param("a.png", TEXT, False, id="an image"),
        pytest.param("a.txt.gz", TEXT, False, id="what is compressed"),
        pytest.param("a.unknown", TEXT, False, id="what nobody knows"),
        pytest.param(".hidden.txt", TEXT, False, id="a dot-file"),
        pytest.param(".git/a.txt", TEXT, False, id="in a hidden folder"),
    ],
)
def test_a_sibling_is_made_only_where_it_helps(
    tmp_path: Path, name: str, content: bytes, made: bool
) -> None:
    put(tmp_path / name, content)
    assert bool(compress(tmp_path)) is made
    assert names(tmp_path) == {name} | ({name + suffix for suffix in DECODERS} if made else set())


def test_links_and_what_is_no_file_are_passed_over(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "folder"
    put(outside / "a.txt")
    folder.mkdir()
    (folder / "link.txt").symlink_to(outside / "a.txt")
    (folder / "folder").symlink_to(outside)
    (folder / "gone.txt").symlink_to(outside / "gone.txt")
    os.mkfifo(folder / "pipe.txt")
    assert compress(folder) == []
    assert names(tmp_path / "outside") == {"a.txt"}


def test_a_sibling_that_is_up_to_date_stays_as_it_is(tmp_path: Path) -> None:
    put(tmp_path / "a.txt")
    assert len(compress(tmp_path)) == 3
    put(tmp_path / "a.txt.gz", b"mine")
    assert compress(tmp_path) == []
    assert (tmp_path / "a.txt.gz").read_bytes() == b"mine"


def test_a_sibling_of_an_earlier_content_is_replaced(tmp_path: Path) -> None:
    path = put(tmp_path / "a.txt")
    compress(tmp_path)
    put(path, TEXT.upper())
    os.utime(path, ns=(TIMES[0], TIMES[1] + 1))
    assert len(compress(tmp_path)) == 3
    assert gzip.decompress((tmp_path / "a.txt.gz").read_bytes()) == TEXT.upper()


def test_a_sibling_of_an_earlier_content_that_would_not_help_any_more_is_removed(
    tmp_path: Path,
) -> None:
    path = put(tmp_path / "a.txt")
    compress(tmp_path)
    put(path, NOISE)
    os.utime(path, ns=(TIMES[0], TIMES[1] + 1))
    assert compress(tmp_path) == []
    assert names(tmp_path) == {"a.txt"}


@pytest.mark.parametrize("coding", CODINGS)
def test_only_the_codings_asked_for_are_written(tmp_path: Path, coding: str) -> None:
    put(tmp_path / "a.txt")
    (written,) = compress(tmp_path, coding)
    sibling = Path(written.path)
    assert DECODERS[sibling.suffix](sibling.read_bytes()) == TEXT
    assert names(tmp_path) == {"a.txt", sibling.name}


def test_equal_files_have_equal_siblings(tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt"):
        put(tmp_path / name)
    compress(tmp_path)
    for suffix in DECODERS:
        siblings = [(tmp_path / f"{name}.txt{suffix}").read_bytes() for name in "ab"]
        assert siblings[0] == siblings[1]


@pytest.mark.parametrize(("module", "coding"), [("brotli", "br"), ("zstandard", "zstd")])
def test_a_library_that_is_missing_is_named_where_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, coding: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    put(tmp_path / "a.txt")
    with pytest.raises(MissingLibrary) as missing:
        compress(tmp_path, "gzip", coding)
    assert f"encoding {coding} needs a library: pip install 'wsgistream[compress]'" in str(
        missing.value
    )
    assert names(tmp_path) == {"a.txt"}


def test_without_any_library_there_is_still_gzip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("brotli", "zstandard"):
        monkeypatch.setitem(sys.modules, module, None)
    put(tmp_path / "a.txt")
    assert [Path(written.path).name for written in compress(tmp_path)] == ["a.txt.gz"]


def test_a_sibling_that_cannot_be_put_in_place_leaves_nothing_behind(tmp_path: Path) -> None:
    put(tmp_path / "a.txt")
    put(tmp_path / "a.txt.gz" / "in the way")
    with pytest.raises(IsADirectoryError):
        compress(tmp_path, "gzip")
    assert names(tmp_path) == {"a.txt", "a.txt.gz/in the way"}


def test_an_encoder_that_fails_leaves_the_old_sibling_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(tmp_path / "a.txt")
    compress(tmp_path, "br")
    before = (tmp_path / "a.txt.br").read_bytes()
    os.utime(path, ns=(TIMES[0], TIMES[1] + 1))

    class Failing:
        def __init__(self, **options: int) -> None:
            self.flush = None

        def process(self, block: bytes) -> bytes:
            raise MemoryError

        finish = process

    monkeypatch.setattr(brotli, "Compressor", Failing)
    with pytest.raises(MemoryError):
        compress(tmp_path, "br")
    assert (tmp_path / "a.txt.br").read_bytes() == before
    assert names(tmp_path) == {"a.txt", "a.txt.br"}


def test_what_was_written_is_told_as_it_goes(tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt"):
        put(tmp_path / name)
    written = compress_tree(str(tmp_path), ["gzip"])
    assert Path(next(iter(written)).path).name == "a.txt.gz"
    assert names(tmp_path) == {"a.txt", "b.txt", "a.txt.gz"}
