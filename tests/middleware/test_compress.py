"""Answers that are compressed: their bytes, what their heads say, and what comes back of it."""

from __future__ import annotations

import gc
import gzip
import sys
import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.client import Answer, ask, make_environ
from tests.middleware.contract import MiddlewareContract, answering
from tests.rules.test_coding import DECODERS
from tests.server.bodies import Feed
from tests.watched import WatchedBody
from wsgistream import (
    CompressMiddleware,
    DirectoryApp,
    RangeMiddleware,
    StreamingResponse,
    respond,
)
from wsgistream.compress import compress_tree
from wsgistream.rules.coding import MissingLibrary
from wsgistream.sources.memory import Memory
from wsgistream.types import Body, Environ, Meta, StartResponse, WSGIApp
from wsgistream.wsgi import call
from wsgistream.wsgi.bodies import Truncated, close
from wsgistream.wsgi.changing import changed
from wsgistream.wsgi.files import FileWrapper
from wsgistream.wsgi.waiting import IN_LOOP, Wakeable, is_quick

TEXT = b"All work and no play makes a dull page. " * 50
LENGTH = ("Content-Length", str(len(TEXT)))
TAG = ("ETag", '"tag"')
CODINGS = tuple(DECODERS)
GZIP = {"Accept-Encoding": "gzip"}
BROWSER = {"Accept-Encoding": "gzip, deflate, br, zstd"}
LIVE = ("X-Accel-Buffering", "no")


def decoded(answer: Answer) -> bytes:
    coding = answer.get("content-encoding")
    return answer.body if coding is None else DECODERS[coding]()(answer.body)


class Decoding:
    """A client that decodes, as a middleware: what is around it sees what is inside."""

    def __init__(self, app: WSGIApp) -> None:
        self.app = app

    def __call__(self, environ: Environ, start_response: StartResponse) -> Body:
        reply = call(self.app, environ)
        coding = reply.get("Content-Encoding")
        if coding is not None and environ["REQUEST_METHOD"] != "HEAD":
            reply.set("Content-Encoding", None)
            reply.set("Content-Length", None)
            reply.body = changed(reply.body, Decode(coding))
        return reply.send(start_response)


class Decode:
    def __init__(self, coding: str) -> None:
        self.feed = DECODERS[coding]()

    def finish(self) -> bytes:
        return b""


def live(app: WSGIApp) -> WSGIApp:
    """The same, and nobody may hold back what it sends."""

    def made(environ: Environ, start_response: StartResponse) -> Body:
        def start(status: str, headers: Any, exc_info: Any = None) -> Any:
            return start_response(status, [*headers, LIVE], exc_info)

        return app(environ, start)

    return made


class TestContractAsItIs(MiddlewareContract):
    def make(self, app: WSGIApp) -> WSGIApp:
        return CompressMiddleware(app)


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
class TestContractCompressed(MiddlewareContract):
    changes_bytes = True

    @pytest.fixture(autouse=True)
    def _choose(self, coding: str) -> None:
        self.headers = {"Accept-Encoding": coding}  # type: ignore[misc]

    def make(self, app: WSGIApp) -> WSGIApp:
        return Decoding(CompressMiddleware(live(app), minimum=0))


# Bytes.


@pytest.mark.parametrize("coding", CODINGS)
@given(chunks=st.lists(st.binary(max_size=1000)), is_live=st.booleans())
def test_any_chunks_come_back_as_they_were(coding: str, chunks: list[bytes], is_live: bool) -> None:
    headers = [LIVE] if is_live and coding != "br" else []
    app = CompressMiddleware(answering(iter(chunks), *headers))
    answer = ask(app, headers={"Accept-Encoding": coding})
    assert answer["content-encoding"] == coding
    assert decoded(answer) == b"".join(chunks)
    # As many as there were, and one more for what is left (PEP 3333).
    assert len(answer.chunks) == len(chunks) + 1


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("kind", ["a list", "a tuple", "a generator", "a file"])
def test_any_body_is_compressed(kind: str, coding: str) -> None:
    def app(environ: Environ, start_response: StartResponse) -> Body:
        start_response("200 OK", [("Content-Type", "text/plain"), LENGTH])
        if kind == "a file":
            body: Body = FileWrapper(FileOf(TEXT))
        else:
            body = {"a list": list, "a tuple": tuple, "a generator": iter}[kind](
                [TEXT[:70], b"", TEXT[70:]]
            )
        return body

    answer = ask(CompressMiddleware(app), headers={"Accept-Encoding": coding})
    assert (answer["content-encoding"], decoded(answer)) == (coding, TEXT)
    if kind in ("a list", "a tuple"):
        assert answer["content-length"] == str(len(answer.body))
        assert len(answer.chunks) == 1
    else:
        assert "content-length" not in answer


