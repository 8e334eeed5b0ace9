"""What answers from a server's loop, without a thread, and what must not."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.client import Answer, ask
from tests.servers import DEADLINE, running
from wsgistream import DirectoryApp, FileApp, PrefixMiddleware, respond
from wsgistream.sources.file import File, etag_of_content
from wsgistream.sources.shelf import Shelf
from wsgistream.types import Body, Environ, Source, StartResponse, WSGIApp
from wsgistream.wsgi import waiting
from wsgistream.wsgi.waiting import is_quick

pytestmark = pytest.mark.skipif(
    not hasattr(os, "RWF_NOWAIT"), reason="this system does not tell what is in memory"
)

DIGITS = b"0123456789" * 1000
#: More than is kept on the shelf, less than is handed over as a file.
MIDDLE = b"0123456789" * 3000
LARGE = b"0123456789" * 50_000


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "plain").mkdir(parents=True)
    (root / "sub").mkdir()
    for name, data in {
        "index.html": b"index",
        "small": DIGITS,
        "middle": MIDDLE,
        "large": LARGE,
        "empty": b"",
        "plain/a.txt": b"a",
        "sub/index.html": b"index",
    }.items():
        (root / name).write_bytes(data)
    return root


def inner(environ: Environ, start_response: StartResponse) -> Body:
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"inner"]


def responder(environ: Environ, start_response: StartResponse, source: Source) -> Body:
    return respond(environ, start_response, source)


@pytest.mark.parametrize(
    ("options", "quick"),
    [
        pytest.param({}, True, id="a folder"),
        pytest.param({"etag": None}, True, id="without tags"),
        pytest.param({"etag": etag_of_content}, False, id="tags that are made from the bytes"),
        pytest.param({"etag": lambda file, status: None}, False, id="tags of the caller's"),
        pytest.param({"download": True}, True, id="downloads"),
        pytest.param({"download": lambda name: True}, False, id="a choice of downloads"),
        pytest.param({"responder": responder}, False, id="a responder of the caller's"),
        pytest.param({"listing": True}, True, id="listings"),
        pytest.param({"fallback": "index.html"}, True, id="a file for what is missing"),
        pytest.param({"fallback": inner}, False, id="an application for what is missing"),
        pytest.param({"app": inner}, False, id="an application inside"),
    ],
)
def test_a_folder_is_quick_if_nothing_of_it_can_wait(
    root: Path, options: dict[str, Any], quick: bool
) -> None:
    app = DirectoryApp(root, **options)
    assert is_quick(app) is quick
    assert isinstance(app._store, Shelf) is quick
    assert is_quick(PrefixMiddleware(app, prefix="/p")) is quick
    assert is_quick(DirectoryApp(root, app=app)) is quick


@pytest.mark.parametrize(
    ("etag", "quick"),
    [
        pytest.param({}, True, id="of its status"),
        pytest.param({"etag": None}, True, id="none"),
        pytest.param({"etag": etag_of_content}, False, id="of its bytes"),
    ],
)
def test_a_file_is_quick_by_its_tag(root: Path, etag: dict[str, Any], quick: bool) -> None:
    assert is_quick(FileApp(root / "small", **etag)) is quick


def test_where_the_system_does_not_tell_nothing_is_quick(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "_CAN_TELL", False)
    monkeypatch.delattr(os, "RWF_NOWAIT")
    app = DirectoryApp(root)
    assert not is_quick(app)
    for _ in range(2):
        assert ask(app, "/small").body == DIGITS


def fetched(app: WSGIApp, target: str, *headers: str, threads: int = 0) -> Answer:
    with running(app, threads=threads) as run, run.connect() as client:
        client.ask(target, "GET", *headers)
        return client.answer()


RANGES = "Range: bytes=0-4,100-104,-5"


@pytest.mark.parametrize(
    ("target", "headers", "status", "body"),
    [
        pytest.param("/small", [], 200, DIGITS, id="a small file"),
        pytest.param("/middle", [], 200, MIDDLE, id="one that is not kept"),
        pytest.param("/large", [], 200, LARGE, id="a large one, which the system sends"),
        pytest.param("/empty", [], 200, b"", id="an empty one"),
        pytest.param("/", [], 200, b"index", id="an index"),
        pytest.param("/small", ["Range: bytes=3-6"], 206, b"3456", id="a range"),
        pytest.param("/middle", ["Range: bytes=3-6"], 206, b"3456", id="a range of a file"),
        pytest.param("/small", ["Range: bytes=99999-"], 416, None, id="a range that is none"),
        pytest.param("/small", ["If-None-Match: *"], 304, b"", id="what is known"),
        pytest.param("/missing", [], 404, None, id="what is missing"),
        pytest.param("/sub", [], 301, None, id="a folder without its slash"),
        pytest.param("/plain/", [], 404, None, id="a folder without an index"),
    ],
)
def test_a_server_without_threads_answers(
    root: Path, target: str, headers: list[str], status: int, body: bytes | None
) -> None:
    """So it is the loop that does."""
    app = PrefixMiddleware(DirectoryApp(root), prefix="/p")
    with running(app, threads=0) as run, run.connect() as client:
        for _ in range(2):  # the second time from the shelf
            client.ask(f"/p{target}", "GET", *headers)
            answer = client.answer()
            assert answer.status == status
            assert body is None or answer.body == body


@pytest.mark.parametrize("name", ["small", "middle"])
def test_several_ranges_are_answered_by_the_loop_as_by_a_thread(root: Path, name: str) -> None:
    answer = fetched(DirectoryApp(root), f"/{name}", RANGES)
    assert answer.status == 206
    boundary = answer["Content-Type"].partition("boundary=")[2].encode()
    parts = answer.body.split(b"--" + boundary)[1:-1]
    expected = [b"01234", b"01234", b"56789"]
    assert [part.partition(b"\r\n\r\n")[2].rstrip(b"\r\n") for part in parts] == expected


def test_a_file_app_is_answered_by_the_loop(root: Path) -> None:
    assert fetched(FileApp(root / "small"), "/").body == DIGITS


def threaded(app: WSGIApp) -> WSGIApp:
    """Have an application say in which thread each answer was made."""

    def told(environ: Environ, start_response: StartResponse) -> Body:
        def begin(status: str, headers: Any, exc_info: Any = None, /) -> Any:
            thread = threading.current_thread().name
            return start_response(status, [*headers, ("X-Thread", thread)], exc_info)

        return app(environ, begin)

    told.quick = is_quick(app)  # type: ignore[attr-defined]
    return told


def is_in_a_thread(answer: Answer) -> bool:
    return answer["X-Thread"].startswith("waitress")


def evict(path: Path) -> None:
    """Have the pages of a file taken out of memory."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("name", ["small", "middle"])
