"""Every middleware there is, made so that it lets a request through and has something to do."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from wsgistream import (
    AccessLogMiddleware,
    BasicAuthMiddleware,
    CompressMiddleware,
    ConcurrencyLimitMiddleware,
    HeadersMiddleware,
    MetricsMiddleware,
    PrefixMiddleware,
    RangeMiddleware,
    SignedURLMiddleware,
    StreamingMiddleware,
    ThrottleMiddleware,
    sign,
)
from wsgistream.types import WSGIApp

Layer = Callable[[WSGIApp], WSGIApp]


KEY: Final = b"a key for the tests"


@dataclass(frozen=True)
class Case:
    """A middleware, and what a request needs for it."""

    layer: Layer
    #: What it makes of the path of the application behind it.
    outside: Callable[[str], str] = str
    headers: Mapping[str, str] = field(default_factory=dict)


EVERY: Final[dict[str, Case]] = {
    "AccessLogMiddleware": Case(
        partial(AccessLogMiddleware, logger=logging.Logger("every", logging.INFO))
    ),
    "HeadersMiddleware": Case(partial(HeadersMiddleware, cors=["https://example.org"])),
    "MetricsMiddleware": Case(MetricsMiddleware),
    "BasicAuthMiddleware": Case(
        partial(BasicAuthMiddleware, users={"ann": "{SHA}GpHWL3ymc5liWkNopqtdSjuqYHM="}),
        headers={"Authorization": "Basic YW5uOnB3"},
    ),
    "ConcurrencyLimitMiddleware": Case(partial(ConcurrencyLimitMiddleware, total=1)),
    "CompressMiddleware": Case(CompressMiddleware),
    "PrefixMiddleware": Case(
        partial(PrefixMiddleware, prefix="/files"), outside=lambda path: f"/files{path}"
    ),
    "RangeMiddleware": Case(RangeMiddleware),
    "SignedURLMiddleware": Case(
        partial(SignedURLMiddleware, keys=[KEY]),
        outside=lambda path: sign(path, KEY, expires=3600),
    ),
    "StreamingMiddleware": Case(partial(StreamingMiddleware, chunk=lambda transfer, data: data)),
    # Its pieces are small, and it hardly ever waits.
    "ThrottleMiddleware": Case(partial(ThrottleMiddleware, total=1e9, burst=5000)),
}
