"""Streams with nothing to say for now: parked without a thread, and waking without a loss."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.client import IncompleteRead
from typing import Any

import pytest

from tests.live import stock_waitress, wsgiref_server
from tests.server.bodies import CHUNK, WINDOW, Feed, answering, narrow, quickly
from tests.servers import DEADLINE, Connection, Running, eventually, running
from wsgistream.types import Body, Environ, StartResponse, WSGIApp
from wsgistream.wsgi.waiting import Wakeable


def idle(run: Running, count: int = 1) -> bool:
    """Wait until so many streams are parked."""
    return eventually(lambda: sum(each.is_idle() for each in run.server._channels()) == count)


def head_of(client: Connection) -> bytes:
    """Read the head of an answer, and nothing behind it."""
    return b"".join(iter(client._file.readline, b"\r\n"))


def next_chunk(client: Connection) -> bytes:
    size = int(client._line(), 16)
    data = client._exactly(size)
    assert client._line() == ""
    return data


@pytest.fixture(
    params=[(False, True), (True, True), (False, False), (True, False)],
    ids=[
        "begun in a thread",
        "begun in the loop",
        "each step in a thread",
        "begun in the loop, each step in a thread",
    ],
)
def begin(request: pytest.FixtureRequest) -> Callable[[Feed], WSGIApp]:
    quick_app, quick_feed = request.param

    def app(feed: Feed) -> WSGIApp:
        feed.quick = quick_feed
        made = answering(lambda: feed)
        return quickly(made) if quick_app else made

    return app


def test_what_there_is_is_sent_and_then_what_comes_and_its_last_chunk_at_the_end(
    begin: Callable[[Feed], WSGIApp], nothing_left: Callable[[], bool]
) -> None:
    feed = Feed(b"one")
    with running(begin(feed)) as run, run.connect() as client:
        client.ask()
        assert b"200 OK" in head_of(client)
        assert next_chunk(client) == b"one"
        for number in range(10):
            assert idle(run)
            assert eventually(lambda: not run.server._threads.active_count)
            feed.give(b"%d" % number, b"", b"more")
            assert [next_chunk(client) for _ in range(2)] == [b"%d" % number, b"more"]
        feed.give(b"last", None)
        assert next_chunk(client) == b"last"
        assert client.read(5) == b"0\r\n\r\n"
        assert feed.ended()
        access = run.access()
        assert (access.sent, access.aborted) == (3 + 10 * 5 + 4, False)
        feed.wake()  # too late, and no harm
        assert run.accesses.empty()
    assert nothing_left()


@pytest.mark.parametrize(
    ("request_line", "headers", "rest"),
    [
        pytest.param("GET / HTTP/1.1", [], b"7\r\nanswers\r\n0\r\n\r\n", id="in chunks"),
        pytest.param("GET / HTTP/1.0", [], b"answers", id="to the end of the connection"),
        pytest.param("GET / HTTP/1.1", [("Content-Length", "7")], b"answers", id="of a length"),
        pytest.param("HEAD / HTTP/1.1", [], b"", id="whose head is asked for"),
    ],
)
def test_the_head_leaves_at_once_of_a_stream(
    request_line: str, headers: list[tuple[str, str]], rest: bytes
) -> None:
    feed = Feed()
    with running(answering(lambda: feed, "200 OK", *headers)) as run, run.connect() as client:
        client.send(f"{request_line}\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        assert b"200 OK" in head_of(client)
        if "HEAD" not in request_line:
            assert idle(run)
            feed.give(b"answers", None)
        assert client.rest() == rest
        assert feed.ended()
        assert (run.access().aborted, run.accesses.empty()) == (False, True)


def test_a_stream_for_a_status_without_a_body_ends_at_once() -> None:
    feed = Feed()
    with running(answering(lambda: feed, "204 No Content")) as run, run.connect() as client:
        for _ in range(2):
            client.ask()
            assert client.answer().status == 204
            assert not run.access().aborted
    assert feed.closings == 2


def test_no_news_is_lost_and_none_comes_twice_however_it_is_told() -> None:
    rounds, tellers = 400, 4
    feed = Feed()

    def tell(teller: int) -> None:
        for number in range(rounds):
            feed.give(b"%d %d\n" % (teller, number))
            if number % 7 == 0:
                for _ in range(5):
                    feed.wake()

    with running(answering(lambda: feed)) as run, run.connect() as client:
        client.ask()
        threads = [threading.Thread(target=tell, args=(number,)) for number in range(tellers)]
        for thread in threads:
            thread.start()
        # One by one: each has to arrive without a later one to push it.
        lines = b""
        while lines.count(b"\n") < rounds * tellers:
            if not lines:
                head_of(client)
            lines += next_chunk(client)
        for thread in threads:
            thread.join(DEADLINE)
        feed.give(None)
        assert client.read(5) == b"0\r\n\r\n"
    told = [tuple(map(int, line.split())) for line in lines.splitlines()]
    for teller in range(tellers):
        assert [number for who, number in told if who == teller] == list(range(rounds))


def test_an_answer_to_each_word_comes_without_another_word() -> None:
    """Each wake-up meets a stream that is about to be parked."""
    feed = Feed()
    with running(answering(lambda: feed)) as run, run.connect() as client:
        client.ask()
        head_of(client)
        for number in range(500):
            feed.give(b"%d" % number)
            assert next_chunk(client) == b"%d" % number


class Eager(Feed):
    """A stream that has news as soon as it has said that there are none."""

    def take(self) -> bytes | None:
        chunk = super().take()
        if chunk is None and self.takes < 50:
            self.items.append(b"%d " % self.takes)
            self.wake()
        return chunk


def test_news_that_come_before_a_stream_is_parked_are_not_forgotten(
    begin: Callable[[Feed], WSGIApp],
) -> None:
    feed = Eager()
    with running(begin(feed)) as run, run.connect() as client:
        client.ask()
        head_of(client)
        assert [next_chunk(client) for _ in range(25)] == [b"%d " % n for n in range(1, 50, 2)]


def reset(client: Connection) -> None:
    client.reset()


def leave(client: Connection) -> None:
    client.socket.shutdown(socket.SHUT_WR)
    assert client.rest().endswith(b"\r\n\r\n")


@pytest.mark.parametrize("go", [reset, leave], ids=["without a word", "politely"])
def test_a_client_that_leaves_a_parked_stream_ends_it_at_once_and_once(
    go: Callable[[Connection], None], begin: Callable[[Feed], WSGIApp]
) -> None:
    feed = Feed()
    with running(begin(feed)) as run, run.connect() as client:
        client.ask()
        assert idle(run)
        go(client)
        assert feed.ended()
        assert run.access().aborted
        feed.wake()
        assert eventually(lambda: not run.server._channels())
    assert run.accesses.empty()
    assert feed.closings == 1


def test_a_client_that_has_stopped_sending_before_a_stream_is_parked_has_left() -> None:
    may_answer = threading.Event()
    feed = Feed()

    def app(environ: Environ, start_response: StartResponse) -> Body:
        assert may_answer.wait(DEADLINE)
        start_response("200 OK", [])
        return feed

    with running(app) as run, run.connect() as client:
        client.ask()
        client.socket.shutdown(socket.SHUT_WR)
        assert eventually(lambda: [each for each in run.server._channels() if each._ended])
        may_answer.set()
        assert feed.ended()
        assert run.access().aborted


def test_a_client_that_leaves_as_it_is_told_news_ends_its_stream_once(
    nothing_left: Callable[[], bool],
) -> None:
    feeds: dict[str, Feed] = {}
    stopped = threading.Event()

    def app(environ: Environ, start_response: StartResponse) -> Body:
        start_response("200 OK", [])
        feed = feeds[environ["PATH_INFO"]] = Feed()
        return feed

    def wake_all() -> None:
        while not stopped.is_set():
            for feed in list(feeds.values()):
                feed.give(b"x")
            pause.wait(0.0001)

    pause = threading.Event()
    waker = threading.Thread(target=wake_all)
    waker.start()
    count = 80
    with running(app) as run:
        for number in range(count):
            with run.connect() as client:
                client.ask(f"/{number}")
                assert client.read(12) == b"HTTP/1.1 200"
                if number % 2:
                    client.reset()
        assert all(feed.ended() for feed in list(feeds.values()))
        accesses = [run.access() for _ in range(count)]
        stopped.set()
        waker.join(DEADLINE)
        # Nobody has taken the loop down with him.
        with run.connect() as client:
            client.ask("/after")
            assert client.read(12) == b"HTTP/1.1 200"
    assert all(access.aborted for access in accesses)
    assert {feed.closings for feed in feeds.values()} == {1}
    assert nothing_left()


def test_news_beside_the_end_of_a_connection_take_no_second_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The client leaves during a step that finds nothing, and is told news before the next."""

    class Rude(Feed):
        def take(self) -> bytes | None:
            if self.takes == 1:
                # In the loop: as if it had read the end of the connection, and then heard of news.
                (channel,) = run.server._channels()
                self.wake()
                channel.handle_close()
            return super().take()

    feed = Rude()
    with running(answering(lambda: feed)) as run, run.connect() as client:
        client.ask()
        assert idle(run)
        feed.wake()
        assert feed.ended()
        assert run.access().aborted
        with run.connect() as other:
            other.ask()
            assert other.read(12) == b"HTTP/1.1 200"
            assert run.accesses.empty()


