"""The small files of a folder in memory: never another answer than the folder's own."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.clock import Clock
from tests.servers import DEADLINE
from tests.sources.contract import DATA, SourceContract
from wsgistream.sources import shelf as shelf_module
from wsgistream.sources.file import File
from wsgistream.sources.folder import Folder, NotAcceptable
from wsgistream.sources.memory import Memory
from wsgistream.sources.shelf import SECONDS, SMALL, Shelf
from wsgistream.types import Source

#: Long ago: whatever is done to a file afterwards gives it another time.
OLD = 1_600_000_000

PACKED = ("gzip", "identity")


def aged(path: Path) -> None:
    """Let what is there, and the folder it lies in, be of long ago."""
    os.utime(path, (OLD, OLD))
    os.utime(path.parent, (OLD, OLD))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (root / "data.bin").write_bytes(DATA)
    for name in ("a.txt", "sub/b.txt"):
        (root / name).write_text(name)
        aged(root / name)
    (tmp_path / "secret.txt").write_text("secret")
    return root


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def shelf(root: Path, clock: Clock) -> Shelf:
    return Shelf(Folder(root), clock=clock)


class TestSourceFromTheFolder(SourceContract):
    @pytest.fixture(autouse=True)
    def _shelf(self, shelf: Shelf) -> None:
        self.shelf = shelf

    def make(self) -> Source:
        source = Shelf(self.shelf._folder).find(("data.bin",))
        assert isinstance(source, File)
        return source


class TestSourceFromTheShelf(SourceContract):
    @pytest.fixture(autouse=True)
    def _shelf(self, shelf: Shelf) -> None:
        self.shelf = shelf
        content(shelf, "data.bin")

    def make(self) -> Source:
        source = self.shelf.find(("data.bin",))
        assert isinstance(source, Memory)
        return source


def content(shelf: Shelf, path: str, encodings: tuple[str, ...] = ()) -> bytes | None:
    """Ask as a request does; None: there is no such file."""
    source = shelf.find(tuple(path.split("/")), encodings)
    if source is None:
        return None
    data = b"".join(source.read(0, source.meta.size or 0))
    source.close()
    return data


def is_kept(shelf: Shelf, path: str, encodings: tuple[str, ...] = ()) -> bool:
    """Tell whether the next answer comes from memory."""
    source = shelf.find(tuple(path.split("/")), encodings)
    assert source is not None
    source.close()
    return isinstance(source, Memory)


def test_the_second_answer_is_that_of_the_first_and_opens_nothing(shelf: Shelf) -> None:
    first = shelf.find(("sub", "b.txt"))
    second = shelf.find(["sub", "b.txt"])  # any sequence is a path
    assert isinstance(first, File)
    assert isinstance(second, Memory)
    assert first.meta == second.meta
    first.close()
    assert list(second.read(0, 9)) == [b"sub/b.txt"]


def test_a_list_is_the_folders(shelf: Shelf) -> None:
    names = [entry.name for entry in shelf.list(()) or ()]
    assert names == ["sub", "a.txt", "data.bin"]
    assert shelf.list(("missing",)) is None


@pytest.mark.parametrize(
    ("size", "kept"),
    [
        pytest.param(0, False, id="an empty file"),
        pytest.param(1, True, id="a byte"),
        pytest.param(SMALL, True, id="the largest that is small"),
        pytest.param(SMALL + 1, False, id="the smallest that is not"),
    ],
)
def test_what_is_kept_is(root: Path, shelf: Shelf, size: int, kept: bool) -> None:
    (root / "file").write_bytes(b"x" * size)
    for _ in range(2):
        assert content(shelf, "file") == b"x" * size
    assert is_kept(shelf, "file") is kept


def test_what_the_system_does_not_tell_to_be_in_memory_is_read_each_time() -> None:
    # A file system of its own kind, which refuses to be asked.
    shared_memory = Path("/dev/shm")
    if not os.access(shared_memory, os.W_OK):
        pytest.skip("there is no /dev/shm to be written to")
    folder = shared_memory / f"wsgistream-{os.getpid()}"
    folder.mkdir()
    try:
        (folder / "a.txt").write_text("a")
        shelf = Shelf(Folder(folder))
        assert [content(shelf, "a.txt") for _ in range(3)] == [b"a"] * 3
    finally:
        (folder / "a.txt").unlink()
        folder.rmdir()


def test_what_is_kept_is_read_anew_in_time(root: Path, shelf: Shelf, clock: Clock) -> None:
    before = os.stat(root / "a.txt")
    assert content(shelf, "a.txt") == b"a.txt"
    clock.now = SECONDS / 2
    assert is_kept(shelf, "a.txt")
    clock.now = SECONDS
    assert not is_kept(shelf, "a.txt")
    assert is_kept(shelf, "a.txt")
    assert os.stat(root / "a.txt").st_mtime_ns == before.st_mtime_ns


# --- changes -------------------------------------------------------------------------------------


def change(root: Path) -> None:
    (root / "a.txt").write_text("b.txt")  # as long as before


def grow(root: Path) -> None:
    with (root / "a.txt").open("a") as file:
        file.write(" and more")


def truncate(root: Path) -> None:
    os.truncate(root / "a.txt", 1)


def empty(root: Path) -> None:
    os.truncate(root / "a.txt", 0)


def replace_by_another(root: Path) -> None:
    (root / "new").write_text("other")
    os.utime(root / "new", (OLD, OLD))  # as long and as old as before
    (root / "new").replace(root / "a.txt")


def delete(root: Path) -> None:
    (root / "a.txt").unlink()


def put_a_folder_there(root: Path) -> None:
    (root / "a.txt").unlink()
    (root / "a.txt").mkdir()


def lead_out(root: Path) -> None:
    (root / "a.txt").unlink()
    (root / "a.txt").symlink_to("../secret.txt")


def move_out_behind_a_link(root: Path) -> None:
    (root / "a.txt").rename(root.parent / "a.txt")
    (root / "a.txt").symlink_to("../a.txt")


def lead_elsewhere_inside(root: Path) -> None:
    (root / "a.txt").unlink()
    (root / "a.txt").symlink_to("sub/b.txt")


@pytest.mark.parametrize(
    ("alter", "expected"),
    [
        pytest.param(change, b"b.txt", id="changed"),
        pytest.param(grow, b"a.txt and more", id="longer"),
        pytest.param(truncate, b"a", id="shorter"),
        pytest.param(empty, b"", id="empty"),
        pytest.param(replace_by_another, b"other", id="replaced"),
        pytest.param(delete, None, id="deleted"),
        pytest.param(put_a_folder_there, None, id="a folder"),
        pytest.param(lead_out, None, id="a link that leads out"),
        pytest.param(move_out_behind_a_link, None, id="the same file, which lies outside"),
        pytest.param(lead_elsewhere_inside, b"sub/b.txt", id="a link to another"),
    ],
)
def test_at_the_next_request_it_is_seen_that_a_file_is(
    root: Path, shelf: Shelf, alter: Callable[[Path], None], expected: bytes | None
) -> None:
    assert content(shelf, "a.txt") == b"a.txt"
    assert is_kept(shelf, "a.txt")
    alter(root)
    assert content(shelf, "a.txt") == expected


def test_a_link_that_is_turned_to_a_file_outside_gives_nothing_of_it(
    root: Path, shelf: Shelf
) -> None:
    (root / "link").symlink_to("a.txt")
    assert content(shelf, "link") == b"a.txt"
    assert is_kept(shelf, "link")
    (root / "new").symlink_to("../secret.txt")
    (root / "new").replace(root / "link")
    assert content(shelf, "link") is None


def test_a_folder_that_is_put_outside_takes_its_files_with_it(root: Path, shelf: Shelf) -> None:
    assert content(shelf, "sub/b.txt") == b"sub/b.txt"
    (root / "sub").rename(root.parent / "moved")
    (root / "sub").symlink_to("../moved")
    assert content(shelf, "sub/b.txt") is None


def test_a_folder_that_is_gone_has_no_files(root: Path, shelf: Shelf) -> None:
    assert content(shelf, "sub/b.txt") == b"sub/b.txt"
    (root / "sub/b.txt").unlink()
    (root / "sub").rmdir()
    assert content(shelf, "sub/b.txt") is None


def test_at_the_next_request_it_is_seen_that_a_file_may_not_be_read(root: Path) -> None:
    for path in (root, *root.parents[:-1]):
        if path.stat().st_uid == os.geteuid():
            path.chmod(path.stat().st_mode | 0o755)
    script = (
        "import os, sys\n"
        "from wsgistream.sources.folder import Folder\n"
        "from wsgistream.sources.shelf import Shelf\n"
        "shelf = Shelf(Folder(sys.argv[1]), clock=lambda: 0)\n"
        "for _ in range(2):\n"
        "    source = shelf.find(('a.txt',))\n"
        "    source.close()\n"
        "print(type(source).__name__)\n"
        "os.chmod(sys.argv[1] + '/a.txt', 0)\n"
        # Root may read every file.
        "if os.geteuid() == 0: os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "try: shelf.find(('a.txt',))\n"
        "except PermissionError: print('refused')\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", script, str(root)],
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=True,
    )
    assert result.stdout.split() == ["_Copy", "refused"]


def test_other_rights_have_a_file_looked_at_anew(root: Path, shelf: Shelf) -> None:
    content(shelf, "a.txt")
    (root / "a.txt").chmod(0o600)
    assert not is_kept(shelf, "a.txt")


def test_each_state_of_a_file_has_its_own_tag(root: Path, shelf: Shelf) -> None:
    metas = []
    for text in ("one", "two", "three"):
        (root / "a.txt").write_text(text)
        for _ in range(2):
            source = shelf.find(("a.txt",))
            assert source is not None
            assert b"".join(source.read(0, len(text))) == text.encode()
            source.close()
            metas.append(source.meta)
    assert len({meta.etag for meta in metas}) == 3


# --- siblings ------------------------------------------------------------------------------------


@pytest.fixture
def packed(root: Path) -> Path:
    """The sibling of a file in a coding."""
    sibling = root / "a.txt.gz"
    sibling.write_bytes(gzip.compress(b"a.txt", mtime=0))
    aged(sibling)
    return sibling


def unpacked(shelf: Shelf) -> bytes:
    data = content(shelf, "a.txt", PACKED)
    assert data is not None
    return gzip.decompress(data)


def test_a_sibling_is_kept_beside_its_file(shelf: Shelf, packed: Path) -> None:
    for _ in range(2):
        assert unpacked(shelf) == b"a.txt"
        assert content(shelf, "a.txt") == b"a.txt"
    assert is_kept(shelf, "a.txt", PACKED)
    assert is_kept(shelf, "a.txt")


def test_a_sibling_that_comes_is_seen_at_the_next_request(root: Path, shelf: Shelf) -> None:
    assert content(shelf, "a.txt", PACKED) == b"a.txt"
    assert is_kept(shelf, "a.txt", PACKED)
    (root / "a.txt.gz").write_bytes(gzip.compress(b"a.txt"))
    assert unpacked(shelf) == b"a.txt"
    source = shelf.find(("a.txt",))
    assert source is not None
    source.close()
    assert ("Vary", "Accept-Encoding") in source.meta.extra


def test_a_sibling_that_changes_is_seen_at_the_next_request(shelf: Shelf, packed: Path) -> None:
    assert unpacked(shelf) == b"a.txt"
    packed.write_bytes(gzip.compress(b"b.txt", mtime=0))
    assert unpacked(shelf) == b"b.txt"


def test_a_sibling_that_goes_is_seen_at_the_next_request(shelf: Shelf, packed: Path) -> None:
    assert unpacked(shelf) == b"a.txt"
    assert content(shelf, "a.txt") == b"a.txt"
    packed.unlink()
    assert content(shelf, "a.txt", PACKED) == b"a.txt"
    source = shelf.find(("a.txt",))
    assert source is not None
    source.close()
    assert ("Vary", "Accept-Encoding") not in source.meta.extra


def test_a_sibling_is_not_given_for_a_file_that_has_changed_since(
    root: Path, shelf: Shelf, packed: Path
) -> None:
    assert unpacked(shelf) == b"a.txt"
    (root / "a.txt").write_text("newer")
    assert content(shelf, "a.txt", PACKED) == b"newer"


def test_a_client_that_accepts_none_of_what_is_kept_gets_none(shelf: Shelf) -> None:
    assert content(shelf, "a.txt") == b"a.txt"
    for _ in range(2):
        with pytest.raises(NotAcceptable):
            shelf.find(("a.txt",), ("zstd",))


# --- while it is read ----------------------------------------------------------------------------


class Restless(Folder):
    """A folder in which something happens while a file is looked for."""

    then: Callable[[], object] = staticmethod(lambda: None)

    def find(self, *arguments: Any) -> File | None:
        source = super().find(*arguments)
        self.then()
        return source


@pytest.mark.parametrize(
    ("alter", "expected"),
    [
        pytest.param(change, b"b.txt", id="changed"),
        pytest.param(grow, b"a.txt and more", id="longer"),
        pytest.param(truncate, b"a", id="shorter"),
        pytest.param(delete, None, id="deleted"),
    ],
)
def test_what_happens_to_a_file_as_it_is_opened_is_not_kept_for_its_earlier_self(
    root: Path, clock: Clock, alter: Callable[[Path], None], expected: bytes | None
) -> None:
    folder = Restless(root)
    shelf = Shelf(folder, clock=clock)
    folder.then = lambda: alter(root)
    source = shelf.find(("a.txt",))
    assert source is not None
    source.close()
    folder.then = lambda: None
    assert content(shelf, "a.txt") == expected


def test_a_sibling_that_comes_as_its_file_is_opened_is_seen_at_the_next_request(
    root: Path, clock: Clock
) -> None:
    folder = Restless(root)
    shelf = Shelf(folder, clock=clock)
    folder.then = lambda: (root / "a.txt.gz").write_bytes(gzip.compress(b"a.txt"))
    assert content(shelf, "a.txt", PACKED) == b"a.txt"
    folder.then = lambda: None
    assert unpacked(shelf) == b"a.txt"


def test_a_file_whose_sibling_is_taken_from_it_is_not_kept(
    root: Path, clock: Clock, packed: Path
) -> None:
    folder = Restless(root)
    shelf = Shelf(folder, clock=clock)
    folder.then = lambda: delete(root)
    assert unpacked(shelf) == b"a.txt"
    folder.then = lambda: None
    assert content(shelf, "a.txt", PACKED) is None


# --- room ----------------------------------------------------------------------------------------


def test_a_meta_that_is_changed_is_nobody_elses(shelf: Shelf) -> None:
    content(shelf, "a.txt")
    sources = [shelf.find(("a.txt",)) for _ in range(2)]
    first, second = sources
    assert first is not None
    assert second is not None
    before = second.meta
    first.meta = replace(first.meta, extra=(("X-Name", "value"),))
    assert second.meta == before
    third = shelf.find(("a.txt",))
    assert third is not None
    assert third.meta == before


@pytest.fixture
def many(root: Path) -> list[str]:
    names = [f"{number}.txt" for number in range(40)]
    for name in names:
        (root / name).write_bytes(b"x" * 1000)
    return names


def test_there_is_room_for_so_much_and_the_oldest_gives_way(
    shelf: Shelf, many: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelf_module, "ROOM", 10 * (1000 + 1024) + 1)
    for name in many:
        content(shelf, name)
    assert len(shelf._kept) == 10
    assert shelf._size <= shelf_module.ROOM
    assert [is_kept(shelf, name) for name in many[-10:]] == [True] * 10


def test_very_many_tiny_files_take_no_more_room_than_a_few_larger(
    root: Path, shelf: Shelf, many: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in many:
        (root / name).write_bytes(b"x")
    monkeypatch.setattr(shelf_module, "ROOM", 16 * 1024)
    for name in many:
        content(shelf, name)
    assert len(shelf._kept) < 16


def test_what_has_been_there_for_long_makes_room_for_what_comes(
    shelf: Shelf, many: list[str], clock: Clock
) -> None:
    for name in many:
        content(shelf, name)
    clock.now = SECONDS
    content(shelf, many[0])
    assert len(shelf._kept) == 1
    assert shelf._size == 1000 + 1024


def test_many_threads_get_each_file_whole_and_the_room_is_counted_right(
    root: Path, many: list[str]
) -> None:
    # Each look at the clock is a twentieth of a second later, so nothing is kept for long.
    now = iter(range(10**9))
    shelf = Shelf(Folder(root), clock=lambda: next(now) / 20)
    wrong: list[object] = []
    begin = threading.Barrier(8)

    def ask_on() -> None:
        begin.wait(DEADLINE)
        for _ in range(10):
            for name in many:
                data = content(shelf, name)
                if data != b"x" * 1000:
                    wrong.append(data)

    threads = [threading.Thread(target=ask_on, daemon=True) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
        assert not thread.is_alive()
    assert wrong == []
    assert shelf._size == sum(kept.room() for kept in shelf._kept.values())
