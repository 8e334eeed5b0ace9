"""A folder that an encoder writes into: its playlists are whole, whatever it does to them."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.client import ask
from tests.clock import Clock
from tests.rules.test_playlists import LIVE
from wsgistream import Broadcast, DirectoryApp
from wsgistream.sources.folder import BeingWritten
from wsgistream.sources.live import broadcast

NEXT = LIVE.replace(b"7", b"8")
# It ends with a line, and one that says it is whole; nobody can tell by looking at it alone.
PART = LIVE[: LIVE.index(b"#EXTINF")]
NAME = ("live.m3u8",)


@pytest.fixture
def clock() -> Clock:
    """The files are as old as the test has it: seconds since 1970."""
    clock = Clock()
    clock.now = 1000.0
    return clock


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Broadcast:
    return Broadcast(tmp_path, clock=clock)


@pytest.fixture
def write(tmp_path: Path, clock: Clock) -> Callable[[bytes], None]:
    """Rewrite the playlist in its place, just now."""

    def write(content: bytes) -> None:
        path = tmp_path / "live.m3u8"
        path.write_bytes(content)
        os.utime(path, (clock.now, clock.now))

    return write


def content(store: Broadcast) -> bytes:
    source = store.find(NAME)
    assert source is not None
    data = b"".join(source.read(0, source.meta.size or 0))
    assert len(data) == source.meta.size
    return data


Write = Callable[[bytes], None]


@pytest.mark.parametrize(
    "part",
    [
        pytest.param(b"", id="nothing yet"),
        pytest.param(LIVE[:-3], id="cut in a line"),
        pytest.param(PART, id="cut at a line"),
    ],
)
def test_what_is_being_rewritten_is_given_as_it_was(
    store: Broadcast, clock: Clock, write: Write, part: bytes
) -> None:
    write(LIVE)
    assert content(store) == LIVE
    tag = store.find(NAME).meta.etag  # type: ignore[union-attr]
    clock.now += 2
    write(part)
    assert content(store) == LIVE
    assert store.find(NAME).meta.etag == tag  # type: ignore[union-attr]
    write(NEXT)
    clock.now += 0.2
    assert content(store) == NEXT
    assert store.find(NAME).meta.etag != tag  # type: ignore[union-attr]


def test_what_took_its_place_is_given_at_once(
    store: Broadcast, write: Write, tmp_path: Path
) -> None:
    write(LIVE)
    assert content(store) == LIVE
    (tmp_path / "live.m3u8.tmp").write_bytes(NEXT)
    (tmp_path / "live.m3u8.tmp").rename(tmp_path / "live.m3u8")
    assert content(store) == NEXT


def test_what_was_never_whole_is_yet_to_come(store: Broadcast, write: Write) -> None:
    write(LIVE[:-3])
    with pytest.raises(BeingWritten):
        store.find(NAME)
    answer = ask(DirectoryApp(store), "/live.m3u8")
    assert (answer.status, answer["retry-after"]) == (503, "1")
    assert answer.body == b"The file is just being written; please try again.\n"
    write(LIVE)
    assert content(store) == LIVE


def test_what_nobody_touches_any_more_is_meant_as_it_is(
    store: Broadcast, clock: Clock, write: Write
) -> None:
    write(LIVE[:-1])
    clock.now += 5
    assert content(store) == LIVE[:-1]


def test_what_was_is_of_no_use_for_long(store: Broadcast, clock: Clock, write: Write) -> None:
    write(LIVE)
    assert content(store) == LIVE
    clock.now += 60
    write(b"")
    with pytest.raises(BeingWritten):
        store.find(NAME)


def test_what_changes_as_it_is_read_is_not_mixed(
    store: Broadcast, clock: Clock, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(LIVE)
    assert content(store) == LIVE
    clock.now += 9
    os.utime(Path(store.root, "live.m3u8"), (clock.now - 1, clock.now - 1))
    assert content(store) == LIVE
    read = os.pread

    def overtaken(*arguments: int) -> bytes:
        half = read(*arguments)[:40]
        write(NEXT + b"#EXT-X-ENDLIST\n")
        return half + read(*arguments)[40:]

    monkeypatch.setattr(broadcast.os, "pread", overtaken)
    assert content(store) == LIVE


def test_few_are_kept(store: Broadcast, tmp_path: Path) -> None:
    for number in range(100):
        (tmp_path / f"{number}.m3u8").write_bytes(LIVE)
        store.find((f"{number}.m3u8",))
    assert len(store._kept) == 64
    assert ("99.m3u8",) in store._kept


def test_what_is_very_long_is_a_file_like_others(store: Broadcast, tmp_path: Path) -> None:
    (tmp_path / "live.m3u8").write_bytes(b"#EXTM3U\n" + b"#" * 2**20)
    source = store.find(NAME)
    assert source is not None
    assert source.file is not None
    source.close()


def test_the_others_are_those_of_a_folder(store: Broadcast, tmp_path: Path) -> None:
    (tmp_path / "live7.ts").write_bytes(b"segment")
    source = store.find(("live7.ts",))
    assert source is not None
    assert b"".join(source.read(0, 7)) == b"segment"
    source.close()
    for path in ((), ("none.ts",), ("none.m3u8",), ("..", "x.m3u8")):
        assert store.find(path) is None
    assert [entry.name for entry in store.list(()) or ()] == ["live7.ts"]
    assert store.list(("none",)) is None
    with pytest.raises(ValueError, match="There is no folder"):
        Broadcast(tmp_path / "none")


@pytest.mark.parametrize("in_place", [True, False], ids=["in its place", "by another"])
def test_many_ask_while_it_is_written_all_the_time(tmp_path: Path, in_place: bool) -> None:
    """Whoever asks gets one of those that were written, and its own length."""
    path = tmp_path / "live.m3u8"
    whole = [
        b"#EXTM3U\n" + b"".join(b"#EXTINF:1,\nlive%d.ts\n" % (number + n) for n in range(200))
        for number in range(10)
    ]
    path.write_bytes(whole[0])
    store = Broadcast(tmp_path)
    seen: set[bytes] = {content(store)}
    over = threading.Event()

    def rewrite() -> None:
        number = 0
        while not over.wait(0.001):
            number += 1
            if in_place:
                with path.open("wb", buffering=512) as file:  # in several pieces
                    file.write(whole[number % 10])
            else:
                (tmp_path / "tmp").write_bytes(whole[number % 10])
                (tmp_path / "tmp").rename(path)

    writer = threading.Thread(target=rewrite)
    writer.start()
    try:
        for _ in range(2000):
            seen.add(content(store))
    finally:
        over.set()
        writer.join()
    assert seen <= set(whole)
