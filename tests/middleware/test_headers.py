"""What every answer says beside its own: CORS, security, and fields of one's own."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.client import ask, make_environ
from tests.live import SERVERS, fetch
from tests.middleware.contract import MiddlewareContract, answering
from tests.watched import WatchedBody
from wsgistream import DirectoryApp, FileApp, HeadersMiddleware
from wsgistream.types import Body, Environ, StartResponse, WSGIApp

HERE = "https://example.org"
OTHER = "https://other.test"
PREFLIGHT = {"Origin": HERE, "Access-Control-Request-Method": "GET"}


class TestContract(MiddlewareContract):
    def make(self, app: WSGIApp) -> WSGIApp:
        return HeadersMiddleware(app)


class TestContractWithCors(MiddlewareContract):
    headers = {"Origin": HERE}  # noqa: RUF012

    def make(self, app: WSGIApp) -> WSGIApp:
        return HeadersMiddleware(app, cors=[HERE], headers=[("X-A", "b")], remove=["Server"])

    def test_the_body_is_that_of_the_application(self) -> None:
        body = WatchedBody([b"some"])
        assert self.make(answering(body))(self.environ(), lambda *_: lambda data: None) is body


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "a.txt"
    file.write_bytes(b"0123456789" * 10_000)
    return file


# CORS


@pytest.mark.parametrize(
    ("fields", "target", "status"),
    [
        pytest.param({}, "/a.txt", 200, id="the whole"),
        pytest.param({"Range": "bytes=1-2"}, "/a.txt", 206, id="a range"),
        pytest.param({"Range": "bytes=9999999-"}, "/a.txt", 416, id="a range beyond it"),
        pytest.param({"If-None-Match": "*"}, "/a.txt", 304, id="what has not changed"),
        pytest.param({"If-Match": '"other"'}, "/a.txt", 412, id="what is in another state"),
        pytest.param({}, "/b.txt", 404, id="what is not there"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_page_of_another_origin_may_read(
    path: Path, fields: dict[str, str], target: str, status: int, method: str
) -> None:
    app = HeadersMiddleware(DirectoryApp(path.parent), cors=[HERE])
    answer = ask(app, target, method=method, headers={**fields, "Origin": HERE})
    assert answer.status == (200 if (method, status) in {("HEAD", 206), ("HEAD", 416)} else status)
    assert answer["Access-Control-Allow-Origin"] == HERE
    exposed = answer["Access-Control-Expose-Headers"].split(", ")
    assert exposed == ["Accept-Ranges", "Content-Disposition", "Content-Range", "ETag"]
    assert answer["Vary"] == "Origin"
    refused = ask(app, target, method=method, headers={**fields, "Origin": OTHER})
    assert (refused.status, refused.body) == (answer.status, answer.body)
    assert "Access-Control-Allow-Origin" not in refused
    assert refused["Vary"] == "Origin"


def test_any_origin_means_any() -> None:
    app = HeadersMiddleware(answering([b"some"]), cors=True)
    for headers in ({"Origin": HERE}, {}):
        answer = ask(app, headers=headers)
        assert answer["Access-Control-Allow-Origin"] == "*"
        assert answer["Cross-Origin-Resource-Policy"] == "cross-origin"
        assert "Vary" not in answer


@pytest.mark.parametrize("cors", [None, False])
def test_without_cors_nothing_is_said_of_origins(cors: Any) -> None:
    app = HeadersMiddleware(answering([b"some"]), cors=cors)
    answer = ask(app, headers={"Origin": HERE})
    assert not [name for name, _ in answer.headers if name in ("Vary", "Origin") or "Acc" in name]
    assert ask(app, method="OPTIONS", headers=PREFLIGHT).body == b"some"


def test_vary_is_merged() -> None:
    app = HeadersMiddleware(answering([b"a"], ("Vary", "Accept")), cors=[HERE])
    assert ask(app)["Vary"] == "Accept, Origin"


def test_an_application_that_speaks_cors_has_its_way() -> None:
    own = (("access-control-allow-origin", OTHER), ("Vary", "Cookie"))
    answer = ask(HeadersMiddleware(answering([b"a"], *own), cors=[HERE]), headers={"Origin": HERE})
    assert answer["Access-Control-Allow-Origin"] == OTHER
    assert answer["Vary"] == "Cookie"
    assert "Access-Control-Expose-Headers" not in answer


def test_an_origin_among_the_fields_of_one_s_own_has_its_way_too() -> None:
    own = [("Access-Control-Allow-Origin", OTHER)]
    app = HeadersMiddleware(answering([b"a"]), cors=[HERE], headers=own)
    assert ask(app, headers={"Origin": HERE})["Access-Control-Allow-Origin"] == OTHER


def never(environ: Environ, start_response: StartResponse) -> Body:
    raise AssertionError("the application was called")


def test_a_preflight_is_answered_without_the_application() -> None:
    app = HeadersMiddleware(
        never,
        cors=[HERE],
        cors_methods=["PUT"],
        cors_headers=["X-B"],
        cors_credentials=True,
        cors_max_age=5,
        headers=[("X-A", "b")],
        remove=["Access-Control-Allow-Origin"],
    )
    answer = ask(app, method="OPTIONS", headers=PREFLIGHT)
    assert (answer.status, answer.body) == (204, b"")
    assert dict(answer.headers) == {
        "Access-Control-Allow-Origin": HERE,
        "Access-Control-Allow-Credentials": "true",
        "Access-Control-Allow-Methods": "PUT",
        "Access-Control-Allow-Headers": "X-B",
        "Access-Control-Max-Age": "5",
        "Vary": "Origin",
        "X-A": "b",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "strict-origin-when-cross-origin",
    }


def test_a_preflight_of_another_origin_is_refused() -> None:
    headers = {**PREFLIGHT, "Origin": OTHER}
    answer = ask(HeadersMiddleware(never, cors=[HERE]), method="OPTIONS", headers=headers)
    assert answer.status == 403
    assert answer.body == b"Pages of this origin may not read what is here.\n"
    assert "Access-Control-Allow-Origin" not in answer
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_options_that_is_no_preflight_is_the_application_s(path: Path) -> None:
    app = HeadersMiddleware(FileApp(path), cors=[HERE])
    answer = ask(app, method="OPTIONS", headers={"Origin": HERE})
    assert (answer.status, answer["Allow"]) == (204, "GET, HEAD, OPTIONS")
    assert answer["Access-Control-Allow-Origin"] == HERE


# Security, and fields of one's own


def test_security_says_nothing_that_breaks_what_is_embedded() -> None:
    answer = ask(HeadersMiddleware(answering([b"a"])))
    assert answer.headers == [
        ("Content-Type", "text/plain"),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "strict-origin-when-cross-origin"),
    ]


def test_security_may_be_left_out() -> None:
    answer = ask(HeadersMiddleware(answering([b"a"]), security=False))
    assert answer.headers == [("Content-Type", "text/plain")]


def test_what_the_application_says_stands() -> None:
    own = (("referrer-policy", "no-referrer"), ("x-a", "mine"))
    answer = ask(HeadersMiddleware(answering([b"a"], *own), headers=[("X-A", "b")]))
    assert (answer["Referrer-Policy"], answer["X-A"]) == ("no-referrer", "mine")


def test_a_field_may_take_the_place_of_the_application_s() -> None:
    own = (("X-A", "mine"), ("x-a", "too"), ("X-Powered-By", "it"))
    app = HeadersMiddleware(
        answering([b"a"], *own),
        headers=[("X-A", " b "), ("X-A", "c")],
        remove=["x-A", "X-POWERED-BY"],
        security=False,
    )
    assert ask(app).headers == [("Content-Type", "text/plain"), ("X-A", "b"), ("X-A", "c")]


def test_a_field_of_one_s_own_stands_for_that_of_security() -> None:
    app = HeadersMiddleware(answering([b"a"]), headers=[("referrer-policy", "origin")])
    assert ask(app)["Referrer-Policy"] == "origin"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        pytest.param({"headers": [("Content-Length", "5")]}, "Content-Length is", id="a length"),
        pytest.param({"headers": [("connection", "close")]}, "connection is", id="a connection"),
        pytest.param({"remove": ["Transfer-Encoding"]}, "Transfer-Encoding is", id="the framing"),
        pytest.param({"remove": ["content-range"]}, "content-range is", id="which bytes they are"),
        pytest.param({"headers": [("X A", "b")]}, "A header name is made of", id="no name"),
        pytest.param({"remove": ["X A"]}, "A header name is made of", id="no name to remove"),
        pytest.param({"headers": [("X-A", "b\r\nX: y")]}, "The value of", id="another line"),
        pytest.param({"cors": ["example.org"]}, "An origin is such as", id="no origin"),
        pytest.param({"cors": HERE}, "a list of them", id="an origin alone"),
        pytest.param({"cors": True, "cors_credentials": True}, "one by one", id="any, and cookies"),
    ],
)
def test_an_option_that_cannot_be_is_refused(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        HeadersMiddleware(answering([]), **options)


# What an application may do


def test_an_answer_that_begins_anew_has_the_fields_once() -> None:
    def app(environ: Environ, start_response: StartResponse) -> Body:
        start_response("200 OK", [("Content-Type", "text/plain"), ("X-A", "mine")])
        try:
            raise LookupError
        except LookupError:
            start_response("500 Oh", [("Content-Type", "text/plain")], sys.exc_info())
        return [b"sorry"]

    begun: list[Any] = []

    def start(status: str, headers: Any, exc_info: Any = None, /) -> Any:
        begun.append((status, headers, exc_info and exc_info[0]))
        return lambda data: None

    made = HeadersMiddleware(app, security=False, headers=[("X-A", "b")])
    assert list(made(make_environ(), start)) == [b"sorry"]
    plain = ("Content-Type", "text/plain")
    assert begun == [
        ("200 OK", [plain, ("X-A", "mine")], None),
        ("500 Oh", [plain, ("X-A", "b")], LookupError),
    ]


def test_what_is_written_goes_to_the_server() -> None:
    written: list[bytes] = []

    def app(environ: Environ, start_response: StartResponse) -> Body:
        start_response("200 OK", [("Content-Type", "text/plain")])(b"some")
        return []

    HeadersMiddleware(app)(make_environ(), lambda *_: written.append)
    assert written == [b"some"]


def test_the_headers_of_the_application_are_left_as_they_were() -> None:
    headers = [("Content-Type", "text/plain")]

    def app(environ: Environ, start_response: StartResponse) -> Body:
        start_response("200 OK", headers)
        return []

    assert "X-Content-Type-Options" in ask(HeadersMiddleware(app))
    assert headers == [("Content-Type", "text/plain")]


@pytest.mark.parametrize("server", SERVERS)
def test_under_a_server_a_range_is_a_file_with_all_fields(path: Path, server: str) -> None:
    app = HeadersMiddleware(FileApp(path), cors=[HERE], headers=[("X-A", "b")])
    headers = {"Origin": HERE, "Range": "bytes=5-90000"}
    with SERVERS[server](app) as port:
        answer = fetch(port, "/", headers=headers)
        asked = fetch(port, "/", method="OPTIONS", headers=PREFLIGHT)
    assert (answer.status, answer.body) == (206, path.read_bytes()[5:90_001])
    assert (answer["X-A"], answer["Access-Control-Allow-Origin"]) == ("b", HERE)
    assert (asked.status, asked["Access-Control-Allow-Origin"]) == (204, HERE)
