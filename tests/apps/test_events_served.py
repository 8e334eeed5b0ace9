"""Events over real connections, where clients, publishers and Redis do not do as they should."""

from __future__ import annotations

from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from tests.client import Answer
from tests.eventsource import Event, EventSource
from tests.redis import RedisServer, needs_redis
from tests.servers import Running, eventually, running
from wsgistream import EventsApp, MemoryHub, RedisHub
from wsgistream.rules.sse import LONGEST

TOKEN = "Authorization: Bearer s3cret"

#: Bytes that our server keeps for a client, here, and those of a chunk that may come on top.
BUFFER = 64 * 1024
CHUNK = 128 * 1024


def serving(stack: ExitStack, hub: Any, **options: Any) -> Running:
    app = EventsApp(hub, topics=["news", "sport"], publish="s3cret", **options)
    return stack.enter_context(running(app, stream_buffer=BUFFER))


def watching(stack: ExitStack, run: Running, last_id: str = "", **options: Any) -> EventSource:
    client = stack.enter_context(run.connect(**options))
    source = EventSource(client, "/?topic=news", f"Last-Event-ID: {last_id}")
    assert source.head[0] == "HTTP/1.1 200 OK"
    return source


def post(run: Running, query: str, body: bytes = b"a") -> Answer:
    with run.connect() as client:
        client.ask(f"/?topic=news&{query}", "POST", TOKEN, f"Content-Length: {len(body)}")
        client.send(body)
        return client.answer()


@pytest.mark.parametrize("field", ["event", "id"])
@pytest.mark.parametrize("character", ["%0A", "%0D", "%0D%0A", "%00"])
@pytest.mark.parametrize("place", ["{}", "a{}", "{}a", "a{}data:b", "5-1{}", "{}5-1"])
def test_the_end_of_a_line_or_nul_breaks_out_of_no_field(
    field: str, character: str, place: str
) -> None:
    with ExitStack() as stack:
        run = serving(stack, MemoryHub())
        source = watching(stack, run)
        answer = post(run, f"{field}={place.format(character)}")
        assert (answer.status, answer.body.count(b"\n")) == (400, 1)
        assert post(run, "event=fine", b"after").status == 200
        assert source.read()[0][:2] == ("after", "fine")


def test_an_event_may_be_as_long_as_is_said_and_no_longer() -> None:
    framing = len(b"data: \n\n")
    with ExitStack() as stack:
        run = serving(stack, MemoryHub())
        source = watching(stack, run)
        for size in (LONGEST + 1, LONGEST - framing + 1, 10 * LONGEST):
            answer = post(run, "", b"x" * size)
            assert (answer.status, answer.body) == (413, b"The event is too long.\n")
        assert post(run, "", b"y" * (LONGEST - framing)).status == 200
        assert source.read()[0].data == "y" * (LONGEST - framing)


def test_an_unknown_topic_is_not_there_for_anybody() -> None:
    with ExitStack() as stack:
        run = serving(stack, MemoryHub())
        for method in ("GET", "HEAD", "POST"):
            with run.connect() as client:
                client.ask("/?topic=other", method, TOKEN, "Content-Length: 0")
                assert client.answer(method).status == 404


def fall_behind(stack: ExitStack, run: Running, hub: MemoryHub) -> EventSource:
    """Publish far more than is kept for somebody who does not read, beside one who does."""
    slow, quick = watching(stack, run, window=4096), watching(stack, run)
    slow.begun()
    for number in range(400):
        hub.publish("news", f"{number}:".ljust(32 * 1024, "x"))
        quick.read()
    return slow


def numbers(events: list[Event]) -> list[int]:
    return [int(event.data.partition(":")[0]) for event in events]


def test_who_never_reads_costs_no_more_than_its_buffer_and_is_told() -> None:
    hub = MemoryHub(history=10)
    with ExitStack() as stack:
        run = serving(stack, hub)
        slow = fall_behind(stack, run, hub)
        held = [channel.total_outbufs_len for channel in run.server._channels()]
        assert 0 < max(held) <= BUFFER + CHUNK
        told = slow.read()
        while told[-1].type != "missed":
            told += slow.read()
        assert numbers(told[:-1]) == list(range(len(told) - 1))
        assert numbers(slow.read(10)) == list(range(390, 400))


def test_who_never_reads_may_be_sent_away_and_comes_again() -> None:
    hub = MemoryHub(history=10, slow="disconnect")
    with ExitStack() as stack:
        run = serving(stack, hub)
        told = fall_behind(stack, run, hub).to_the_end()
        assert numbers(told) == list(range(len(told)))
        again = watching(stack, run, told[-1].id)
        assert again.read()[0].type == "missed"
        assert numbers(again.read(10)) == list(range(390, 400))


@pytest.mark.parametrize(
    "last_id",
    [
        pytest.param("1-0", id="of long ago"),
        pytest.param("99999999999999-0", id="of what is to come"),
        pytest.param("nobody's", id="of another server"),
    ],
)
def test_who_comes_again_too_late_is_told_first(last_id: str) -> None:
    hub = MemoryHub(history=10)
    with ExitStack() as stack:
        run = serving(stack, hub)
        ids = [hub.publish("news", str(number)) for number in range(20)]
        source = watching(stack, run, last_id)
        missed = source.read()[0]
        assert missed[:2] == ("", "missed")
        hub.publish("news", "last")
        there = ids[ids.index(missed.id) + 1 :]
        assert len(there) in (0, 10)
        told = source.read(len(there) + 1)
        assert [event.id for event in told[:-1]] == there
        assert told[-1].data == "last"


@needs_redis
def test_while_redis_is_away_viewers_stay_and_publishers_are_told(tmp_path: Path) -> None:
    with ExitStack() as stack:
        redis = stack.enter_context(RedisServer(tmp_path))
        hub = stack.enter_context(closing(RedisHub(redis.url, patience=0.1)))
        run = serving(stack, hub, heartbeat=0.1)
        source = watching(stack, run)
        assert post(run, "", b"before").status == 200
        (before,) = source.read()
        redis.kill()
        answer = post(run, "", b"lost")
        assert (answer.status, answer["Retry-After"]) == (503, "1")
        late = watching(stack, run, before.id)
        for _ in range(3):  # signs of life, for which nobody needs Redis
            assert source.chunk() == f"id: {before.id}\n\n".encode()
        redis.start()
        assert eventually(lambda: post(run, "", b"after").status == 200)
        assert source.read() == late.read()
        assert source.begun() == late.begun() > before.id
