"""The contract of every hub: a test class inherits it and says how to make one."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.eventsource import Event, EventReader
from tests.servers import DEADLINE
from wsgistream.rules.sse import BadEvent, EventTooLong, parse_id
from wsgistream.sources.live.hub import Hub
from wsgistream.sources.live.viewer import Viewer

HISTORY = 10
LONGEST = 100


class Watcher:
    """Somebody who reads what a viewer is given, and waits for it."""

    def __init__(self, viewer: Viewer) -> None:
        self.viewer = viewer
        self.reader = EventReader()
        self.news = threading.Event()
        self.chunks: list[bytes] = []
        self.events: list[Event] = []
        viewer.wake_by(self.news.set)

    def now(self) -> list[Event]:
        """Read all there is."""
        self.news.clear()
        while (chunk := self.viewer.take()) is not None:
            self.chunks.append(chunk)
            self.events += self.reader.feed(chunk)
        events, self.events = self.events, []
        return events

    def data(self, count: int) -> list[str]:
        """Wait for so many events, and give what they say."""
        found = self.now()
        while len(found) < count:
            assert self.news.wait(DEADLINE), found
            found += self.now()
        return [event.data for event in found]

    def place(self) -> str:
        """Wait until it is known where the stream stands."""
        self.events = self.now()
        while not self.reader.last_id:
            assert self.news.wait(DEADLINE)
            self.events += self.now()
        return self.reader.last_id


class HubContract:
    """Subclasses give ``make``: a hub of HISTORY events, each of LONGEST bytes at most."""

    def make(self, **options: Any) -> Any:
        raise NotImplementedError

    @pytest.fixture
    def hub(self) -> Any:
        return self.make()

    @contextmanager
    def watch(self, hub: Hub, *topics: str, last_id: str | None = None) -> Iterator[Watcher]:
        viewer = hub.subscribe(topics or ["news"], last_id)
        try:
            yield Watcher(viewer)
        finally:
            viewer.close()

    def test_an_event_reaches_all_who_watch_its_topic_and_nobody_else(self, hub: Hub) -> None:
        with self.watch(hub) as one, self.watch(hub) as two, self.watch(hub, "other") as other:
            id_ = hub.publish("news", "hello", event="greeting", retry=5)
            for watcher in (one, two):
                assert watcher.data(1) == ["hello"]
                assert watcher.reader.last_id == id_
                assert watcher.reader.retry == 5
            hub.publish("other", {"a": 1})
            assert other.data(1) == ['{"a":1}']
            assert one.now() == []

    def test_the_same_bytes_go_to_all(self, hub: Hub) -> None:
        with self.watch(hub) as one, self.watch(hub) as two:
            hub.publish("news", "hello")
            assert one.data(1) == two.data(1)
            assert one.chunks[-1] is two.chunks[-1]

    def test_ids_ascend(self, hub: Hub) -> None:
        places = [parse_id(hub.publish("news", "a")) for _ in range(20)]
        assert None not in places
        assert places == sorted(set(places))  # type: ignore[type-var]

    def test_who_comes_gets_what_is_published_from_then_on(self, hub: Hub) -> None:
        hub.publish("news", "before")
        with self.watch(hub) as watcher:
            hub.publish("news", "after")
            assert watcher.data(1) == ["after"]

    def test_a_stream_begins_with_its_place_by_which_it_is_resumed(self, hub: Hub) -> None:
        with self.watch(hub) as watcher:
            place = watcher.place()
            assert watcher.now() == []
        hub.publish("news", "meanwhile")
        with self.watch(hub, last_id=place) as watcher:
            assert watcher.data(1) == ["meanwhile"]

    def test_who_comes_again_gets_what_came_after_and_nothing_twice(self, hub: Hub) -> None:
        ids = [hub.publish("news", str(number)) for number in range(5)]
        with self.watch(hub, last_id=ids[1]) as watcher:
            assert watcher.data(3) == ["2", "3", "4"]
            hub.publish("news", "5")
            assert watcher.data(1) == ["5"]

    def test_who_comes_again_with_the_last_id_is_told_nothing(self, hub: Hub) -> None:
        last = hub.publish("news", "a")
        with self.watch(hub, last_id=last) as watcher:
            assert watcher.place() == last
            assert watcher.now() == []

    def test_several_topics_come_in_one_order(self, hub: Hub) -> None:
        with self.watch(hub, "a", "b", "a") as watcher:
            for number in range(8):
                hub.publish("ab"[number % 2], str(number))
            assert watcher.data(8) == list("01234567")

    def test_who_comes_with_an_id_of_what_is_gone_is_told(self, hub: Hub) -> None:
        ids = [hub.publish("news", str(number)) for number in range(HISTORY + 5)]
        with self.watch(hub, last_id=ids[3]) as watcher:
            watcher.place()
            missed, *rest = watcher.now()
            assert missed == Event("", "missed", ids[4])
            assert [event.data for event in rest] == [str(n) for n in range(5, HISTORY + 5)]
        with self.watch(hub, last_id=ids[4]) as watcher:
            assert watcher.data(HISTORY) == [str(n) for n in range(5, HISTORY + 5)]

    @pytest.mark.parametrize(
        "last_id",
        [
            pytest.param("42", id="of another hub"),
            pytest.param("", id="empty"),
            pytest.param("18446744073709551615-0", id="of what is to come"),
            pytest.param("a\nb\0", id="of nobody"),
        ],
    )
    def test_who_comes_with_an_id_that_is_none_is_told(self, hub: Hub, last_id: str) -> None:
        last = hub.publish("news", "before")
        with self.watch(hub, last_id=last_id) as watcher:
            assert watcher.place() == last
            assert watcher.now() == [Event("", "missed", last)]
            hub.publish("news", "after")
            assert watcher.data(1) == ["after"]

    def test_who_does_not_read_loses_the_oldest_and_is_told(self, hub: Hub) -> None:
        with self.watch(hub) as slow, self.watch(hub) as quick:
            slow.place()
            for number in range(HISTORY + 5):
                hub.publish("news", str(number))
                assert quick.data(1) == [str(number)]
            missed, *rest = slow.now()
            assert missed.type == "missed"
            assert [event.data for event in rest] == [str(n) for n in range(5, HISTORY + 5)]

    def test_who_does_not_read_may_be_ended_instead(self) -> None:
        hub = self.make(slow="disconnect")
        with self.watch(hub) as slow, self.watch(hub) as quick:
            slow.place()
            for number in range(HISTORY + 1):
                hub.publish("news", str(number))
                quick.data(1)
            with pytest.raises(StopIteration):
                slow.now()

    def test_what_is_gone_of_another_topic_is_not_missed(self, hub: Hub) -> None:
        with self.watch(hub, "quiet") as quiet, self.watch(hub, "loud") as loud:
            quiet.place()
            hub.publish("quiet", "one")
            assert quiet.data(1) == ["one"]
            for number in range(2 * HISTORY):
                hub.publish("loud", str(number))
                loud.data(1)
            hub.publish("quiet", "two")
            assert quiet.data(1) == ["two"]

    def test_a_sign_of_life_tells_the_place_so_that_quiet_topics_are_resumed(
        self, hub: Hub
    ) -> None:
        with self.watch(hub, "quiet") as quiet, self.watch(hub, "loud") as loud:
            quiet.place()
            for number in range(2 * HISTORY):
                last = hub.publish("loud", str(number))
                loud.data(1)
            assert quiet.reader.feed(quiet.viewer.beat()) == []
            assert quiet.reader.last_id == last
        hub.publish("quiet", "one")
        with self.watch(hub, "quiet", last_id=last) as quiet:
            assert quiet.data(1) == ["one"]

    def test_a_sign_of_life_passes_over_no_event(self, hub: Hub) -> None:
        with self.watch(hub) as watcher, self.watch(hub) as other:
            assert watcher.viewer.beat() == b":\n\n"  # it does not know where it stands
            place = watcher.place()
            hub.publish("news", "a")
            other.data(1)
            assert watcher.viewer.beat() == b":\n\n"
            assert watcher.reader.last_id == place
            assert watcher.data(1) == ["a"]

    def test_an_id_may_be_given_if_it_ascends(self, hub: Hub) -> None:
        last = hub.publish("news", "a")
        place = parse_id(last)
        assert place is not None
        later = f"{place.time + 1_000_000}-7"
        with self.watch(hub, last_id=last) as watcher:
            assert hub.publish("news", "b", id=later) == later
            assert watcher.data(1) == ["b"]
            assert watcher.reader.last_id == later
        for bad in (last, later, "later", ""):
            with pytest.raises(BadEvent, match=r"An id is such as 1700000000000-0, and greater"):
                hub.publish("news", "c", id=bad)
        hub.publish("news", "d")
        with self.watch(hub, last_id=later) as watcher:
            assert watcher.data(1) == ["d"]

    @pytest.mark.parametrize(
        "options",
        [
            pytest.param({"event": "a\nb"}, id="a type on two lines"),
            pytest.param({"retry": -1}, id="a retry in the past"),
            pytest.param({"data": b"bytes"}, id="bytes"),
            pytest.param({"data": "\ud800"}, id="half a character"),
        ],
    )
    def test_what_no_client_could_read_is_refused(self, hub: Hub, options: dict[str, Any]) -> None:
        with self.watch(hub) as watcher:
            with pytest.raises(BadEvent):
                hub.publish("news", **{"data": "a", **options})
            with pytest.raises(EventTooLong):
                hub.publish("news", "x" * LONGEST)
            with pytest.raises(TypeError, match="A topic is a name as text, not 5"):
                hub.publish(5, "a")  # type: ignore[arg-type]
            hub.publish("news", "fine")
            assert watcher.data(1) == ["fine"]

    def test_topics_are_named(self, hub: Hub) -> None:
        with pytest.raises(TypeError, match="There may be more than one topic"):
            hub.subscribe("news")
        with pytest.raises(ValueError, match="A viewer watches at least one topic"):
            hub.subscribe([])

    @pytest.mark.parametrize(
        ("options", "sentence"),
        [
            pytest.param({"history": 0}, "history is a number of events from 1", id="no history"),
            pytest.param({"history": True}, "history is a number of", id="a truth"),
            pytest.param({"slow": "wait"}, "slow is one of drop, disconnect, not", id="waiting"),
        ],
    )
    def test_an_option_that_cannot_be_is_refused(
        self, options: dict[str, Any], sentence: str
    ) -> None:
        with pytest.raises(ValueError, match=sentence):
            self.make(**options)

    def test_many_threads_publish_and_everybody_has_all_of_it_once_and_in_order(self) -> None:
        hub = self.make(history=1000)
        seen: dict[int, list[str]] = defaultdict(list)

        def read(number: int, watcher: Watcher) -> None:
            while len(seen[number]) < 400:
                seen[number] += watcher.data(1)

        def publish(number: int) -> None:
            for count in range(100):
                hub.publish("news", f"{number}:{count}")

        with self.watch(hub) as one, self.watch(hub) as two:
            threads = [
                *(threading.Thread(target=read, args=(n, w)) for n, w in enumerate((one, two))),
                *(threading.Thread(target=publish, args=(number,)) for number in range(4)),
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(DEADLINE)
                assert not thread.is_alive()
        assert seen[0] == seen[1]
        for number in range(4):
            mine = [said for said in seen[0] if said.startswith(f"{number}:")]
            assert mine == [f"{number}:{count}" for count in range(100)]
