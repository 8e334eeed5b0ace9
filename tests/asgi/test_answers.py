"""Answers: each kind of body, what begins and ends it, and who is in it when."""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from typing import Any

import pytest

from tests.asgi.server import Message, Server, ask, make_scope
from tests.files import CountedFile, Pipe
from tests.server.bodies import Feed, Steered, answering
from tests.servers import DEADLINE
from wsgistream import FileResponse, Pausable, StreamingResponse
from wsgistream.asgi import ASGIBridge
from wsgistream.types import Body, Environ, StartResponse, WSGIApp
from wsgistream.wsgi.bodies import Truncated
from wsgistream.wsgi.files import FileWrapper
from wsgistream.wsgi.waiting import IN_LOOP, WouldBlock

Begun = asyncio.Task[None]


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), DEADLINE))


def begin(app: WSGIApp, server: Server, scope: Message | None = None, **options: Any) -> Begun:
    bridge = ASGIBridge(app, **options)
    return asyncio.create_task(bridge(scope or make_scope(), server.receive, server.send))


async def reaches(event: threading.Event) -> bool:
    return await asyncio.to_thread(event.wait, DEADLINE)


class Bound:
    """An endless body that does not say that it can move; steered by a test."""

    pausable = False

    def __init__(self, chunk: bytes = b"x") -> None:
        self.chunk = chunk
        self.threads: list[int] = []
        self.closings = 0
        self.closed = threading.Event()

    def __iter__(self) -> Iterator[bytes]:
        while True:
            self.threads.append(threading.get_ident())
            yield self.chunk

    def close(self) -> None:
        self.threads.append(threading.get_ident())
        self.closings += 1
        self.closed.set()


class Loose(Bound):
    pausable = True


def generator() -> Iterator[bytes]:
    yield b"a"
    yield b""
    yield b"b"


def lazy(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"ab"


def writing(environ: Environ, start_response: Any) -> Body:
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    write(b"a")
    write(bytearray(b"b"))
    return []


def replacing(environ: Environ, start_response: StartResponse) -> Body:
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "9")])
    try:
        raise OSError("no luck")
    except OSError as error:
        info = (OSError, error, error.__traceback__)
        start_response("500 Oh", [("Content-Type", "text/plain")], info)
    return [b"ab"]


def wrapped(file: io.BytesIO) -> WSGIApp:
    def app(environ: Environ, start_response: StartResponse) -> Body:
        start_response("200 OK", [("Content-Type", "text/plain")])
        body: Body = environ["wsgi.file_wrapper"](file, 1)
        return body

    return app


KINDS = [
    pytest.param(lambda: answering(lambda: [b"a", b"b"]), "2", id="a list"),
    pytest.param(lambda: answering(lambda: (b"ab",)), "2", id="a tuple"),
    pytest.param(lambda: answering(generator), None, id="a generator"),
    pytest.param(lambda: answering(lambda: Pausable(generator())), None, id="a pausable body"),
    pytest.param(lambda: answering(lambda: Feed(b"a", b"", b"b", None)), None, id="a stream"),
    pytest.param(lambda: lazy, None, id="an application that is a generator"),
    pytest.param(lambda: writing, None, id="write"),
    pytest.param(lambda: replacing, "2", id="a head that is replaced"),
    pytest.param(lambda: wrapped(io.BytesIO(b"ab")), "2", id="a file"),
    pytest.param(lambda: wrapped(Pipe(b"ab")), None, id="a file of unknown size"),
    pytest.param(lambda: StreamingResponse(iter([b"a", b"b"])), None, id="a response of ours"),
]


@pytest.mark.parametrize("pausable", [False, True], ids=["as it says", "pausable"])
@pytest.mark.parametrize(("make", "length"), KINDS)
def test_each_kind_of_body_arrives(
    make: Callable[[], WSGIApp], length: str | None, pausable: bool
) -> None:
    answer = ask(ASGIBridge(make(), pausable=pausable))
    assert answer.body == b"ab"
    assert answer.get("content-length") == length
    assert answer["content-type"].startswith(("text/plain", "application/octet-stream"))


