"""Any body as an answer: what it may be, what is said of it, and how it ends."""

from __future__ import annotations

import gzip
import io
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.client import Answer, ask, make_environ
from tests.server.bodies import Feed
from tests.watched import WatchedBody
from wsgistream import StreamingResponse, Wakeable, chunked_iter
from wsgistream.types import Environ
from wsgistream.wsgi.bodies import Pieces, Truncated, Unbegun
from wsgistream.wsgi.chunks import CHUNK
from wsgistream.wsgi.files import FileWrapper
from wsgistream.wsgi.waiting import IN_LOOP, WouldBlock, is_quick

DATA = b"0123456789" * 10


def begin(status: str, headers: object, exc_info: object = None, /) -> Callable[[bytes], object]:
    return lambda data: None


def digits() -> Iterator[bytes]:
    for start in range(0, len(DATA), 7):
        yield DATA[start : start + 7]


def written(data: bytes = DATA) -> Any:
    """A regular file, open, with something in it."""
    file = tempfile.TemporaryFile()
    file.write(data)
    file.seek(0)
    return file


class Again:
    """An iterable that begins anew each time."""

    def __iter__(self) -> Iterator[bytes]:
        return digits()


KNOWN: Mapping[str, Callable[[], Any]] = {
    "bytes": lambda: DATA,
    "a bytearray": lambda: bytearray(DATA),
    "a memoryview": lambda: memoryview(DATA),
    "text": DATA.decode,
    "a list": lambda: list(digits()),
    "a tuple": lambda: tuple(digits()),
    "a list of text": lambda: [chunk.decode() for chunk in digits()],
    "a file in memory": lambda: io.BytesIO(DATA),
    "a regular file": written,
    "a function that gives bytes": lambda: lambda: DATA,
    "a function that opens a file": lambda: written,
}
UNKNOWN: Mapping[str, Callable[[], Any]] = {
    "a generator": digits,
    "a generator of text": lambda: (chunk.decode() for chunk in digits()),
    "an iterable": Again,
    "a file that is unpacked": lambda: gzip.open(io.BytesIO(gzip.compress(DATA))),
    "chunks of a file": lambda: chunked_iter(written(), 7),
    "a stream that may be idle": lambda: Feed(DATA[:7], DATA[7:], None),
    "a function that makes a generator": lambda: digits,
    "a class that makes an iterable": lambda: Again,
}
KINDS = {**KNOWN, **UNKNOWN}
ONCE = [
    *("a regular file", "a generator", "a generator of text", "a file that is unpacked"),
    *("chunks of a file", "a stream that may be idle"),
]


def get(body: Any, *, method: str = "GET", asked: Any = None, **options: Any) -> Answer:
    options = {"content_type": "text/plain", **options}
    return ask(StreamingResponse(body, **options), method=method, headers=asked)


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_sent(kind: str) -> None:
    answer = get(KINDS[kind]())
    assert (answer.status, answer.body) == (200, DATA)
    assert answer["content-type"] == "text/plain; charset=utf-8"
    assert answer.get("content-length") == ("100" if kind in KNOWN else None)


@pytest.mark.parametrize("kind", KINDS)
def test_a_head_is_that_of_the_answer(kind: str) -> None:
    head, answer = (get(KINDS[kind](), method=method) for method in ("HEAD", "GET"))
    assert (head.status, head.headers, head.body) == (200, answer.headers, b"")


@pytest.mark.parametrize("kind", KINDS)
def test_it_has_ranges_where_its_length_is_known(kind: str) -> None:
    answer = get(KINDS[kind](), asked={"Range": "bytes=5-14"})
    assert answer.status == (206 if kind in KNOWN else 200)
    assert answer.body == (DATA[5:15] if kind in KNOWN else DATA)


@pytest.mark.parametrize("kind", KINDS)
def test_a_length_makes_it_rangeable(kind: str) -> None:
    answer = get(KINDS[kind](), content_length=100, asked={"Range": "bytes=-3"})
    assert (answer.status, answer.body) == (206, b"789")


@pytest.mark.parametrize("kind", KINDS)
def test_its_end_is_marked(kind: str) -> None:
    answer = get(KINDS[kind](), end="<end>")
    assert answer.body == DATA + b"<end>"
    assert answer.get("content-length") in (None, "105")