class FileOf:
    def __init__(self, data: bytes) -> None:
        self._chunks = iter([data, b""])

    def read(self, size: int) -> bytes:
        return next(self._chunks)


@pytest.mark.parametrize(
    "how",
    [
        pytest.param(("text/event-stream", []), id="events"),
        pytest.param(("application/x-ndjson; charset=utf-8", []), id="lines of JSON"),
        pytest.param(("text/plain", [LIVE]), id="what nobody may hold back"),
    ],
)
@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_each_chunk_of_a_live_stream_can_be_decoded_when_it_comes(
    coding: str, how: tuple[str, list[tuple[str, str]]]
) -> None:
    events = [b"data: %d\n\n" % number for number in range(50)]
    kind, headers = how

    def app(environ: Environ, start_response: StartResponse) -> Body:
        start_response("200 OK", [("Content-Type", kind), *headers])
        return iter(events)

    answer = ask(CompressMiddleware(app), headers={"Accept-Encoding": coding})
    decode = DECODERS[coding]()
    assert [decode(chunk) for chunk in answer.chunks] == [*events, b""]


def test_a_live_stream_of_ours_is_compressed_though_nobody_else_may_change_it() -> None:
    response = StreamingResponse(lambda: iter(["data: 1\n\n"]), content_type="text/event-stream")
    answer = ask(CompressMiddleware(response), headers={"Accept-Encoding": "gzip"})
    assert answer["content-encoding"] == "gzip"
    assert answer["cache-control"] == "no-store, no-transform"
    assert gzip.decompress(answer.body) == b"data: 1\n\n"


def test_what_is_not_live_waits_until_it_is_worth_it() -> None:
    app = CompressMiddleware(answering(iter([b"some"] * 100)))
    answer = ask(app, headers=GZIP)
    assert sum(map(bool, answer.chunks)) < 5
    assert decoded(answer) == b"some" * 100


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        pytest.param("gzip, deflate, br, zstd", "gzip", id="a browser"),
        pytest.param("zstd, gzip;q=0.5", "zstd", id="zstd rather than gzip"),
        pytest.param("br", None, id="only br, of which each would take too much"),
    ],
)
def test_a_live_stream_is_sent_in_what_takes_little_memory(
    accept: str, expected: str | None
) -> None:
    feed = Feed(b"some", None)
    answer = ask(CompressMiddleware(answering(feed)), headers={"Accept-Encoding": accept})
    assert answer.get("content-encoding") == expected
    assert decoded(answer) == b"some"
    assert answer["vary"] == "Accept-Encoding"


def test_a_live_stream_that_cannot_be_compressed_does_not_vary() -> None:
    app = CompressMiddleware(answering(Feed(b"some", None)), codings=["br"])
    answer = ask(app, headers=BROWSER)
    assert (answer.body, "vary" in answer, "content-encoding" in answer) == (b"some", False, False)


@pytest.mark.parametrize(
    ("content_type", "quick"), [("text/event-stream", True), ("application/x-ndjson", False)]
)
def test_only_events_are_small_enough_for_a_loop(content_type: str, quick: bool) -> None:
    def app(environ: Environ, start_response: StartResponse) -> Body:
        start_response("200 OK", [("Content-Type", content_type)])
        return Feed(b"some")

    body = CompressMiddleware(app)(make_environ(headers=GZIP), nothing)
    assert isinstance(body, Wakeable)
    assert body.quick is quick
    body.close()