@pytest.mark.parametrize(("make", "length"), KINDS)
def test_head_is_answered_without_a_body(make: Callable[[], WSGIApp], length: str | None) -> None:
    answer = ask(ASGIBridge(make()), scope=make_scope(method="HEAD"))
    assert answer.body == b""


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_what_has_no_body_has_no_length(status: str) -> None:
    answer = ask(ASGIBridge(answering(lambda: [b"body"], status, ("Content-Length", "4"))))
    assert (answer.status, answer.body) == (int(status[:3]), b"")
    assert "content-length" not in answer


@pytest.mark.parametrize(
    "make",
    [lambda: [b"abc", b"def", b"g"], lambda: iter([b"abc", b"def", b"g"]), lambda: Loose(b"abcd")],
    ids=["a list", "an iterator", "an endless body"],
)
def test_no_more_is_sent_than_the_length(make: Callable[[], Body]) -> None:
    assert ask(ASGIBridge(answering(make, "200 OK", ("Content-Length", "4")))).body == b"abcd"


def late(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"a"
    error = OSError("too late")
    start_response("500 Oh", [], (OSError, error, None))
    yield b"b"


def twice(environ: Environ, start_response: StartResponse) -> Body:
    start_response("200 OK", [])
    start_response("200 OK", [])
    return []


def failing() -> Iterator[bytes]:
    yield b"a"
    raise OSError("the disk is gone")


class FailsToClose(list[bytes]):
    def close(self) -> None:
        raise OSError("not closed")


@pytest.mark.parametrize(
    ("app", "error", "begun"),
    [
        pytest.param(answering(failing), OSError, True, id="a generator that fails"),
        pytest.param(
            answering(lambda: Pausable(failing())), OSError, True, id="a pausable body that fails"
        ),
        pytest.param(
            answering(lambda: Feed(b"a", OSError("gone"))), OSError, True, id="a stream that fails"
        ),
        pytest.param(
            answering(lambda: [b"abc"], "200 OK", ("Content-Length", "4")),
            Truncated,
            True,
            id="fewer bytes than announced",
        ),
        pytest.param(late, OSError, True, id="an error behind the head"),
        pytest.param(answering(lambda: FailsToClose([b"a"])), OSError, True, id="a close"),
        pytest.param(twice, AssertionError, False, id="start_response twice"),
        pytest.param(lambda e, s: [b"a"], AssertionError, False, id="no start_response"),
        pytest.param(lambda e, s: Feed(), AssertionError, False, id="a stream without a head"),
        pytest.param(answering(lambda: ["a"]), TypeError, False, id="a list of text"),  # type: ignore[list-item,return-value]
        pytest.param(
            answering(lambda: iter([None])),
            TypeError,
            False,
            id="an iterator of nothing",  # type: ignore[list-item,return-value]
        ),
        pytest.param(answering(list, "OK"), ValueError, False, id="no number"),
    ],
)
def test_a_failure_is_the_server_s_to_see(
    app: WSGIApp, error: type[Exception], begun: bool
) -> None:
    async def test() -> None:
        server = Server()
        with pytest.raises(error):
            await begin(app, server)
        assert bool(server.sent) is begun
        assert not server.is_complete

    run(test)


class TestTheClientGoes:
    @pytest.mark.parametrize("make", [Bound, Loose])
    def test_an_endless_body_is_closed_once(self, make: Callable[[], Bound]) -> None:
        body = make()

        async def test() -> None:
            server = Server()
            answer = begin(answering(lambda: body), server)
            await server.sends()
            server.leave()
            await answer
            assert not server.is_complete

        run(test)
        assert body.closings == 1

    def test_an_idle_stream_is_closed_once(self) -> None:
        feed = Feed()

        async def test() -> None:
            server = Server({"type": "http.request"}, {"type": "http.request"})
            answer = begin(answering(lambda: feed), server)
            await server.sends()
            server.leave()
            await answer

        run(test)
        assert feed.ended()

    def test_a_stream_whose_client_has_gone_already_is_not_waited_for(self) -> None:
        feed = Feed()

        async def test() -> None:
            server = Server()
            answer = begin(answering(lambda: feed), server)
            server.leave()
            await answer

        run(test)
        assert feed.ended()

    @pytest.mark.parametrize("by_server", [False, True], ids=["the client goes", "cancelled"])
    def test_a_thread_that_waits_for_the_server_is_freed(self, by_server: bool) -> None:
        body = Bound()

        async def test() -> None:
            server, reached = Server(), asyncio.Event()

            async def send(message: Message) -> None:
                reached.set()
                await asyncio.Event().wait()  # a client that takes nothing, for ever

            bridge = ASGIBridge(answering(lambda: body))
            answer = asyncio.create_task(bridge(make_scope(), server.receive, send))
            await reached.wait()
            if by_server:
                answer.cancel()
            else:
                server.leave()
            await asyncio.wait([answer])
            assert answer.cancelled() is by_server

        run(test)
        assert body.closings == 1
        assert len(set(body.threads)) == 1

    @pytest.mark.parametrize("make", [Bound, Loose])
    def test_a_server_that_raises_tells_of_it_as_well(self, make: Callable[[], Bound]) -> None:
        body = make()

        async def test() -> None:
            async def send(message: Message) -> None:
                raise ConnectionResetError

            await ASGIBridge(answering(lambda: body))(make_scope(), Server().receive, send)

        run(test)
        assert body.closings == 1

    def test_an_application_is_not_asked_for_who_left_before_there_was_a_thread(self) -> None:
        def unreachable(environ: Environ, start_response: StartResponse) -> Body:
            raise AssertionError("the application was called")

        async def test() -> None:
            go_on, server = threading.Event(), Server()
            with ThreadPoolExecutor(1) as threads:
                threads.submit(go_on.wait, DEADLINE)
                answer = begin(unreachable, server, threads=threads)
                server.leave()
                while not server.is_heard:
                    await asyncio.sleep(0)
                go_on.set()
                await answer
            assert server.sent == []

        run(test)

    def test_a_body_is_not_closed_while_a_thread_is_in_it(self) -> None:
        inside, go_on = threading.Event(), threading.Event()

        def chunks() -> Iterator[bytes]:
            inside.set()
            go_on.wait(DEADLINE)
            yield b"x"

        body = Steered(chunks())

        async def test() -> None:
            server = Server()
            answer = begin(answering(lambda: body), server)
            assert await reaches(inside)
            answer.cancel()
            await asyncio.sleep(0)
            assert body.closings == 0
            go_on.set()
            with pytest.raises(asyncio.CancelledError):
                await answer

        run(test)
        assert body.closings == 1

    def test_an_application_that_answers_when_nobody_waits_is_closed(self) -> None:
        inside, go_on, body = threading.Event(), threading.Event(), Bound()

        def app(environ: Environ, start_response: StartResponse) -> Body:
            inside.set()
            go_on.wait(DEADLINE)
            start_response("200 OK", [])
            return body

        async def test() -> None:
            server = Server()
            answer = begin(app, server)
            assert await reaches(inside)
            answer.cancel()
            await asyncio.sleep(0)
            go_on.set()
            await asyncio.wait([answer])

        run(test)
        assert body.closings == 1


class TestThreads:
    def test_a_body_that_may_not_move_stays_in_its_thread(self) -> None:
        seen: list[int] = []

        def chunks() -> Iterator[bytes]:
            for _ in range(3):
                seen.append(threading.get_ident())
                yield b"x"

        def app(environ: Environ, start_response: StartResponse) -> Body:
            seen.append(threading.get_ident())
            start_response("200 OK", [])
            return chunks()

        assert ask(ASGIBridge(app)).body == b"xxx"
        assert len(set(seen)) == 1 != len(seen)

    def test_streams_wait_without_a_thread(self) -> None:
        feeds = [Feed() for _ in range(50)]
        rest = iter(feeds)

        async def test() -> None:
            bridge = ASGIBridge(answering(lambda: next(rest)), threads=1)
            servers = [Server() for _ in feeds]
            answers = [
                asyncio.create_task(bridge(make_scope(), server.receive, server.send))
                for server in servers
            ]
            for server in servers:
                await server.sends()
            for feed in feeds:
                await asyncio.to_thread(feed.give, b"news", None)
            await asyncio.gather(*answers)
            assert {server.answer().body for server in servers} == {b"news"}

        run(test)
        assert all(feed.ended() for feed in feeds)

    def test_a_stream_that_may_take_its_time_does_so_in_a_thread(self) -> None:
        threads: set[int] = set()

        class Slow(Feed):
            quick = False

            def take(self) -> bytes | None:
                threads.add(threading.get_ident())
                return super().take()

            def close(self) -> None:
                threads.add(threading.get_ident())
                super().close()

        assert ask(ASGIBridge(answering(lambda: Slow(b"a", b"b", None)))).body == b"ab"
        assert threading.get_ident() not in threads

    def test_a_silent_stream_shows_that_it_is_there(self) -> None:
        feed = Feed()
        feed.heartbeat = 0.001

        async def test() -> None:
            server = Server()
            answer = begin(answering(lambda: feed), server)
            while b":\n" not in [message.get("body") for message in server.sent]:
                await server.sends()
            feed.give(None)
            await answer

        run(test)
        assert feed.beats

    def test_a_stream_may_be_idle_more_than_once(self) -> None:
        async def test() -> None:
            idle = asyncio.Event()

            class Telling(Feed):
                def take(self) -> bytes | None:
                    chunk = super().take()
                    if chunk is None:
                        idle.set()
                    return chunk

            server, feed = Server(), Telling(b"a")
            answer = begin(answering(lambda: feed), server)
            for more in (b"b", b"c", None):
                await idle.wait()
                idle.clear()
                feed.give(more)
            await answer
            assert server.answer().chunks == [b"a", b"b", b"c", b""]

        run(test)

    def test_what_wakes_after_the_end_is_nobody_s(self) -> None:
        feed = Feed(b"a", None)
        assert ask(ASGIBridge(answering(lambda: feed))).body == b"a"
        feed.wake()
        assert feed.ended()

    def test_bridges_share_their_threads_if_they_are_told_to(self) -> None:
        seen: set[int] = set()

        def app(environ: Environ, start_response: StartResponse) -> Body:
            seen.add(threading.get_ident())
            start_response("200 OK", [])
            return []

        with ThreadPoolExecutor(1) as threads:
            for bridge in (ASGIBridge(app, threads=threads), ASGIBridge(app, threads=threads)):
                assert ask(bridge).status == 200
        assert len(seen) == 1

    def test_context_goes_with_the_answer(self) -> None:
        name: ContextVar[str] = ContextVar("name")

        def chunks() -> Iterator[bytes]:
            yield name.get().encode()
            name.set("later")
            yield name.get().encode()

        def app(environ: Environ, start_response: StartResponse) -> Body:
            name.set(name.get() + " changed")
            start_response("200 OK", [])
            return Pausable(chunks())

        name.set("outside")
        assert ask(ASGIBridge(app)).body == b"outside changedlater"
        assert name.get() == "outside"

    def test_no_chunk_is_made_before_the_one_before_it_is_taken(self) -> None:
        made: list[int] = []

        def chunks() -> Iterator[bytes]:
            for number in range(3):
                made.append(number)
                yield b"%d" % number

        async def test() -> None:
            for make in (chunks, lambda: Pausable(chunks())):
                server, room, made[:] = Server(), asyncio.Semaphore(2), []

                async def send(message: Message, server: Server = server) -> None:
                    await server.send(message)
                    await room.acquire()  # noqa: B023

                bridge = ASGIBridge(answering(make))
                answer = asyncio.create_task(bridge(make_scope(), server.receive, send))
                while len(server.sent) < 3:
                    await server.sends()
                assert made == [0, 1]
                for _ in range(9):
                    room.release()
                await answer
                assert made == [0, 1, 2]

        run(test)


def test_a_file_is_closed_once(tmp_path: Any) -> None:
    file = CountedFile(b"x" * 1000)
    assert ask(ASGIBridge(wrapped(file))).body == b"x" * 1000
    assert file.closings == 1


def test_a_response_is_given_as_a_file(tmp_path: Any) -> None:
    path, seen = tmp_path / "file", []
    path.write_bytes(b"x" * 1_000_000)

    def app(environ: Environ, start_response: StartResponse) -> Body:
        body = FileResponse(path)(environ, start_response)
        seen.append(type(body))
        return body

    headers = [(b"range", b"bytes=10-900009")]
    answer = ask(ASGIBridge(app), scope=make_scope(headers=headers))
    assert (answer.status, len(answer.body)) == (206, 900_000)
    assert seen == [FileWrapper]
    assert max(map(len, answer.chunks)) == 256 * 1024


class TestQuickApplications:
    """What says that it never blocks is asked in the loop first."""

    def make(self, answer: Callable[[Environ, Any], Body]) -> tuple[Any, list[bool]]:
        in_loop: list[bool] = []

        class Quick:
            quick = True

            def __call__(self, environ: Environ, start_response: StartResponse) -> Body:
                in_loop.append(IN_LOOP in environ)
                assert in_loop[-1] is (threading.current_thread() is threading.main_thread())
                return answer(environ, start_response)

        return Quick(), in_loop

    @pytest.mark.parametrize(
        "make",
        [
            pytest.param(lambda: [b"a", b"b"], id="a list"),
            pytest.param(generator, id="a generator"),
            pytest.param(lambda: Pausable(generator()), id="a pausable body"),
            pytest.param(lambda: Feed(b"a", b"b", None), id="a stream"),
        ],
    )
    def test_one_that_does_not_block_is_asked_once(self, make: Callable[[], Body]) -> None:
        app, in_loop = self.make(answering(make))
        assert ask(ASGIBridge(app)).body == b"ab"
        assert in_loop == [True]

    def test_one_that_would_block_is_asked_again_in_a_thread(self) -> None:
        def answer(environ: Environ, start_response: StartResponse) -> Body:
            body = environ["wsgi.input"].read(3)
            start_response("200 OK", [("Content-Type", "text/plain")])
            if IN_LOOP in environ:
                raise WouldBlock
            return [body]

        app, in_loop = self.make(answer)
        request = {"type": "http.request", "body": b"abc"}
        assert ask(ASGIBridge(app), request).body == b"abc"
        assert in_loop == [True, False]

    def test_one_that_writes_is_asked_again_in_a_thread(self) -> None:
        app, in_loop = self.make(writing)
        assert ask(ASGIBridge(app)).body == b"ab"
        assert in_loop == [True, False]

    def test_one_that_fails_does_so_once(self) -> None:
        app, in_loop = self.make(twice)
        with pytest.raises(AssertionError, match="twice"):
            ask(ASGIBridge(app))
        assert in_loop == [True]


class TestOtherConnections:
    def test_a_lifespan_is_lived(self) -> None:
        async def test() -> None:
            server = Server({"type": "lifespan.startup"}, {"type": "lifespan.shutdown"})
            bridge = ASGIBridge(answering(list))
            await bridge({"type": "lifespan"}, server.receive, server.send)
            types = [message["type"] for message in server.sent]
            assert types == ["lifespan.startup.complete", "lifespan.shutdown.complete"]

        run(test)

    def test_a_websocket_is_refused(self) -> None:
        async def test() -> None:
            server = Server({"type": "websocket.connect"})
            bridge = ASGIBridge(answering(list))
            await bridge({"type": "websocket"}, server.receive, server.send)
            assert server.sent == [{"type": "websocket.close"}]

        run(test)

    def test_anything_else_is_an_error(self) -> None:
        async def test() -> None:
            server = Server()
            with pytest.raises(ValueError, match="of the kind 'telepathy'"):
                await ASGIBridge(answering(list))(
                    {"type": "telepathy"}, server.receive, server.send
                )

        run(test)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"threads": 0}, "At least one thread is needed, not 0."),
        ({"max_request_body_size": 0}, "A request may have a byte at least, not 0."),
    ],
)
def test_options_are_checked(options: dict[str, int], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        ASGIBridge(answering(list), **options)  # type: ignore[arg-type]
