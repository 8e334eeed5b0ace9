"""Anything: how a source is made of whatever a view may stream, for each request."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from wsgistream.sources.memory import Memory
from wsgistream.sources.opened import Opened, plain_part
from wsgistream.sources.restartable import Restartable
from wsgistream.sources.stream import Stream
from wsgistream.types import Header, Meta, Source
from wsgistream.wsgi.bodies import close
from wsgistream.wsgi.chunks import CHUNK, check_file, chunked_iter
from wsgistream.wsgi.text import Chunk, Encoder, as_bytes


class Form(NamedTuple):
    """What is said of a body, whatever it is; see ``Meta`` and ``Stream``."""

    content_type: str
    content_length: int | None
    etag: str | None
    modified: int | None
    extra: tuple[Header, ...]
    charset: str
    end: Chunk
    pausable: bool

    def meta(self, size: int | None = None) -> Meta:
        """Say it of a body of ``size`` bytes; None: it tells no size, and is read once.

        Raises ValueError where that is not the length that was announced.
        """
        length = self.content_length
        if size is None:
            return Meta(length, self.content_type, self.etag, self.modified, None, self.extra, True)
        if length not in (None, size):
            raise ValueError(f"The body has {size} bytes, and its content_length is {length}.")
        return Meta(size, self.content_type, self.etag, self.modified, None, self.extra)


def source_maker(body: Any, form: Form) -> Callable[[], Source]:
    """Say how a source of ``body`` is made for a request; what can be read once is made once.

    Raises TypeError for what cannot be sent, and ValueError for a size that is not that of the
    body, or text that its charset does not have.
    """
    if is_maker(body):
        return lambda: _source_of(body(), form)
    if (chunks := _chunks_of(body)) is not None:
        return _in_memory(chunks, form)
    if isinstance(body, Restartable):
        return _restarted(body, form)
    if hasattr(body, "read"):
        return _of_file(body, form)
    if isinstance(body, Mapping) or not isinstance(body, Iterable):
        raise TypeError(
            "What can be sent is bytes, text, an iterable of them, a binary file, or a function "
            f"that makes one of these, and not {type(body).__name__}."
        )
    # What has nothing to close and no position of its own can be begun again.
    make = partial(_stream, body, form)
    return _Once(make) if hasattr(body, "__next__") or hasattr(body, "close") else make


def is_maker(body: object) -> bool:
    """Tell whether a body is a function, or a class, that makes a body for each request."""
    if not callable(body):
        return False
    return isinstance(body, type) or not (hasattr(body, "read") or isinstance(body, Iterable))


class _Once:
    """Makes the one source of what can be read once."""

    def __init__(self, make: Callable[[], Source]) -> None:
        self._makes = [make]

    def __call__(self) -> Source:
        try:
            make = self._makes.pop()
        except IndexError:
            raise RuntimeError(
                "This body has been sent, and can be read only once: "
                "give a function that makes one for each request."
            ) from None
        return make()


def _chunks_of(body: Any) -> Sequence[Any] | None:
    """Give the chunks of what is in memory; None: it is not."""
    if isinstance(body, (bytes, bytearray, memoryview, str)):
        return (body,)
    if type(body) is io.BytesIO:
        return (body.read(),)
    return body if isinstance(body, (list, tuple)) else None


def _source_of(body: Any, form: Form) -> Source:
    try:
        return source_maker(body, form)()
    except BaseException:
        close(body)
        raise


def _stream(body: Iterable[Chunk], form: Form, meta: Meta | None = None) -> Stream:
    meta = meta or form.meta()
    return Stream(body, meta, pausable=form.pausable, charset=form.charset, end=form.end)


def _in_memory(chunks: Sequence[Any], form: Form) -> Callable[[], Source]:
    try:
        data = _encoded(chunks, form)
    except LookupError:
        raise ValueError(f"Text cannot be encoded: there is no charset {form.charset!r}.") from None
    meta = form.meta(size := sum(map(len, data)))
    if len(data) > 1 and size > CHUNK:
        return lambda: Stream(data, meta)
    memory = Memory(b"".join(data), meta)
    return lambda: memory


def _encoded(chunks: Sequence[Any], form: Form) -> list[bytes]:
    if len(chunks) == 1 and not form.end:
        (chunk,) = chunks  # as most are, and on the shortest way
        return [chunk.encode(form.charset) if isinstance(chunk, str) else as_bytes(chunk)]
    encoder = Encoder(form.charset, form.end)
    return [data for data in (*map(encoder.feed, chunks), encoder.finish()) if data]


def _restarted(body: Restartable, form: Form) -> Callable[[], Source]:
    end = len(Encoder(form.charset, form.end).finish())
    meta = form.meta(body.length + end)
    pausable = body.pausable and form.pausable

    def make() -> Source:
        fresh = Restartable(body.make, body.length, meta, pausable=pausable)
        # The end is not in it but behind it, so both are read in order.
        return _stream(fresh.read(0, body.length), form, meta) if end else fresh

    return make


def _of_file(file: Any, form: Form) -> Callable[[], Source]:
    check_file(file)
    part = None if form.end else plain_part(file)
    if part is None:
        return _Once(partial(_stream, chunked_iter(file), form))
    source = Opened(file, *part)
    source.meta = form.meta(source.meta.size)
    return _Once(lambda: source)