def test_what_is_not_in_memory_is_read_by_a_thread(root: Path, name: str) -> None:
    evict(root / name)
    app = DirectoryApp(root)
    answer = fetched(threaded(app), f"/{name}", threads=1)
    # A file system whose pages are its files has them always.
    assert answer.body == (root / name).read_bytes()
    again = fetched(threaded(app), f"/{name}", threads=1)
    assert again.body == answer.body
    assert not is_in_a_thread(again)


def test_what_a_file_system_does_not_tell_is_read_by_a_thread() -> None:
    if not os.access("/dev/shm", os.W_OK):
        pytest.skip("there is no /dev/shm to be written to")
    path = Path(f"/dev/shm/wsgistream-{os.getpid()}.txt")
    path.write_bytes(MIDDLE)
    try:
        for headers in ([], ["Range: bytes=3-6"]):
            answer = fetched(threaded(FileApp(path)), "/", *headers, threads=1)
            assert answer.body == (MIDDLE[3:7] if headers else MIDDLE)
    finally:
        path.unlink()


def test_a_listing_is_made_by_a_thread(root: Path) -> None:
    app = threaded(DirectoryApp(root, listing=True))
    listing = fetched(app, "/plain/", threads=1)
    assert (listing.status, is_in_a_thread(listing)) == (200, True)
    index = fetched(app, "/", threads=1)
    assert (index.body, is_in_a_thread(index)) == (b"index", False)


def test_an_application_that_may_wait_is_never_asked_in_the_loop(root: Path) -> None:
    app = threaded(DirectoryApp(root, app=inner))
    for target, body in (("/small", DIGITS), ("/missing", b"inner")):
        answer = fetched(app, target, threads=1)
        assert (answer.body, is_in_a_thread(answer)) == (body, True)


def test_the_loop_answers_while_every_thread_is_taken(root: Path) -> None:
    entered, leave = threading.Event(), threading.Event()

    def app(environ: Environ, start_response: StartResponse) -> Body:
        if environ["PATH_INFO"] == "/wait":
            if waiting.IN_LOOP in environ:
                raise waiting.WouldBlock
            entered.set()
            assert leave.wait(DEADLINE)
        return files(environ, start_response)

    files = DirectoryApp(root, fallback="index.html")
    app.quick = True  # type: ignore[attr-defined]
    with running(app, threads=1) as run, run.connect() as slow, run.connect() as client:
        slow.ask("/wait")
        assert entered.wait(DEADLINE)
        client.ask("/small")
        assert client.answer().body == DIGITS
        leave.set()
        assert slow.answer().body == b"index"


def test_a_file_that_shrinks_before_the_loop_reads_it_is_asked_for_once_more(root: Path) -> None:
    class Shrinking(FileApp):
        def _open(self) -> File:
            source = super()._open()
            os.truncate(self.path, 10)
            return source

    with running(Shrinking(root / "middle"), threads=1) as run, run.connect() as client:
        client.ask()
        assert client.answer().body == MIDDLE[:10]
