"""Several applications, each below a path of its own."""

from __future__ import annotations

import pytest

from tests.client import ask, make_environ
from wsgistream.paste.mounts import Mounts
from wsgistream.types import Body, Environ, StartResponse, WSGIApp
from wsgistream.wsgi.waiting import IN_LOOP, WouldBlock


def named(name: str) -> WSGIApp:
    """An application that tells its name, where it is mounted, and what it is asked for."""

    def app(environ: Environ, start_response: StartResponse) -> Body:
        start_response("200 OK", [("Content-Type", "text/plain")])
        where = f"{name} {environ['SCRIPT_NAME']}|{environ['PATH_INFO']}"
        return [where.encode("latin-1")]

    return app


APPS = {path: named(name) for path, name in (("/a", "a"), ("/a/b", "b"), ("/é", "e"))}


@pytest.mark.parametrize(
    ("path", "seen"),
    [
        pytest.param("/a", "a /a|", id="a prefix itself"),
        pytest.param("/a/", "a /a|/", id="its folder"),
        pytest.param("/a/c", "a /a|/c", id="below it"),
        pytest.param("/a/b", "b /a/b|", id="below a longer one too"),
        pytest.param("/a/b/a", "b /a/b|/a", id="the longest one"),
        pytest.param("/a/bc", "a /a|/bc", id="what begins like a longer one"),
        pytest.param("/%C3%A9/x", "e /é|/x", id="letters of other scripts"),
        pytest.param("/", "rest |/", id="the root"),
        pytest.param("/ab", "rest |/ab", id="what begins like one"),
        pytest.param("//a", "rest |//a", id="two slashes"),
        pytest.param("*", "rest |*", id="no path"),
    ],
)
def test_the_longest_prefix_answers(path: str, seen: str) -> None:
    environ = make_environ(path)
    for apps in ({**APPS, "": named("rest")}, dict(reversed([*APPS.items(), ("", named("rest"))]))):
        body = b"".join(Mounts(apps)(dict(environ), lambda *_: lambda data: None))
        assert body.decode() == seen
    if "rest" in seen:
        assert ask(Mounts(APPS), path.replace("*", "/*")).status == 404


def test_the_path_above_stays() -> None:
    assert ask(Mounts(APPS), "/a/c", script_name="/above").body == b"a /above/a|/c"


def test_an_empty_path_and_none_are_the_root() -> None:
    start = lambda *_: lambda data: None  # noqa: E731
    environ = make_environ("")
    assert list(Mounts({"": named("rest")})(environ, start)) == [b"rest |"]
    del environ["PATH_INFO"]
    assert list(Mounts(APPS)(environ, start)) == [b"There is no such file here.\n"]


def test_it_is_quick_where_one_is_and_the_others_are_asked_in_a_thread() -> None:
    class Quick:
        quick = True
        app = staticmethod(named("quick"))

        def __call__(self, environ: Environ, start_response: StartResponse) -> Body:
            return self.app(environ, start_response)

    mixed = Mounts({"/quick": Quick(), "/slow": named("slow"), "": named("rest")})
    assert mixed.quick
    assert not Mounts(APPS).quick
    in_loop = {IN_LOOP: True}
    start = lambda *_: lambda data: None  # noqa: E731
    assert list(mixed(make_environ("/quick/a", **in_loop), start)) == [b"quick /quick|/a"]
    for path in ("/slow/a", "/"):
        with pytest.raises(WouldBlock):
            mixed(make_environ(path, **in_loop), start)
        assert ask(mixed, path).status == 200
    nowhere = Mounts({"/quick": Quick()})
    assert list(nowhere(make_environ("/", **in_loop), start)) == [b"There is no such file here.\n"]


def test_a_prefix_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="A prefix is a path such as /files, not 'a'"):
        Mounts({"a": named("a")})