def test_a_heartbeat_is_flushed_too() -> None:
    feed = Feed(b"some")
    body = CompressMiddleware(answering(feed))(make_environ(headers=GZIP), nothing)
    assert isinstance(body, Wakeable)
    decode = DECODERS["gzip"]()
    assert (decode(body.take() or b""), body.take(), decode(body.beat())) == (b"some", None, b":\n")
    body.close()


def nothing(status: str, headers: object, exc_info: object = None, /) -> Callable[[bytes], object]:
    return lambda data: None


# What is compressed at all.


def of_type(content_type: str, *headers: tuple[str, str], status: str = "200 OK") -> WSGIApp:
    def app(environ: Environ, start_response: StartResponse) -> Body:
        start_response(status, [("Content-Type", content_type), LENGTH, *headers])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [TEXT]

    return app


@pytest.mark.parametrize(
    ("options", "content_type", "expected"),
    [
        pytest.param({}, "text/html; charset=utf-8", True, id="text"),
        pytest.param({}, "Application/JSON", True, id="JSON in capitals"),
        pytest.param({}, "application/problem+json", True, id="JSON by its suffix"),
        pytest.param({}, "image/svg+xml", True, id="XML by its suffix"),
        pytest.param({}, "image/png", False, id="an image"),
        pytest.param({}, "application/octet-stream", False, id="who knows what"),
        pytest.param({"types": ["text/*"]}, "text/css", True, id="any text"),
        pytest.param({"types": ["text/*"]}, "application/json", False, id="any text, and no JSON"),
        pytest.param({"types": ["Image/BMP"]}, "image/bmp", True, id="a type that is named"),
        pytest.param({"types": []}, "text/html", False, id="nothing"),
        pytest.param({"minimum": len(TEXT)}, "text/html", True, id="large enough"),
        pytest.param({"minimum": len(TEXT) + 1}, "text/html", False, id="too small"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_types_and_sizes_decide(
    method: str, options: dict[str, Any], content_type: str, expected: bool
) -> None:
    app = CompressMiddleware(of_type(content_type), **options)
    answer = ask(app, headers=GZIP, method=method)
    assert ("content-encoding" in answer, "vary" in answer) == (expected, expected)
    if not expected:
        assert answer["content-length"] == str(len(TEXT))
    # Who takes it as it is has to know as well that others would not.
    assert ("vary" in ask(app, method=method)) is expected


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        pytest.param("200 OK", [("Content-Encoding", "br")], id="encoded"),
        pytest.param("200 OK", [("Cache-Control", "no-transform")], id="not to be transformed"),
        pytest.param("416 No", [("Content-Range", "bytes */9")], id="of ranges"),
        pytest.param("205 Reset Content", [], id="without content"),
    ],
)
def test_some_answers_are_left_alone(status: str, headers: list[tuple[str, str]]) -> None:
    body = [TEXT]

    def app(environ: Environ, start_response: StartResponse) -> Body:
        start_response(status, [("Content-Type", "text/html"), TAG, *headers])
        return body

    begun: list[Any] = []
    given = CompressMiddleware(app)(
        make_environ(headers=GZIP), lambda *start: begun.append(start) or nothing
    )
    assert given is body
    assert begun == [(status, [("Content-Type", "text/html"), *headers, ("ETag", '"tag"')])]


@pytest.mark.parametrize("headers", [[], [("Content-Length", "0")]])
def test_what_is_empty_stays_so(headers: list[tuple[str, str]]) -> None:
    answer = ask(CompressMiddleware(answering([], *headers), minimum=0), headers=GZIP)
    assert (answer.body, "content-encoding" in answer, "vary" in answer) == (b"", False, False)


def test_an_error_is_compressed_as_well() -> None:
    app = CompressMiddleware(of_type("text/html", status="404 Not Found"))
    answer = ask(app, headers=GZIP)
    assert (answer.status, decoded(answer)) == (404, TEXT)


@pytest.mark.parametrize(
    ("accept", "options", "expected"),
    [
        pytest.param("gzip, deflate, br, zstd", {}, "zstd", id="a browser"),
        pytest.param("gzip, br", {}, "br", id="no zstd"),
        pytest.param("gzip;q=1, br;q=0.9", {}, "gzip", id="weights"),
        pytest.param("gzip;q=0.5, identity", {}, None, id="rather not"),
        pytest.param("gzip;q=0", {}, None, id="no"),
        pytest.param("*", {}, "zstd", id="anything"),
        pytest.param("*;q=0", {}, None, id="nothing, which cannot be helped"),
        pytest.param("zstd, gzip", {"codings": ["gzip"]}, "gzip", id="only gzip"),
        pytest.param("zstd, gzip", {"codings": ["gzip", "zstd"]}, "gzip", id="rather gzip"),
        pytest.param("br", {"codings": ["gzip"]}, None, id="only gzip, and br is wanted"),
        pytest.param("br", {"codings": []}, None, id="none at all"),
    ],
)
def test_clients_and_options_choose_the_coding(
    accept: str, options: dict[str, Any], expected: str | None
) -> None:
    app = CompressMiddleware(of_type("text/html"), **options)
    answer = ask(app, headers={"Accept-Encoding": accept})
    assert answer.get("content-encoding") == expected
    assert decoded(answer) == TEXT


def test_levels_are_those_that_are_set() -> None:
    text = b"".join(b"%d bottles of %d\n" % (number, number**2) for number in range(2000))

    def size(level: Any) -> int:
        app = CompressMiddleware(answering([text]), codings=["gzip"], level=level)
        return len(ask(app, headers=GZIP).body)

    assert size(1) == size({"gzip": 1}) > size({"br": 1}) == size(None) >= size(9)


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"minimum": -1}, ValueError, "A minimum is a number of bytes, not -1."),
        ({"minimum": "1"}, ValueError, "A minimum is a number of bytes, not '1'."),
        ({"codings": ["deflate"]}, ValueError, "A coding is one of zstd, br, gzip, not 'deflate'."),
        ({"level": {"gz": 1}}, ValueError, "A coding is one of zstd, br, gzip, not 'gz'."),
        ({"level": 10}, ValueError, "A level of gzip is from 1 to 9, not 10."),
        ({"types": "text/*"}, TypeError, "Types are a list such as ['text/*'], not 'text/*'."),
        ({"types": ["text"]}, ValueError, "A type is such as text/html or text/*, not 'text'."),
    ],
)
def test_options_that_cannot_be_are_told(
    options: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error) as raised:
        CompressMiddleware(of_type("text/html"), **options)
    assert str(raised.value) == said


