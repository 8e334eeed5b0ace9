"""Bodies that go as they may, whatever they are, and end once."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.files import CountedFile, Pipe
from tests.server.bodies import Feed
from tests.servers import DEADLINE
from tests.watched import WatchedBody
from wsgistream.types import Body, Meta, Slice
from wsgistream.wsgi import pacing
from wsgistream.wsgi.bodies import Pieces, Truncated, close
from wsgistream.wsgi.files import FileWrapper, PiecesFile
from wsgistream.wsgi.pacing import paced
from wsgistream.wsgi.waiting import Pausable, Wakeable, is_pausable


class Purse:
    """A pace of which a test decides; at most ``piece`` bytes at a time."""

    def __init__(self, left: int = 0, piece: int = 4) -> None:
        self.left = left
        self.piece = piece
        self.asked: list[int] = []
        self.leavings = 0
        self.waker: Callable[[], object] = list

    def ask(self, size: int, /) -> int:
        self.asked.append(size)
        return min(size, self.piece, self.left)

    def spend(self, count: int, /) -> None:
        self.left -= count

    def wake_by(self, waker: Callable[[], object], /) -> None:
        self.waker = waker

    def leave(self) -> None:
        self.leavings += 1


def taken(body: Body) -> list[bytes | None]:
    """What a body gives until it has nothing, or ends (an empty last chunk)."""
    assert isinstance(body, Wakeable)
    chunks: list[bytes | None] = []
    while not chunks or chunks[-1]:
        try:
            chunks.append(body.take())
        except StopIteration:
            chunks.append(b"")
    return chunks


def test_a_chunk_goes_in_pieces_and_no_other_is_read_before_it_has_gone() -> None:
    inner, purse = WatchedBody([b"0123456789", b"ab"]), Purse(9)
    body = paced(Pausable(inner), purse)
    assert taken(body) == [b"0123", b"4567", b"8", None]
    assert inner.taken == 1
    purse.left = 100
    assert taken(body) == [b"9", b"ab", b""]
    assert purse.left == 97
    close(body)
    close(body)
    assert (inner.closed, purse.leavings) == (1, 1)


def test_a_chunk_that_may_go_as_a_whole_is_not_copied() -> None:
    chunk = b"0123"
    body = paced(Pausable([chunk]), Purse(4))
    assert isinstance(body, Wakeable)
    assert body.take() is chunk


def test_an_empty_chunk_costs_nothing_and_waits_for_nothing() -> None:
    purse = Purse(0)
    body = paced(Pausable([b"", b"a"]), purse)
    assert isinstance(body, Wakeable)
    assert (body.take(), purse.asked) == (b"", [])
    assert body.take() is None


@pytest.mark.parametrize("chunk", ["text", "a longer text"])
def test_what_is_no_bytes_is_the_matter_of_the_server(chunk: Any) -> None:
    body = paced(Pausable([chunk]), Purse(100))
    assert isinstance(body, Wakeable)
    if len(chunk) > 4:
        with pytest.raises(TypeError, match="bytes-like"):
            body.take()
    else:
        assert body.take() == chunk


@pytest.mark.parametrize("whole", [[b"01234", b"5"], (b"01234", b"5")], ids=["list", "tuple"])
def test_a_list_never_takes_its_time(whole: Any) -> None:
    body = paced(whole, Purse(6))
    assert isinstance(body, Wakeable)
    assert body.quick
    assert taken(body) == [b"0123", b"4", b"5", b""]
    close(body)


def test_a_failure_is_passed_on() -> None:
    def fail() -> Iterator[bytes]:
        raise LookupError
        yield b"never"

    body = paced(Pausable(fail()), Purse(6))
    assert isinstance(body, Wakeable)
    with pytest.raises(LookupError):
        body.take()


def test_a_body_that_is_closed_and_fails_has_left() -> None:
    class Failing(WatchedBody):
        def close(self) -> None:
            raise LookupError

    purse = Purse(6)
    body = paced(Pausable(Failing([])), purse)
    with pytest.raises(LookupError):
        close(body)
    assert purse.leavings == 1


def test_a_stream_with_nothing_to_say_waits_for_nothing_else() -> None:
    feed, purse = Feed(b"01234"), Purse(4)
    feed.heartbeat = 7.0
    body = paced(feed, purse)
    assert isinstance(body, Wakeable)
    woken: list[str] = []
    body.wake_by(lambda: woken.append("woken"))
    assert (body.quick, body.heartbeat, body.beat()) == (True, 7.0, b":\n")
    assert taken(body) == [b"0123", None]
    assert body.beat() == b""  # which would be in the middle of the chunk
    assert feed.takes == 1
    purse.left = 1
    purse.waker()
    assert taken(body) == [b"4", None]
    assert body.beat() == b":\n"
    assert len(purse.asked) == 3  # and the silence asks for nothing
    feed.give(None)
    assert woken == ["woken", "woken"]
    assert taken(body) == [b""]
    close(body)
    assert feed.closings == 1


def test_a_body_that_waits_for_its_turn_goes_on_by_itself() -> None:
    feed, purse = Feed(b"news"), Purse(0)
    body = paced(feed, purse)
    assert isinstance(body, Wakeable)
    assert not body.waits_for_time
    assert body.take() is None
    assert body.waits_for_time  # for the news that there are may not go yet
    purse.left = 4
    assert (body.take(), body.take()) == (b"news", None)
    assert not body.waits_for_time
    file = paced(FileWrapper(io.BytesIO(b"some")), purse)
    assert isinstance(file, Wakeable)
    assert file.waits_for_time


def test_a_stream_that_takes_its_time_still_does() -> None:
    feed = Feed()
    feed.quick = False
    body = paced(feed, Purse())
    assert isinstance(body, Wakeable)
    assert not body.quick


class Sizes(CountedFile):
    """A file that notes how much of it is read."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.sizes: list[int] = []

    def read(self, size: int | None = -1, /) -> bytes:
        self.sizes.append(-1 if size is None else size)
        return super().read(size)