@pytest.mark.parametrize("kind", KINDS)
def test_its_end_is_part_of_its_length(kind: str) -> None:
    answer = get(KINDS[kind](), end=b"<end>", content_length=105, asked={"Range": "bytes=98-"})
    assert answer.body == b"89<end>"


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_sent_again_unless_it_can_be_read_only_once(kind: str) -> None:
    response = StreamingResponse(KINDS[kind]())
    assert ask(response).body == DATA
    if kind in ONCE:
        with pytest.raises(RuntimeError, match="a function that makes one for each request"):
            ask(response)
    else:
        assert ask(response).body == DATA


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_a_stream_is_closed_once_and_read_only_to_be_sent(method: str) -> None:
    body = WatchedBody([b"a", b"b"])
    get(body, method=method)
    assert (body.closed, body.taken) == (1, 0 if method == "HEAD" else 2)


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"If-None-Match": '"x"'}, id="a known tag"),
        pytest.param({"If-Match": '"y"'}, id="another tag"),
    ],
)
def test_what_need_not_be_sent_is_not_even_made(headers: dict[str, str]) -> None:
    def make() -> bytes:
        raise AssertionError("made")

    assert get(make, etag='"x"', asked=headers).status in (304, 412)


def test_a_file_is_closed_once_however_it_is_answered() -> None:
    for method, headers in (
        ("GET", {}),
        ("HEAD", {}),
        ("GET", {"Range": "bytes=500-"}),
        ("GET", {"Range": "bytes=5-9"}),
        ("GET", {"If-None-Match": "*"}),
    ):
        file = written()
        get(file, method=method, asked=headers)
        assert file.closed


def test_a_regular_file_goes_by_the_file_wrapper_of_the_server() -> None:
    environ = make_environ(**{"wsgi.file_wrapper": FileWrapper})
    body: Any = StreamingResponse(written(bytes(100_000)))(environ, begin)
    assert type(body) is FileWrapper
    assert body.file.span()[1:] == (0, 100_000)
    body.close()


def test_a_regular_file_begins_at_its_position() -> None:
    file = written()
    file.read(95)
    assert get(file).body == DATA[95:]


def test_much_in_a_list_is_not_put_together() -> None:
    chunks = [bytes(CHUNK), b"", b"end"]
    answer = get(chunks, content_type="image/png")
    assert [len(chunk) for chunk in answer.chunks if chunk] == [CHUNK, 3]
    assert answer["content-length"] == str(CHUNK + 3)


def test_one_response_for_a_generator_function_is_an_application() -> None:
    response = StreamingResponse(digits, content_length=100, etag='"x"')
    assert [ask(response).body for _ in range(3)] == [DATA] * 3
    assert ask(response, headers={"Range": "bytes=0-4"}).body == b"01234"


def test_what_a_function_made_and_cannot_be_sent_is_closed() -> None:
    file = written()
    with pytest.raises(ValueError, match="content_length"):
        get(lambda: file, content_length=5)
    assert file.closed


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        pytest.param(LookupError, LookupError, id="of the application"),
        pytest.param(ConnectionError, Unbegun, id="of the system, as if it were the connection's"),
    ],
)
def test_a_failure_of_the_function_is_passed_on(
    error: type[Exception], raised: type[Exception]
) -> None:
    def make() -> bytes:
        raise error

    with pytest.raises(raised):
        get(make)


def test_a_file_that_shrinks_before_its_first_byte_fails_and_is_closed() -> None:
    file = written()
    response = StreamingResponse(file)
    os.truncate(file.fileno(), 0)
    with pytest.raises(Unbegun):
        ask(response)
    assert file.closed


def test_what_was_made_for_a_head_is_closed_unread() -> None:
    body = WatchedBody([b"a"])
    get(lambda: body, method="HEAD")
    assert (body.closed, body.taken) == (1, 0)


def test_whether_a_query_has_rows_is_not_asked() -> None:
    class Query(Again):
        def __bool__(self) -> bool:
            raise AssertionError("asked")

    assert get(Query()).body == DATA


def test_a_failed_decision_closes_the_body() -> None:
    body = WatchedBody([])
    environ = make_environ()
    del environ["REQUEST_METHOD"]
    with pytest.raises(KeyError):
        StreamingResponse(body)(environ, begin)
    assert body.closed == 1


def test_what_takes_its_time_is_not_made_in_a_loop() -> None:
    environ: Environ = {**make_environ(), IN_LOOP: True}
    with pytest.raises(WouldBlock):
        StreamingResponse(digits)(environ, begin)
    assert not is_quick(StreamingResponse(digits))
    assert list(StreamingResponse(DATA)(environ, begin)) == [DATA]
    assert is_quick(StreamingResponse("text"))