def test_a_library_that_is_not_there_is_missed_only_if_its_coding_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in ("brotli", "zstandard", "compression.zstd"):
        monkeypatch.setitem(sys.modules, module, None)
    answer = ask(CompressMiddleware(of_type("text/html")), headers=BROWSER)
    assert answer["content-encoding"] == "gzip"
    with pytest.raises(MissingLibrary, match="The encoding br needs a library"):
        CompressMiddleware(of_type("text/html"), codings=["br", "gzip"])


# Heads.


@pytest.mark.parametrize("accept", ["gzip", "br", "zstd", ""])
def test_head_has_the_headers_of_get(accept: str) -> None:
    headers = (TAG, ("Accept-Ranges", "bytes"), ("Vary", "Cookie"))
    app = CompressMiddleware(of_type("text/html", *headers))
    get, head = (
        ask(app, method=method, headers={"Accept-Encoding": accept}) for method in ("GET", "HEAD")
    )
    if accept:
        # The length is one that only compressing it would tell (RFC 9110 §9.3.2).
        get.headers.remove(("Content-Length", get["content-length"]))
    assert (head.status, head.headers, head.body) == (get.status, get.headers, b"")


def test_head_reads_nothing() -> None:
    body = WatchedBody([TEXT])
    given = CompressMiddleware(answering(body))(make_environ(method="HEAD", headers=GZIP), nothing)
    assert (list(given), body.taken, body.closed) == ([], 0, 1)


