"""A source becomes an answer; views return files."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.client import ask, make_environ
from tests.watched import UnreadableSource
from wsgistream import FileResponse, Memory, Meta, respond
from wsgistream.respond import SMALL
from wsgistream.types import Body, Environ, Source, StartResponse, WSGIApp
from wsgistream.wsgi.bodies import Pieces
from wsgistream.wsgi.files import FileWrapper

META = Meta(1000, "text/plain", etag='"tag"', modified=1_000_000)
CONTENT = b"0123456789" * 100


def responding(source: Source) -> WSGIApp:
    def app(environ: Environ, start_response: StartResponse) -> Body:
        return respond(environ, start_response, source)

    return app


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        pytest.param("HEAD", {}, 200, id="HEAD"),
        pytest.param("HEAD", {"Range": "bytes=0-4"}, 200, id="HEAD with a range"),
        pytest.param("GET", {"If-None-Match": '"tag"'}, 304, id="a known tag"),
        pytest.param("GET", {"If-Match": '"other"'}, 412, id="a failed precondition"),
        pytest.param("GET", {"Range": "bytes=1000-"}, 416, id="an unsatisfiable range"),
    ],
)
def test_no_byte_is_read_for(method: str, headers: dict[str, str], status: int) -> None:
    source = UnreadableSource(META)
    answer = ask(responding(source), method=method, headers=headers)
    assert (answer.status, source.closed) == (status, 1)
    assert answer.body == b"" or status >= 400


def test_a_failed_decision_closes_the_source() -> None:
    source = UnreadableSource(META)
    environ = make_environ()
    del environ["REQUEST_METHOD"]
    with pytest.raises(KeyError):
        respond(environ, lambda *_: None, source)  # type: ignore[arg-type,return-value]
    assert source.closed == 1


def test_an_answer_that_cannot_begin_closes_the_source() -> None:
    def start_response(status: str, headers: object, exc_info: object = None, /) -> Any:
        raise LookupError

    source = UnreadableSource(META)
    with pytest.raises(LookupError):
        respond(make_environ(), start_response, source)
    assert source.closed == 1


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "report 1.txt"
    file.write_bytes(CONTENT)
    return file


def begin(status: str, headers: object, exc_info: object = None, /) -> Callable[[bytes], object]:
    return lambda data: None


def body_of(path: Path, wrapper: object, **headers: str) -> Any:
    environ = make_environ(headers=headers, **{"wsgi.file_wrapper": wrapper})
    return FileResponse(path)(environ, begin)


def test_a_small_file_is_one_chunk_of_bytes_and_closed_at_once(path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    assert body_of(path, FileWrapper) == [CONTENT]
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize(
    ("wrapper", "kind"),
    [
        pytest.param(FileWrapper, FileWrapper, id="the server's wrapper where there is one"),
        pytest.param(None, Pieces, id="an iterable where there is none"),
    ],
)
def test_a_large_file_is_handed_over_as(tmp_path: Path, wrapper: object, kind: type) -> None:
    large = tmp_path / "large"
    large.write_bytes(bytes(SMALL + 1))
    body = body_of(large, wrapper)
    assert type(body) is kind
    assert sum(map(len, body)) == SMALL + 1
    body.close()


def test_a_file_response_names_its_file(path: Path) -> None:
    answer = ask(FileResponse(path))
    assert answer["content-disposition"] == 'inline; filename="report 1.txt"'
    assert answer["content-type"] == "text/plain; charset=utf-8"
    assert (answer.status, answer.body) == (200, CONTENT)


def test_a_file_response_is_what_it_was_told_to_be(path: Path) -> None:
    answer = ask(
        FileResponse(
            str(path),
            content_type="text/csv",
            filename="a.csv",
            download=True,
            cache_control="no-cache",
            headers=[("X-Custom", "1")],
            etag=lambda file, status: '"mine"',
        )
    )
    assert answer["content-disposition"] == 'attachment; filename="a.csv"'
    assert answer["content-type"] == "text/csv; charset=utf-8"
    assert [answer[name] for name in ("cache-control", "x-custom", "etag")] == [
        "no-cache",
        "1",
        '"mine"',
    ]


def test_a_file_response_answers_every_method_for_its_view_has_chosen_it(path: Path) -> None:
    answer = ask(
        FileResponse(path), method="POST", headers={"Range": "bytes=0-4", "If-None-Match": "*"}
    )
    assert (answer.status, answer.body) == (200, CONTENT)


def test_a_file_response_of_a_missing_file_is_a_404(path: Path) -> None:
    answer = ask(FileResponse(path.with_name("missing")))
    assert (answer.status, answer.body) == (404, b"There is no such file here.\n")


def test_the_head_of_an_error_has_its_headers_and_no_body(path: Path) -> None:
    get, head = (ask(FileResponse("/missing"), method=method) for method in ("GET", "HEAD"))
    assert (head.status, head.headers, head.body) == (404, get.headers, b"")


def test_a_file_that_shrinks_before_its_first_byte_is_a_clean_error(path: Path) -> None:
    def shrink(file: object, status: object) -> None:
        os.truncate(path, 0)

    answer = ask(FileResponse(path, etag=shrink))
    assert answer.status == 500


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param([("Bad Name", "x")], id="a name with a space"),
        pytest.param([("X", "a\r\nSet-Cookie: b")], id="a value with a line break"),
        pytest.param([("Content-Length", "5")], id="what is made from the file"),
        pytest.param([("Transfer-Encoding", "chunked")], id="what is between server and client"),
    ],
)
def test_a_header_that_cannot_be_is_refused_at_once(headers: list[tuple[str, str]]) -> None:
    with pytest.raises(ValueError, match="header"):
        FileResponse("x", headers=headers)


def test_bytes_in_memory_answer_several_ranges_in_any_order() -> None:
    source = Memory(CONTENT, Meta(None, "text/plain"))
    answer = ask(responding(source), headers={"Range": "bytes=500-509,0-9"})
    assert answer["content-type"].startswith("multipart/byteranges; boundary=")
    assert answer.body.index(b"bytes 500-509/1000") < answer.body.index(b"bytes 0-9/1000")
    assert answer["content-length"] == str(len(answer.body))
