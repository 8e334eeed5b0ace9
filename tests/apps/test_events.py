"""Events of a hub as a client sees them, and what is refused."""

from __future__ import annotations

import http.client
import io
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from wsgiref.validate import validator

import pytest

from tests.client import Answer, ask, make_environ
from tests.eventsource import Event, EventReader, EventSource
from tests.live import SERVERS, stock_waitress
from tests.servers import DEADLINE, Connection, eventually, running
from wsgistream import CompressMiddleware, EventsApp, Folder, HeadersMiddleware, HubAway, MemoryHub
from wsgistream.sources.live.changes import Changes
from wsgistream.types import Environ
from wsgistream.wsgi.bodies import close
from wsgistream.wsgi.waiting import IN_LOOP, PARKS, Wakeable, WouldBlock

TOKEN = {"Authorization": "Bearer s3cret"}
HERE, OTHER = "https://example.org", "https://other.test"


class Opened:
    """An answer whose body is taken chunk by chunk."""

    def __init__(self, app: Any, path: str = "/", **options: Any) -> None:
        begun: list[Any] = []

        def start_response(status: str, headers: Any, exc_info: Any = None) -> Any:
            begun.append((status, headers))
            return lambda data: None

        self.body: Any = app(make_environ(path, **options), start_response)
        ((status, headers),) = begun
        self.head = Answer(int(status[:3]), headers, b"")
        self.reader = EventReader()

    def read(self, count: int) -> list[Event]:
        found: list[Event] = []
        chunks = iter(self.body)
        while len(found) < count:
            found += self.reader.feed(next(chunks))
        return found


@contextmanager
def opened(app: Any, path: str = "/", **options: Any) -> Iterator[Opened]:
    stream = Opened(app, path, **options)
    try:
        yield stream
    finally:
        close(stream.body)


def make(**options: Any) -> tuple[MemoryHub, EventsApp]:
    hub = MemoryHub(history=10)
    return hub, EventsApp(hub, **{"topics": ["news", "sport"], **options})


# Watching


def test_a_stream_is_not_kept_changed_or_held_back() -> None:
    hub, app = make()
    with opened(validator(app)) as stream:
        assert stream.head.status == 200
        assert stream.head["Content-Type"] == "text/event-stream; charset=utf-8"
        assert stream.head["Cache-Control"].startswith("no-store")
        assert stream.head["X-Accel-Buffering"] == "no"
        assert "Content-Length" not in stream.head
        assert hub.publish("news", "hello", event="greeting")
        (event,) = stream.read(1)
        assert event[:2] == ("hello", "greeting")


@pytest.mark.parametrize(
    ("query", "told"),
    [
        pytest.param("", ["one", "two"], id="all of them"),
        pytest.param("?topic=sport", ["two"], id="one"),
        pytest.param("?topic=sport&topic=news&topic=news", ["one", "two"], id="several"),
        pytest.param("?topic=n%65ws&other=x", ["one"], id="escaped"),
    ],
)
def test_a_request_picks_topics(query: str, told: list[str]) -> None:
    hub, app = make()
    with opened(app, f"/{query}") as stream:
        hub.publish("news", "one")
        hub.publish("sport", "two")
        assert [event.data for event in stream.read(len(told))] == told


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("query", ["?topic=other", "?topic=news&topic=other", "?topic="])
def test_an_unknown_topic_is_not_there(method: str, query: str) -> None:
    answer = ask(make()[1], f"/{query}", method=method)
    assert answer.status == 404
    assert answer.body == (b"" if method == "HEAD" else b"There is no such topic here.\n")


def test_topics_may_be_those_of_a_request() -> None:
    def topics(environ: Environ) -> list[str] | None:
        room = environ["PATH_INFO"].strip("/")
        return {"": None, "none": []}.get(room, [f"room {room}"])

    hub, app = make(topics=topics)
    assert not app.quick
    with opened(app, "/blue") as stream:
        hub.publish("room blue", "hello")
        assert [event.data for event in stream.read(1)] == ["hello"]
    assert [ask(app, path).status for path in ("/", "/none")] == [404, 404]