def test_a_client_that_does_not_read_fills_its_share_and_then_goes_on() -> None:
    feed = Feed(*[b"x" * CHUNK] * 30)
    with narrow(answering(lambda: feed)) as run, run.connect(window=WINDOW) as client:
        client.ask()
        assert eventually(lambda: [each for each in run.server._channels() if each._full])
        (channel,) = run.server._channels()
        assert channel.total_outbufs_len <= 256 * 1024 + 100
        assert not run.server._threads.active_count
        for _ in range(10):
            feed.wake()  # which is no room
        assert feed.takes < 20
        feed.give(None)
        assert len(client.answer().body) == 30 * CHUNK
        assert feed.ended()
        assert not run.access().aborted


@pytest.mark.parametrize("chunk", [b"x" * CHUNK, b"x", b""], ids=["much", "little", "nothing"])
def test_a_stream_that_always_has_news_does_not_keep_the_loop(chunk: bytes) -> None:
    class Endless(Feed):
        def take(self) -> bytes | None:
            if not chunk:
                time.sleep(1e-6)  # the client is a thread of this process, and has to have a turn
            return super().take() or chunk

    def app(environ: Environ, start_response: StartResponse) -> Body:
        start_response("200 OK", [])
        return [b"ok"] if environ["PATH_INFO"] == "/other" else feed

    feed = Endless(b"first")
    # So much may be held that a step ends for the sake of the others alone.
    with running(quickly(app), stream_buffer=1 << 30) as run, run.connect() as client:
        client.ask()
        assert client.read(12) == b"HTTP/1.1 200"
        with run.connect() as other:
            other.ask("/other")
            assert other.answer().body == b"ok"
        client.reset()
        assert feed.ended()


