"""One camera for all who watch: opened with the first, closed with the last, newest frame first."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest

from tests.client import ask, make_environ
from tests.live import SERVERS
from tests.servers import DEADLINE, Connection, eventually, running
from tests.sources.live.test_follow import Reader
from wsgistream import MultipartStream
from wsgistream.wsgi.bodies import close
from wsgistream.wsgi.waiting import PARKS, Wakeable


class Camera:
    """A camera that a test steers: frames, an error, or None for its end."""

    def __init__(self) -> None:
        self.frames: queue.Queue[bytes | Exception | None] = queue.Queue()
        self.opened = self.closed = 0
        self.closings = threading.Semaphore(0)

    def __call__(self) -> Iterator[bytes]:
        assert self.opened == self.closed, "it is open already"
        self.opened += 1
        try:
            while (frame := self.frames.get(timeout=DEADLINE)) is not None:
                if isinstance(frame, Exception):
                    raise frame
                yield frame
        finally:
            self.closed += 1
            self.closings.release()

    def was_closed(self) -> bool:
        return self.closings.acquire(timeout=DEADLINE)


@pytest.fixture
def camera() -> Iterator[Camera]:
    camera = Camera()
    yield camera
    camera.frames.put(None)
    assert eventually(lambda: not is_filming())


def is_filming() -> bool:
    return any(thread.name == "wsgistream frames" for thread in threading.enumerate())


def make(camera: Camera, **options: Any) -> MultipartStream:
    return MultipartStream(camera, **{"boundary": "b", **options})


def watch(app: MultipartStream) -> Any:
    body = app(make_environ(**{PARKS: True}), lambda *_: lambda data: None)
    assert isinstance(body, Wakeable)
    return closing(body)


def part(frame: bytes) -> bytes:
    return b"Content-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n--b\r\n" % (
        len(frame),
        frame,
    )


def test_all_have_the_same_frame_and_who_comes_later_has_it_at_once(camera: Camera) -> None:
    app = make(camera)
    with watch(app) as one, watch(app) as two:
        camera.frames.put(b"first")
        first = b"--b\r\n" + part(b"first")
        assert [Reader(each).read(len(first)) for each in (one, two)] == [first, first]
        with watch(app) as three:
            assert three.take() == first
            assert three.take() is None
        reader = Reader(one)
        camera.frames.put(b"next")
        assert reader.read(len(part(b"next"))) == part(b"next")
        assert two.take() is app._frames.newest  # the same bytes
        assert camera.opened == 1
    camera.frames.put(b"of no use")
    assert camera.was_closed()


def test_who_is_slow_has_the_newest_alone(camera: Camera) -> None:
    app = make(camera)
    with watch(app) as quick, watch(app) as slow:
        reader = Reader(quick)
        for number in range(5):
            camera.frames.put(b"%d" % number)
            reader.read(len(part(b"0")))
        assert slow.take() == b"--b\r\n" + part(b"4")
        assert slow.take() is None
        assert slow.beat() == part(b"4")  # which shows whether somebody is there
        camera.frames.put(None)


def test_the_camera_is_opened_with_the_first_and_closed_with_the_last(camera: Camera) -> None:
    app = make(camera)
    for times in range(1, 4):
        with watch(app) as viewer:
            assert viewer.beat() == b""
            camera.frames.put(b"frame")
            Reader(viewer).read(1)
            assert (camera.opened, camera.closed) == (times, times - 1)
        camera.frames.put(b"of no use")
        assert camera.was_closed()
        assert eventually(lambda: not is_filming())


def test_who_comes_while_it_is_being_closed_has_it_opened_again() -> None:
    closing_now, go_on = threading.Event(), threading.Event()
    opened: list[int] = []

    def frames() -> Iterator[bytes]:
        opened.append(1)
        try:
            while True:
                yield b"%d" % len(opened)
        finally:
            closing_now.set()
            assert go_on.wait(DEADLINE)

    app = MultipartStream(frames, boundary="b")
    with watch(app) as first:
        Reader(first).read(1)
    assert closing_now.wait(DEADLINE)
    with watch(app) as second:
        go_on.set()
        reader, got = Reader(second), b""
        while b"\r\n2\r\n" not in got:
            got += reader.read(1)
    assert eventually(lambda: not is_filming())
    assert app._frames.newest is None


@pytest.mark.parametrize("error", [None, LookupError("no film")])
def test_at_its_end_each_viewer_has_the_last_frame(camera: Camera, error: Exception | None) -> None:
    app = make(camera)
    with watch(app) as one, watch(app) as two:
        reader = Reader(one)
        camera.frames.put(b"last")
        reader.read(1)
        camera.frames.put(error)
        assert eventually(lambda: two._has_ended)
        assert two.take() == b"--b\r\n" + part(b"last")
        for each in (one, two):
            with pytest.raises(StopIteration if error is None else LookupError):
                each.take()
        with watch(app) as again:  # which is opened anew
            camera.frames.put(b"new film")
            assert b"new film" in Reader(again).read(1)
            camera.frames.put(None)


def test_a_camera_that_cannot_be_opened_is_told_to_all() -> None:
    def broken() -> Iterator[bytes]:
        raise OSError("no camera")

    with watch(MultipartStream(broken)) as viewer:
        assert eventually(lambda: viewer._has_ended)
        with pytest.raises(OSError, match="no camera"):
            viewer.take()


@pytest.mark.parametrize(
    ("method", "status"), [("HEAD", 200), ("OPTIONS", 204), ("POST", 405), ("DELETE", 405)]
)
def test_other_methods_open_no_camera(camera: Camera, method: str, status: int) -> None:
    answer = ask(make(camera), method=method)
    assert answer.status == status
    if method == "HEAD":
        assert answer["Content-Type"] == "multipart/x-mixed-replace; boundary=b"
        assert answer["Cache-Control"].startswith("no-store")
    else:
        assert answer["Allow"] == "GET, HEAD, OPTIONS"
    assert not camera.opened


def test_as_many_viewers_as_threads_can_be_spared(camera: Camera) -> None:
    app = make(camera, limit=1)

    def fail(*_: object) -> Any:
        raise LookupError

    with pytest.raises(LookupError):
        app(make_environ(), fail)
    body = app(make_environ(), lambda *_: lambda data: None)
    assert ask(app).status == 503
    close(body)
    close(app(make_environ(), lambda *_: lambda data: None))
    camera.frames.put(b"of no use")
    assert camera.was_closed()


@pytest.mark.parametrize("name", SERVERS)
def test_under_any_server_frames_come(name: str, camera: Camera) -> None:
    app = make(camera, heartbeat=0.05)
    with SERVERS[name](app) as port, Connection(("127.0.0.1", int(port))) as client:
        client.ask()
        camera.frames.put(b"first")
        got = b""
        while part(b"first") not in got:
            got += client.read(1)
        camera.frames.put(b"second")
        while b"second" not in got:
            got += client.read(1)
        client.reset()
        assert eventually(lambda: not app._frames._viewers)
        camera.frames.put(b"of no use")
        assert camera.was_closed()


def test_our_server_parks_all_who_watch(camera: Camera) -> None:
    app = make(camera, limit=0)
    with running(app, threads=1) as run, ExitStack() as stack:
        clients = [stack.enter_context(run.connect()) for _ in range(10)]
        for client in clients:
            client.ask()
        assert eventually(lambda: len(app._frames._viewers) == 10)
        camera.frames.put(b"frame")
        for client in clients:
            assert any(line == b"frame\r\n" for line in client._file)
        camera.frames.put(None)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        pytest.param({"boundary": ""}, "A boundary is 1 to 70 letters", id="no boundary"),
        pytest.param({"boundary": "a b"}, "A boundary is 1 to 70 letters", id="a space"),
        pytest.param({"boundary": "a" * 71}, "A boundary is 1 to 70 letters", id="too long"),
        pytest.param({"content_type": "a\nb"}, "The value of the header", id="two lines"),
        pytest.param({"heartbeat": 0}, "A heartbeat is seconds", id="no pause"),
        pytest.param({"limit": -1}, "limit is a number of viewers", id="less than nobody"),
    ],
)
def test_an_option_that_cannot_be_is_refused(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        MultipartStream(list, **options)


def test_nobody_foresees_a_boundary() -> None:
    one, two = (ask(MultipartStream(list), method="HEAD")["Content-Type"] for _ in range(2))
    assert one != two
