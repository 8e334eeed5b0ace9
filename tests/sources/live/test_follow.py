"""A file that grows is followed: through cuts, through other files of its name, and to its end."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from tests.alarms import Still
from tests.eventsource import EventReader, EventSource
from tests.live import SERVERS
from tests.servers import DEADLINE, Connection, eventually, running
from wsgistream import StreamingResponse, follow
from wsgistream.sources.live import inotify
from wsgistream.sources.live.inotify import WATCHES, Watches
from wsgistream.wsgi.waiting import Wakeable


class Reader:
    """Somebody who takes what is new when there is something."""

    def __init__(self, stream: Wakeable) -> None:
        self.stream = stream
        self.news = threading.Event()
        self.got = b""
        stream.wake_by(self.news.set)

    def now(self) -> bytes:
        self.news.clear()
        while (chunk := self.stream.take()) is not None:
            self.got += chunk
        got, self.got = self.got, b""
        return got

    def read(self, size: int) -> bytes:
        """Wait for so many bytes."""
        got = self.now()
        while len(got) < size:
            assert self.news.wait(DEADLINE), got
            got += self.now()
        return got


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "app.log"
    path.write_bytes(b"old\n")
    return path


def add(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


@pytest.fixture(params=["told by the system", "looked at"])
def reader(request: pytest.FixtureRequest, path: Path) -> Iterator[Reader]:
    poll = {"told by the system": None, "looked at": 0.02}[request.param]
    with closing(follow(path, poll=poll)) as stream:
        yield Reader(stream)


def test_what_is_added_is_told(reader: Reader, path: Path) -> None:
    assert reader.now() == b""
    for number in range(5):
        add(path, b"line %d\n" % number)
        assert reader.read(7) == b"line %d\n" % number


def test_what_is_there_comes_first_if_it_is_wanted(path: Path) -> None:
    with closing(follow(path, whole=True)) as stream:
        reader = Reader(stream)
        add(path, b"new\n")
        assert reader.read(8) == b"old\nnew\n"


def test_a_file_that_was_cut_short_is_read_from_its_beginning(reader: Reader, path: Path) -> None:
    add(path, b"some more\n")
    assert reader.read(10) == b"some more\n"
    path.write_bytes(b"")
    path.write_bytes(b"anew\n")
    assert reader.read(5) == b"anew\n"
    os.truncate(path, 0)
    assert reader.now() == b""
    add(path, b"again\n")
    assert reader.read(6) == b"again\n"


def test_the_file_that_takes_the_name_is_read_after_the_rest_of_the_other(
    reader: Reader, path: Path
) -> None:
    for number in range(3):
        other = path.rename(path.with_suffix(f".{number}"))
        assert reader.now() == b""
        add(other, b"last of %d\n" % number)
        path.write_bytes(b"first of %d\n" % (number + 1))
        expected = b"last of %d\nfirst of %d\n" % (number, number + 1)
        assert reader.read(len(expected)) == expected


def test_a_file_may_be_gone_for_a_while(reader: Reader, path: Path) -> None:
    path.unlink()
    assert reader.now() == b""
    path.mkdir()  # which is none
    assert reader.now() == b""
    path.rmdir()
    path.write_bytes(b"back\n")
    assert reader.read(5) == b"back\n"


def test_what_is_added_at_the_last_moment_is_not_lost(
    reader: Reader, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other file grows between the look at its end and the look at the name."""
    stat = os.stat
    other = path.rename(path.with_suffix(".1"))
    path.write_bytes(b"new\n")

    def growing(*arguments: Any, **options: Any) -> os.stat_result:
        monkeypatch.setattr(os, "stat", stat)
        add(other, b"late\n")
        return stat(*arguments, **options)

    monkeypatch.setattr(os, "stat", growing)
    assert reader.read(9) == b"late\nnew\n"


def test_a_link_is_followed_and_so_is_what_it_leads_to(tmp_path: Path) -> None:
    one, two, link = tmp_path / "a" / "one", tmp_path / "b" / "two", tmp_path / "current"
    for file in (one, two):
        file.parent.mkdir()
        file.write_bytes(b"old\n")
    link.symlink_to(one)
    with closing(follow(link)) as stream:
        reader = Reader(stream)
        add(one, b"one\n")
        assert reader.read(4) == b"one\n"
        (tmp_path / "next").symlink_to(two)
        (tmp_path / "next").rename(link)
        assert reader.read(4) == b"old\n"
        add(two, b"two\n")
        assert reader.read(4) == b"two\n"


def test_much_is_taken_in_parts(path: Path) -> None:
    path.write_bytes(bytes(200_000))
    with closing(follow(path, whole=True)) as stream:
        sizes = [len(chunk) for chunk in iter(stream.take, None)]
    assert sizes == [65536, 65536, 65536, 3392]