def test_a_silent_stream_shows_that_it_is_there() -> None:
    feed = Feed()
    feed.heartbeat = 0.05
    with running(answering(lambda: feed)) as run, run.connect() as client:
        client.ask()
        head_of(client)
        assert [next_chunk(client) for _ in range(2)] == [b":\n"] * 2
        feed.give(b"news")
        while (chunk := next_chunk(client)) == b":\n":
            pass
        assert chunk == b"news"


class Faulty(Feed):
    """A stream one of whose methods fails."""

    fault = "take"
    heartbeat = 0.05

    def take(self) -> bytes | None:
        chunk = super().take()
        if chunk is None and self.fault == "take" and self.takes > 2:
            raise LookupError("in take")
        return chunk

    def beat(self) -> bytes:
        super().beat()
        if self.fault == "beat":
            raise LookupError("in beat")
        return None if self.fault == "no beat" else b":"  # type: ignore[return-value]

    def close(self) -> None:
        super().close()
        if self.fault == "close":
            raise LookupError("in close")


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("fault", ["take", "beat", "no beat", "close"])
def test_a_stream_that_fails_is_cut_visibly_and_told_once(
    fault: str, version: str, caplog: pytest.LogCaptureFixture
) -> None:
    feed = Faulty(b"one")
    feed.fault = fault
    with running(answering(lambda: feed)) as run, run.connect() as client:
        client.send(f"GET / HTTP/{version}\r\nHost: a\r\n\r\n".encode())
        assert client.read(12) == f"HTTP/{version} 200".encode()
        if fault == "close":
            assert idle(run)
            feed.give(None)
        elif fault == "take":
            assert idle(run) or feed.takes > 2
            feed.wake()
            feed.wake()
        if version == "1.0":
            with pytest.raises(ConnectionResetError):
                b"".join(iter(lambda: client.socket.recv(65536), b""))
        else:
            assert not client.rest().endswith(b"0\r\n\r\n")
        assert feed.ended()
        assert run.access().aborted
    told = [record.getMessage() for record in caplog.records if record.exc_info is not None]
    assert told == ["Exception while serving /"]
    assert run.accesses.empty()


def test_requests_behind_a_stream_are_answered_when_it_ends() -> None:
    feed = Feed(b"one")

    def app(environ: Environ, start_response: StartResponse) -> Body:
        start_response("200 OK", [])
        return [b"next"] if environ["PATH_INFO"] == "/next" else feed

    with running(app) as run, run.connect() as client:
        client.send(b"".join(b"GET /%s HTTP/1.1\r\nHost: a\r\n\r\n" % p for p in (b"a", b"next")))
        assert idle(run)
        client.ask("/next")  # which is seen, and has time
        assert eventually(lambda: run.server._channels()[0]._spoke)
        feed.give(None)
        assert [client.answer().body for _ in range(3)] == [b"one", b"next", b"next"]
        assert [run.access().aborted for _ in range(3)] == [False] * 3


