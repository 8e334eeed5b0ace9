"""No more answers on their way than there may be, and no place that is lost."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from tests.client import ask, make_environ
from tests.files import CountedFile
from tests.middleware.contract import MiddlewareContract, ServerWrapper, answering, endless
from tests.server.bodies import Feed, Steered
from tests.servers import eventually, running
from wsgistream import ConcurrencyLimitMiddleware
from wsgistream.types import Body, Environ, StartResponse, WSGIApp
from wsgistream.wsgi import Reply
from wsgistream.wsgi.bodies import close
from wsgistream.wsgi.files import FileWrapper
from wsgistream.wsgi.waiting import IN_LOOP, WouldBlock
from wsgistream.wsgi.watching import Transfer


class TestContract(MiddlewareContract):
    def make(self, app: WSGIApp) -> WSGIApp:
        return ConcurrencyLimitMiddleware(app, total=1, per_address=1)


def start(*_: object) -> Callable[[bytes], object]:
    return lambda data: None


def begin(app: WSGIApp, address: str = "192.0.2.1", **more: Any) -> tuple[str, Body]:
    """Ask, and leave the body as it is."""
    begun: list[str] = []

    def started(status: str, *_: object) -> Callable[[bytes], object]:
        begun.append(status)
        return lambda data: None

    environ = {**make_environ(), "REMOTE_ADDR": address, **more}
    body = app(environ, started)
    return begun[0][:3], body


def is_free(app: ConcurrencyLimitMiddleware) -> bool:
    return not app._count and not app._counts


def test_an_answer_counts_until_its_body_is_closed() -> None:
    app = ConcurrencyLimitMiddleware(answering(endless()), total=2)
    bodies = []
    for _ in range(2):
        status, body = begin(app)
        next(iter(body))
        bodies.append(body)
        assert status == "200"
    assert begin(app)[0] == "503"
    close(bodies[0])
    close(bodies[0])  # twice is once
    status, third = begin(app)
    assert status == "200"
    assert begin(app)[0] == "503"
    close(bodies[1])
    close(third)
    assert is_free(app)


def test_each_address_has_its_own_count_and_all_have_one_total() -> None:
    app = ConcurrencyLimitMiddleware(answering([]), per_address=2, total=3)
    given = [begin(app, address) for address in ["192.0.2.1"] * 3 + ["192.0.2.2"] * 2]
    assert [status for status, _ in given] == ["200", "200", "503", "200", "503"]
    told = [b"".join(body).decode() for status, body in given if status == "503"]
    assert [text.split()[0] for text in told] == ["Your", "The"]
    for status, body in given:
        if status == "200":
            close(body)
    assert is_free(app)


def test_who_is_over_both_limits_is_told_of_its_own() -> None:
    app = ConcurrencyLimitMiddleware(answering([]), per_address=1, total=1)
    begin(app)
    assert b"".join(begin(app)[1]).startswith(b"Your address has ")
    assert b"".join(begin(app, "192.0.2.2")[1]).startswith(b"The server has ")


def test_who_is_refused_is_not_counted() -> None:
    app = ConcurrencyLimitMiddleware(answering([]), per_address=2, total=1)
    _, body = begin(app, "192.0.2.1")
    for _ in range(5):
        assert begin(app, "192.0.2.2")[0] == "503"
    assert app._counts == {"192.0.2.1": 1}
    close(body)
    assert is_free(app)


def test_a_network_of_ipv6_is_one_client() -> None:
    app = ConcurrencyLimitMiddleware(answering([]), per_address=1)
    addresses = ["2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"]
    assert [begin(app, address)[0] for address in addresses] == ["200", "503", "200"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_a_refusal_is_a_sentence_and_asks_nobody(method: str) -> None:
    asked: list[Environ] = []

    def app(environ: Environ, start_response: StartResponse) -> Body:
        asked.append(environ)
        return answering([])(environ, start_response)

    limited = ConcurrencyLimitMiddleware(app, total=1, retry_after=7)
    _, body = begin(limited)
    answer = ask(limited, method=method)
    assert (answer.status, answer["Retry-After"]) == (503, "7")
    text = b"The server has as many answers on their way as it can; please try again.\n"
    assert answer.body == (b"" if method == "HEAD" else text)
    assert answer["Content-Length"] == str(len(text))
    assert len(asked) == 1
    close(body)
    assert ask(limited, method=method).status == 200
    assert is_free(limited)


def test_an_answer_that_never_was_does_not_count() -> None:
    def fail(*_: object) -> Any:
        raise LookupError

    class Unreadable(CountedFile):
        def tell(self) -> int:
            raise LookupError

    def spoilt(environ: Environ, start_response: StartResponse) -> Body:
        return answering(FileWrapper(Unreadable(b"some")))(environ, start_response)

    for app, started in ((fail, start), (answering([b"a"]), fail), (spoilt, start)):
        limited = ConcurrencyLimitMiddleware(app, total=1, per_address=1)
        with pytest.raises(LookupError):
            limited(make_environ(), started)
        assert is_free(limited)


def test_a_place_is_left_once_though_two_tell_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    follow = Transfer.follow

    def interrupted(transfer: Transfer, reply: Reply) -> None:
        follow(transfer, reply)
        raise KeyboardInterrupt

    limited = ConcurrencyLimitMiddleware(answering([]), total=2)
    _, body = begin(limited)
    monkeypatch.setattr(Transfer, "follow", interrupted)
    with pytest.raises(KeyboardInterrupt):
        begin(limited)
    assert limited._counts == {"192.0.2.1": 1}
    close(body)
    assert is_free(limited)


def test_a_body_that_fails_when_it_is_closed_has_left_its_place() -> None:
    class Failing:
        def __iter__(self) -> Iterator[bytes]:
            return iter([b"a"])

        def close(self) -> None:
            raise LookupError

    app = ConcurrencyLimitMiddleware(answering(Failing()), total=1)
    _, body = begin(app)
    with pytest.raises(LookupError):
        close(body)
    assert is_free(app)


def test_a_try_in_the_loop_counts_once() -> None:
    def app(environ: Environ, start_response: StartResponse) -> Body:
        if IN_LOOP in environ:
            raise WouldBlock
        return answering([])(environ, start_response)

    app.quick = True  # type: ignore[attr-defined]
    limited = ConcurrencyLimitMiddleware(app, total=1)
    with pytest.raises(WouldBlock):
        begin(limited, **{IN_LOOP: True})
    assert is_free(limited)
    status, body = begin(limited)
    assert (status, limited._count) == ("200", 1)
    close(body)
    assert is_free(limited)


@pytest.mark.parametrize("wrapper", [FileWrapper, ServerWrapper], ids=["ours", "another"])
def test_a_file_stays_one_and_counts_until_it_is_closed(wrapper: Any) -> None:
    def app(environ: Environ, start_response: StartResponse) -> Body:
        start_response("200 OK", [("Content-Length", "4")])
        body: Body = environ["wsgi.file_wrapper"](CountedFile(b"some"))
        return body

    limited = ConcurrencyLimitMiddleware(app, total=1)
    _, body = begin(limited, **{"wsgi.file_wrapper": wrapper})
    assert isinstance(body, wrapper)
    assert begin(limited)[0] == "503"
    close(body)
    assert is_free(limited)


def test_many_threads_never_have_more_than_the_limit_and_leave_nothing() -> None:
    most, now, lock = [0], [0], threading.Lock()

    def app(environ: Environ, start_response: StartResponse) -> Body:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])

        def chunks() -> Iterator[bytes]:
            yield b"a"
            with lock:
                now[0] -= 1

        return answering(chunks())(environ, start_response)

    limited = ConcurrencyLimitMiddleware(app, total=3, per_address=2)
    statuses: list[str] = []

    def client(number: int) -> None:
        for _ in range(200):
            status, body = begin(limited, f"192.0.2.{number % 3}")
            list(body)
            close(body)
            statuses.append(status)

    threads = [threading.Thread(target=partial(client, number)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(statuses) == 1600
    assert 1 <= most[0] <= 3
    assert is_free(limited)


@pytest.mark.parametrize("kind", ["a generator", "an idle stream", "a file"])
def test_a_client_that_vanishes_leaves_its_place(kind: str, tmp_path: Any) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(50_000_000))

    def app(environ: Environ, start_response: StartResponse) -> Body:
        body: Body
        if kind == "a file":
            body = environ["wsgi.file_wrapper"](path.open("rb"))
        else:
            body = Feed(b"a") if kind == "an idle stream" else Steered(endless())
        return answering(body)(environ, start_response)

    limited = ConcurrencyLimitMiddleware(app, total=1)
    with running(limited, threads=1) as run:
        for _ in range(3):
            with run.connect(window=8192) as client, run.connect() as other:
                client.ask()
                client.read(1)
                other.ask()
                assert other.answer().status == 503
                client.reset()
            assert eventually(partial(is_free, limited))


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        pytest.param({}, ValueError, "Nothing is limited: give total or", id="no limit"),
        pytest.param({"total": 0}, ValueError, "total is 1 or more, not 0", id="none at all"),
        pytest.param({"per_address": -1}, ValueError, "per_address is 1 or more", id="less"),
        pytest.param({"total": 1.5}, TypeError, "total is a whole number, not 1.5", id="a half"),
        pytest.param({"total": True}, TypeError, "total is a whole number, not True", id="a truth"),
        pytest.param({"total": "3"}, TypeError, "total is a whole number, not '3'", id="a text"),
        pytest.param(
            {"total": 1, "retry_after": -1}, ValueError, "retry_after is 0", id="the past"
        ),
        pytest.param({"total": 1, "retry_after": None}, TypeError, "retry_after is", id="never"),
    ],
)
def test_an_option_that_cannot_be_is_refused(
    options: dict[str, Any], error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        ConcurrencyLimitMiddleware(answering([]), **options)