def test_what_told_of_other_bytes_goes() -> None:
    digests = [("Content-MD5", "x"), ("Digest", "x"), ("Repr-Digest", "x"), ("Content-Digest", "x")]
    other = ("Content-Disposition", "inline")
    app = CompressMiddleware(of_type("text/html", *digests, other))
    answer = ask(app, headers=GZIP)
    assert not [name for name, _ in digests if name in answer]
    assert answer["content-disposition"] == "inline"
    assert [name for name, _ in digests if name in ask(app)] == [name for name, _ in digests]


def test_an_offer_of_ranges_is_taken_back_with_the_bytes_they_were_of() -> None:
    app = CompressMiddleware(of_type("text/html", ("Accept-Ranges", "bytes")))
    assert ask(app, headers=GZIP)["accept-ranges"] == "none"
    assert ask(app)["accept-ranges"] == "bytes"


@pytest.mark.parametrize(
    ("etag", "compressed", "plain"),
    [
        pytest.param('"tag"', '"tag--gzip"', '"tag"', id="strong"),
        pytest.param('W/"tag"', 'W/"tag"', 'W/"tag"', id="weak"),
        pytest.param('"a--gzip"', '"a--gzip--gzip"', '"a--gzip--identity"', id="like one of ours"),
        pytest.param("tag", None, "tag", id="none"),
    ],
)
def test_a_tag_names_the_coding(etag: str, compressed: str | None, plain: str) -> None:
    app = CompressMiddleware(of_type("text/html", ("ETag", etag)))
    assert ask(app, headers=GZIP).get("etag") == compressed
    assert ask(app)["etag"] == plain


# What comes back.


class Resource:
    """Text with the tag and the date that it is given, with ranges and preconditions."""

    def __init__(self, etag: str | None = '"tag"', *, size: int = len(TEXT)) -> None:
        self.meta = Meta(
            size, "text/html", etag=etag, modified=1_600_000_000, extra=(("Vary", "Cookie"),)
        )
        self.asked: list[Environ] = []

    def __call__(self, environ: Environ, start_response: StartResponse) -> Body:
        self.asked.append(environ)
        return respond(environ, start_response, Memory(TEXT, self.meta))


def test_what_a_client_has_is_confirmed_by_its_own_tag() -> None:
    app = CompressMiddleware(Resource())
    for accept in ("gzip", "br", "zstd", ""):
        headers = {"Accept-Encoding": accept}
        first = ask(app, headers=headers)
        again = ask(app, headers={**headers, "If-None-Match": first["etag"]})
        assert (again.status, again["etag"], again["vary"]) == (304, first["etag"], first["vary"])
        assert "content-encoding" not in again


@pytest.mark.parametrize(
    ("headers", "status", "etag"),
    [
        pytest.param({"If-None-Match": '"tag"'}, 304, '"tag"', id="as it is"),
        pytest.param({"If-None-Match": '"x", "tag--gzip"'}, 304, '"tag--gzip"', id="one of a list"),
        pytest.param(
            {"If-None-Match": '"tag--br"'}, 200, '"tag--gzip"', id="what it cannot decode"
        ),
        pytest.param(
            {"If-None-Match": '"tag--br"', "If-Modified-Since": "Thu, 04 Mar 2021 05:06:07 GMT"},
            200,
            '"tag--gzip"',
            id="what it cannot decode, and a date",
        ),
        pytest.param(
            {"If-None-Match": '"tag--gzip--gzip"'}, 200, '"tag--gzip"', id="encoded twice"
        ),
        pytest.param(
            {"If-Modified-Since": "Thu, 04 Mar 2021 05:06:07 GMT"}, 304, 'W/"tag"', id="a date"
        ),
        pytest.param({"If-None-Match": "*"}, 304, 'W/"tag"', id="a star"),
        pytest.param({"If-Match": '"tag--gzip"'}, 200, '"tag--gzip"', id="this state"),
        pytest.param({"If-Match": '"other--gzip"'}, 412, None, id="another state"),
        pytest.param({"If-Match": '"tag--br"'}, 412, None, id="a coding that it does not take"),
    ],
)
def test_conditions_hold_for_variants(
    headers: dict[str, str], status: int, etag: str | None
) -> None:
    answer = ask(CompressMiddleware(Resource()), headers={**GZIP, **headers})
    assert (answer.status, answer.get("etag")) == (status, etag)
    if status == 304:
        assert answer["vary"] == "Cookie, Accept-Encoding"


