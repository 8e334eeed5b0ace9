"""A hub of many processes over a real Redis, which goes away and comes back."""

from __future__ import annotations

import logging
import multiprocessing
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.eventsource import Event
from tests.ports import kept_port
from tests.redis import RedisServer, needs_redis
from tests.servers import DEADLINE, eventually
from tests.sources.live.contract import HISTORY, LONGEST, HubContract, Watcher
from wsgistream import HubAway, RedisHub
from wsgistream.rules.coding import MissingLibrary
from wsgistream.rules.sse import EventId
from wsgistream.sources.live import following

pytestmark = needs_redis


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A server for all tests that leave it alone."""
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """A server that a test may end."""
    with RedisServer(tmp_path) as server:
        yield server


class Hubs:
    """Hubs that are closed in the end; each test has a stream of its own."""

    _count = 0

    def __init__(self) -> None:
        Hubs._count += 1
        self.key = f"stream {Hubs._count}"
        self._hubs: list[RedisHub] = []

    def make(self, server: RedisServer, **options: Any) -> RedisHub:
        settings = {"key": self.key, "history": HISTORY, "longest": LONGEST, **options}
        self._hubs.append(RedisHub(settings.pop("url", server.url), **settings))
        return self._hubs[-1]

    def close(self) -> None:
        for hub in self._hubs:
            hub.close()


@pytest.fixture
def hubs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hubs]:
    monkeypatch.setattr(following, "_BLOCK", 50)  # which is how long an end takes
    with closing(Hubs()) as hubs:
        yield hubs


class TestContract(HubContract):
    @pytest.fixture(autouse=True)
    def _place(self, shared: RedisServer, hubs: Hubs) -> None:
        self._server, self._hubs = shared, hubs

    def make(self, **options: Any) -> RedisHub:
        return self._hubs.make(self._server, **options)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A cluster of one, which answers as any other does."""
    options = ("--cluster-enabled", "yes", "--cluster-announce-ip", "127.0.0.1")
    with (
        kept_port() as bus,
        RedisServer(
            tmp_path_factory.mktemp("cluster"), *options, "--cluster-port", str(bus)
        ) as server,
    ):
        server.url = f"redis+cluster://127.0.0.1:{server.port}"
        with closing(server.client()) as client:
            client.execute_command("CLUSTER ADDSLOTSRANGE", 0, 16383)
            assert eventually(lambda: client.cluster("info")["cluster_state"] == "ok")
        yield server


class TestContractOfACluster(HubContract):
    @pytest.fixture(autouse=True)
    def _place(self, cluster: RedisServer, hubs: Hubs) -> None:
        self._server, self._hubs = cluster, hubs

    def make(self, **options: Any) -> RedisHub:
        return self._hubs.make(self._server, **options)


def watch(hub: RedisHub, *topics: str, last_id: str | None = None) -> Watcher:
    return Watcher(hub.subscribe(topics or ["news"], last_id))


def test_what_one_publishes_all_others_see(shared: RedisServer, hubs: Hubs) -> None:
    one, two = hubs.make(shared), hubs.make(shared)
    watchers = [watch(one), watch(two)]
    for number in range(6):
        (one, two)[number % 2].publish("news", str(number))
    for watcher in watchers:
        assert watcher.data(6) == list("012345")
    assert watchers[0].reader.last_id == watchers[1].reader.last_id


def test_a_viewer_is_resumed_by_another_process(shared: RedisServer, hubs: Hubs) -> None:
    one, two = hubs.make(shared), hubs.make(shared)
    watcher = watch(one)
    one.publish("news", "a")
    assert watcher.data(1) == ["a"]
    one.publish("news", "b")
    again = watch(two, last_id=watcher.reader.last_id)
    assert again.data(1) == ["b"]


def test_who_came_before_the_first_event_is_resumed(shared: RedisServer, hubs: Hubs) -> None:
    place = watch(hubs.make(shared)).place()
    assert place == "0-0"
    hubs.make(shared).publish("news", "a")
    assert watch(hubs.make(shared), last_id=place).data(1) == ["a"]