@pytest.mark.parametrize(
    ("headers", "query", "told"),
    [
        pytest.param({"Last-Event-ID": "{1}"}, "", ["2", "3"], id="by the field"),
        pytest.param({}, "?lastEventId={2}", ["3"], id="by the query"),
        pytest.param({"Last-Event-ID": "{2}"}, "?lastEventId={0}", ["3"], id="the field is newer"),
        pytest.param({"Last-Event-ID": ""}, "?lastEventId=", [], id="empty is none"),
        pytest.param({"Last-Event-ID": "\xc3\xbc"}, "", [""], id="by what it was never given"),
    ],
)
def test_a_viewer_is_resumed(headers: dict[str, str], query: str, told: list[str]) -> None:
    hub, app = make()
    ids = [hub.publish("news", str(number)) for number in range(4)]
    fields = {name: value.format(*ids) for name, value in headers.items()}
    with opened(app, f"/{query.format(*ids)}", headers=fields) as stream:
        hub.publish("news", "last")
        assert [event.data for event in stream.read(len(told) + 1)] == [*told, "last"]


def test_a_silence_is_broken_by_a_sign_of_life() -> None:
    hub, app = make(heartbeat=0.001)
    with opened(app) as stream:
        place = str(hub._head)
        chunks = iter(stream.body)
        assert [next(chunks) for _ in range(3)] == [f"id: {place}\n\n".encode()] * 3


@pytest.mark.parametrize(
    ("method", "status", "allow"),
    [
        pytest.param("HEAD", 200, None, id="HEAD"),
        pytest.param("OPTIONS", 204, "GET, HEAD, OPTIONS", id="OPTIONS"),
        pytest.param("POST", 405, "GET, HEAD, OPTIONS", id="POST where nobody may"),
        pytest.param("DELETE", 405, "GET, HEAD, OPTIONS", id="DELETE"),
    ],
)
def test_other_methods(method: str, status: int, allow: str | None) -> None:
    hub, app = make()
    answer = ask(app, method=method)
    assert (answer.status, answer.get("Allow")) == (status, allow)
    if method == "HEAD":
        assert answer["Content-Type"] == "text/event-stream; charset=utf-8"
    assert not hub._log._topics  # nobody watches


# Threads


def test_as_many_viewers_as_threads_can_be_spared_are_let_in() -> None:
    _, app = make(limit=2)
    with ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(opened(app))
        answer = ask(app)
        assert (answer.status, answer["Retry-After"]) == (503, "1")
        assert answer.body.startswith(b"Each viewer holds a thread here")
        assert ask(app, method="HEAD").status == 200
        with opened(app, **{PARKS: True}) as parked:  # for which there is no thread
            assert parked.head.status == 200
            assert isinstance(parked.body, Wakeable)
    with opened(app) as stream:
        assert stream.head.status == 200
    assert ask(make(limit=0)[1]).status == 503


def test_an_answer_that_never_was_holds_no_thread() -> None:
    class Away(MemoryHub):
        def subscribe(self, *_: Any) -> Any:
            raise HubAway

    def fail(*_: object) -> Any:
        raise LookupError

    away = EventsApp(Away(), topics=["news"], limit=1)
    for parks in ({}, {PARKS: True}):
        for _ in range(2):
            answer = ask(away, **parks)
            assert (answer.status, answer["Retry-After"]) == (503, "1")
            assert answer.body == b"The events cannot be reached now; please try again.\n"
    hub, app = make(limit=1)
    for _ in range(2):
        with pytest.raises(LookupError):
            app(make_environ(), fail)
    assert not hub._log._topics


def test_in_the_loop_nothing_waits() -> None:
    hub, app = make(publish="s3cret")
    assert app.quick
    hub.quick = False
    for method in ("GET", "POST"):
        with pytest.raises(WouldBlock):
            ask(app, method=method, **{IN_LOOP: True, PARKS: True})
    assert not hub._log._topics


@pytest.mark.parametrize("around", [EventsApp, CompressMiddleware, HeadersMiddleware])
def test_our_server_has_no_thread_for_viewers(around: Any) -> None:
    hub, app = make(limit=0)
    with running(app if around is EventsApp else around(app), threads=1) as run:
        before = threading.active_count()
        with ExitStack() as stack:
            sources = [
                EventSource(stack.enter_context(run.connect()), "/?topic=news") for _ in range(20)
            ]
            for source in sources:
                source.begun()
            hub.publish("news", "hello")
            assert [source.read()[0].data for source in sources] == ["hello"] * 20
            assert threading.active_count() == before
            assert len(hub._log._topics["news"].viewers) == 20
        assert eventually(lambda: not hub._log._topics["news"].viewers)


