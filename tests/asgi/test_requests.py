"""Requests: each part of a scope in its place in the environ, and bodies of any size."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any
from wsgiref.validate import validator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.asgi.server import Message, Server, ask, make_scope
from wsgistream.asgi import ASGIBridge
from wsgistream.asgi.requests import make_environ
from wsgistream.types import Body, Environ, StartResponse


@pytest.mark.parametrize(
    ("scope", "script_name", "path_info"),
    [
        pytest.param({"path": "/a/b"}, "", "/a/b", id="no root path and no raw path"),
        pytest.param({"path": "/a b", "raw_path": b"/a%20b"}, "", "/a b", id="an escape"),
        pytest.param(
            {"path": "/é", "raw_path": b"/%C3%A9"}, "", "/\xc3\xa9", id="bytes as latin-1"
        ),
        pytest.param({"path": "/é"}, "", "/\xc3\xa9", id="text without its bytes"),
        pytest.param(
            {"path": "/\ufffd", "raw_path": b"/%FF"}, "", "/\xff", id="bytes that are no UTF-8"
        ),
        pytest.param({"path": "/b", "raw_path": b"/a/b"}, "", "/b", id="a path that was changed"),
        pytest.param({"path": "/a%2Fb", "raw_path": b"/a%252Fb"}, "", "/a%2Fb", id="once"),
        pytest.param(
            {"path": "/app/x", "root_path": "/app"}, "/app", "/x", id="a root path in the path"
        ),
        pytest.param(
            {"path": "/x", "root_path": "/app"}, "/app", "/x", id="a root path before the path"
        ),
        pytest.param({"path": "/app", "root_path": "/app"}, "/app", "", id="the root itself"),
        pytest.param({"path": "/app/", "root_path": "/app"}, "/app", "/", id="below the root"),
        pytest.param(
            {"path": "/apple", "root_path": "/app"}, "/app", "/apple", id="a name like the root"
        ),
        pytest.param(
            {"path": "/app/x", "root_path": "/app/"}, "/app", "/x", id="a root with a slash"
        ),
        pytest.param(
            {"path": "/é/x", "raw_path": b"/%c3%a9/x", "root_path": "/é"},
            "/\xc3\xa9",
            "/x",
            id="a root of more than ASCII",
        ),
        pytest.param({"path": "*", "raw_path": b"*"}, "", "*", id="no path at all"),
    ],
)
def test_the_path_is_split(scope: Message, script_name: str, path_info: str) -> None:
    environ = make_environ(make_scope(**scope))
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == (script_name, path_info)


@given(st.binary(max_size=20), st.text(max_size=5))
def test_any_path_arrives_as_its_bytes(path: bytes, root: str) -> None:
    raw = "".join(f"%{byte:02x}" for byte in path).encode()
    text = path.decode(errors="replace")
    environ = make_environ(make_scope(text, raw_path=raw, root_path=root))
    whole = environ["SCRIPT_NAME"] + environ["PATH_INFO"]
    assert whole.encode("latin-1").endswith(path)


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        pytest.param(
            {"headers": [(b"x-one", b"1"), (b"x-one", b"2")]},
            {"HTTP_X_ONE": "1, 2"},
            id="fields of one name are a list",
        ),
        pytest.param(
            {"headers": [(b"cookie", b"a=1"), (b"cookie", b"b=2")]},
            {"HTTP_COOKIE": "a=1; b=2"},
            id="cookies have their own separator",
        ),
        pytest.param(
            {"headers": [(b"content-type", b"a/b"), (b"content-length", b"3")]},
            {"CONTENT_TYPE": "a/b", "CONTENT_LENGTH": "3"},
            id="what is of the content has no HTTP_",
        ),
        pytest.param(
            {"headers": [(b"x_real_ip", b"evil"), (b"x-real-ip", b"good")]},
            {"HTTP_X_REAL_IP": "good"},
            id="a name with an underscore is dropped",
        ),
        pytest.param(
            {"headers": [(b"x-name", b"\xe9")]}, {"HTTP_X_NAME": "\xe9"}, id="bytes of a field"
        ),
        pytest.param(
            {"query_string": b"a=%20\xe9"}, {"QUERY_STRING": "a=%20\xe9"}, id="bytes of a query"
        ),
        pytest.param(
            {"http_version": "2", "scheme": "https", "server": ("h", 8443)},
            {"SERVER_PROTOCOL": "HTTP/2.0", "wsgi.url_scheme": "https", "SERVER_PORT": "8443"},
            id="HTTP/2",
        ),
        pytest.param({"http_version": "1.0"}, {"SERVER_PROTOCOL": "HTTP/1.0"}, id="HTTP/1.0"),
        pytest.param(
            {"server": None, "scheme": "https"},
            {"SERVER_NAME": "localhost", "SERVER_PORT": "443"},
            id="a server that does not say where it is",
        ),
        pytest.param(
            {"server": ("/run/socket", None)},
            {"SERVER_NAME": "localhost", "SERVER_PORT": "80"},
            id="a Unix socket",
        ),
        pytest.param(
            {}, {"REMOTE_ADDR": "127.0.0.2", "REMOTE_PORT": "50000", "HTTP_HOST": "test"}, id="who"
        ),
    ],
)
def test_the_environ(scope: Message, expected: dict[str, str]) -> None:
    environ = make_environ(make_scope(**scope))
    assert {name: environ[name] for name in expected} == expected


def test_who_is_unknown_has_no_address() -> None:
    assert "REMOTE_ADDR" not in make_environ(make_scope(client=None))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        pytest.param({}, b"True", id="there may be, as far as anybody knows"),
        pytest.param({"multiprocess": False}, b"False", id="there are none, as somebody does"),
    ],
)
def test_of_other_processes(options: dict[str, Any], told: bytes) -> None:
    def app(environ: Environ, start_response: StartResponse) -> Body:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [str(environ["wsgi.multiprocess"]).encode()]

    assert ask(ASGIBridge(app, **options)).body == told


def echo(environ: Environ, start_response: StartResponse) -> Body:
    content = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    start_response("200 OK", [("Content-Type", "text/plain")])
    text = f"{environ.get('CONTENT_LENGTH')} {hashlib.sha256(content).hexdigest()}"
    return [text.encode()]


def parts(content: bytes, size: int) -> list[Message]:
    chunks = [content[start : start + size] for start in range(0, len(content), size)]
    messages: list[Message] = [
        {"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks
    ]
    return [*messages, {"type": "http.request"}]


CONTENT = bytes(range(256)) * 4096  # more than is kept in memory


@pytest.mark.parametrize(
    ("content", "headers", "length"),
    [
        pytest.param(b"", [], "None", id="nothing"),
        pytest.param(b"", [(b"content-length", b"0")], "0", id="nothing, and told so"),
        pytest.param(b"abc", [(b"content-length", b"3")], "3", id="a small body"),
        pytest.param(b"abc", [(b"transfer-encoding", b"chunked")], "3", id="small chunks"),
        pytest.param(b"abc", [], "3", id="a body of HTTP/2, without a length"),
        pytest.param(CONTENT, [(b"content-length", b"1048576")], "1048576", id="a large body"),
        pytest.param(CONTENT, [(b"transfer-encoding", b"chunked")], "1048576", id="large chunks"),
    ],
)
def test_a_body_is_received(
    content: bytes, headers: list[tuple[bytes, bytes]], length: str
) -> None:
    seen: list[Environ] = []

    def app(environ: Environ, start_response: StartResponse) -> Body:
        seen.append(environ)
        return echo(environ, start_response)

    scope = make_scope(method="POST", headers=headers)
    answer = ask(ASGIBridge(validator(app)), *parts(content, 60_000), scope=scope)
    assert answer.body.decode() == f"{length} {hashlib.sha256(content).hexdigest()}"
    assert "HTTP_TRANSFER_ENCODING" not in seen[0]
    assert seen[0]["wsgi.input_terminated"] is True


def unreachable(environ: Any, start_response: Any) -> Any:
    raise AssertionError("the application was called")


@pytest.mark.parametrize("told", [True, False], ids=["told at first", "found out"])
def test_a_body_that_is_too_large_is_refused(told: bool) -> None:
    headers = [(b"content-length", b"1001")] if told else []
    scope = make_scope(method="POST", headers=headers)
    bridge = ASGIBridge(unreachable, max_request_body_size=1000)
    answer = ask(bridge, *([] if told else parts(b"x" * 1001, 100)), scope=scope)
    assert answer.status == 413
    assert answer.body == b"A request to this server may have a body of 1000 bytes at most.\n"
    assert answer["content-length"] == str(len(answer.body))


def test_who_leaves_before_the_request_is_whole_is_told_nothing() -> None:
    async def run() -> list[Message]:
        server = Server({"type": "http.request", "body": b"x", "more_body": True})
        server.leave()
        await ASGIBridge(unreachable)(make_scope(), server.receive, server.send)
        return server.sent

    assert asyncio.run(run()) == []