def test_others_may_add_events_and_what_is_none_is_passed_over(
    shared: RedisServer, hubs: Hubs, caplog: pytest.LogCaptureFixture
) -> None:
    hub = hubs.make(shared)
    watcher = watch(hub)
    watcher.place()
    events: list[dict[Any, Any]] = [
        {"topic": "news"},
        {"data": "a"},
        {"topic": "news", "data": b"\xff"},
        {"topic": "news", "data": "a", "event": "b\nc"},
        {"topic": "news", "data": "a", "retry": "soon"},
        {"topic": "news", "data": "x" * LONGEST},
        {"topic": "news", "data": "fine", "retry": "7", "other": "field"},
    ]
    with closing(shared.client()) as client:
        for fields in events:
            client.xadd(hubs.key, fields)
    assert watcher.data(1) == ["fine"]
    assert watcher.reader.retry == 7
    assert sum("is none, and is passed over" in each for each in caplog.messages) == 6


def test_redis_holds_no_more_than_it_should(shared: RedisServer, hubs: Hubs) -> None:
    hub = hubs.make(shared)
    for number in range(400):
        hub.publish("news", str(number))
    with closing(shared.client()) as client:
        assert client.xlen(hubs.key) < HISTORY + 200
        assert client.ttl(f"{hub._name}:{__import__('os').getpid()}:{threading.get_ident()}") > 0


def test_one_thread_reads_for_all_and_none_where_nobody_watches(
    shared: RedisServer, hubs: Hubs
) -> None:
    def reading() -> int:
        return sum(thread.name == "wsgistream events" for thread in threading.enumerate())

    before = reading()
    hub = hubs.make(shared)
    assert not hub.quick
    hub.publish("news", "a")
    assert reading() == before
    for _ in range(5):
        watch(hub)
    assert hub.quick
    assert reading() == before + 1
    hub.close()
    assert reading() == before


def test_of_two_who_come_at_once_one_begins(shared: RedisServer, hubs: Hubs) -> None:
    hub = hubs.make(shared)
    watchers: list[Watcher] = []
    threads = [threading.Thread(target=lambda: watchers.append(watch(hub))) for _ in range(2)]
    with hub._beginning:
        for thread in threads:
            thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    hub.publish("news", "a")
    assert [watcher.data(1) for watcher in watchers] == [["a"], ["a"]]


# Redis away


def test_killed_in_mid_stream_it_loses_nothing_and_doubles_nothing(
    server: RedisServer, hubs: Hubs
) -> None:
    """Four publish while Redis is killed and comes back, again and again."""
    each, history = 250, 5000
    publisher, reader = (hubs.make(server, history=history, patience=60) for _ in range(2))
    watchers = [watch(publisher), watch(reader)]
    for watcher in watchers:
        watcher.place()
    failures: list[BaseException] = []

    def publish(number: int) -> None:
        try:
            for count in range(each):
                publisher.publish("news", f"{number}:{count}")
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=publish, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    told: list[str] = []
    for part in range(1, 4):
        told += watchers[1].data(part * each - len(told))
        server.kill()
        server.start()
    told += watchers[1].data(4 * each - len(told))
    assert watchers[0].data(4 * each) == told
    for thread in threads:
        thread.join(DEADLINE)
    assert not failures
    for number in range(4):
        mine = [said for said in told if said.startswith(f"{number}:")]
        assert mine == [f"{number}:{count}" for count in range(each)]


