"""A recording while it grows, and when it is finished."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.client import ask, make_environ
from tests.live import SERVERS
from tests.servers import Connection, eventually, running
from tests.sources.live.test_follow import add
from wsgistream import RecordingApp
from wsgistream.wsgi.bodies import close
from wsgistream.wsgi.waiting import PARKS


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "meeting.mp4"
    path.write_bytes(b"0123456789")
    return path


class Switch:
    """What tells that a recording grows, until a test says otherwise."""

    def __init__(self) -> None:
        self.on = True
        self.asked: set[str] = set()

    def __call__(self, path: str) -> bool:
        self.asked.add(path)
        return self.on


@pytest.mark.parametrize(
    ("field", "status", "content_range", "body"),
    [
        pytest.param("bytes=2-4", 206, "bytes 2-4/*", b"234", id="a part"),
        pytest.param("bytes=2-", 206, "bytes 2-9/*", b"23456789", id="to its present end"),
        pytest.param("bytes=0-", 206, "bytes 0-9/*", b"0123456789", id="all there is"),
        pytest.param("bytes=-3", 206, "bytes 7-9/*", b"789", id="the last bytes there are"),
        pytest.param("bytes=8-99", 206, "bytes 8-9/*", b"89", id="a part that is yet to come"),
        pytest.param("bytes=10-", 416, "bytes */10", None, id="what is yet to come"),
    ],
)
def test_a_range_is_answered_with_what_there_is(
    path: Path, field: str, status: int, content_range: str, body: bytes | None
) -> None:
    answer = ask(RecordingApp(path, growing=Switch()), headers={"Range": field})
    assert (answer.status, answer["Content-Range"]) == (status, content_range)
    if body is not None:
        assert answer.body == body
        assert answer["Content-Length"] == str(len(body))
        assert answer["Content-Type"] == "video/mp4"
        assert answer["Cache-Control"] == "no-cache"
    assert "ETag" not in answer
    assert "Last-Modified" not in answer


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="no range"),
        pytest.param({"Range": "bytes=0-1,900-901"}, id="several ranges"),
        pytest.param({"Range": "bytes=0-1", "If-Range": '"a"'}, id="a range of what was before"),
        pytest.param({"Range": "lines=1"}, id="another unit"),
    ],
)
def test_the_whole_comes_as_it_grows_and_ends_with_it(path: Path, headers: dict[str, str]) -> None:
    path.write_bytes(b"0123456789" * 100)
    growing = Switch()
    told: list[Any] = []
    app = RecordingApp(path, growing=growing)
    environ = make_environ(headers=headers, **{PARKS: True})
    body: Any = app(environ, lambda *begun: told.append(begun))  # type: ignore[arg-type]
    ((status, fields),) = told
    assert status == "200 OK"
    assert "Content-Length" not in dict(fields)
    assert dict(fields)["Accept-Ranges"] == "bytes"
    assert body.take() == b"0123456789" * 100
    assert body.take() is None
    add(path, b"more")
    growing.on = False  # what came at the last moment is still sent
    assert body.take() == b"more"
    with pytest.raises(StopIteration):
        body.take()
    body.close()
    assert growing.asked == {str(path)}


def test_a_finished_recording_is_a_file_like_any_other(path: Path) -> None:
    os.utime(path, (1000, 1000))
    app = RecordingApp(path, clock=lambda: 2000.0)
    answer = ask(app, headers={"Range": "bytes=2-4"})
    assert (answer.status, answer["Content-Range"]) == (206, "bytes 2-4/10")
    assert ask(app)["Content-Length"] == "10"
    assert ask(app, headers={"If-None-Match": answer["ETag"]}).status == 304


def test_a_file_that_was_changed_lately_grows(path: Path) -> None:
    os.utime(path, (1000, 1000))
    times = {"now": 1005.0}
    app = RecordingApp(path, clock=lambda: times["now"])
    assert ask(app, headers={"Range": "bytes=2-4"})["Content-Range"] == "bytes 2-4/*"
    times["now"] = 1011.0
    assert ask(app, headers={"Range": "bytes=2-4"})["Content-Range"] == "bytes 2-4/10"


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        pytest.param("HEAD", {}, 200, id="HEAD"),
        pytest.param("HEAD", {"Range": "bytes=0-1"}, 200, id="HEAD has no ranges"),
        pytest.param("GET", {"If-None-Match": "*"}, 304, id="whoever has any is told to keep it"),
        pytest.param("GET", {"If-Match": '"a"'}, 412, id="whoever has another is told"),
        pytest.param("OPTIONS", {}, 204, id="OPTIONS"),
        pytest.param("POST", {}, 405, id="POST"),
    ],
)
def test_other_requests(path: Path, method: str, headers: dict[str, str], status: int) -> None:
    answer = ask(RecordingApp(path, growing=Switch()), method=method, headers=headers)
    assert answer.status == status
    if method == "HEAD":
        assert "Content-Length" not in answer
        assert answer["Accept-Ranges"] == "bytes"


def test_a_recording_that_is_not_there_is_not_found(tmp_path: Path) -> None:
    for options in ({}, {"growing": lambda path: True}):
        assert ask(RecordingApp(tmp_path / "none", **options)).status == 404  # type: ignore[arg-type]


def test_as_many_viewers_as_threads_can_be_spared(path: Path) -> None:
    app = RecordingApp(path, growing=Switch(), limit=1)

    def fail(*_: object) -> Any:
        raise LookupError

    with pytest.raises(LookupError):
        app(make_environ(), fail)
    body = app(make_environ(), lambda *_: lambda data: None)
    assert ask(app).status == 503
    assert ask(app, headers={"Range": "bytes=0-1"}).status == 206  # which does not last
    close(body)
    close(app(make_environ(), lambda *_: lambda data: None))


@pytest.mark.parametrize("name", SERVERS)
def test_under_any_server_it_comes_as_it_grows(name: str, path: Path) -> None:
    growing = Switch()
    with SERVERS[name](RecordingApp(path, growing=growing)) as port:
        with Connection(("127.0.0.1", int(port))) as client:
            client.ask("/", "GET", "Connection: close")
            got = b""
            while b"789" not in got:
                got += client.read(1)
            add(path, b"more")
            while b"more" not in got:
                got += client.read(1)
            add(path, b"last")
            growing.on = False
            assert b"last" in client.rest()


def test_our_server_parks_who_watches(path: Path) -> None:
    growing = Switch()
    with running(RecordingApp(path, growing=growing, limit=0), threads=1) as run:
        with run.connect() as one, run.connect() as two:
            for client in (one, two):
                client.ask()
            assert eventually(lambda: len([c for c in run.server._channels() if c.is_idle()]) == 2)
            growing.on = False
            assert [client.answer().body for client in (one, two)] == [b"0123456789"] * 2


def test_patience_is_seconds() -> None:
    with pytest.raises(ValueError, match="Patience is seconds, more than 0, not 0"):
        RecordingApp("a", patience=0)