def test_who_asks_by_date_and_takes_no_coding_has_it_as_it_is() -> None:
    date = {"If-Modified-Since": "Thu, 04 Mar 2021 05:06:07 GMT"}
    assert ask(CompressMiddleware(Resource()), headers=date)["etag"] == '"tag"'


def test_a_304_without_a_tag_stays_without() -> None:
    headers = {**GZIP, "If-Modified-Since": "Thu, 04 Mar 2021 05:06:07 GMT"}
    answer = ask(CompressMiddleware(Resource(etag=None)), headers=headers)
    assert (answer.status, "etag" in answer) == (304, False)


def test_a_304_of_what_never_varies_is_left_alone() -> None:
    headers = (TAG, ("Cache-Control", "no-transform"))

    def app(environ: Environ, start_response: StartResponse) -> Body:
        start_response("304 Not Modified", list(headers))
        return []

    answer = ask(CompressMiddleware(app), headers={**GZIP, "If-None-Match": '"tag"'})
    assert sorted(answer.headers) == sorted(headers)


def test_a_304_does_not_tell_of_the_bytes_of_another_variant() -> None:
    def app(environ: Environ, start_response: StartResponse) -> Body:
        start_response("304 Not Modified", [TAG, ("Repr-Digest", "x")])
        return []

    made = CompressMiddleware(app)
    assert "repr-digest" not in ask(made, headers={**GZIP, "If-None-Match": '"tag--gzip"'})
    assert "repr-digest" in ask(made, headers={**GZIP, "If-None-Match": '"tag"'})


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({}, 206, id="a range"),
        pytest.param({"If-Range": '"tag"'}, 206, id="the rest of the bytes as they are"),
        pytest.param({"If-Range": '"tag--gzip"'}, 200, id="the rest of what has no parts"),
        pytest.param(
            {"If-Range": "Sun, 13 Sep 2020 12:26:40 GMT"}, 200, id="the rest of who knows what"
        ),
        pytest.param({"If-Match": '"tag"'}, 206, id="if it is still this"),
        pytest.param({"If-Match": '"tag--gzip"'}, 412, id="a range of what has none"),
    ],
)
def test_a_range_is_one_of_the_bytes_as_they_are(headers: dict[str, str], status: int) -> None:
    app = CompressMiddleware(Resource())
    answer = ask(app, headers={**GZIP, "Range": "bytes=10-19", **headers})
    assert answer.status == status
    if status == 206:
        assert (answer.body, answer["etag"]) == (TEXT[10:20], '"tag"')
        assert answer["vary"] == "Cookie, Accept-Encoding"
        assert "content-encoding" not in answer
    elif status == 200:
        assert (answer["etag"], decoded(answer)) == ('"tag--gzip"', TEXT)


def test_who_takes_no_coding_may_go_on_by_a_date() -> None:
    headers = {"Range": "bytes=10-19", "If-Range": "Sun, 13 Sep 2020 12:26:40 GMT"}
    assert ask(CompressMiddleware(Resource()), headers=headers).status == 206


def test_several_parts_vary_as_the_whole_does() -> None:
    app = CompressMiddleware(Resource())
    answer = ask(app, headers={**GZIP, "Range": "bytes=0-9,500-509"})
    assert (answer.status, answer["vary"]) == (206, "Cookie, Accept-Encoding")


def test_a_part_of_what_is_too_small_does_not_vary() -> None:
    app = CompressMiddleware(Resource(), minimum=len(TEXT) + 1)
    answer = ask(app, headers={**GZIP, "Range": "bytes=0-9"})
    assert (answer.status, answer["vary"]) == (206, "Cookie")