def test_what_was_added_and_not_told_is_not_added_again(
    shared: RedisServer, hubs: Hubs, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = hubs.make(shared)
    watcher = watch(hub)
    client = hub._connected()
    evaluate, cuts = client.eval, iter([redis.ConnectionError, redis.TimeoutError, None])

    def cut_off(*arguments: Any) -> Any:
        told = evaluate(*arguments)
        failure = next(cuts, None)
        if failure is not None:
            raise failure
        return told

    monkeypatch.setattr(client, "eval", cut_off)
    told = hub.publish("news", "a")
    assert hub.publish("news", "b") > told
    assert watcher.data(2) == ["a", "b"]


def test_while_it_is_away_what_is_published_is_refused_in_time(
    server: RedisServer, hubs: Hubs
) -> None:
    hub = hubs.make(server, patience=0.1)
    watcher = watch(hub)
    watcher.place()
    server.kill()
    with pytest.raises(HubAway, match="Redis is away"):
        hub.publish("news", "a")
    late = watch(hub)  # who comes now waits as well
    assert late.now() == []
    server.start()
    assert eventually(lambda: _is_published(hub, "b"))
    assert watcher.data(1) == ["b"]
    assert late.data(1) == ["b"]


class Minute:
    """A clock, and a Redis that comes back when it has been away for a minute."""

    def __init__(self, server: RedisServer) -> None:
        self.now = 0.0
        self._server = server

    def sleep(self, seconds: float) -> None:
        before, self.now = self.now, self.now + seconds
        if before < 60 <= self.now:
            self._server.start()


def test_what_is_published_waits_for_it_for_a_minute(server: RedisServer, hubs: Hubs) -> None:
    minute = Minute(server)
    hub = hubs.make(server, patience=90, clock=lambda: minute.now, sleep=minute.sleep)
    watcher = watch(hub)
    first = hub.publish("news", "before")
    assert watcher.data(1) == ["before"]
    server.kill()
    hub.publish("news", "meanwhile")
    assert 60 <= minute.now < 70
    hub.publish("news", "after")
    # Who watched all the time, and who comes again, have each of them once.
    assert watcher.data(2) == ["meanwhile", "after"]
    assert watch(hub, last_id=first).data(2) == ["meanwhile", "after"]
    assert watch(hubs.make(server), last_id=first).data(2) == ["meanwhile", "after"]


def test_who_has_less_patience_than_a_minute_is_told(server: RedisServer, hubs: Hubs) -> None:
    minute = Minute(server)
    hub = hubs.make(server, patience=30, clock=lambda: minute.now, sleep=minute.sleep)
    server.kill()
    with pytest.raises(HubAway):
        hub.publish("news", "a")
    assert 25 < minute.now <= 30


def _is_published(hub: RedisHub, data: str) -> bool:
    try:
        hub.publish("news", data)
    except HubAway:
        return False
    return True


def test_a_viewer_may_come_before_it(
    server: RedisServer, hubs: Hubs, caplog: pytest.LogCaptureFixture
) -> None:
    last = hubs.make(server).publish("news", "a")
    hubs.make(server).publish("news", "b")
    server.kill()
    hub = hubs.make(server)
    fresh, again = watch(hub), watch(hub, last_id=last)
    assert fresh.now() == again.now() == []
    assert fresh.viewer.beat() == b":\n\n"
    assert hub.quick  # nobody else need wait
    assert any("cannot be read; trying again" in each for each in caplog.messages)
    server.start()
    assert again.data(1) == ["b"]
    fresh.place()
    hub.publish("news", "c")
    assert fresh.data(1) == again.data(1) == ["c"]


def test_who_was_away_for_longer_than_its_history_is_told(
    server: RedisServer, hubs: Hubs, caplog: pytest.LogCaptureFixture
) -> None:
    hub = hubs.make(server)
    hub.publish("news", "a")
    watcher = watch(hub)
    watcher.place()
    server.kill()
    assert eventually(lambda: any("cannot be read" in each for each in caplog.messages))
    with RedisServer(server._folder) as elsewhere:  # where it is not seen
        other = hubs.make(elsewhere)
        for number in range(300):
            other.publish("news", str(number))
        with closing(elsewhere.client()) as client:
            client.xtrim(hubs.key, maxlen=3, approximate=False)
    server.start()
    events: list[Event] = []
    while len(events) < 4:
        assert watcher.news.wait(DEADLINE)
        events += watcher.now()
    assert [event.type for event in events] == ["missed"] + 3 * ["message"]
    assert [event.data for event in events[1:]] == ["297", "298", "299"]


def test_a_reader_that_is_too_slow_begins_anew(
    shared: RedisServer, hubs: Hubs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "_BATCH", 2)
    hub = hubs.make(shared)
    watcher = watch(hub)
    hub.publish("news", "first")
    assert watcher.data(1) == ["first"]
    with closing(shared.client()) as client, client.pipeline() as pipeline:
        for number in range(9):
            pipeline.xadd(hubs.key, {"topic": "news", "data": str(number)})
        pipeline.xtrim(hubs.key, maxlen=3, approximate=False)
        pipeline.execute()
    events: list[Event] = []
    while len(events) < 4:
        assert watcher.news.wait(DEADLINE)
        events += watcher.now()
    assert [event.type for event in events] == ["missed"] + 3 * ["message"]
    assert [event.data for event in events[1:]] == ["6", "7", "8"]
    for number in range(4):  # as many as are fetched at once, and nothing is gone
        hub.publish("news", str(number))
    assert watcher.data(4) == list("0123")


def test_a_stream_that_was_emptied_is_told_to_be(shared: RedisServer, hubs: Hubs) -> None:
    hub = hubs.make(shared)
    ids = [hub.publish("news", str(number)) for number in range(3)]
    with closing(shared.client()) as client:
        client.xtrim(hubs.key, maxlen=0, approximate=False)
    watcher = watch(hub, last_id=ids[1])
    assert watcher.place() == ids[2]
    assert watcher.now() == [Event("", "missed", ids[2])]


def test_a_key_that_is_something_else_is_told_of(
    shared: RedisServer, hubs: Hubs, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(shared.client()) as client:
        client.set(hubs.key, "text")
    hub = hubs.make(shared)
    assert watch(hub).now() == []
    assert any("cannot be read" in each for each in caplog.messages)
    with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
        hub.publish("news", "a")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no process can be forked here")
def test_a_process_that_was_forked_reads_and_publishes_by_itself(
    shared: RedisServer, hubs: Hubs
) -> None:
    hub = hubs.make(shared)
    hubs.make(shared)  # which is forgotten before
    watcher = watch(hub)
    hub.publish("news", "parent")
    assert watcher.data(1) == ["parent"]
    context = multiprocessing.get_context("fork")
    told = context.Queue()

    def child() -> None:
        assert not hub._log._topics
        mine = watch(hub)
        for number in range(3):
            hub.publish("news", f"child {number}")
        told.put(mine.data(3))
        hub.close()

    process = context.Process(target=child)
    process.start()
    expected = [f"child {number}" for number in range(3)]
    assert told.get(timeout=DEADLINE) == expected
    process.join(DEADLINE)
    assert process.exitcode == 0
    assert watcher.data(3) == expected


@pytest.mark.parametrize(
    ("key", "place"),
    [
        pytest.param("events", "{events}:publisher:", id="a name"),
        pytest.param("{app}:events", "{app}:events:publisher:", id="a name with a tag"),
    ],
)
def test_all_keys_are_in_one_slot(key: str, place: str) -> None:
    assert RedisHub(key=key)._name.startswith(place)


def test_patience_is_seconds() -> None:
    with pytest.raises(ValueError, match="Patience is seconds from 0, not -1"):
        RedisHub(patience=-1)


def test_without_its_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(MissingLibrary, match=r"pip install 'wsgistream\[redis\]'"):
        RedisHub()


def test_nothing_is_connected_before_it_is_needed(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    RedisHub("redis://127.0.0.1:1/0").close()
    assert not caplog.messages


@pytest.mark.parametrize(
    ("place", "before"),
    [
        pytest.param(EventId(5, 3), EventId(5, 2), id="of the same millisecond"),
        pytest.param(EventId(5, 0), EventId(4, 2**64 - 1), id="of the millisecond before"),
    ],
)
def test_before_an_event_there_is_a_place(place: EventId, before: EventId) -> None:
    assert following._before(place) == before
