"""Ranges and preconditions for any application."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.client import ask, make_environ
from tests.middleware.contract import MiddlewareContract, answering
from tests.watched import WatchedBody
from wsgistream import FileApp, RangeMiddleware
from wsgistream.types import Body, Environ, StartResponse, WSGIApp
from wsgistream.wsgi.files import FileWrapper

DATA = b"0123456789" * 10
LENGTH = ("Content-Length", "100")
TAG = ("ETag", '"tag"')
MODIFIED = ("Last-Modified", "Thu, 04 Mar 2021 05:06:07 GMT")
NOT_FOUND = "404 Not Found"


class TestContract(MiddlewareContract):
    def make(self, app: WSGIApp) -> WSGIApp:
        return RangeMiddleware(app)


def tens() -> Iterator[bytes]:
    for start in range(0, 100, 10):
        yield DATA[start : start + 10]


@pytest.mark.parametrize(
    ("headers", "status", "expected"),
    [
        pytest.param({}, 200, DATA, id="no range"),
        pytest.param({"Range": "bytes=5-14"}, 206, DATA[5:15], id="a range"),
        pytest.param({"Range": "bytes=-3"}, 206, DATA[-3:], id="a suffix"),
        pytest.param({"Range": "bytes=100-"}, 416, None, id="a range beyond the end"),
        pytest.param({"Range": "bytes=90-,0-1"}, 200, DATA, id="ranges that do not ascend"),
        pytest.param({"Range": "bytes=0-1", "If-Range": '"tag"'}, 206, DATA[:2], id="its tag"),
        pytest.param({"Range": "bytes=0-1", "If-Range": '"x"'}, 200, DATA, id="another tag"),
        pytest.param({"Range": "bytes=0-1", "If-Range": MODIFIED[1]}, 206, DATA[:2], id="its date"),
        pytest.param({"If-None-Match": '"tag"'}, 304, b"", id="a known tag"),
        pytest.param({"If-Modified-Since": MODIFIED[1]}, 304, b"", id="a known date"),
        pytest.param({"If-Match": '"x"'}, 412, None, id="a failed precondition"),
    ],
)
def test_any_application_is_answered_with(
    headers: dict[str, str], status: int, expected: bytes | None
) -> None:
    body = WatchedBody(tens())
    answer = ask(RangeMiddleware(answering(body, LENGTH, TAG, MODIFIED)), headers=headers)
    assert (answer.status, body.closed) == (status, 1)
    assert expected is None or answer.body == expected
    assert status in (304, 412) or answer["content-length"] == str(len(answer.body))
    if status in (200, 206):
        assert (answer["accept-ranges"], answer["etag"]) == ("bytes", '"tag"')


def test_ascending_ranges_are_given_in_parts() -> None:
    data = bytes(1000)
    app = RangeMiddleware(answering([data], ("Content-Length", "1000")))
    answer = ask(app, headers={"Range": "bytes=0-9,500-509"})
    assert answer["content-type"].startswith("multipart/byteranges")
    assert answer["content-length"] == str(len(answer.body))


def test_a_body_is_read_up_to_its_range_and_not_beyond() -> None:
    body = WatchedBody(tens())
    ask(RangeMiddleware(answering(body, LENGTH)), headers={"Range": "bytes=25-34"})
    assert (body.taken, body.closed) == (4, 1)


def test_head_has_the_headers_of_get_and_no_range() -> None:
    answer = ask(
        RangeMiddleware(answering([], LENGTH, TAG)), method="HEAD", headers={"Range": "bytes=0-4"}
    )
    assert (answer.status, answer["content-length"], answer["accept-ranges"]) == (
        200,
        "100",
        "bytes",
    )
    known = {"If-None-Match": '"tag"'}
    assert (
        ask(RangeMiddleware(answering([], LENGTH, TAG)), method="HEAD", headers=known).status == 304
    )


def test_the_head_of_a_list_says_nothing_of_its_length() -> None:
    assert "accept-ranges" not in ask(RangeMiddleware(answering([], TAG)), method="HEAD")


def test_the_length_of_a_list_is_known() -> None:
    answer = ask(RangeMiddleware(answering([b"abc", b"def"])), headers={"Range": "bytes=2-3"})
    assert (answer.status, answer.body) == (206, b"cd")


def test_other_fields_of_the_answer_stay() -> None:
    cookie = ("Set-Cookie", "a=b")
    answer = ask(RangeMiddleware(answering([DATA], LENGTH, cookie)), headers={"Range": "bytes=0-4"})
    assert (answer.status, answer["set-cookie"], answer["content-type"]) == (
        206,
        "a=b",
        "text/plain",
    )


@pytest.mark.parametrize(
    ("headers", "status", "method"),
    [
        pytest.param([LENGTH, ("Content-Encoding", "gzip")], "200 OK", "GET", id="encoded"),
        pytest.param([TAG], "200 OK", "GET", id="of unknown length"),
        pytest.param([("Content-Length", "x")], "200 OK", "GET", id="of a length that is none"),
        pytest.param([LENGTH, ("Accept-Ranges", "none")], "200 OK", "GET", id="unwilling"),
        pytest.param([LENGTH, TAG], "206 Partial Content", "GET", id="partial already"),
        pytest.param([LENGTH, TAG], NOT_FOUND, "GET", id="an error"),
        pytest.param([LENGTH, TAG], "200 OK", "POST", id="no answer to GET"),
        pytest.param([TAG], "200 OK", "HEAD", id="the head of an unknown length"),
    ],
)
def test_an_answer_is_left_alone_that_is(
    headers: list[tuple[str, str]], status: str, method: str
) -> None:
    body = WatchedBody(tens())
    given: list[object] = []

    def start_response(status: str, headers: object, exc_info: object = None, /) -> Any:
        given[:] = [status, headers]

    app = RangeMiddleware(answering(body, *headers, status=status))
    asked = make_environ(method=method, headers={"Range": "bytes=0-4", "If-None-Match": '"tag"'})
    assert app(asked, start_response) is body
    assert given == [status, [("Content-Type", "text/plain"), *headers]]


def test_a_tag_that_is_none_and_a_date_that_is_none_are_no_conditions() -> None:
    app = RangeMiddleware(answering([DATA], LENGTH, ("ETag", "tag"), ("Last-Modified", "today")))
    for headers in ({"If-None-Match": '"tag"'}, {"If-Modified-Since": MODIFIED[1]}):
        assert ask(app, headers=headers).status == 200


# --- files ---------------------------------------------------------------------------------------


class ServerWrapper(FileWrapper):
    """The file wrapper of a server that knows its own."""


class WatchedFile(io.BytesIO):
    """A file that counts the bytes read of it."""

    taken = 0

    def read(self, size: int | None = -1) -> bytes:
        chunk = super().read(size)
        self.taken += len(chunk)
        return chunk


def wrapping(file: Any) -> WSGIApp:
    def app(environ: Environ, start_response: StartResponse) -> Body:
        start_response("200 OK", [("Content-Type", "text/plain"), LENGTH])
        body: Body = environ["wsgi.file_wrapper"](file)
        return body

    return app


def under(app: WSGIApp, **headers: str) -> Any:
    environ = make_environ(headers=headers, **{"wsgi.file_wrapper": ServerWrapper})
    return RangeMiddleware(app)(environ, lambda *_: lambda data: None)


def test_a_file_is_positioned_and_not_read_up_to_its_range() -> None:
    file = WatchedFile(DATA)
    body = under(wrapping(file), Range="bytes=90-94")
    assert (b"".join(body), file.taken) == (DATA[90:95], 5)
    body.close()
    assert file.closed


def test_a_file_begins_where_the_application_left_it() -> None:
    file = WatchedFile(b"head" + DATA)
    file.seek(4)
    assert b"".join(under(wrapping(file), Range="bytes=0-4")) == DATA[:5]


def test_a_whole_file_goes_to_the_servers_own_wrapper() -> None:
    file = WatchedFile(DATA)
    body = under(wrapping(file))
    assert (type(body), body.file, file.taken) == (ServerWrapper, file, 0)


def test_a_part_of_a_real_file_goes_to_the_servers_own_wrapper(tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(bytes(200_000))

    def app(environ: Environ, start_response: StartResponse) -> Body:
        start_response("200 OK", [("Content-Type", "x/y"), ("Content-Length", "200000")])
        body: Body = environ["wsgi.file_wrapper"](path.open("rb"))
        return body

    body = under(app, Range="bytes=10-150009")
    assert type(body) is ServerWrapper
    assert sum(map(len, body)) == 150_000
    body.close()


def test_what_cannot_be_positioned_is_read_up_to_its_range() -> None:
    class Unseekable(WatchedFile):
        def seekable(self) -> bool:
            return False

    file = Unseekable(DATA)
    assert b"".join(under(wrapping(file), Range="bytes=90-94")) == DATA[90:95]
    assert file.taken == 100


def test_our_own_files_answer_for_themselves(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(DATA)
    answer = ask(RangeMiddleware(FileApp(path)), headers={"Range": "bytes=1-2"})
    assert (answer.status, answer.body) == (206, b"12")


def test_it_holds_nothing_between_requests() -> None:
    def app(environ: Environ, start_response: StartResponse) -> Body:
        start_response("200 OK", [("Content-Type", "x/y"), ("Content-Length", "100")])
        return tens()

    middleware, found = RangeMiddleware(app), []

    def fetch(start: int) -> None:
        answer = ask(middleware, headers={"Range": f"bytes={start}-{start + 9}"})
        found.append(answer.body == DATA[start : start + 10])

    threads = [threading.Thread(target=fetch, args=(start,)) for start in range(0, 90, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * len(threads)