# What is sent, and how it ends.


def test_the_first_chunk_leaves_before_the_second_is_made() -> None:
    for options in ({}, {"content_length": 2}, {"end": "!"}):
        body = WatchedBody([b"a", b"b"])
        chunks = iter(StreamingResponse(body, **options)(make_environ(), begin))  # type: ignore[arg-type]
        assert (body.taken, next(chunks), body.taken) == (0, b"a", 1)


@pytest.mark.parametrize("length", [None, 100])
def test_a_stream_is_read_by_any_thread_unless_it_says_no(length: int | None) -> None:
    for pausable in (True, False):
        body: Any = StreamingResponse(digits(), pausable=pausable, content_length=length)(
            make_environ(), begin
        )
        assert type(body) is Pieces
        assert body.pausable is pausable
        body.close()


@pytest.mark.parametrize(
    ("chunks", "error"),
    [
        pytest.param([b"abc"], Truncated, id="too short"),
        pytest.param([], Unbegun, id="empty"),
        pytest.param([b"abcdef"], Unbegun, id="too long"),
        pytest.param([b"abcde", b"f"], Unbegun, id="a chunk too much"),
        pytest.param([b"a", b"bcde", b"f"], Truncated, id="a chunk too much at the end"),
    ],
)
def test_a_stream_that_is_not_as_long_as_announced_is_cut_off(
    chunks: list[bytes], error: type[Exception]
) -> None:
    body = WatchedBody(chunks)
    response = StreamingResponse(body, content_length=5)(make_environ(), begin)
    sent = []
    with pytest.raises(error):
        sent.extend(response)
    assert len(b"".join(sent)) < 5
    response.close()  # type: ignore[attr-defined]
    assert body.closed == 1


def failing() -> Iterator[bytes]:
    yield b"a"
    raise LookupError


@pytest.mark.parametrize("length", [None, 1, 5])
def test_a_stream_that_fails_is_cut_off_without_its_end_and_closed(length: int | None) -> None:
    body = WatchedBody(failing())
    sent = []
    response = StreamingResponse(body, content_length=length, end="!" if length == 5 else None)
    chunks = response(make_environ(), begin)
    with pytest.raises(LookupError):
        sent.extend(chunks)
    # What completes a length waits until it is sure to be right.
    assert sent == ([] if length == 1 else [b"a"])
    chunks.close()  # type: ignore[attr-defined]
    assert body.closed == 1


@pytest.mark.parametrize("chunk", [1, None, 1.5, ["a"]], ids=repr)
def test_a_chunk_that_is_neither_bytes_nor_text_cuts_it_off(chunk: Any) -> None:
    with pytest.raises(TypeError, match="PEP 3333"):
        get(iter([b"a", chunk]))


@pytest.mark.parametrize(
    ("content_type", "data"),
    [
        pytest.param("text/plain", "aä".encode(), id="utf-8 if nothing is said"),
        pytest.param("text/plain; charset=latin-1", b"a\xe4", id="one that is named"),
        pytest.param('text/csv; header=present; CHARSET="UTF-16-LE"', b"a\0\xe4\0", id="quoted"),
        pytest.param("application/json", "aä".encode(), id="utf-8 for what is no text"),
    ],
)
def test_text_is_encoded_by_its_charset(content_type: str, data: bytes) -> None:
    for body in ("aä", ["a", "ä"], iter(["a", "ä"]), lambda: "aä"):
        assert get(body, content_type=content_type).body == data


def test_a_mark_of_byte_order_is_sent_once() -> None:
    for body in (["a", "b"], iter(["a", "b"])):
        assert get(body, content_type="text/plain; charset=utf-16").body == "ab".encode("utf-16")


@given(
    st.lists(st.binary(max_size=9), max_size=9),
    st.sampled_from([list, iter, lambda c: lambda: iter(c)]),
    st.integers(0, 90),
    st.integers(0, 90),
)
def test_any_range_of_any_chunks_is_its_bytes(
    chunks: list[bytes], make: Callable[[list[bytes]], Any], start: int, more: int
) -> None:
    data = b"".join(chunks)
    answer = get(
        make(chunks), content_length=len(data), asked={"Range": f"bytes={start}-{start + more}"}
    )
    expected = {200: data, 206: data[start : start + more + 1]}.get(answer.status)
    assert answer.body == expected or (answer.status == 416 and start >= len(data))