def test_lines_are_events(path: Path) -> None:
    with closing(follow(path, events=True)) as stream:
        reader, events = Reader(stream), EventReader()
        add(path, "größe\r\n\n: no comment\nhal".encode())
        found = events.feed(reader.read(20))
        assert [event.data for event in found] == ["größe", "", ": no comment"]
        add(path, b"f\n\xff\n")
        found = events.feed(reader.read(10))
        assert [event.data for event in found] == ["half", "\ufffd"]
        add(path, b"x" * 100_000)
        found = events.feed(reader.read(60_000))
        add(path, b"y\n")
        found += events.feed(reader.read(3))
        assert "".join(event.data for event in found) == "x" * 100_000 + "y"
        assert events.feed(stream.beat()) == []
        assert not stream.quick


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        follow(tmp_path / "none")
    with pytest.raises(FileNotFoundError):
        follow(tmp_path)
    with pytest.raises(ValueError, match="poll is seconds, more than 0, not 0"):
        follow(tmp_path, poll=0)


# Who is told, and by whom


def is_watching() -> bool:
    return any(thread.name == "wsgistream files" for thread in threading.enumerate())


def test_nothing_is_left_when_nobody_follows(path: Path) -> None:
    with ExitStack() as stack:
        for poll in (None, None, 5):
            stack.enter_context(closing(follow(path, poll=poll)))
        assert len(WATCHES._wakes) == 1
        assert is_watching()
    assert not WATCHES._wakes
    assert eventually(lambda: not is_watching())
    assert WATCHES._descriptor < 0
    stream = follow(path)
    stream.close()
    stream.close()  # twice is once


def test_where_the_system_tells_nothing_it_is_asked(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inotify, "_libc", object())
    monkeypatch.setattr(WATCHES, "_descriptor", -1)
    alarms = Still()
    stream = follow(path, alarms=alarms)
    reader = Reader(stream)
    add(path, b"new\n")
    assert not reader.news.is_set()
    alarms.go_on(1)
    assert reader.news.is_set()
    assert reader.now() == b"new\n"
    stream.close()
    assert not len(alarms)
    stream._sight._look(1)  # type: ignore[attr-defined] - as an alarm that was already on its way
    assert not len(alarms)


def test_where_the_system_has_no_more_watches_it_is_asked(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full:
        inotify_init1 = staticmethod(lambda flags: -1)

    monkeypatch.setattr(inotify, "_libc", Full)
    with pytest.raises(OSError, match=r"."):
        Watches().add(str(path), lambda: None)


def test_if_too_much_has_happened_everybody_looks(path: Path) -> None:
    watches, woken = Watches(), []
    ends = [watches.add(str(path.with_name(name)), lambda: woken.append(1)) for name in "ab"]
    for wake in watches._due(inotify._HEADER.pack(-1, 0x4000, 0, 0)):
        wake()
    assert woken == [1, 1]
    for end in ends:
        end()
        end()
    assert eventually(lambda: watches._descriptor < 0)


def test_a_process_that_was_forked_watches_by_itself(path: Path) -> None:
    watches = Watches()
    end = watches.add(str(path), lambda: None)
    copy = Watches()
    copy._descriptor = os.dup(watches._descriptor)
    copy.forget()  # as in the child
    assert (copy._descriptor, copy._wakes) == (-1, {})
    end()


# Over a connection


@pytest.mark.parametrize("name", SERVERS)
def test_under_any_server_a_file_is_followed(name: str, path: Path) -> None:
    def make() -> Wakeable:
        stream = follow(path, whole=True)
        stream.heartbeat = 0.05
        return stream

    with SERVERS[name](StreamingResponse(make, content_type="text/plain")) as port:
        with Connection(("127.0.0.1", int(port))) as client:
            client.ask()
            got = b""
            while b"old\n" not in got:
                got += client.read(1)
            add(path, b"new\n")
            while b"new\n" not in got:
                got += client.read(1)
            client.reset()
        add(path, b"more\n")
        assert eventually(lambda: _flushed(path))


def _flushed(path: Path) -> bool:
    """Tell whether nobody follows any more, having said something more."""
    add(path, b"x" * 10_000)
    return not WATCHES._wakes


def test_our_server_parks_those_who_follow(path: Path) -> None:
    app = StreamingResponse(lambda: follow(path, events=True), content_type="text/event-stream")
    with running(app, threads=1) as run, ExitStack() as stack:
        sources = [EventSource(stack.enter_context(run.connect())) for _ in range(10)]
        add(path, b"hello\n")
        assert [source.read()[0].data for source in sources] == ["hello"] * 10
        assert run.server.counters.total()["idle_streams"] <= 10


def test_a_line_that_has_no_end_is_no_part_of_the_first_of_another_file(path: Path) -> None:
    with closing(follow(path, events=True)) as stream:
        reader, events = Reader(stream), EventReader()
        add(path, b"whole\nhalf")
        assert [event.data for event in events.feed(reader.now())] == ["whole"]
        path.rename(path.with_suffix(".1"))
        path.write_bytes(b"first\n")
        assert [event.data for event in events.feed(reader.now())] == ["half", "first"]
        add(path, b"left")
        assert events.feed(reader.now()) == []
        os.truncate(path, 0)
        assert [event.data for event in events.feed(reader.now())] == ["left"]
        add(path, b"anew\n")
        assert [event.data for event in events.feed(reader.now())] == ["anew"]