def test_an_application_is_not_asked_again_for_what_it_does_not_know() -> None:
    resource = Resource()
    ask(CompressMiddleware(resource), headers={**GZIP, "If-None-Match": '"tag--gzip"'})
    (environ,) = resource.asked
    assert environ["HTTP_IF_NONE_MATCH"] == '"tag"'


states = st.sampled_from(['"a"', '"a--gzip"', '"a--gzip--identity"', '"a,"', '"--br"', '""'])
accepts = st.sampled_from(["gzip", "br", "zstd", "", "gzip, br, zstd", "gzip, identity;q=0"])


@given(before=states, after=states, first=accepts, second=accepts)
def test_a_tag_is_known_again_if_and_only_if_it_is_of_the_same_bytes(
    before: str, after: str, first: str, second: str
) -> None:
    kept = ask(CompressMiddleware(Resource(before)), headers={"Accept-Encoding": first})
    now, accepted = CompressMiddleware(Resource(after)), {"Accept-Encoding": second}
    coding = kept.get("content-encoding") or "identity"
    is_taken = "identity;q=0" not in second if coding == "identity" else coding in second
    is_same = before == after and is_taken

    again = ask(now, headers={**accepted, "If-None-Match": kept["etag"]})
    assert again.status == (304 if is_same else 200)
    assert again.status == 200 or again["etag"] == kept["etag"]
    assert again.status == 304 or decoded(again) == TEXT

    same = ask(now, headers={**accepted, "If-Match": kept["etag"]})
    assert same.status == (200 if is_same else 412)

    part = {**accepted, "Range": "bytes=5-9", "If-Range": kept["etag"]}
    rest = ask(now, headers=part)
    assert rest.status == (206 if before == after and coding == "identity" else 200)
    assert rest.status == 200 or (rest.body, rest["etag"]) == (TEXT[5:10], kept["etag"])


# Beside other applications and middleware.


def test_siblings_of_a_folder_pass_untouched(tmp_path: Any) -> None:
    (tmp_path / "a.txt").write_bytes(TEXT)
    assert len(list(compress_tree(str(tmp_path), ["gzip"]))) == 1
    plain, made = DirectoryApp(tmp_path), CompressMiddleware(DirectoryApp(tmp_path))
    assert is_quick(made) is is_quick(plain)
    bare, answer = (ask(app, "/a.txt", headers=GZIP) for app in (plain, made))
    assert (answer.body, answer["vary"]) == (bare.body, "Accept-Encoding")
    assert sorted(answer.headers) == sorted(bare.headers)
    other = ask(made, "/a.txt", headers={"Accept-Encoding": "br"})
    assert (other["content-encoding"], other["vary"]) == ("br", "Accept-Encoding")
    assert decoded(other) == TEXT


@pytest.mark.parametrize("order", ["ranges inside", "ranges outside", "twice"])
def test_the_order_of_middleware_does_not_matter(order: str) -> None:
    app: WSGIApp = of_type("text/html", TAG)
    made: WSGIApp = {
        "ranges inside": lambda: CompressMiddleware(RangeMiddleware(app)),
        "ranges outside": lambda: RangeMiddleware(CompressMiddleware(app)),
        "twice": lambda: CompressMiddleware(CompressMiddleware(RangeMiddleware(app))),
    }[order]()
    first = ask(made, headers=GZIP)
    assert (first.status, decoded(first)) == (200, TEXT)
    if order != "ranges outside":
        again = ask(made, headers={**GZIP, "If-None-Match": first["etag"]})
        assert (again.status, again["etag"]) == (304, first["etag"])
    part = ask(made, headers={"Range": "bytes=1-2"})
    assert (part.status, part.body) == (206, TEXT[1:3])


# Failures.


