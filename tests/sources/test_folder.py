"""A folder as a store, which nothing leads out of."""

from __future__ import annotations

import errno
import gzip
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.sources.contract import DATA, FILES, SourceContract, StoreContract
from wsgistream.sources import folder as folder_module
from wsgistream.sources.folder import Folder, NotAcceptable
from wsgistream.types import Entry, Source

SECONDS = 1_600_000_000
AS_ROOT = os.geteuid() == 0


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A tree with a secret beside it, and links of every kind."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret.txt").write_text("secret")
    (tmp_path / "root-sibling").mkdir()
    (tmp_path / "root-sibling/secret.txt").write_text("secret")
    root = tmp_path / "root"
    (root / "sub/deep").mkdir(parents=True)
    (root / ".git").mkdir()
    (root / ".well-known").mkdir()
    for name in ("a.txt", "sub/b.txt", ".env", ".git/config", ".well-known/c.txt", "..d", "..."):
        (root / name).write_text(name)
    (root / "data.bin").write_bytes(DATA)
    for link, target in {
        "in.txt": "a.txt",
        "in-folder": "sub",
        "out.txt": "../outside/secret.txt",
        "out-folder": "../outside",
        "sibling": "../root-sibling",
        "dangling": "nowhere",
        "circle": "circle",
        "null": "/dev/null",
    }.items():
        (root / link).symlink_to(target)
    os.mkfifo(root / "fifo")
    return root


class TestSourceOfAFolder(SourceContract):
    @pytest.fixture(autouse=True)
    def _root(self, root: Path) -> None:
        self.folder = Folder(root)

    def make(self) -> Source:
        source = self.folder.find(("data.bin",))
        assert source is not None
        return source


class TestFolder(StoreContract):
    @pytest.fixture(autouse=True)
    def _store(self, tmp_path: Path) -> None:
        for name, data in FILES.items():
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        self.store = Folder(tmp_path)
        self.store_with_hidden = Folder(tmp_path, hidden=True)


def found(folder: Folder, path: str) -> str | None:
    source = folder.find(path.split("/") if path else ())
    if source is None:
        return None
    text = source.file.read().decode()
    source.close()
    return text


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param("a.txt", "a.txt", id="a file"),
        pytest.param("in.txt", "a.txt", id="a link that stays inside"),
        pytest.param("in-folder/b.txt", "sub/b.txt", id="a link to a folder inside"),
        pytest.param("out.txt", None, id="a link that leads out"),
        pytest.param("out-folder/secret.txt", None, id="a file behind a link that leads out"),
        pytest.param("sibling/secret.txt", None, id="a folder whose name begins like the root's"),
        pytest.param("../outside/secret.txt", None, id="dots that lead out"),
        pytest.param("dangling", None, id="a link to nothing"),
        pytest.param("circle", None, id="a link in a circle"),
        pytest.param("null", None, id="a device"),
        pytest.param("fifo", None, id="a FIFO"),
        pytest.param("n" * 300, None, id="a name that is too long"),
        pytest.param("/".join("n" * 100 for _ in range(100)), None, id="a path that is too long"),
    ],
)
@pytest.mark.parametrize(
    "proc", [pytest.param(True, id="with /proc"), pytest.param(False, id="without /proc")]
)
def test_a_folder_gives(
    root: Path, path: str, expected: str | None, proc: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not proc:
        monkeypatch.setattr(folder_module, "_OPEN_FILES", "/nonexistent")
    assert found(Folder(root), path) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param("out.txt", "secret", id="a link that leads out"),
        pytest.param("out-folder/secret.txt", "secret", id="a folder that leads out"),
        pytest.param("null", None, id="but not a device"),
        pytest.param("dangling", None, id="nor a link to nothing"),
    ],
)
def test_a_folder_follows_links_if_asked(root: Path, path: str, expected: str | None) -> None:
    assert found(Folder(root, follow_symlinks=True), path) == expected