def test_hundreds_of_idle_streams_hold_no_thread_and_all_hear_the_news() -> None:
    count = 300
    feeds: list[Feed] = []
    pieces: list[str] = []

    def app(environ: Environ, start_response: StartResponse) -> Body:
        pieces.append(environ["PATH_INFO"])
        start_response("200 OK", [])
        feed = Feed()
        feeds.append(feed)
        return feed

    with ExitStack() as stack:
        run = stack.enter_context(running(app, threads=2))
        before = threading.active_count()
        clients = [stack.enter_context(run.connect()) for _ in range(count)]
        for client in clients:
            client.ask()
        assert idle(run, count)
        assert threading.active_count() == before
        assert not run.server._threads.active_count
        assert eventually(lambda: run.server.counters.total()["idle_streams"] == count)
        for feed in feeds:
            feed.give(b"news", None)
        assert [client.answer().body for client in clients] == [b"news"] * count
        assert all(feed.ended() for feed in feeds)


@pytest.mark.parametrize("count", [1, 50])
def test_the_end_of_a_server_does_not_wait_for_idle_streams(count: int) -> None:
    feeds: list[Feed] = []

    def make() -> Feed:
        feeds.append(Feed())
        return feeds[-1]

    with ExitStack() as stack:
        run = stack.enter_context(running(answering(make), grace=10 * DEADLINE))
        for _ in range(count):
            stack.enter_context(run.connect()).ask()
        assert idle(run, count)
        run.server.stop()
        assert run.ended()
        assert all(feed.ended() for feed in feeds)
        assert len([run.access() for _ in range(count)]) == count
    assert run.accesses.empty()


def test_the_end_of_a_server_does_not_wait_for_a_stream_that_often_has_news() -> None:
    feed, over = Feed(), threading.Event()

    def tell() -> None:
        while not over.wait(0.02):
            feed.give(b"news")

    teller = threading.Thread(target=tell)
    teller.start()
    with running(answering(lambda: feed), grace=10 * DEADLINE) as run, run.connect() as client:
        client.ask()
        assert client.read(12) == b"HTTP/1.1 200"
        run.server.stop()
        assert run.ended()
        assert feed.ended()
    over.set()
    teller.join(DEADLINE)


class Timed(Feed):
    """A stream whose news come by themselves; its waits are noted."""

    waits_for_time = True

    def __init__(self, *items: bytes | BaseException | None) -> None:
        super().__init__(*items)
        self.waits = threading.Event()

    def take(self) -> bytes | None:
        chunk = super().take()
        if chunk is None:
            self.waits.set()
        return chunk


def test_the_end_of_a_server_waits_for_a_stream_that_goes_on_by_itself() -> None:
    timed, news = Timed(b"some"), Feed()

    def app(environ: Environ, start_response: StartResponse) -> Body:
        start_response("200 OK", [])
        return news if environ["PATH_INFO"] == "/news" else timed

    with running(app, grace=10 * DEADLINE) as run, run.connect() as client, run.connect() as other:
        client.ask()
        assert b"200 OK" in head_of(client)
        assert timed.waits.wait(DEADLINE)
        other.ask("/news")
        assert idle(run)
        run.server.stop()
        # Who waits for news is told to go, though it has come later.
        assert b"200 OK" in other.rest()
        assert (news.ended(), timed.closings) == (True, 0)
        timed.give(b"more", None)
        assert client.read(9) == b"4\r\nsome\r\n"
        assert client.rest() == b"4\r\nmore\r\n0\r\n\r\n"
        assert run.ended()
    assert timed.ended()


def test_who_only_listens_gets_what_comes_by_itself() -> None:
    feed = Timed(b"some")
    app = answering(lambda: feed, "200 OK", ("Content-Length", "8"))
    with running(app) as run, run.connect() as client:
        client.ask("/", "GET", "Connection: close")
        assert b"200 OK" in head_of(client)
        assert feed.waits.wait(DEADLINE)
        client.socket.shutdown(socket.SHUT_WR)
        channel = next(iter(run.server._channels()))
        assert eventually(lambda: channel._ended)
        channel.look(time.time() + 1)  # long after it has stopped sending
        feed.give(b"more", None)
        assert client.rest() == b"somemore"
        assert not run.access().aborted