# What is said of it.


def test_it_has_conditions() -> None:
    modified = datetime(2020, 1, 1, 1, tzinfo=timezone(timedelta(hours=1)))
    options: dict[str, Any] = {"etag": '"x"', "last_modified": modified}
    assert get(digits(), **options)["last-modified"] == "Wed, 01 Jan 2020 00:00:00 GMT"
    for headers, status in (
        ({"If-None-Match": '"x"'}, 304),
        ({"If-Modified-Since": "Wed, 01 Jan 2020 00:00:00 GMT"}, 304),
        ({"If-Match": '"y"'}, 412),
    ):
        body = WatchedBody([b"a"])
        assert get(body, asked=headers, **options).status == status
        assert (body.taken, body.closed) == (0, 1)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("headers", [{"Range": "bytes=0-4"}, {"If-None-Match": "*"}, {}], ids=str)
def test_another_status_has_neither_ranges_nor_conditions(
    method: str, headers: dict[str, str]
) -> None:
    answer = get(DATA, status=404, etag='"x"', method=method, asked=headers)
    assert (answer.status, answer["content-length"]) == (404, "100")
    assert answer.body == (DATA if method == "GET" else b"")
    assert "accept-ranges" not in answer


def test_another_status_may_be_of_unknown_length() -> None:
    for body in (digits(), digits):
        answer = get(body, status=503, asked={"If-Match": '"y"'})
        assert (answer.status, answer.body) == (503, DATA)


@pytest.mark.parametrize("status", [204, 205, 304])
@pytest.mark.parametrize("body", [b"", "", []], ids=repr)
def test_a_status_without_a_body_has_none(status: int, body: Any) -> None:
    answer = get(body, status=status, etag='"x"', filename="a")
    assert (answer.status, answer.body) == (status, b"")
    assert answer["etag"] == '"x"'
    assert answer.get("content-length") == ("0" if status == 205 else None)


LIVE = {"cache-control": "no-transform", "x-accel-buffering": "no"}
EVENTS = {**LIVE, "cache-control": "no-store, no-transform"}
SILENT = {"cache-control": None, "x-accel-buffering": None}


@pytest.mark.parametrize(
    ("body", "options", "expected"),
    [
        pytest.param(digits, {}, SILENT, id="a stream"),
        pytest.param(digits, {"live": True}, LIVE, id="one that is said to be live"),
        pytest.param(Feed(None), {}, LIVE, id="one that may be idle"),
        pytest.param(lambda: Feed(None), {}, LIVE, id="a function that makes one"),
        pytest.param(Feed(None), {"live": False}, SILENT, id="one that is said not to be live"),
        pytest.param(digits, {"content_type": "text/event-stream"}, EVENTS, id="events"),
        pytest.param(
            Feed(None), {"content_type": "text/event-stream"}, EVENTS, id="events that may be idle"
        ),
        pytest.param(
            digits,
            {"live": True, "headers": [("cache-control", "no-cache")]},
            {**LIVE, "cache-control": "no-cache"},
            id="what was said already stands",
        ),
        pytest.param(
            Feed(None),
            {"headers": [("X-Accel-Buffering", "yes")]},
            {**LIVE, "x-accel-buffering": "yes"},
            id="and so it does where it may be idle",
        ),
    ],
)
def test_what_is_live_is_neither_held_back_nor_changed(
    body: Any, options: dict[str, Any], expected: dict[str, str | None]
) -> None:
    answer = get(body, **options)
    assert {name: answer.get(name) for name in LIVE} == expected


def test_what_may_be_idle_stays_so() -> None:
    feed = Feed()
    body = StreamingResponse(feed, end="!")(make_environ(), begin)
    assert isinstance(body, Wakeable)
    assert (body.take(), feed.takes) == (None, 1)
    body.close()
    assert feed.closings == 1


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param({}, None, id="nothing"),
        pytest.param({"filename": "a.csv"}, 'inline; filename="a.csv"', id="a name"),
        pytest.param(
            {"filename": "a.csv", "download": True},
            'attachment; filename="a.csv"',
            id="a name to save it under",
        ),
        pytest.param({"download": True}, "attachment", id="to be saved, under any name"),
    ],
)
def test_it_is_named(options: dict[str, Any], expected: str | None) -> None:
    assert get(digits, **options).get("content-disposition") == expected


