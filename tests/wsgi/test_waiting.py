"""Bodies that need no thread of their own, and applications that say how they are."""

from __future__ import annotations

from typing import Any

import pytest

from tests.server.bodies import Feed
from tests.watched import WatchedBody
from wsgistream.wsgi import waiting
from wsgistream.wsgi.waiting import Around, Pausable, Wakeable, is_pausable, is_quick


def test_a_pausable_body_gives_the_chunks_of_another_and_closes_it() -> None:
    inner = WatchedBody([b"a", b"b"])
    body = Pausable(inner)
    assert list(body) == [b"a", b"b"]
    body.close()
    assert inner.closed == 1
    Pausable([b"a"]).close()  # which has nothing to close


class Saying:
    """Something that says of itself what a test wants."""

    def __init__(self, **said: Any) -> None:
        self.__dict__.update(said)


@pytest.mark.parametrize(
    ("said", "expected"),
    [({}, False), ({"it": True}, True), ({"it": False}, False), ({"it": "yes"}, False)],
    ids=["nothing", "yes", "no", "something else"],
)
def test_bodies_and_applications_are_taken_at_their_word(
    said: dict[str, Any], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert is_pausable(Saying(**({"pausable": said["it"]} if said else {}))) is expected
    app = Saying(**({"quick": said["it"]} if said else {}))
    assert is_quick(app) is (expected and waiting._CAN_TELL)
    monkeypatch.setattr(waiting, "_CAN_TELL", False)
    assert not is_quick(app)


class Counting(Wakeable):
    """Three numbers, with a silence before each."""

    heartbeat = 0.001

    def __init__(self, beating: bytes) -> None:
        self._beating = beating
        self._takes = 0

    def take(self) -> bytes | None:
        self._takes += 1
        if self._takes > 6:
            raise StopIteration
        return None if self._takes % 2 else b"%d" % self._takes

    def beat(self) -> bytes:
        return self._beating


def test_a_stream_is_an_iterable_that_beats_in_each_silence() -> None:
    assert list(Counting(b":")) == [b":", b"2", b":", b"4", b":", b"6"]
    assert list(Counting(b"")) == [b"2", b"4", b"6"]


def test_a_stream_calls_whoever_wants_to_be_woken_and_nobody_before() -> None:
    stream, calls = Wakeable(), []
    stream.wake()
    stream.wake_by(lambda: calls.append("woken"))
    stream.wake()
    assert calls == ["woken"]
    assert stream.beat() == b""
    assert stream.close() is None  # type: ignore[func-returns-value]
    with pytest.raises(NotImplementedError):
        stream.take()


def test_a_stream_around_another_is_as_that_is() -> None:
    class Timed(Feed):
        quick = False
        heartbeat = 7.0
        waits_for_time = True

    feed = Timed(b"some")
    body = Around(feed)
    assert (body.quick, body.heartbeat, body.waits_for_time) == (False, 7.0, True)
    assert not Around(Feed()).waits_for_time
    woken: list[bool] = []
    body.wake_by(lambda: woken.append(True))
    body.wake()
    assert (woken, body.take(), body.take(), body.beat()) == ([True], b"some", None, b":\n")
    for _ in range(2):
        body.close()
    assert feed.closings == 1