def test_idle_streams_are_ended_once_when_the_server_is_cut_off() -> None:
    feeds: list[Feed] = []

    def make() -> Feed:
        feeds.append(Feed())
        return feeds[-1]

    with ExitStack() as stack:
        run = stack.enter_context(running(quickly(answering(make))))
        for _ in range(50):
            stack.enter_context(run.connect()).ask()
        assert idle(run, 50)
        for feed in feeds:
            feed.wake()
        run.server.stop()
        run.server.stop()
        assert run.ended()
        assert [feed.closings for feed in feeds] == [1] * 50


@pytest.mark.parametrize("server", [stock_waitress, wsgiref_server])
def test_under_any_other_server_the_thread_of_a_stream_waits_and_beats(
    server: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    feed = Feed(b"one", b"")
    feed.heartbeat = 0.02
    with server(answering(lambda: feed)) as port, Connection(("127.0.0.1", int(port))) as client:
        client.ask()
        seen = b""
        while seen.count(b":\n") < 2:
            seen += client.read(1)
        feed.give(b"news")
        while b"news" not in seen:
            seen += client.read(1)
        assert seen.index(b"one") < seen.index(b":\n") < seen.index(b"news")
        client.reset()
        assert feed.ended()


@pytest.mark.parametrize("server", [stock_waitress, wsgiref_server])
def test_under_any_other_server_a_stream_comes_to_its_end(server: Any) -> None:
    feed = Feed(b"one", b"two", None)
    with server(answering(lambda: feed)) as port, Connection(("127.0.0.1", int(port))) as client:
        client.send(b"GET / HTTP/1.0\r\n\r\n")
        assert client.rest().endswith(b"\r\n\r\nonetwo")
        assert feed.ended()


def test_a_stream_whose_chunks_are_cut_short_ends_there() -> None:
    feed = Feed(b"12345", b"678", b"9")
    app = answering(lambda: feed, "200 OK", ("Content-Length", "7"))
    with running(app) as run, run.connect() as client:
        client.ask()
        assert client.answer().body == b"1234567"
        assert feed.ended()
        assert not run.access().aborted


def test_a_stream_that_ends_short_of_its_length_is_cut() -> None:
    feed = Feed(b"12345", None)
    app = answering(lambda: feed, "200 OK", ("Content-Length", "7"))
    with running(app) as run, run.connect() as client:
        client.ask()
        with pytest.raises(IncompleteRead):
            client.answer()
        assert feed.ended()
        assert run.access().aborted


def test_a_client_is_taken_to_be_there_while_it_is_told_something() -> None:
    """A heartbeat finds a client that is gone without having said so."""
    feed = Feed()
    feed.heartbeat = 0.05
    with running(answering(lambda: feed)) as run, run.connect() as client:
        client.ask()
        assert idle(run)
        client.ask("/next")  # what it says now is left unread, and so is its leaving
        assert eventually(lambda: run.server._channels()[0]._spoke)
        client.reset()
        assert feed.ended()
        assert run.access().aborted


def test_a_plain_wakeable_beats_without_a_word_and_has_to_be_told_what_to_take() -> None:
    stream = Wakeable()
    assert stream.beat() == b""
    assert stream.close() is None  # type: ignore[func-returns-value]
    stream.wake()  # nobody has asked to be told
    with pytest.raises(NotImplementedError):
        next(iter(stream))


def chunks_of(stream: Wakeable) -> Iterator[bytes]:
    return iter(stream)


def test_a_thread_that_waits_with_a_stream_hears_what_comes_before_it_waits() -> None:
    feed = Eager()
    began = time.monotonic()
    chunks = chunks_of(feed)
    assert [next(chunks) for _ in range(25)] == [b"%d " % n for n in range(1, 50, 2)]
    assert time.monotonic() - began < feed.heartbeat


@pytest.mark.parametrize(
    ("quick", "in_loop"),
    [
        pytest.param(True, True, id="never takes its time: in the loop"),
        pytest.param(False, False, id="may take its time: in a thread"),
    ],
)
def test_a_stream_whose_take(quick: bool, in_loop: bool) -> None:
    threads: set[int] = set()

    class Noting(Feed):
        def take(self) -> bytes | None:
            threads.add(threading.get_ident())
            return super().take()

    feed = Noting()
    feed.quick = quick
    with running(quickly(answering(lambda: feed))) as run, run.connect() as client:
        client.ask()
        assert idle(run)
        threads.clear()
        feed.give(b"news", None)
        assert client.answer().body == b"news"
        assert (threads == {run.thread.ident}) is in_loop
