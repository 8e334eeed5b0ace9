"""What can be made anew from any byte on as a source."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.client import Answer, ask
from tests.sources.contract import DATA, SourceContract
from tests.watched import WatchedBody
from wsgistream import Restartable, StreamingResponse, respond
from wsgistream.types import Body, Environ, Meta, Source, StartResponse
from wsgistream.wsgi.bodies import Truncated


def cut(data: bytes, size: int) -> Iterator[bytes]:
    return (data[i : i + size] for i in range(0, len(data), size))


class Maker:
    """Makes bodies of some data from any offset on, and keeps them to be looked at."""

    def __init__(self, data: bytes = DATA, size: int = 7) -> None:
        self.data = data
        self.size = size
        self.starts: list[int] = []
        self.made: list[WatchedBody] = []

    def __call__(self, start: int) -> WatchedBody:
        self.starts.append(start)
        self.made.append(WatchedBody(cut(self.data[start:], self.size)))
        return self.made[-1]

    def closings(self) -> list[int]:
        return [body.closed for body in self.made]


class TestRestartable(SourceContract):
    def make(self) -> Source:
        return Restartable(Maker(), len(DATA))

    def test_its_size_is_its_length_whatever_meta_says(self) -> None:
        meta = Restartable(Maker(), 5, Meta(99, "text/plain", etag='"x"')).meta
        assert (meta.size, meta.content_type, meta.etag) == (5, "text/plain", '"x"')

    def test_slices_are_read_in_any_order_and_no_further_than_needed(self) -> None:
        maker = Maker()
        source = Restartable(maker, len(DATA))
        assert b"".join(source.read(500, 510)) == DATA[500:510]
        assert b"".join(source.read(0, 5)) == DATA[:5]
        assert maker.starts == [500, 0]
        assert [body.taken for body in maker.made] == [2, 1]
        assert maker.closings() == [1, 1]

    def test_what_was_left_in_the_middle_is_closed(self) -> None:
        maker = Maker()
        source = Restartable(maker, len(DATA))
        assert next(source.read(0, 100)) == DATA[:7]
        source.close()
        assert maker.closings() == [1]

    def test_what_was_not_closed_is_closed_before_the_next_is_made(self) -> None:
        maker = Maker()
        source = Restartable(maker, len(DATA))
        first = source.read(0, 100)
        next(first)
        next(source.read(5, 10))
        assert maker.closings()[0] == 1
        source.close()

    def test_text_is_refused(self) -> None:
        with pytest.raises(TypeError, match="PEP 3333"):
            list(Restartable(lambda start: ["a"], 1).read(0, 1))  # type: ignore[list-item]


def get(maker: Maker, ranges: str | None = None, **options: Any) -> Answer:
    response = StreamingResponse(Restartable(maker, len(maker.data)), **options)
    return ask(response, headers={} if ranges is None else {"Range": ranges})


def parts(answer: Answer) -> list[bytes]:
    """Take a multipart answer apart by what each part says of itself."""
    boundary = answer["content-type"].partition("boundary=")[2].encode()
    assert answer.body.endswith(b"--" + boundary + b"--\r\n")
    found = answer.body.split(b"--" + boundary + b"\r\n")[1:]
    texts = []
    for part in found:
        head, _, rest = part.partition(b"\r\n\r\n")
        match = re.search(rb"bytes (\d+)-(\d+)/", head)
        assert match is not None
        texts.append(rest[: int(match[2]) - int(match[1]) + 1])
    return texts


def test_several_ranges_are_each_made_by_themselves_in_any_order() -> None:
    maker = Maker()
    answer = get(maker, "bytes=900-909,0-9,-5")
    assert answer.status == 206
    assert parts(answer) == [DATA[900:910], DATA[:10], DATA[-5:]]
    assert maker.starts == [900, 0, 1019]
    assert maker.closings() == [1, 1, 1]


def test_it_is_a_source_by_itself() -> None:
    maker = Maker()

    def app(environ: Environ, start_response: StartResponse) -> Body:
        source = Restartable(maker, len(DATA), Meta(None, "text/plain", etag='"x"'))
        return respond(environ, start_response, source)

    assert ask(app, headers={"Range": "bytes=1000-"}).body == DATA[1000:]
    assert ask(app, headers={"If-None-Match": '"x"'}).status == 304
    assert maker.starts == [1000]


def test_one_response_answers_as_often_as_it_is_asked() -> None:
    maker = Maker()
    response = StreamingResponse(Restartable(maker, len(DATA)), content_type="text/plain")
    assert [ask(response).body for _ in range(2)] == [DATA, DATA]
    assert ask(response, method="HEAD")["content-length"] == "1024"
    assert maker.closings() == [1, 1]


def test_an_end_comes_behind_it() -> None:
    maker = Maker()
    answer = get(maker, end="<end>")
    assert (answer.body, answer["content-length"]) == (DATA + b"<end>", "1029")
    assert get(maker, "bytes=1020-", end="<end>").body == DATA[1020:] + b"<end>"
    assert maker.closings() == [1, 1]


@pytest.mark.parametrize(
    ("data", "ranges"),
    [
        pytest.param(DATA[:-1], None, id="less"),
        pytest.param(DATA + b"x", None, id="more"),
        pytest.param(DATA + b"x" * 100, None, id="much more"),
        pytest.param(DATA + b"x", "bytes=-10", id="more behind the last range"),
        pytest.param(DATA[:100], "bytes=50-200", id="less than the range"),
    ],
)
def test_what_is_not_as_long_as_it_said_is_cut(data: bytes, ranges: str | None) -> None:
    maker = Maker(data)
    response = StreamingResponse(Restartable(maker, len(DATA)))
    with pytest.raises(Truncated):
        ask(response, headers={} if ranges is None else {"Range": ranges})
    assert maker.closings() == [1]


@given(
    st.binary(min_size=1, max_size=400),
    st.integers(1, 50),
    st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), min_size=1, max_size=4),
)
def test_any_ranges_of_anything_are_its_bytes(
    data: bytes, size: int, wanted: list[tuple[int, int]]
) -> None:
    maker = Maker(data, size)
    value = ",".join(f"{start}-{start + length}" for start, length in wanted)
    answer = get(maker, f"bytes={value}")
    if answer.status == 200:
        assert answer.body == data
    elif answer.status == 206 and "multipart" in answer["content-type"]:
        assert all(part in data for part in parts(answer))
        (starts,) = {tuple(maker.starts)}
        assert parts(answer) == [
            data[start : start + len(part)]
            for start, part in zip(starts, parts(answer), strict=True)
        ]
    elif answer.status == 206:
        match = re.fullmatch(r"bytes (\d+)-(\d+)/\d+", answer["content-range"])
        assert match is not None
        assert answer.body == data[int(match[1]) : int(match[2]) + 1]
    else:
        assert answer.status == 416
        assert all(start >= len(data) for start, _ in wanted)
    assert set(maker.closings()) <= {1}


def generator(start: int) -> Iterable[bytes]:
    yield DATA[start:]


@pytest.mark.parametrize(
    ("make", "length", "error", "message"),
    [
        pytest.param(DATA, 5, TypeError, "function", id="no function"),
        pytest.param(generator, -1, ValueError, "length", id="a negative length"),
        pytest.param(generator, None, TypeError, "length", id="no length"),
        pytest.param(generator, True, TypeError, "length", id="a yes for a length"),
    ],
)
def test_what_cannot_be_is_refused_at_once(
    make: Any, length: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        Restartable(make, length)


def test_another_length_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="5 bytes, and its content_length is 6"):
        StreamingResponse(Restartable(generator, 5), content_length=6)
