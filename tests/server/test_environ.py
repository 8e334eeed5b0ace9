"""What an application is told of a request, beside what waitress tells it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from waitress.adjustments import Adjustments
from waitress.proxy_headers import proxy_headers_middleware
from waitress.task import WSGITask

from tests.servers import running
from wsgistream.server.environ import make_environ, of_server, untrusted
from wsgistream.server.parser import Parser
from wsgistream.types import Body, Environ, StartResponse
from wsgistream.wsgi.files import FileWrapper
from wsgistream.wsgi.waiting import PARKS

#: What is ours, or made anew for each request.
OURS = {"wsgi.file_wrapper": FileWrapper, "wsgi.multiprocess": True, PARKS: True}


def channel_of(address: tuple[Any, ...], **adjustments: Any) -> Any:
    adj = Adjustments(**adjustments)
    server = SimpleNamespace(adj=adj, effective_port=8080, server_name="here", processes=2)
    server.untrusted = untrusted(adj)
    server.environ = of_server(server)
    return SimpleNamespace(
        addr=address, adj=adj, server=server, check_client_disconnected=lambda: False
    )


def told_by_waitress(channel: Any, request: Any) -> Environ:
    """Ask waitress, and what it wraps around an application."""
    seen: list[Environ] = []

    def app(environ: Environ, start_response: StartResponse) -> Body:
        seen.append(environ)
        return []

    adj = channel.adj
    environ = WSGITask(channel, request).get_environment()
    wrapped = proxy_headers_middleware(app, clear_untrusted=adj.clear_untrusted_proxy_headers)
    wrapped(environ, lambda *_: None)
    return {**seen[0], **OURS}


def check_environ(channel: Any, lines: list[str]) -> None:
    request = Parser(channel.adj)
    request.received("".join(f"{line}\r\n" for line in [*lines, ""]).encode("latin-1"))
    assert request.completed
    assert not request.error
    theirs = told_by_waitress(channel, request)
    ours = make_environ(channel, request, "1.1")
    assert ours.pop("wsgi.input").read() == theirs.pop("wsgi.input").read() == b""
    assert ours == theirs


names = st.sampled_from(
    ["Host", "Accept", "Content-Type", "X-Forwarded-For", "Forwarded", "Http-Host", "Server-Port"]
)
values = st.text(st.characters(min_codepoint=0x21, max_codepoint=0xFF, exclude_categories=["Cc"]))


@given(
    st.lists(st.builds("{}: {}".format, names, values)),
    st.sampled_from(["/", "/a", "/a/", "/a/b", "//a/b", "///", "/ab", "http://a", "*", "/%2Fa?b"]),
    st.sampled_from(["", "/a", "/a/b"]),
    st.booleans(),
)
def test_an_environ_is_that_of_waitress(
    fields: list[str], target: str, prefix: str, clear: bool
) -> None:
    channel = channel_of(
        ("127.0.0.1", 1234), url_prefix=prefix, clear_untrusted_proxy_headers=clear
    )
    check_environ(channel, [f"GET {target} HTTP/1.1", *fields])


@pytest.mark.parametrize(
    "address",
    [
        pytest.param(("::1", 1234, 0, 0), id="of the sixth version"),
        pytest.param(("localhost", None), id="of a Unix socket"),
    ],
)
def test_an_address_is_told_as_waitress_tells_it(address: tuple[Any, ...]) -> None:
    check_environ(channel_of(address), ["GET / HTTP/1.1"])


def test_each_request_has_an_environ_of_its_own() -> None:
    channel = channel_of(("127.0.0.1", 1))
    request = Parser(channel.adj)
    request.received(b"GET / HTTP/1.1\r\n\r\n")
    make_environ(channel, request, "1.1")["SERVER_NAME"] = "elsewhere"
    assert make_environ(channel, request, "1.1")["SERVER_NAME"] == "here"


@pytest.mark.parametrize(
    ("adjustments", "told", "logs"),
    [
        pytest.param({}, (None, "127.0.0.1"), False, id="nobody"),
        pytest.param({"log_untrusted_proxy_headers": True}, (None, "127.0.0.1"), True, id="a log"),
        pytest.param(
            {"clear_untrusted_proxy_headers": False}, ("1.2.3.4", "127.0.0.1"), False, id="anybody"
        ),
        pytest.param(
            {"trusted_proxy": "127.0.0.1", "trusted_proxy_headers": "x-forwarded-for"},
            ("1.2.3.4", "1.2.3.4"),
            False,
            id="a proxy that is trusted",
        ),
    ],
)
def test_a_proxy_is_believed_by(
    adjustments: dict[str, Any],
    told: tuple[str | None, str],
    logs: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    seen: list[tuple[str | None, str]] = []

    def app(environ: Environ, start_response: StartResponse) -> Body:
        seen.append((environ.get("HTTP_X_FORWARDED_FOR"), environ["REMOTE_ADDR"]))
        start_response("200 OK", [])
        return [b"ok"]

    with running(app, **adjustments) as run, run.connect() as client:
        client.ask("/", "GET", "X-Forwarded-For: 1.2.3.4")
        assert client.answer().body == b"ok"
    assert seen == [told]
    assert any("untrusted" in record.getMessage().lower() for record in caplog.records) == logs