def test_a_file_is_read_when_it_may_go_and_not_before() -> None:
    file, purse = Sizes(b"0123456789"), Purse(0)
    body = paced(FileWrapper(file), purse, size=10)
    assert isinstance(body, Wakeable)
    assert not body.quick
    assert body.beat() == b""
    assert (taken(body), file.sizes) == ([None], [])
    purse.left = 6
    assert taken(body) == [b"0123", b"45", None]
    purse.left = 10
    assert taken(body) == [b"6789", b""]
    assert (file.sizes, purse.left) == ([4, 2, 4], 6)
    close(body)
    close(body)
    assert (file.closings, purse.leavings) == (1, 1)


def test_of_a_file_no_more_is_sent_than_was_announced() -> None:
    assert taken(paced(FileWrapper(io.BytesIO(b"0123456789")), Purse(99), size=5)) == [
        b"0123",
        b"4",
        b"",
    ]


def test_a_file_without_positions_goes_to_its_end() -> None:
    purse = Purse(6)
    assert taken(paced(FileWrapper(Pipe(b"01234")), purse)) == [b"0123", b"4", b""]
    purse.left = 1
    assert taken(paced(FileWrapper(Pipe(b"")), purse)) == [b""]
    assert purse.left == 1


def test_a_file_that_has_shrunk_cuts_its_answer() -> None:
    body = paced(FileWrapper(io.BytesIO(b"0123")), Purse(99), size=9)
    assert isinstance(body, Wakeable)
    assert body.take() == b"0123"
    with pytest.raises(Truncated, match="The file has shrunk"):
        body.take()


class FileSource:
    """A source that is a file."""

    def __init__(self, path: Path) -> None:
        self.file = path.open("rb")
        self.meta = Meta(path.stat().st_size)

    def read(self, start: int, stop: int) -> list[bytes]:
        raise AssertionError

    def close(self) -> None:
        self.file.close()


def test_the_parts_of_a_file_are_read_without_a_block_that_is_held(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789" * 100)
    pieces = Pieces(FileSource(path), [b"head", Slice(5, 11), b"foot", Slice(0, 2)])
    file = PiecesFile(pieces, pieces.source.file)  # type: ignore[arg-type]
    body = paced(FileWrapper(file), Purse(99), size=16)
    assert taken(body) == [b"head", b"5678", b"90", b"foot", b"01", b""]
    assert len(file._block) <= 4
    close(body)
    assert pieces.source.file.closed  # type: ignore[union-attr]


def test_the_parts_of_a_file_that_has_shrunk_cut_the_answer(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    pieces = Pieces(FileSource(path), [Slice(0, 10)])
    file = PiecesFile(pieces, pieces.source.file)  # type: ignore[arg-type]
    body = paced(FileWrapper(file), Purse(99), size=10)
    assert isinstance(body, Wakeable)
    path.write_bytes(b"01")
    assert body.take() == b"01"
    with pytest.raises(Truncated):
        body.take()
    close(body)


def test_what_belongs_to_its_thread_waits_in_it_and_lets_its_server_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pacing, "_PATIENCE", 0)
    inner, purse = WatchedBody([b"01234"]), Purse(4)
    body = paced(inner, purse)
    assert not is_pausable(body)
    chunks = iter(body)
    assert [next(chunks) for _ in range(3)] == [b"0123", b"", b""]
    purse.left = 1
    assert list(chunks) == [b"4"]
    close(body)
    assert (inner.closed, purse.leavings) == (1, 1)
    assert is_pausable(paced(inner, purse, pausable=True))


@pytest.mark.parametrize("by", ["news", "its end"])
def test_who_waits_in_a_thread_is_woken(by: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "_PATIENCE", 10 * DEADLINE)
    asked = threading.Event()

    class Telling(Purse):
        def ask(self, size: int, /) -> int:
            asked.set()
            return super().ask(size)

    purse = Telling(0)
    body = paced(WatchedBody([b"0"]), purse)
    given: list[bytes] = []
    thread = threading.Thread(target=lambda: given.append(next(iter(body))))
    thread.start()
    assert asked.wait(DEADLINE)
    purse.left = 1
    purse.waker() if by == "news" else close(body)
    thread.join(DEADLINE)
    assert (thread.is_alive(), given) == (False, [b""])
    close(body)