@pytest.mark.parametrize("name", SERVERS)
def test_under_any_server_events_come_and_a_client_that_goes_leaves_its_place(name: str) -> None:
    hub, app = make(limit=1, heartbeat=0.01)
    with SERVERS[name](app) as port:
        for _ in range(3):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
            connection.request("GET", "/")
            response = connection.getresponse()
            reader, found = EventReader(), list[Event]()
            while not reader.last_id:
                found += reader.feed(response.read1(100))
            hub.publish("news", "hello")
            while not found:
                found += reader.feed(response.read1(100))
            assert found[0].data == "hello"
            connection.close()
            response.close()
            assert eventually(lambda: not hub._log._topics["news"].viewers)
            assert eventually(lambda: app._places._threads._value == 1)


def test_over_its_limit_another_server_still_answers() -> None:
    _, app = make(limit=1, heartbeat=0.05)
    with stock_waitress(app) as port, ExitStack() as stack:
        first, second = (
            stack.enter_context(Connection(("127.0.0.1", int(port)))) for _ in range(2)
        )
        first.ask()
        assert first.read(12) == b"HTTP/1.1 200"
        second.ask()
        assert second.answer().status == 503
        first.reset()


# Publishing


def post(app: EventsApp, path: str, body: bytes, **headers: str) -> Answer:
    return ask(
        app,
        path,
        method="POST",
        headers={**TOKEN, **headers},
        CONTENT_LENGTH=str(len(body)),
        **{"wsgi.input": io.BytesIO(body)},
    )


def test_who_shows_the_token_publishes() -> None:
    hub, app = make(publish="s3cret")
    with opened(app) as stream:
        answer = post(app, "/?topic=news&event=greeting&retry=500", "grüß\ndich".encode())
        (event,) = stream.read(1)
        assert event == Event("grüß\ndich", "greeting", answer.body.decode().strip())
        assert stream.reader.retry == 500
        later = "99999999999999-0"
        assert post(app, f"/?topic=news&id={later}", b"").body == f"{later}\n".encode()
        assert stream.read(1) == [Event("", "message", later)]
    assert hub.publish("news", "x") == "99999999999999-1"


def test_of_one_topic_nobody_need_name_it() -> None:
    assert post(make(publish="s3cret", topics=["news"])[1], "/", b"a").status == 200


@pytest.mark.parametrize(
    ("path", "body", "headers", "status", "sentence"),
    [
        pytest.param("/?topic=news", b"a", {"Authorization": ""}, 401, "token", id="no token"),
        pytest.param("/?topic=news", b"a", {"Authorization": "Bearer x"}, 401, "t", id="another"),
        pytest.param("/?topic=other", b"a", {}, 404, "no such topic", id="an unknown topic"),
        pytest.param("/", b"a", {}, 400, "one topic", id="several topics"),
        pytest.param("/?topic=news", b"\xff", {}, 400, "not in UTF-8", id="no UTF-8"),
        pytest.param("/?topic=news", b"x" * 101, {}, 413, "too long", id="too long a body"),
        pytest.param("/?topic=news&retry=-1", b"a", {}, 400, "retry is", id="a bad retry"),
        pytest.param("/?topic=news&retry=%D9%A1", b"a", {}, 400, "retry is", id="other digits"),
        pytest.param("/?topic=news&event=a%0Ab", b"a", {}, 400, "type", id="a type on two lines"),
        pytest.param("/?topic=news&event=a%00b&id=%00", b"a", {}, 400, "An id is", id="NUL"),
        pytest.param("/?" + "a&" * 101, b"a", {}, 400, "too many fields", id="too many fields"),
    ],
)
def test_what_cannot_be_published_is_told(
    path: str, body: bytes, headers: dict[str, str], status: int, sentence: str
) -> None:
    hub, app = make(publish="s3cret", longest=100)
    answer = post(app, path, body, **headers)
    assert (answer.status, answer.body.count(b"\n")) == (status, 1)
    assert sentence in answer.body.decode()
    assert ("WWW-Authenticate" in answer) is (status == 401)
    assert not hub._log._entries


@pytest.mark.parametrize(
    ("length", "status"),
    [
        pytest.param("", 411, id="none"),
        pytest.param("x", 411, id="no number"),
        pytest.param("-1", 411, id="less than nothing"),
        pytest.param("9" * 400, 413, id="more than anything"),
        pytest.param("5", 400, id="more than comes"),
    ],
)
def test_the_length_of_an_event_is_told(length: str, status: int) -> None:
    _, app = make(publish="s3cret", topics=["news"])
    environ = make_environ(method="POST", headers=TOKEN, CONTENT_LENGTH=length)
    environ["wsgi.input"] = io.BytesIO(b"some")
    begun: list[str] = []
    app(environ, lambda status, *_: begun.append(status))  # type: ignore[arg-type, return-value]
    assert begun[0][:3] == str(status)


