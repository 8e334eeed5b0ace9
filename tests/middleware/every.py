"""Every middleware there is, made so that it lets a request through and has something to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from wsgistream import PrefixMiddleware, RangeMiddleware, StreamingMiddleware
from wsgistream.types import WSGIApp

Layer = Callable[[WSGIApp], WSGIApp]


@dataclass(frozen=True)
class Case:
    """A middleware, and what a request needs for it."""

    layer: Layer
    #: What it makes of the path of the application behind it.
    outside: Callable[[str], str] = str
    headers: Mapping[str, str] = field(default_factory=dict)


EVERY: Final[dict[str, Case]] = {
    "PrefixMiddleware": Case(
        partial(PrefixMiddleware, prefix="/files"), outside=lambda path: f"/files{path}"
    ),
    "RangeMiddleware": Case(RangeMiddleware),
    "StreamingMiddleware": Case(partial(StreamingMiddleware, chunk=lambda transfer, data: data)),
}
