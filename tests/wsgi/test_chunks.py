"""A file in chunks, closed once, whatever kind of file and whoever reads it."""

from __future__ import annotations

import gzip
import io
import os
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import webob
from flask import Flask, Response
from hypothesis import given
from hypothesis import strategies as st

from tests.client import ask
from wsgistream import chunked_iter
from wsgistream.wsgi.bodies import Truncated
from wsgistream.wsgi.chunks import CHUNK

DATA = bytes(range(256)) * 40


class Watched(io.BytesIO):
    """A file that counts its closings and notes how much it was asked for."""

    def __init__(self, data: bytes = DATA) -> None:
        super().__init__(data)
        self.closings = 0
        self.asked: list[int] = []

    def read(self, size: int | None = -1, /) -> bytes:
        self.asked.append(-1 if size is None else size)
        return super().read(size)

    def close(self) -> None:
        self.closings += 1
        super().close()


class Bare:
    """No more of a file than ``read``, which gives less than it is asked for."""

    def __init__(self, data: bytes, most: int = 7) -> None:
        self._file = io.BytesIO(data)
        self._most = most

    def read(self, size: int) -> bytes:
        return self._file.read(min(size, self._most))


class Arrays(Bare):
    def read(self, size: int) -> Any:
        return bytearray(super().read(size))


def pipe(data: bytes) -> Any:
    """A pipe with data in it, and no more to come."""
    reader, writer = os.pipe()
    with open(writer, "wb") as file:
        file.write(data)
    return open(reader, "rb")


def archived(data: bytes) -> Any:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data", data)
    return zipfile.ZipFile(content).open("data")


KINDS: dict[str, Callable[[bytes], Any]] = {
    "a file in memory": io.BytesIO,
    "one that only reads": Bare,
    "a pipe": pipe,
    "one that is unpacked": lambda data: gzip.open(io.BytesIO(gzip.compress(data))),
    "one in an archive": archived,
    "one that reads bytearrays": Arrays,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("start", "stop"),
    [
        pytest.param(0, None, id="the whole"),
        pytest.param(0, 10, id="the beginning"),
        pytest.param(300, 9000, id="the middle"),
        pytest.param(300, None, id="the rest"),
        pytest.param(10240, None, id="what is behind the end"),
        pytest.param(20000, None, id="what is far behind the end"),
        pytest.param(5, 5, id="nothing"),
    ],
)
def test_a_file_is_read_in_chunks(kind: str, start: int, stop: int | None) -> None:
    chunks = list(chunked_iter(KINDS[kind](DATA), 100, start, stop))
    assert b"".join(chunks) == DATA[start:stop]
    assert all(0 < len(chunk) <= 100 for chunk in chunks)
    assert all(type(chunk) is bytes for chunk in chunks)


@given(
    st.sampled_from(["a file in memory", "one that only reads"]),
    st.binary(max_size=60),
    st.integers(1, 20),
    st.integers(0, 70),
    st.none() | st.integers(0, 70),
)
def test_any_part_is_right_or_cut(
    kind: str, data: bytes, size: int, start: int, length: int | None
) -> None:
    stop = None if length is None else start + length
    chunks = chunked_iter(KINDS[kind](data), size, start, stop)
    got = []
    try:
        got.extend(chunks)
    except Truncated:
        assert stop is not None
        assert stop > len(data)
    else:
        assert stop is None or stop <= len(data) or start == stop
    assert b"".join(got) == data[start:stop]


def test_bounds_count_from_the_position_of_the_file() -> None:
    file = io.BytesIO(b"0123456789")
    file.seek(3)
    assert list(chunked_iter(file, start=1, stop=4)) == [b"456"]


def test_no_more_is_read_than_is_asked_for() -> None:
    file = Watched()
    assert len(b"".join(chunked_iter(file, 100, 0, 250))) == 250
    assert file.asked == [100, 100, 50]


def test_a_chunk_is_of_the_measured_size_if_nothing_else_is_said() -> None:
    file = Watched(bytes(CHUNK + 1))
    assert [len(chunk) for chunk in chunked_iter(file)] == [CHUNK, 1]


def test_what_comes_before_the_start_is_never_held() -> None:
    file = Watched()
    file.seekable = lambda: False  # type: ignore[method-assign]
    file.read1 = file.read  # type: ignore[method-assign,assignment]
    assert b"".join(chunked_iter(file, 100, 250)) == DATA[250:]
    assert max(file.asked) == 100


@pytest.mark.parametrize(
    "use",
    [
        pytest.param(list, id="read to the end"),
        pytest.param(next, id="left in the middle"),
        pytest.param(lambda chunks: None, id="never begun"),
    ],
)
def test_a_file_is_closed_once_when_it_was(use: Callable[[Any], object]) -> None:
    file = Watched()
    chunks = chunked_iter(file, 100)
    use(chunks)
    chunks.close()
    chunks.close()
    assert file.closings == 1
    assert list(chunks) == []


def test_a_file_is_closed_when_its_chunks_are_dropped() -> None:
    file = Watched()
    for _ in chunked_iter(file, 100):
        break
    assert file.closings == 1