def test_a_root_that_is_a_link_can_be_switched(root: Path, tmp_path: Path) -> None:
    current = tmp_path / "current"
    current.symlink_to("root")
    folder = Folder(current)
    assert found(folder, "a.txt") == "a.txt"
    (tmp_path / "next").mkdir()
    (tmp_path / "next/a.txt").write_text("next")
    (tmp_path / "switch").symlink_to("next")
    (tmp_path / "switch").replace(current)
    assert found(folder, "a.txt") == "next"


def test_a_file_that_was_put_in_the_place_of_another_is_not_taken_for_it(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without /proc a path is resolved after it was opened; here it has changed in between.
    monkeypatch.setattr(folder_module, "_OPEN_FILES", "/nonexistent")
    inside = str(root / "a.txt")
    monkeypatch.setattr("wsgistream.sources.folder.os.path.realpath", lambda path: inside)
    assert found(Folder(root), "out.txt") is None


def test_there_must_be_a_folder(root: Path) -> None:
    for path in (root / "nowhere", root / "a.txt"):
        with pytest.raises(ValueError, match="There is no folder"):
            Folder(path)


def test_other_failures_of_the_system_are_told(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr("wsgistream.sources.file.os.open", full)
    for look in (Folder(root).find, Folder(root).list):
        with pytest.raises(OSError, match="Too many open files"):
            look(("a.txt",))


REFUSED = [
    pytest.param("locked.txt", PermissionError, id="a file that may not be read"),
    pytest.param("locked/x.txt", PermissionError, id="a file in a folder that may not be entered"),
    pytest.param("locked-out.txt", None, id="a link out to a file that may not be read"),
    pytest.param("locked-away/x", None, id="a link out to a folder that may not be entered"),
]


@pytest.fixture
def locked(root: Path) -> Path:
    (root / "locked.txt").write_text("x")
    (root / "locked").mkdir()
    (root / "locked/x.txt").write_text("x")
    (root / "locked-out.txt").symlink_to("../outside/secret.txt")
    (root / "locked-away").symlink_to("../outside/private")
    (root.parent / "outside/private").mkdir()
    return root


@pytest.mark.parametrize(("path", "expected"), REFUSED)
def test_what_may_not_be_read_is_told_apart_from_what_lies_outside(
    locked: Path, path: str, expected: type[Exception] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    # The tests may run as a user to whom nothing is forbidden, so the system's word is put in.
    monkeypatch.setattr("wsgistream.sources.folder.open_regular", refuse)
    folder = Folder(locked)
    if expected is None:
        assert folder.find(path.split("/")) is None
    else:
        with pytest.raises(expected):
            folder.find(path.split("/"))


# --- codings -------------------------------------------------------------------------------------


def coded(root: Path, name: str, encodings: Sequence[str]) -> tuple[str | None, bytes]:
    source = Folder(root).find((name,), encodings)
    assert source is not None
    content = source.file.read()
    source.close()
    return source.meta.encoding, content


@pytest.fixture
def style(root: Path) -> Path:
    for name, content in {
        "style.css": b"plain",
        "style.css.gz": gzip.compress(b"plain", mtime=0),
        "style.css.br": b"brotli",
    }.items():
        (root / name).write_bytes(content)
        os.utime(root / name, (SECONDS, SECONDS))
    return root


def test_siblings_have_no_tag_where_there_is_none(style: Path) -> None:
    source = Folder(style, etag=None).find(("style.css",), ("gzip",))
    assert source is not None
    source.close()
    assert (source.meta.etag, source.meta.encoding) == (None, "gzip")


def stale(root: Path) -> None:
    os.utime(root / "style.css.gz", (SECONDS - 1, SECONDS - 1))


def irregular(root: Path) -> None:
    (root / "style.css.gz").unlink()
    (root / "style.css.gz").mkdir()


def outside(root: Path) -> None:
    (root / "style.css.gz").unlink()
    (root / "style.css.gz").symlink_to("../outside/secret.txt")


@pytest.mark.parametrize("spoil", [stale, irregular, outside])
def test_a_sibling_that_will_not_do_is_passed_over(style: Path, spoil: object) -> None:
    spoil(style)  # type: ignore[operator]
    assert coded(style, "style.css", ("gzip", "identity")) == (None, b"plain")


def test_a_sibling_that_may_not_be_read_is_passed_over(
    style: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = folder_module.open_regular

    def refuse(path: str) -> object:
        if path.endswith(".gz"):
            raise PermissionError(errno.EACCES, "Permission denied")
        return opened(path)

    monkeypatch.setattr(folder_module, "open_regular", refuse)
    assert coded(style, "style.css", ("gzip", "identity")) == (None, b"plain")


def test_a_client_that_accepts_no_form_there_is_gets_none(style: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(NotAcceptable):
        Folder(style).find(("style.css",), ("zstd",))
    assert len(os.listdir("/proc/self/fd")) == before


# --- listing -------------------------------------------------------------------------------------


def listed(folder: Folder, *path: str) -> list[str] | None:
    entries = folder.list(path)
    return None if entries is None else [entry.name for entry in entries]


@pytest.mark.parametrize(
    "proc", [pytest.param(True, id="with /proc"), pytest.param(False, id="without /proc")]
)
def test_a_folder_lists_folders_and_then_files_and_only_what_it_gives(
    root: Path, proc: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not proc:
        monkeypatch.setattr(folder_module, "_OPEN_FILES", "/nonexistent")
    names = [".well-known", "in-folder", "sub", "...", "..d", "a.txt", "data.bin", "in.txt"]
    assert listed(Folder(root)) == names
    assert listed(Folder(root), "sub") == ["deep", "b.txt"]
    assert listed(Folder(root), "sub", "deep") == []


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(("out-folder",), id="a link that leads out"),
        pytest.param(("fifo",), id="a FIFO"),
    ],
)
def test_there_is_no_list_of(root: Path, path: tuple[str, ...]) -> None:
    assert listed(Folder(root), *path) is None


def test_links_that_lead_out_are_listed_if_they_are_followed(root: Path) -> None:
    names = listed(Folder(root, follow_symlinks=True, hidden=True))
    assert names is not None
    assert {"out.txt", "out-folder", ".env", ".git"} <= set(names)
    assert not {"dangling", "circle", "null", "fifo"} & set(names)


def test_an_entry_says_what_there_is(root: Path) -> None:
    os.utime(root / "sub/b.txt", (SECONDS, SECONDS))
    os.utime(root / "sub/deep", (SECONDS, SECONDS))
    assert list(Folder(root).list(("sub",)) or ()) == [
        Entry("deep", "folder", None, SECONDS),
        Entry("b.txt", "file", 9, SECONDS),
    ]


def test_the_status_of_an_entry_is_asked_when_it_is_read(root: Path) -> None:
    entries = Folder(root).list(("sub",))
    (root / "sub/b.txt").unlink()
    assert [entry.name for entry in entries or ()] == ["deep"]


def test_a_list_holds_nothing_open(root: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    assert Folder(root).list(()) is not None
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.skipif(not AS_ROOT, reason="only root can become another user")
def test_as_another_user_what_is_locked_is_refused_by_the_system_itself(locked: Path) -> None:
    for path in (locked, *locked.parents[:-1]):
        path.chmod(path.stat().st_mode | 0o755)
    (locked / "locked.txt").chmod(0)
    (locked / "locked").chmod(0)
    (locked.parent / "outside/secret.txt").chmod(0)
    (locked.parent / "outside/private").chmod(0)
    script = (
        "import os, sys\n"
        "from wsgistream import Folder\n"
        "folder = Folder(sys.argv[1])\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "for path in sys.argv[2:]:\n"
        "    try: print(folder.find(path.split('/')))\n"
        "    except Exception as error: print(type(error).__name__)\n"
        "try: folder.list(['locked'])\n"
        "except PermissionError: print('no list')\n"
    )
    paths = [str(case.values[0]) for case in REFUSED]
    result = subprocess.run(
        [sys.executable, "-c", script, str(locked), *paths],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert result.stdout.split("\n")[:5] == [
        "PermissionError",
        "PermissionError",
        "None",
        "None",
        "no list",
    ]
