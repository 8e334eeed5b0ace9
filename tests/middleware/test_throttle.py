"""No more bytes a second than there may be, whatever the body, and nothing that waits for them."""

from __future__ import annotations

import io
import itertools
import threading
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.alarms import Still
from tests.client import make_environ
from tests.files import CountedFile, Pipe
from tests.live import SERVERS, fetch
from tests.middleware.contract import MiddlewareContract, ServerWrapper, answering, endless
from tests.server.bodies import Feed, Steered
from tests.servers import eventually, running
from tests.watched import WatchedBody
from wsgistream import FileApp, ThrottleMiddleware
from wsgistream.types import Body, Environ, StartResponse, WSGIApp
from wsgistream.wsgi import alarm
from wsgistream.wsgi.alarm import Alarms
from wsgistream.wsgi.bodies import close
from wsgistream.wsgi.files import FileWrapper
from wsgistream.wsgi.waiting import IN_LOOP, Pausable, Wakeable, WouldBlock, is_pausable

KIB = 1024


class TestContract(MiddlewareContract):
    """Nobody waits: all that the contract sends is within the burst."""

    def make(self, app: WSGIApp) -> WSGIApp:
        limits = {"per_connection": 1e6, "per_address": 1e6, "total": 1e6}
        return ThrottleMiddleware(app, **limits, alarms=Still())


@pytest.fixture
def running_alarms(monkeypatch: pytest.MonkeyPatch) -> Iterator[Alarms]:
    """Alarms as they are, whose thread does not outlive the test."""
    monkeypatch.setattr(alarm, "_LINGER", 0.01)
    alarms = Alarms()
    yield alarms
    names = {"wsgistream alarms"}
    assert eventually(lambda: names.isdisjoint(each.name for each in threading.enumerate()))


class Client:
    """One who takes all that it is given, in the way of our server."""

    def __init__(
        self, app: WSGIApp, alarms: Still, *, port: str | None = None, **environ: Any
    ) -> None:
        self._alarms = alarms
        self.began: list[tuple[str, dict[str, str]]] = []
        self.taken: list[tuple[float, bytes]] = []
        self.ended = False
        given = {"REMOTE_ADDR": "192.0.2.1", "wsgi.file_wrapper": FileWrapper, **environ}
        if port is not None:
            given["REMOTE_PORT"] = port
        self.body = app({**make_environ(), **given}, self._start)
        if isinstance(self.body, Wakeable):
            self.body.wake_by(self._take)
            self._take()

    @property
    def sent(self) -> int:
        return sum(len(data) for _, data in self.taken)

    @property
    def data(self) -> bytes:
        return b"".join(data for _, data in self.taken)

    def _start(self, status: str, headers: Any, *_: object) -> Callable[[bytes], object]:
        self.began.append((status, dict(headers)))
        return lambda data: None

    def _take(self) -> None:
        assert isinstance(self.body, Wakeable)
        try:
            while (chunk := self.body.take()) is not None:
                self.taken.append((self._alarms.now, chunk))
        except StopIteration:
            self.ended = True
            close(self.body)


def chunks(size: int = 64 * KIB, count: int = 1000) -> WSGIApp:
    """An application that any thread may go on with."""

    def app(environ: Environ, start_response: StartResponse) -> Body:
        body = Pausable(itertools.repeat(bytes(size), count))
        return answering(body)(environ, start_response)

    return app


def in_turn(bodies: Iterable[Body]) -> WSGIApp:
    """An application that gives one after the other."""
    left = iter(bodies)

    def app(environ: Environ, start_response: StartResponse) -> Body:
        return answering(next(left))(environ, start_response)

    return app


def is_free(app: ThrottleMiddleware) -> bool:
    """Tell whether nobody waits for anything, and nobody is promised anything."""
    levels = [app._connections, app._addresses, app._total]
    buckets = [each for level in levels if level for each in level._buckets.values()]
    waits = app._traffic._set or any(each.users or each.line or each._promised for each in buckets)
    return not waits


@pytest.mark.parametrize("size", [100, 3 * KIB, 64 * KIB, 5000 * KIB])
@pytest.mark.parametrize("limit", ["per_connection", "per_address", "total"])
def test_an_answer_has_a_burst_at_once_and_then_its_rate(limit: str, size: int) -> None:
    alarms = Still()
    app = ThrottleMiddleware(chunks(size), **{limit: 256 * KIB}, burst=100 * KIB, alarms=alarms)
    client = Client(app, alarms)
    piece = 64 * KIB
    for seconds in range(5):
        most = 100 * KIB + 256 * KIB * seconds
        assert min(most, size * 1000) - piece <= client.sent <= most
        alarms.go_on(1)
    close(client.body)
    assert is_free(app)
    assert len(alarms) == 0