def test_a_file_that_fails_is_closed() -> None:
    def fail(size: object = -1, /) -> bytes:
        raise OSError("the disk is gone")

    file = Watched()
    file.read = fail  # type: ignore[method-assign]
    chunks = chunked_iter(file)
    with pytest.raises(OSError, match="disk"):
        next(chunks)
    assert file.closings == 1
    assert list(chunks) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_ends_before_its_stop_is_cut(kind: str) -> None:
    chunks = chunked_iter(KINDS[kind](b"0123456789"), stop=11)
    got = []
    with pytest.raises(Truncated):
        got.extend(chunks)
    assert b"".join(got) == b"0123456789"


def test_a_pipe_gives_what_is_in_it_by_now() -> None:
    reader, writer = os.pipe()
    with open(writer, "wb", buffering=0) as file:
        chunks = chunked_iter(open(reader, "rb"))
        for word in (b"first", b"second"):
            file.write(word)
            assert next(chunks) == word
    assert list(chunks) == []


@pytest.mark.parametrize("buffering", [0, -1], ids=["raw", "buffered"])
def test_a_file_that_does_not_block_is_waited_for(buffering: int) -> None:
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    read = threading.Event()
    chunks = chunked_iter(_Telling(open(reader, "rb", buffering=buffering), read))

    def write() -> None:
        read.wait(20)
        os.write(writer, b"late")
        os.close(writer)

    thread = threading.Thread(target=write)
    thread.start()
    assert b"".join(chunks) == b"late"
    thread.join()


class _Telling:
    """A file that tells when it has been read and there was nothing."""

    def __init__(self, file: Any, read: threading.Event) -> None:
        self._file = file
        self._event = read
        self.fileno = file.fileno
        self.seekable = file.seekable
        self.close = file.close
        if hasattr(file, "read1"):
            self.read1 = file.read1

    def read(self, size: int) -> Any:
        block = self._file.read(size)
        if block is None:
            self._event.set()
        return block


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        pytest.param(lambda: io.StringIO("a"), TypeError, "binary mode", id="text"),
        pytest.param(lambda: open(os.devnull), TypeError, "binary mode", id="a file of text"),
        pytest.param(lambda: open(os.devnull, "wb"), ValueError, "for reading", id="only written"),
        pytest.param(lambda: b"bytes", TypeError, "read method", id="bytes"),
        pytest.param(lambda: None, TypeError, "read method", id="nothing"),
    ],
)
def test_what_is_no_binary_file_is_refused_at_once(
    make: Callable[[], Any], error: type[Exception], message: str
) -> None:
    file = make()
    with pytest.raises(error, match=message):
        chunked_iter(file)
    if hasattr(file, "close"):
        assert not file.closed
        file.close()


def test_a_closed_file_is_refused_at_once(tmp_path: Path) -> None:
    with open(__file__, "rb") as file:
        pass
    with pytest.raises(ValueError, match="closed file"):
        chunked_iter(file)


@pytest.mark.parametrize(
    ("bounds", "error", "message"),
    [
        pytest.param({"size": 0}, ValueError, "size .* from 1 on", id="no size"),
        pytest.param({"size": True}, TypeError, "size", id="a yes for a size"),
        pytest.param({"start": -1}, ValueError, "start .* from 0 on", id="before the file"),
        pytest.param({"start": 1.5}, TypeError, "start", id="half a byte"),
        pytest.param({"start": 5, "stop": 4}, ValueError, "stop .* from 5", id="backwards"),
        pytest.param({"stop": "5"}, TypeError, "stop", id="text"),
    ],
)
def test_bounds_that_cannot_be_are_refused_at_once(
    bounds: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        chunked_iter(io.BytesIO(), **bounds)


class _Wrong(Bare):
    def __init__(self, block: Any) -> None:
        self._block = block

    def read(self, size: int) -> Any:
        return self._block


@pytest.mark.parametrize(
    ("block", "error", "message"),
    [
        pytest.param("text", TypeError, "PEP 3333", id="text"),
        pytest.param(bytes(101), ValueError, "more bytes", id="more than it was asked for"),
    ],
)
def test_a_file_that_reads_what_it_must_not_fails(
    block: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        next(chunked_iter(_Wrong(block), 100))


def in_flask(file: Any) -> Any:
    app = Flask(__name__)
    app.add_url_rule("/", view_func=lambda: Response(chunked_iter(file, 100)))
    return app


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "make",
    [
        pytest.param(in_flask, id="Flask"),
        pytest.param(lambda file: webob.Response(app_iter=chunked_iter(file, 100)), id="WebOb"),
    ],
)
def test_other_frameworks_send_it_and_close_it(make: Callable[[Any], Any], method: str) -> None:
    file = Watched()
    assert ask(make(file), method=method).body == (DATA if method == "GET" else b"")
    assert file.closings == 1


def test_any_thread_may_go_on_reading() -> None:
    chunks: Iterator[bytes] = chunked_iter(io.BytesIO())
    assert chunks.pausable is True  # type: ignore[attr-defined]