@pytest.mark.parametrize("coding", CODINGS)
def test_a_failure_leaves_no_end(coding: str) -> None:
    def failing() -> Iterator[bytes]:
        yield TEXT
        raise LookupError

    body = WatchedBody(failing())
    app = CompressMiddleware(answering(body))
    given = app(make_environ(headers={"Accept-Encoding": coding}), nothing)
    data: list[bytes] = []
    with pytest.raises(LookupError):
        data.extend(given)
    close(given)
    assert body.closed == 1
    whole = ask(CompressMiddleware(answering(iter([TEXT]))), headers={"Accept-Encoding": coding})
    assert len(b"".join(data)) < len(whole.body)


@pytest.mark.parametrize("length", [len(TEXT) - 1, len(TEXT) + 1])
@pytest.mark.parametrize("make", [iter, list])
def test_a_length_that_does_not_hold_cuts(
    make: Callable[[list[bytes]], Iterable[bytes]], length: int
) -> None:
    body = WatchedBody([TEXT]) if make is iter else [TEXT]
    app = CompressMiddleware(answering(body, ("Content-Length", str(length))))
    with pytest.raises(Truncated):
        ask(app, headers=GZIP)


def test_a_chunk_that_is_none_fails_and_the_body_is_closed() -> None:
    body = WatchedBody([])
    app = CompressMiddleware(answering(ListOf(["text"], body.close)))  # type: ignore[list-item]
    with pytest.raises(TypeError):
        app(make_environ(headers={**GZIP}), nothing)
    assert body.closed == 1


class ListOf(list[bytes]):
    def __init__(self, chunks: list[bytes], closing: Callable[[], None]) -> None:
        super().__init__(chunk for chunk in chunks for _ in range(600))
        self.close = closing


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_an_encoder_does_not_outlive_its_stream(coding: str) -> None:
    app = CompressMiddleware(answering(Feed(b"some")))
    body: Any = app(make_environ(headers={"Accept-Encoding": coding}), nothing)
    body.take()
    encoder = weakref.ref(body._change)
    gc.disable()
    try:
        body.close()
        del body
        assert encoder() is None
    finally:
        gc.enable()


# In a server's loop.


@pytest.mark.parametrize(
    ("level", "quick"),
    [
        pytest.param(None, True, id="the usual level"),
        pytest.param({"br": 4}, True, id="a lower one"),
        pytest.param({"br": 11}, False, id="the highest"),
    ],
)
def test_a_level_that_takes_its_time_is_for_threads(level: Any, quick: bool) -> None:
    def app(environ: Environ, start_response: StartResponse) -> Body:
        start_response("200 OK", [("Content-Type", "text/event-stream")])
        return Feed(b"some")

    app.quick = True  # type: ignore[attr-defined]
    made = CompressMiddleware(app, level=level)
    body = made(make_environ(headers=GZIP), nothing)
    assert isinstance(body, Wakeable)
    assert (is_quick(made), body.quick) == (quick and is_quick(app), quick)
    body.close()


@pytest.mark.parametrize(
    ("size", "in_loop", "at_once"),
    [
        pytest.param(16 * 1024, True, True, id="a small one in the loop"),
        pytest.param(16 * 1024 + 1, True, False, id="a large one in the loop"),
        pytest.param(1024 * 1024, False, True, id="a large one in a thread"),
    ],
)
def test_only_what_takes_no_time_is_compressed_in_a_loop(
    size: int, in_loop: bool, at_once: bool
) -> None:
    data = (b"%d" % size) * (size // 3)
    data = data[:size].ljust(size, b".")
    asked: list[int] = []

    def app(environ: Environ, start_response: StartResponse) -> Body:
        asked.append(1)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [data]

    environ = make_environ(headers=GZIP)
    if in_loop:
        environ[IN_LOOP] = True
    begun: list[Any] = []
    body: Any = CompressMiddleware(app)(
        environ, lambda status, headers: begun.append(headers) or nothing
    )
    assert (isinstance(body, list), asked) == (at_once, [1])
    assert ("Content-Length" in dict(begun[0])) is at_once
    assert at_once or body.pausable
    assert DECODERS["gzip"]()(b"".join(body)) == data
    close(body)