def test_the_burst_is_that_of_a_second_where_it_is_not_said() -> None:
    alarms = Still()
    client = Client(ThrottleMiddleware(chunks(KIB), per_address=100 * KIB, alarms=alarms), alarms)
    assert client.sent == 100 * KIB
    slow = ThrottleMiddleware(chunks(KIB), per_address=0.25 * KIB, alarms=alarms)
    client = Client(slow, alarms)
    assert client.sent == 32 * KIB
    alarms.go_on(9)
    assert client.sent == 34 * KIB


RATES = st.one_of(st.none(), st.integers(10, 10**6))


@settings(deadline=None, max_examples=50)
@given(
    rates=st.tuples(RATES, RATES, RATES).filter(any),
    burst=st.one_of(st.none(), st.integers(1, 10**6)),
    clients=st.lists(
        st.tuples(st.sampled_from("123"), st.sampled_from("12"), st.integers(1, 10**5)),
        min_size=1,
        max_size=6,
    ),
)
def test_no_window_of_any_bucket_has_more_than_it_may(
    rates: tuple[int | None, ...], burst: int | None, clients: list[tuple[str, str, int]]
) -> None:
    alarms = Still()
    names = ("per_connection", "per_address", "total")
    limits = dict(zip(names, rates, strict=True))
    made = [
        (
            (address, port),
            ThrottleMiddleware(chunks(size), **limits, burst=burst, alarms=alarms),
        )
        for address, port, size in clients
    ]
    app = made[0][1]
    for _, other in made:  # other chunks through the same buckets
        for name in ("_traffic", "_connections", "_addresses", "_total"):
            setattr(other, name, getattr(app, name))
    all_ = [
        (key, Client(each, alarms, REMOTE_ADDR=key[0], REMOTE_PORT=key[1])) for key, each in made
    ]
    alarms.go_on(2)
    groups: list[Callable[[tuple[str, str]], object]] = [
        lambda key: key,
        lambda key: key[0],
        lambda key: None,
    ]
    for rate, group in zip(rates, groups, strict=True):
        if rate is None:
            continue
        for name in {group(key) for key, _ in all_}:
            sent = sorted(
                (when, len(data))
                for key, client in all_
                if group(key) == name
                for when, data in client.taken
            )
            _check_windows(sent[:200], rate, burst or max(32 * KIB, rate))
    for _, client in all_:
        close(client.body)
    assert is_free(app)
    assert len(alarms) == 0


def _check_windows(sent: list[tuple[float, int]], rate: float, burst: float) -> None:
    for first, (begin, _) in enumerate(sent):
        total = 0
        for end, size in sent[first:]:
            total += size
            assert total <= (burst + rate * (end - begin)) * (1 + 1e-9)


def test_requests_of_one_connection_share_its_bucket() -> None:
    alarms = Still()
    app = ThrottleMiddleware(chunks(KIB), per_connection=100 * KIB, alarms=alarms)
    first = Client(app, alarms, port="1")
    close(first.body)
    again, other = Client(app, alarms, port="1"), Client(app, alarms, port="2")
    assert [each.sent for each in (first, again, other)] == [100 * KIB, 0, 100 * KIB]


def test_where_the_server_gives_no_port_each_answer_has_its_own_bucket() -> None:
    alarms = Still()
    app = ThrottleMiddleware(chunks(KIB), per_connection=100 * KIB, alarms=alarms)
    assert [Client(app, alarms).sent for _ in range(2)] == [100 * KIB] * 2


