"""Bodies whose chunks are made into others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.middleware.contract import failing
from tests.server.bodies import Feed
from tests.watched import WatchedBody
from wsgistream.types import Body
from wsgistream.wsgi.bodies import close
from wsgistream.wsgi.changing import changed
from wsgistream.wsgi.waiting import Wakeable


class Pairs:
    """A change that gives two bytes at a time, and in the end what is left."""

    def __init__(self) -> None:
        self._rest = b""
        self.finished = 0

    def feed(self, chunk: bytes) -> bytes:
        data = self._rest + chunk.upper()
        self._rest = data[len(data) // 2 * 2 :]
        return data[: len(data) // 2 * 2]

    def finish(self) -> bytes:
        self.finished += 1
        return self._rest + b"."


class Refusing(Pairs):
    """A change that fails."""

    def feed(self, chunk: bytes) -> bytes:
        raise LookupError


class Unfinished(Pairs):
    """A change that fails at its end."""

    def finish(self) -> bytes:
        raise LookupError


BODIES: list[Any] = [
    pytest.param(lambda *chunks: WatchedBody(chunks), id="a generator"),
    pytest.param(lambda *chunks: Feed(*chunks, None), id="a stream that may be idle"),
]


def closings(body: Any) -> int:
    return int(body.closings if isinstance(body, Feed) else body.closed)


def taken(body: Body) -> list[bytes]:
    """All chunks, empty ones too, as a server takes them."""
    return list(iter(body.take, None) if isinstance(body, Wakeable) else body)


@pytest.mark.parametrize("make", BODIES)
class TestEveryBody:
    def test_each_chunk_is_made_into_one(self, make: Callable[..., Body]) -> None:
        body, change = make(b"abc", b"d", b"", b"e"), Pairs()
        given = changed(body, change)
        assert taken(given) == [b"AB", b"CD", b"", b"", b"E."]
        assert (closings(body), change.finished) == (0, 1)
        close(given)
        close(given)
        assert closings(body) == 1

    def test_nothing_is_made_of_nothing_but_the_end(self, make: Callable[..., Body]) -> None:
        assert taken(changed(make(), Pairs())) == [b"."]

    def test_what_is_left_is_not_finished(self, make: Callable[..., Body]) -> None:
        body, change = make(b"ab", b"cd"), Pairs()
        given: Any = changed(body, change)
        assert next(iter(given)) == b"AB"
        close(given)
        assert list(given) == []
        assert (closings(body), change.finished) == (1, 0)

    def test_a_failure_of_the_change_is_passed_on(self, make: Callable[..., Body]) -> None:
        body = make(b"ab")
        given = changed(body, Refusing())
        with pytest.raises(LookupError):
            taken(given)
        close(given)
        assert closings(body) == 1

    def test_a_failure_at_the_end_is_passed_on(self, make: Callable[..., Body]) -> None:
        given = changed(make(b"ab"), Unfinished())
        with pytest.raises(LookupError):
            taken(given)
        assert taken(given) == []


def test_a_failure_of_the_body_is_passed_on_and_not_finished() -> None:
    change = Pairs()
    with pytest.raises(LookupError):
        list(changed(failing(), change))
    assert change.finished == 0


def test_a_list_is_changed_as_it_is_asked_for() -> None:
    assert list(changed([b"ab", b"cd"], Pairs())) == [b"AB", b"CD", b"."]


@pytest.mark.parametrize("pausable", [False, True])
def test_it_says_whether_another_thread_may_go_on(pausable: bool) -> None:
    body: Any = WatchedBody([])
    body.pausable = pausable
    assert changed(body, Pairs()).pausable is pausable  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("stream", "change", "expected"),
    [(True, True, True), (True, False, False), (False, True, False), (False, False, False)],
)
def test_a_stream_is_quick_where_both_are(stream: bool, change: bool, expected: bool) -> None:
    feed = Feed()
    feed.quick, feed.heartbeat = stream, 7.0
    body = changed(feed, Pairs(), quick=change)
    assert isinstance(body, Wakeable)
    assert (body.quick, body.heartbeat) == (expected, 7.0)


def test_a_stream_may_be_idle_and_is_woken() -> None:
    feed = Feed(b"ab")
    body = changed(feed, Pairs())
    assert isinstance(body, Wakeable)
    woken: list[bool] = []
    body.wake_by(lambda: woken.append(True))
    assert (body.take(), body.take(), body.beat()) == (b"AB", None, b":\n")
    feed.give(b"cd", None)
    assert (woken, taken(body)) == ([True], [b"CD", b"."])