def test_headers_are_added() -> None:
    for headers in (
        [("X-Custom", "1"), ("Set-Cookie", "a=b")],
        {"X-Custom": "1", "Set-Cookie": "a=b"},
    ):
        answer = get(digits, headers=headers)
        assert (answer["x-custom"], answer["set-cookie"]) == ("1", "a=b")
    assert answer["x-content-type-options"] == "nosniff"


# What cannot be.


@pytest.mark.parametrize(
    ("body", "error", "message"),
    [
        pytest.param(None, TypeError, "not NoneType", id="nothing"),
        pytest.param(5, TypeError, "not int", id="a number"),
        pytest.param({"a": 1}, TypeError, "not dict", id="a mapping"),
        pytest.param(object(), TypeError, "not object", id="an object"),
        pytest.param([b"a", 1], TypeError, "PEP 3333", id="a list with a number"),
        pytest.param(io.StringIO("a"), TypeError, "binary mode", id="a file of text"),
        pytest.param(lambda: 5, TypeError, "not int", id="a function that makes a number"),
    ],
)
def test_a_body_that_cannot_be_is_refused(body: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        get(body)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        pytest.param({"content_length": -1}, ValueError, "from 0 on", id="a negative length"),
        pytest.param({"content_length": True}, TypeError, "bytes", id="a yes for a length"),
        pytest.param({"content_length": "5"}, TypeError, "bytes", id="a length in text"),
        pytest.param({"content_length": 5}, ValueError, "100 bytes", id="another length"),
        pytest.param({"etag": "abc"}, ValueError, "quotes included", id="a tag without quotes"),
        pytest.param({"status": "404"}, TypeError, "number", id="a status in text"),
        pytest.param({"status": True}, TypeError, "number", id="a yes for a status"),
        pytest.param({"status": 99}, ValueError, "99", id="a status that is none"),
        pytest.param({"status": 100}, ValueError, "100", id="an interim status"),
        pytest.param({"status": 206}, ValueError, "206", id="what a range decides"),
        pytest.param({"status": 204}, ValueError, "no body", id="204 with a body"),
        pytest.param({"status": 304}, ValueError, "no body", id="304 with a body"),
        pytest.param({"content_type": ""}, ValueError, "looks like", id="no type"),
        pytest.param({"content_type": None}, ValueError, "looks like", id="nothing for a type"),
        pytest.param({"content_type": "a/b\r\nX: y"}, ValueError, "header", id="two lines of type"),
        pytest.param({"filename": 5}, TypeError, "filename", id="a number for a name"),
        pytest.param({"end": 5}, TypeError, "end", id="a number for an end"),
        pytest.param({"last_modified": "now"}, TypeError, "datetime", id="text for a moment"),
        pytest.param({"last_modified": True}, TypeError, "datetime", id="a yes for a moment"),
        pytest.param(
            {"last_modified": datetime(2020, 1, 1)}, ValueError, "time zone", id="any time zone"
        ),
        pytest.param({"last_modified": 1e15}, ValueError, "years", id="a moment far away"),
        pytest.param({"headers": [("X", "a\nb")]}, ValueError, "header", id="two lines of header"),
        pytest.param({"headers": [("Bad Name", "x")]}, ValueError, "header", id="a bad name"),
        pytest.param({"headers": [("Content-Length", "5")]}, ValueError, "header", id="ours"),
    ],
)
def test_what_cannot_be_said_is_refused_at_once(
    options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        StreamingResponse(DATA, **options)


@pytest.mark.parametrize(
    ("body", "options"),
    [
        pytest.param(iter(()), {}, id="an iterable, which may have bytes"),
        pytest.param(b"", {"end": "!"}, id="an end"),
    ],
)
def test_a_status_without_a_body_refuses(body: Any, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="no body"):
        StreamingResponse(body, status=204, **options)


@pytest.mark.parametrize(
    ("charset", "text"),
    [
        pytest.param("no-such", "a", id="a charset that is none"),
        pytest.param("ascii", "ä", id="a character that it lacks"),
    ],
)
def test_text_that_cannot_be_encoded_is_refused_at_once(charset: str, text: str) -> None:
    with pytest.raises(ValueError, match=charset):
        StreamingResponse(text, content_type=f"text/plain; charset={charset}")


def test_bytes_may_be_in_a_charset_that_nobody_knows() -> None:
    assert get(b"a", content_type="text/plain; charset=no-such").body == b"a"


def test_a_device_is_no_regular_file(tmp_path: Path) -> None:
    answer = get(open(os.devnull, "rb"))
    assert (answer.body, answer.get("content-length")) == (b"", None)