def test_the_connections_of_an_address_share_its_bucket() -> None:
    alarms = Still()
    app = ThrottleMiddleware(chunks(KIB), per_address=100 * KIB, alarms=alarms)
    addresses = ["192.0.2.1", "192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"]
    clients = [
        Client(app, alarms, REMOTE_ADDR=address, port=str(number))
        for number, address in enumerate(addresses)
    ]
    assert [each.sent // KIB for each in clients] == [100, 0, 100, 100, 0]


def test_answers_that_share_a_bucket_have_equal_parts_of_it() -> None:
    alarms = Still()
    app = ThrottleMiddleware(chunks(10_000 * KIB), total=1000 * KIB, burst=64 * KIB, alarms=alarms)
    greedy = [Client(app, alarms, REMOTE_ADDR="192.0.2.1", port=str(each)) for each in range(3)]
    alarms.go_on(10)
    late = Client(app, alarms, REMOTE_ADDR="192.0.2.2")
    before = [each.sent for each in greedy]
    alarms.go_on(20)
    made = [each.sent - was for each, was in zip(greedy, before, strict=True)]
    assert max(before) - min(before) <= 128 * KIB  # the burst and a piece
    for sent in [*made, late.sent]:
        assert abs(sent - 5000 * KIB) <= 128 * KIB


def test_a_slow_connection_does_not_hold_up_the_others() -> None:
    alarms = Still()
    limits = {"per_address": 10 * KIB, "total": 1000 * KIB}
    app = ThrottleMiddleware(chunks(10_000 * KIB), **limits, alarms=alarms)
    clients = [Client(app, alarms, REMOTE_ADDR=f"192.0.2.{number}") for number in range(50)]
    alarms.go_on(100)
    for client in clients:
        assert client.sent >= 980 * KIB  # of 1010


def test_a_small_list_stays_one_and_is_paid_for() -> None:
    alarms, body = Still(), [bytes(60), bytes(30)]
    app = ThrottleMiddleware(answering(body), per_address=100, burst=100, alarms=alarms)
    small = Client(app, alarms)
    assert small.body is body
    assert small.began == [("200 OK", {"Content-Type": "text/plain"})]
    later = Client(app, alarms)
    assert isinstance(later.body, Wakeable)
    assert later.began[0][1]["Content-Length"] == "90"
    assert (later.sent, later.ended) == (0, False)
    alarms.go_on(1)
    assert (later.sent, later.ended) == (90, True)
    assert is_free(app)
    assert len(alarms) == 0


def test_a_list_that_is_larger_than_the_burst_is_paced() -> None:
    alarms, body = Still(), [bytes(range(250)), b"more"]
    app = ThrottleMiddleware(
        answering(body, ("Content-Length", "254")), per_address=100, burst=100, alarms=alarms
    )
    client = Client(app, alarms)
    assert client.sent == 100
    alarms.go_on(1.6)
    assert client.data == b"".join(body)
    assert client.began[0][1]["Content-Length"] == "254"


def test_nobody_overtakes_with_a_small_list() -> None:
    alarms = Still()
    app = ThrottleMiddleware(
        in_turn([[bytes(150)], [bytes(1)]]), per_address=100, burst=100, alarms=alarms
    )
    first = Client(app, alarms)
    alarms.go_on(0.25)
    second = Client(app, alarms)
    assert (first.sent, second.sent) == (100, 0)
    alarms.go_on(0.3)
    assert (first.ended, second.ended) == (True, True)
    assert first.taken[-1] <= second.taken[-1]


@pytest.mark.parametrize(
    ("method", "status", "body"),
    [
        pytest.param("HEAD", "200 OK", [], id="the answer to HEAD"),
        pytest.param("HEAD", "200 OK", WatchedBody([bytes(500)]), id="HEAD with a body"),
        pytest.param("GET", "304 Not Modified", WatchedBody([]), id="nothing new"),
        pytest.param("GET", "204 No Content", [], id="no content"),
        pytest.param("GET", "200 OK", [], id="an empty list"),
        pytest.param("GET", "200 OK", [b""], id="an empty chunk"),
    ],
)
def test_what_has_no_body_costs_nothing(method: str, status: str, body: Body) -> None:
    alarms = Still()
    app = ThrottleMiddleware(
        answering(body, status=status), per_address=100, burst=100, alarms=alarms
    )
    client = Client(app, alarms, REQUEST_METHOD=method)
    assert client.body is body
    assert client.began == [(status, {"Content-Type": "text/plain"})]
    app.app = answering([bytes(100)])
    assert isinstance(Client(app, alarms).body, list)


def test_a_small_file_stays_one_and_is_paid_for() -> None:
    alarms = Still()
    app = ThrottleMiddleware(
        in_turn(FileWrapper(CountedFile(bytes(100))) for _ in range(2)),
        per_address=100,
        burst=100,
        alarms=alarms,
    )
    assert isinstance(Client(app, alarms).body, FileWrapper)
    second = Client(app, alarms, **{"wsgi.file_wrapper": ServerWrapper})
    assert isinstance(second.body, Wakeable)
    assert second.began[0][1]["Content-Length"] == "100"
    assert second.sent == 0
    alarms.go_on(2)
    assert second.data == bytes(100)


@pytest.mark.parametrize(
    ("headers", "status", "expected"),
    [
        pytest.param({}, "200 OK", slice(None), id="the whole"),
        pytest.param(
            {"HTTP_RANGE": "bytes=1000-499999"},
            "206 Partial Content",
            slice(1000, 500_000),
            id="part",
        ),
    ],
)
def test_a_large_file_says_and_gives_what_it_did(
    headers: dict[str, str], status: str, expected: slice, tmp_path: Path
) -> None:
    data = bytes(range(256)) * 4000
    path = tmp_path / "file"
    path.write_bytes(data)
    alarms, plain = Still(), FileApp(path)
    app = ThrottleMiddleware(plain, per_connection=100_000, alarms=alarms)
    client, other = Client(app, alarms, **headers), Client(plain, alarms, **headers)
    assert isinstance(other.body, FileWrapper)
    assert client.began == other.began
    assert client.began[0][0] == status
    close(other.body)
    assert client.sent == 6 * 16384  # of 100,000, in whole pieces
    alarms.go_on(20)
    assert client.ended
    assert client.data == data[expected]
    assert max(len(chunk) for _, chunk in client.taken) <= 16384
    assert is_free(app)
    assert len(alarms) == 0


def test_several_ranges_are_what_they_were(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 4000)
    ranges = {"HTTP_RANGE": "bytes=0-199999,400000-599999"}
    alarms = Still()
    client = Client(
        ThrottleMiddleware(FileApp(path), total=100_000, alarms=alarms), alarms, **ranges
    )
    alarms.go_on(20)
    status, headers = client.began[0]
    assert (status, headers["Content-Length"]) == ("206 Partial Content", str(client.sent))
    assert client.data.count(bytes(range(256)) * 780) == 2


@pytest.mark.parametrize(
    ("length", "sent"),
    [
        pytest.param(None, 300, id="no length"),
        pytest.param("250", 250, id="a length within the file"),
        pytest.param("300", 300, id="its length"),
        pytest.param("x", 300, id="no number"),
    ],
)
def test_a_file_is_sent_for_the_length_it_was_given(length: str | None, sent: int) -> None:
    alarms = Still()
    headers = [("Content-Length", length)] if length else []
    app = ThrottleMiddleware(
        answering(FileWrapper(io.BytesIO(bytes(300))), *headers),
        total=100,
        burst=100,
        alarms=alarms,
    )
    client = Client(app, alarms)
    alarms.go_on(10)
    assert (client.ended, client.sent) == (True, sent)
    assert client.began[0][1]["Content-Length"] == (length or "300")


def test_a_file_of_unknown_length_is_paced_and_says_none() -> None:
    alarms = Still()
    app = ThrottleMiddleware(
        answering(FileWrapper(Pipe(bytes(300)))), per_address=100, burst=100, alarms=alarms
    )
    client = Client(app, alarms)
    assert client.sent == 100
    alarms.go_on(10)
    assert (client.ended, client.sent) == (True, 300)
    assert "Content-Length" not in client.began[0][1]


def test_an_idle_stream_is_woken_by_its_news_and_by_time() -> None:
    alarms, feed = Still(), Feed()
    app = ThrottleMiddleware(answering(feed), per_address=100, burst=100, alarms=alarms)
    client = Client(app, alarms)
    feed.give(bytes(80))
    assert client.sent == 80
    feed.give(bytes(80))
    assert client.sent == 80
    feed.give(bytes(10), None)
    alarms.go_on(0.8)
    assert (client.sent, client.ended) == (170, True)
    assert feed.closings == 1


def test_who_leaves_while_it_waits_leaves_nothing() -> None:
    alarms = Still()
    limits = {"per_connection": KIB, "per_address": KIB, "burst": KIB}
    bodies = [WatchedBody(iter([bytes(2 * KIB)])) for _ in range(10_000)]
    app = ThrottleMiddleware(
        in_turn(bodies),
        **limits,
        pausable=True,
        alarms=alarms,
    )
    clients = [
        Client(app, alarms, REMOTE_ADDR=f"10.0.{number // 250}.{number % 250}", port="1")
        for number in range(10_000)
    ]
    assert len(alarms) == 10_000
    assert len(alarms._ticks) < 10
    for client in clients:
        close(client.body)
    assert [body.closed for body in bodies] == [1] * 10_000
    assert is_free(app)
    assert len(alarms) == 0
    assert alarms._ticks == []


def test_who_leaves_gives_what_it_was_granted_to_the_next() -> None:
    alarms = Still()
    app = ThrottleMiddleware(chunks(100), total=1, burst=1, alarms=alarms)
    leaving, waiting = Client(app, alarms), Client(app, alarms)
    assert (leaving.sent, waiting.sent) == (1, 0)
    assert isinstance(leaving.body, Wakeable)
    leaving.body.wake_by(list)  # it is granted the next byte, and does not take it
    alarms.go_on(9)
    assert (leaving.sent, waiting.sent) == (1, 0)
    close(leaving.body)
    alarms.go_on(2)
    assert waiting.sent == 2
    close(waiting.body)
    assert is_free(app)
    assert len(alarms) == 0


def test_who_cannot_be_woken_keeps_nobody_else_asleep(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise LookupError

    alarms = Still()
    app = ThrottleMiddleware(chunks(100), total=1000, burst=4, alarms=alarms)
    gone, waiting = Client(app, alarms), Client(app, alarms)
    assert isinstance(gone.body, Wakeable)
    gone.body.wake_by(fail)
    alarms.go_on(1)
    assert waiting.sent > 0
    assert "LookupError" in caplog.text


def test_an_alarm_that_rings_while_it_is_cancelled_is_of_no_consequence() -> None:
    alarms = Still()
    app = ThrottleMiddleware(chunks(100), total=100, burst=100, alarms=alarms)
    client = Client(app, alarms)
    ((bucket, alarm),) = app._traffic._set.items()
    close(client.body)
    alarm.what()
    assert is_free(app)
    assert len(alarms) == 0
    assert bucket.wait(1, alarms.now) > 0


def test_a_body_that_cannot_begin_has_left() -> None:
    def fail(*_: object) -> Any:
        raise LookupError

    alarms, body = Still(), WatchedBody([])
    app = ThrottleMiddleware(
        answering(body), per_address=100, burst=100, pausable=True, alarms=alarms
    )
    with pytest.raises(LookupError):
        app(make_environ(), lambda *_: fail())
    assert (body.closed, is_free(app), len(alarms)) == (1, True, 0)


def test_a_file_that_cannot_be_asked_is_closed() -> None:
    class Unreadable(CountedFile):
        def tell(self) -> int:
            raise LookupError

    alarms, file = Still(), Unreadable(b"some")
    app = ThrottleMiddleware(
        answering(FileWrapper(file)), per_address=100, burst=100, alarms=alarms
    )
    with pytest.raises(LookupError):
        Client(app, alarms)
    assert (file.closings, is_free(app), len(alarms)) == (1, True, 0)


def test_a_try_in_the_loop_costs_nothing() -> None:
    def inner(environ: Environ, start_response: StartResponse) -> Body:
        if IN_LOOP in environ:
            raise WouldBlock
        return answering([bytes(100)])(environ, start_response)

    inner.quick = True  # type: ignore[attr-defined]
    alarms = Still()
    app = ThrottleMiddleware(inner, per_address=100, burst=100, alarms=alarms)
    with pytest.raises(WouldBlock):
        Client(app, alarms, **{IN_LOOP: True})
    assert isinstance(Client(app, alarms).body, list)


@pytest.mark.parametrize("pausable", [False, True])
def test_all_bodies_may_be_said_to_be_pausable(pausable: bool) -> None:
    alarms = Still()
    app = ThrottleMiddleware(answering(endless()), total=100, pausable=pausable, alarms=alarms)
    assert is_pausable(app(make_environ(), lambda *_: lambda data: None)) is pausable


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        pytest.param({}, ValueError, "Nothing is throttled: give per_connection", id="no limit"),
        pytest.param({"burst": 9}, ValueError, "Nothing is throttled", id="a burst alone"),
        pytest.param({"total": 0}, ValueError, "total is a number of bytes above 0", id="nothing"),
        pytest.param({"per_address": -1}, ValueError, "per_address is a number", id="less"),
        pytest.param({"per_connection": float("nan")}, ValueError, "not nan", id="no number"),
        pytest.param({"total": float("inf")}, ValueError, "not inf", id="no end"),
        pytest.param({"total": 10**400}, ValueError, "above 0, not 1000", id="too much"),
        pytest.param({"total": "2M"}, TypeError, "bytes, not '2M'", id="a text"),
        pytest.param({"total": True}, TypeError, "bytes, not True", id="a truth"),
        pytest.param({"total": 1, "burst": 0}, ValueError, "burst is a number", id="no burst"),
        pytest.param({"total": 1, "burst": 0.5}, ValueError, "burst is 1 byte", id="half a byte"),
        pytest.param({"total": 1, "burst": "1"}, TypeError, "burst is a number", id="its text"),
    ],
)
def test_an_option_that_cannot_be_is_refused(
    options: dict[str, Any], error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        ThrottleMiddleware(answering([]), **options)


def data_of(environ: Environ) -> bytes:
    """What a path is about: other bytes than any other path is."""
    return environ["PATH_INFO"].encode("latin-1").ljust(16, b".") * (4 * KIB)


def test_many_downloads_on_one_thread_all_go_on_and_hold_none(tmp_path: Path) -> None:
    """Twenty of three kinds, each four times as large as the burst."""
    for number in range(20):
        name = f"/{number}"
        (tmp_path / str(number)).write_bytes(data_of({"PATH_INFO": name}))

    def inner(environ: Environ, start_response: StartResponse) -> Body:
        data, kind = data_of(environ), int(environ["PATH_INFO"][1:]) % 3
        if kind == 0:
            return FileApp(tmp_path / environ["PATH_INFO"][1:])(
                {**environ, "PATH_INFO": ""}, start_response
            )
        if kind == 1:
            return answering([data])(environ, start_response)
        pieces = (data[place : place + 7000] for place in range(0, len(data), 7000))
        return answering(Pausable(pieces))(environ, start_response)

    alarms = Still()
    app = ThrottleMiddleware(inner, per_connection=256 * KIB, burst=16 * KIB, alarms=alarms)
    with running(app, threads=1) as run:
        clients = [run.connect() for _ in range(20)]
        for number, client in enumerate(clients):
            client.ask(f"/{number}")
        # All have begun, none has ended, and each waits for its time.
        assert eventually(lambda: len(alarms) == 20)
        assert eventually(lambda: run.server._threads.active_count == 0)
        assert eventually(lambda: alarms.go_on(0.02) or is_free(app))
        for number, client in enumerate(clients):
            with client:
                assert client.answer().body == data_of({"PATH_INFO": f"/{number}"})


@pytest.mark.parametrize("kind", ["a generator", "a generator of its thread", "a list", "a file"])
def test_a_client_that_vanishes_leaves_nothing(
    kind: str, tmp_path: Path, running_alarms: Alarms
) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(10_000_000))
    made: list[Steered] = []

    def inner(environ: Environ, start_response: StartResponse) -> Body:
        body: Body = [bytes(10_000_000)]
        if kind == "a file":
            body = environ["wsgi.file_wrapper"](path.open("rb"))
        elif kind != "a list":
            body = Steered(endless())
            body.pausable = kind == "a generator"
            made.append(body)
        return answering(body)(environ, start_response)

    limits = {"per_connection": 100_000, "per_address": 50_000, "total": 90_000}
    app = ThrottleMiddleware(inner, **limits, alarms=running_alarms)
    with running(app, threads=1) as run:
        clients = [run.connect() for _ in range(1 if kind == "a generator of its thread" else 3)]
        for client in clients:
            client.ask()
            client.read(1)
        for client in clients:
            client.reset()
        assert eventually(partial(is_free, app))
        assert len(running_alarms) == 0
    assert [body.closings for body in made] == [1] * len(made)


@pytest.mark.parametrize("kind", ["a file", "a list", "a generator"])
@pytest.mark.parametrize("server", SERVERS)
def test_every_server_gives_all_of_it(
    server: str, kind: str, tmp_path: Path, running_alarms: Alarms
) -> None:
    data = bytes(range(256)) * 300
    path = tmp_path / "file"
    path.write_bytes(data)
    inner = {
        "a file": FileApp(path),
        "a list": answering([data]),
        "a generator": answering(data[place : place + 7000] for place in range(0, len(data), 7000)),
    }[kind]
    app = ThrottleMiddleware(inner, total=KIB * KIB, burst=KIB, alarms=running_alarms)
    with SERVERS[server](app) as port:
        assert fetch(port, "/").body == data
    assert eventually(partial(is_free, app))
