"""What happens in a folder is told to who looks at it: soon, seldom, and not without a cause."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.alarms import Still
from tests.eventsource import EventReader
from tests.servers import DEADLINE
from wsgistream import Folder
from wsgistream.sources.live.changes import Changes
from wsgistream.wsgi.waiting import Wakeable


class Looker:
    """One who looks, and the time that passes for it."""

    def __init__(self, feed: Changes, alarms: Still, folder: str, last_id: str | None) -> None:
        self.alarms = alarms
        self.stream: Wakeable = feed.subscribe([folder], last_id)
        self.reader = EventReader()
        self.news = threading.Event()
        self.stream.wake_by(self.news.set)

    def take(self) -> list[str]:
        self.news.clear()
        chunk = self.stream.take()
        return [event.data for event in self.reader.feed(chunk or b"")]

    def told(self) -> list[str]:
        """Wait for news, and let it have rested before."""
        self.alarms.go_on(3)
        assert self.news.wait(DEADLINE)
        return self.take()


@pytest.fixture
def alarms() -> Still:
    return Still()


@pytest.fixture(params=["told by the system", "looked at"])
def feed(request: pytest.FixtureRequest, tmp_path: Path, alarms: Still) -> Changes:
    (tmp_path / "sub" / "deep").mkdir(parents=True)
    poll = {"told by the system": None, "looked at": 2.0}[request.param]
    return Changes(Folder(tmp_path), poll=poll, alarms=alarms)


@pytest.fixture
def looker(feed: Changes, alarms: Still) -> Iterator[Looker]:
    looker = Looker(feed, alarms, "sub/deep", None)
    with closing(looker.stream):
        assert looker.take() == ["changed"]
        yield looker
    assert not len(alarms)


def test_what_comes_changes_and_goes_is_told(looker: Looker, tmp_path: Path) -> None:
    file = tmp_path / "sub" / "deep" / "a.txt"
    file.write_text("a")
    assert looker.told() == ["changed"]
    file.write_text("more")
    assert looker.told() == ["changed"]
    file.rename(file.with_name("b.txt"))
    assert looker.told() == ["changed"]
    os.utime(file.with_name("b.txt"), (5, 5))
    assert looker.told() == ["changed"]
    file.with_name("b.txt").unlink()
    assert looker.told() == ["changed"]
    assert looker.stream.beat() == b":\n\n"


def test_what_is_not_listed_is_not_told(looker: Looker, tmp_path: Path) -> None:
    (tmp_path / "sub" / "deep" / ".hidden").write_text("a")
    assert looker.told() == []


def test_a_folder_that_goes_ends_it(looker: Looker, tmp_path: Path) -> None:
    (tmp_path / "sub" / "deep").rename(tmp_path / "elsewhere")
    with pytest.raises(StopIteration):
        looker.told()


def test_much_at_once_is_told_at_once_and_after_a_moment(
    looker: Looker, tmp_path: Path, alarms: Still
) -> None:
    for number in range(10):
        (tmp_path / "sub" / "deep" / str(number)).write_text("")
    looker.stream._changed = True  # type: ignore[attr-defined] - of which it may be told later
    assert looker.take() == []
    looker.stream._stir()  # type: ignore[attr-defined]
    assert not looker.news.is_set()
    alarms.go_on(0.4)
    assert looker.take() == []
    assert looker.told() == ["changed"]


def test_who_comes_again_is_told_only_of_what_has_changed(
    feed: Changes, looker: Looker, tmp_path: Path, alarms: Still
) -> None:
    place = looker.reader.last_id
    again = Looker(feed, alarms, "sub/deep", place)
    with closing(again.stream):
        assert again.take() == []
        assert again.reader.last_id == place
    (tmp_path / "sub" / "deep" / "a.txt").write_text("a")
    again = Looker(feed, alarms, "sub/deep", place)
    with closing(again.stream):
        assert again.take() == ["changed"]


def test_who_leaves_before_all_holds_nothing(feed: Changes, alarms: Still) -> None:
    feed.subscribe([""]).close()
    assert not len(alarms)
