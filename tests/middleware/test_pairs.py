"""Any middleware around any other: the answer is valid, and no byte of the body is another."""

from __future__ import annotations

import gzip
import itertools
from collections.abc import Callable
from pathlib import Path
from wsgiref.validate import validator

import pytest

import wsgistream
from tests.client import Answer, ask
from tests.middleware.contract import failing
from tests.middleware.every import EVERY, Case
from tests.watched import WatchedBody
from wsgistream import DirectoryApp, FileApp, StreamingResponse
from wsgistream.types import Body, Environ, StartResponse, WSGIApp
from wsgistream.wsgi import stack

LINES = b"".join(b"%d lines of text\n" % number for number in range(5000))
PAIRS = list(itertools.permutations(EVERY, 2))


class Application:
    """A file, a stream and a stream that fails, as an application; it counts what was closed."""

    def __init__(self, folder: Path) -> None:
        (folder / "file.txt").write_bytes(LINES)
        self._files = DirectoryApp(folder)
        self.bodies: list[WatchedBody] = []

    def __call__(self, environ: Environ, start_response: StartResponse) -> Body:
        streams: dict[str, Callable[[], WatchedBody]] = {
            "/stream.txt": lambda: WatchedBody(LINES.splitlines(keepends=True)),
            "/fails.txt": lambda: WatchedBody(failing()),
        }
        stream = streams.get(environ["PATH_INFO"])
        if stream is None:
            return self._files(environ, start_response)
        self.bodies.append(stream())
        return StreamingResponse(self.bodies[-1], content_type="text/plain")(
            environ, start_response
        )


@pytest.fixture
def application(tmp_path: Path) -> Application:
    return Application(tmp_path)


def asked(
    application: WSGIApp, pair: tuple[str, str], path: str, method: str = "GET", **headers: str
) -> Answer:
    """Ask through both; between each and its neighbour stands a judge of PEP 3333."""
    cases: list[Case] = [EVERY[name] for name in pair]
    app = stack(application, cases[0].layer, validator, cases[1].layer, validator)
    for case in cases:
        headers = {**case.headers, **headers}
    # What changes the path itself is told of by what signs it.
    for case in sorted(cases, key=lambda case: bool("?" in case.outside("/"))):
        path = case.outside(path)
    return ask(app, path, method=method, headers=headers)


def decoded(answer: Answer) -> bytes:
    coding = answer.get("content-encoding")
    assert coding in (None, "gzip")
    return gzip.decompress(answer.body) if coding else answer.body


def test_every_middleware_is_here() -> None:
    assert set(EVERY) == {name for name in wsgistream.__all__ if name.endswith("Middleware")}


@pytest.mark.parametrize("pair", PAIRS, ids=" around ".join)
class TestEveryPair:
    @pytest.mark.parametrize("path", ["/file.txt", "/stream.txt"])
    @pytest.mark.parametrize("accepts", ["identity", "gzip"])
    def test_gives_the_bytes(
        self, application: Application, pair: tuple[str, str], path: str, accepts: str
    ) -> None:
        headers = {"Accept-Encoding": accepts}
        answer = asked(application, pair, path, **headers)
        assert (answer.status, answer["content-type"]) == (200, "text/plain; charset=utf-8")
        assert decoded(answer) == LINES
        head = asked(application, pair, path, "HEAD", **headers)
        assert (head.status, head.body) == (200, b"")
        for name in ("content-encoding", "content-length", "etag", "vary", "accept-ranges"):
            # The length that an answer to HEAD has not told may be told by one to GET.
            assert head.get(name) in (answer.get(name), None), name
        assert [body.closed for body in application.bodies] == [1] * len(application.bodies)

    @pytest.mark.parametrize("accepts", ["identity", "gzip"])
    def test_gives_a_range_or_the_whole(
        self, application: Application, pair: tuple[str, str], accepts: str
    ) -> None:
        headers = {"Range": "bytes=100-199", "Accept-Encoding": accepts}
        answer = asked(application, pair, "/file.txt", **headers)
        if answer.status == 206:
            assert answer["content-range"] == f"bytes 100-199/{len(LINES)}"
            assert answer.body == LINES[100:200]
            assert "content-encoding" not in answer
        else:
            assert (answer.status, decoded(answer)) == (200, LINES)

    @pytest.mark.parametrize("accepts", ["identity", "gzip"])
    def test_knows_its_own_tag(
        self, application: Application, pair: tuple[str, str], accepts: str
    ) -> None:
        headers = {"Accept-Encoding": accepts}
        tag = asked(application, pair, "/file.txt", **headers)["etag"]
        for method in ("GET", "HEAD"):
            answer = asked(
                application, pair, "/file.txt", method, **headers, **{"If-None-Match": tag}
            )
            assert (answer.status, answer.body, answer["etag"]) == (304, b"", tag)

    def test_passes_a_failure_on(self, application: Application, pair: tuple[str, str]) -> None:
        with pytest.raises(LookupError):
            asked(application, pair, "/fails.txt", **{"Accept-Encoding": "gzip"})
        assert [body.closed for body in application.bodies] == [1]

    def test_passes_an_error_on(self, application: Application, pair: tuple[str, str]) -> None:
        answer = asked(application, pair, "/nothing.txt", **{"Accept-Encoding": "gzip"})
        assert answer.status == 404
        assert decoded(answer) == b"There is no such file here.\n"


def test_a_stack_meets_the_first_layer_first(tmp_path: Path) -> None:
    order: list[str] = []

    def layer(name: str) -> Callable[[WSGIApp], WSGIApp]:
        def around(app: WSGIApp) -> WSGIApp:
            def noting(environ: Environ, start_response: StartResponse) -> Body:
                order.append(name)
                return app(environ, start_response)

            return noting

        return around

    (tmp_path / "a").write_bytes(b"some")
    assert ask(stack(FileApp(tmp_path / "a"), layer("first"), layer("second"))).body == b"some"
    assert order == ["first", "second"]
