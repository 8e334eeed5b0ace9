"""A hub of one process, and what it holds."""

from __future__ import annotations

import gc
import sys
import tracemalloc
from typing import Any

import pytest

from tests.eventsource import Event
from tests.sources.live.contract import HISTORY, LONGEST, HubContract, Watcher
from wsgistream import MemoryHub
from wsgistream.rules.sse import EventId
from wsgistream.sources.live.log import Entry, Log
from wsgistream.sources.live.viewer import Viewer


class TestContract(HubContract):
    def make(self, **options: Any) -> MemoryHub:
        return MemoryHub(**{"history": HISTORY, "longest": LONGEST, **options})


def test_ids_ascend_though_the_clock_goes_back() -> None:
    times = iter([5.0, 6.0, 4.0, 4.0, 7.0])
    hub = MemoryHub(clock=lambda: next(times))
    assert [hub.publish("a", "b") for _ in range(4)] == ["6000-0", "6000-1", "6000-2", "7000-0"]


def test_what_an_earlier_process_has_told_is_told_to_be_gone() -> None:
    last = MemoryHub(clock=lambda: 5.0).publish("news", "a")
    hub = MemoryHub(clock=lambda: 8.0)
    watcher = Watcher(hub.subscribe(["news"], last))
    assert watcher.now() == [Event("", "missed", "8000-0")]


def test_nothing_is_left_of_viewers_and_of_topics() -> None:
    hub = MemoryHub(history=2)
    viewers = [hub.subscribe(["a", f"topic {number}"]) for number in range(10)]
    for number in range(10):
        hub.publish(f"other {number}", "x")
    assert len(hub._log._topics) == 1 + 10 + 2
    for viewer in viewers:
        viewer.close()
        viewer.close()  # twice is once
    assert set(hub._log._topics) == {"other 8", "other 9"}


def test_what_is_taken_at_once_is_bounded() -> None:
    hub = MemoryHub(history=100)
    viewer = hub.subscribe(["news"])
    viewer.take()
    for _ in range(10):
        hub.publish("news", "x" * 20_000)
    sizes = [len(chunk) // 20_000 for chunk in iter(viewer.take, None)]
    assert sizes == [4, 4, 2]


def test_an_answer_of_a_fresh_viewer_that_is_late_tells_what_is_gone() -> None:
    hub = MemoryHub(history=1)
    watcher = Watcher(hub.subscribe(["news"]))
    hub.publish("news", "a")
    hub.publish("news", "b")
    assert [event.type for event in watcher.now()] == ["missed", "message"]


def test_a_viewer_who_is_too_slow_is_not_ended_by_a_sign_of_life() -> None:
    hub = MemoryHub(history=1, slow="disconnect")
    viewer = hub.subscribe(["news"])
    viewer.take()
    hub.publish("news", "a")
    hub.publish("news", "b")
    assert viewer.beat() == b":\n\n"
    with pytest.raises(StopIteration):
        viewer.take()


def test_a_viewer_is_small() -> None:
    hub = MemoryHub()
    topics = ("news",)
    count = 1000
    hub.subscribe(topics)
    gc.collect()
    tracemalloc.start()
    viewers = [hub.subscribe(topics) for _ in range(count)]
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(viewers) == count
    # A set doubles when it grows; beyond that a viewer is its slots.
    assert size / count < 400
    assert sys.getsizeof(viewers[0]) <= 128


def test_a_log_that_does_not_know_its_place_gives_nothing_until_it_does() -> None:
    log = Log(10, "drop")
    viewer = Viewer(log, ["news"], None)
    assert viewer.take() is None
    assert viewer.beat() == b":\n\n"


def test_a_log_that_begins_later_tells_all_who_have_come_before() -> None:
    log = Log(10, "drop")
    fresh, again = Viewer(log, ["news"], None), Viewer(log, ["news", "other"], "4-0")
    assert set(log.begin(EventId(5, 0))) == {fresh, again}
    log.add([Entry.of(EventId(6, 0), "news", b"data: a\n\n")])
    assert Watcher(again).now() == [Event("", "missed", "5-0"), Event("a", id="6-0")]
    assert Watcher(fresh).now() == []  # it is from now on, whenever that was
    log.begin(EventId(7, 0))
    assert Watcher(fresh).now() == [Event("", "missed", "7-0")]
