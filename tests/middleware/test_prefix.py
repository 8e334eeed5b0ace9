"""An application below a path, and another or nothing beside it."""

from __future__ import annotations

import pytest

from tests.client import ask, make_environ
from tests.middleware.contract import MiddlewareContract
from wsgistream import PrefixMiddleware
from wsgistream.types import Body, Environ, StartResponse, WSGIApp
from wsgistream.wsgi.waiting import IN_LOOP, WouldBlock


class TestContract(MiddlewareContract):
    path = "/files/a"

    def make(self, app: WSGIApp) -> WSGIApp:
        return PrefixMiddleware(app, prefix="/files")


def where(environ: Environ, start_response: StartResponse) -> Body:
    """Tells where it is mounted, and what it is asked for there."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{environ['SCRIPT_NAME']}|{environ['PATH_INFO']}".encode("latin-1")]


@pytest.mark.parametrize(
    ("prefix", "script_name", "path", "seen"),
    [
        pytest.param("/files", "", "/files/a/b", b"/files|/a/b", id="a path below it"),
        pytest.param("/files", "", "/files/", b"/files|/", id="its own folder"),
        pytest.param("/files", "", "/files", b"/files|", id="the prefix itself"),
        pytest.param("/files", "", "/files/files", b"/files|/files", id="its own name below it"),
        pytest.param("/files", "", "/files//a", b"/files|//a", id="two slashes below it"),
        pytest.param("/a/b", "", "/a/b/c", b"/a/b|/c", id="a prefix of two names"),
        pytest.param("/files", "/app", "/files/a", b"/app/files|/a", id="an application mounted"),
        pytest.param("/é", "", "/%C3%A9/%C3%A9", "/é|/é".encode(), id="letters of other scripts"),
        pytest.param("/\udce9", "", "/%E9/a", b"/\xe9|/a", id="bytes that are no text"),
    ],
)
def test_a_request_below_the_prefix_is_passed_on(
    prefix: str, script_name: str, path: str, seen: bytes
) -> None:
    app = PrefixMiddleware(where, prefix=prefix)
    answer = ask(app, path, script_name=script_name)
    assert (answer.status, answer.body) == (200, seen)


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/", id="the root"),
        pytest.param("/other/files/a", id="another path"),
        pytest.param("/filesystem", id="a path that begins alike"),
        pytest.param("/file", id="a path that is shorter"),
        pytest.param("//files/a", id="two slashes before it"),
        pytest.param("/FILES/a", id="other letters"),
    ],
)
def test_any_other_request_is_not_found(method: str, path: str) -> None:
    answer = ask(PrefixMiddleware(where, prefix="/files"), path, method=method)
    assert answer.status == 404
    assert (answer.body == b"") is (method == "HEAD")


def outside(environ: Environ, start_response: StartResponse) -> Body:
    return where({**environ, "SCRIPT_NAME": "outside"}, start_response)


def test_what_is_beside_may_be_another_application_s() -> None:
    app = PrefixMiddleware(where, prefix="/files", outside=outside)
    assert ask(app, "/files/a").body == b"/files|/a"
    assert ask(app, "/filesystem").body == b"outside|/filesystem"


class Quick:
    quick = True

    def __call__(self, environ: Environ, start_response: StartResponse) -> Body:
        return where(environ, start_response)


@pytest.mark.parametrize(
    ("app", "path", "blocks"),
    [
        pytest.param(outside, "/", True, id="one that may block"),
        pytest.param(Quick(), "/", False, id="one that does not"),
        pytest.param(outside, "/files/a", False, id="one that is not asked"),
    ],
)
def test_an_application_beside_is_asked_in_a_loop_only_if_it_may_be(
    app: WSGIApp, path: str, blocks: bool
) -> None:
    middleware = PrefixMiddleware(Quick(), prefix="/files", outside=app)
    assert middleware.quick
    if blocks:
        with pytest.raises(WouldBlock):
            ask(middleware, path, **{IN_LOOP: True})
    else:
        assert ask(middleware, path, **{IN_LOOP: True}).status == 200


def test_an_environ_without_a_path_is_not_found() -> None:
    environ = make_environ()
    del environ["PATH_INFO"], environ["SCRIPT_NAME"]
    begun: list[str] = []
    PrefixMiddleware(where, prefix="/files")(
        environ,
        lambda status, *_: begun.append(status),  # type: ignore[arg-type,func-returns-value]
    )
    assert begun == ["404 Not Found"]


def test_an_environ_without_a_script_name_is_given_one() -> None:
    environ = make_environ("/files/a")
    del environ["SCRIPT_NAME"]
    body = PrefixMiddleware(where, prefix="/files")(environ, lambda *_: lambda data: None)
    assert list(body) == [b"/files|/a"]


def test_the_rest_of_a_request_is_passed_on() -> None:
    seen: list[Environ] = []

    def app(environ: Environ, start_response: StartResponse) -> Body:
        seen.append(environ)
        return []

    environ = make_environ("/files/a?b=c", headers={"X-A": "1"})
    assert list(PrefixMiddleware(app, prefix="/files")(environ, lambda *_: lambda data: None)) == []
    assert seen == [{**environ, "SCRIPT_NAME": "/files", "PATH_INFO": "/a"}]


def test_the_environ_of_the_server_is_left_as_it_was() -> None:
    environ = make_environ("/files/a")
    before = dict(environ)
    PrefixMiddleware(where, prefix="/files")(environ, lambda *_: lambda data: None)
    assert environ == before


@pytest.mark.parametrize("prefix", ["", "/", "files", "/files/"])
def test_a_prefix_that_cannot_be_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match=f"A prefix is a path such as /files, not '{prefix}'"):
        PrefixMiddleware(where, prefix=prefix)