def test_an_event_comes_whole_though_its_body_comes_in_parts() -> None:
    class Slow(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(min(2, size or 0))

    hub, app = make(publish="s3cret", topics=["news"])
    with opened(app) as stream:
        ask(
            app,
            method="POST",
            headers=TOKEN,
            CONTENT_LENGTH="5",
            **{"wsgi.input": Slow(b"hello, world")},
        )
        assert [event.data for event in stream.read(1)] == ["hello"]
    assert hub._log._entries


def test_an_event_that_is_longer_as_an_event_is_too_long() -> None:
    app = EventsApp(MemoryHub(longest=20), topics=["news"], publish="s3cret", longest=20)
    assert post(app, "/", b"x" * 18).status == 413


def test_others_may_tell_who_publishes() -> None:
    def may(environ: Environ) -> bool:
        return "HTTP_X_KEY" in environ

    _, app = make(publish=may)
    assert post(app, "/?topic=news", b"a", **{"X-Key": "1"}).status == 200
    answer = post(app, "/?topic=news", b"a")
    assert (answer.status, answer.body) == (403, b"You may not publish here.\n")
    assert ask(app, method="OPTIONS")["Allow"] == "GET, HEAD, OPTIONS, POST"


def test_over_a_real_connection_an_event_is_published() -> None:
    _, app = make(publish="s3cret")
    with running(app) as run, run.connect() as viewer, run.connect() as client:
        source = EventSource(viewer, "/?topic=news")
        source.begun()
        client.ask("/?topic=news", "POST", "Authorization: Bearer s3cret", "Content-Length: 5")
        client.send(b"hello")
        assert client.answer().status == 200
        assert source.read()[0].data == "hello"


# Other origins


@pytest.mark.parametrize(
    ("cors", "origin", "allowed"),
    [
        pytest.param(True, OTHER, "*", id="any"),
        pytest.param([HERE], HERE, HERE, id="one that is named"),
        pytest.param([HERE], OTHER, None, id="one that is not"),
        pytest.param(None, HERE, None, id="none"),
        pytest.param(False, HERE, None, id="none, said so"),
    ],
)
def test_pages_of_other_origins_may_watch(cors: Any, origin: str, allowed: str | None) -> None:
    _, app = make(cors=cors, publish="s3cret")
    name, fields = "Access-Control-Allow-Origin", {"Origin": origin}
    with opened(app, headers=fields) as stream:
        assert stream.head.get(name) == allowed
        assert ("Vary" in stream.head) is isinstance(cors, list)
    assert ask(app, "/?topic=other", headers=fields).get(name) == allowed
    preflight = {
        **fields,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    answer = ask(app, method="OPTIONS", headers=preflight)
    assert answer.get(name) == allowed
    if allowed:
        assert answer.status == 204
        assert "Authorization" in answer["Access-Control-Allow-Headers"]
        assert "Last-Event-ID" in answer["Access-Control-Allow-Headers"]


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        pytest.param({"topics": []}, ValueError, "nothing to be watched", id="no topics"),
        pytest.param({"topics": "news"}, TypeError, "more than one topic", id="one topic as text"),
        pytest.param({"limit": -1}, ValueError, "limit is a number", id="less than nobody"),
        pytest.param({"limit": True}, ValueError, "limit is a number", id="a truth"),
        pytest.param({"heartbeat": 0}, ValueError, "A heartbeat is seconds", id="no pause"),
        pytest.param({"heartbeat": float("nan")}, ValueError, "A heartbeat is", id="no number"),
        pytest.param({"publish": "two words"}, ValueError, "A bearer token is", id="no token"),
        pytest.param({"cors": ["HTTP://A"]}, ValueError, "An origin is such as", id="no origin"),
    ],
)
def test_an_option_that_cannot_be_is_refused(
    options: dict[str, Any], error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        make(**options)


def test_that_others_have_other_events_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    _, app = make()
    several = {"wsgi.multiprocess": True}
    with opened(app):
        assert not caplog.messages
    for _ in range(2):
        with opened(app, **several):
            (message,) = caplog.messages
    assert message.endswith("the events of a MemoryHub are those of one: use a RedisHub.")
    caplog.clear()
    shared = type("Shared", (MemoryHub,), {"shared": True})()
    with opened(EventsApp(shared, topics=["news"]), **several):
        assert not caplog.messages


def test_to_what_is_no_hub_nobody_publishes(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="What publishes is a Hub, not <"):
        EventsApp(Changes(Folder(tmp_path)), topics=[""], publish="a-secret-token")
