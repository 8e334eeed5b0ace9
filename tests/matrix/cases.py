"""Cases: the table of requests, each with a sentence for a name."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

CHUNK: Final = b"0123456789abcdef" * 4096
LINES: Final = [b"chunk %d " % number for number in range(1000)]
BIG: Final = bytes(range(256)) * 4096 * 3  # more than any server takes at once
OFFSET: Final = 5 * 1024**3
TAIL: Final = bytes(reversed(range(256))) * 1200


@dataclass(frozen=True)
class Case:
    """A request and what the answer has to be."""

    name: str
    target: str
    status: int = 200
    #: None: a sentence for a person.
    body: bytes | None = None
    #: The contents of a multipart answer.
    parts: tuple[bytes, ...] = ()
    headers: tuple[str, ...] = field(default=(), kw_only=True)


FILES: Final = (
    Case("a small file", "/small.txt", 200, b"0123456789"),
    Case("an empty file", "/empty", 200, b""),
    Case("a large file", "/big.bin", 200, BIG),
    Case("the first byte", "/big.bin", 206, BIG[:1], headers=("Range: bytes=0-0",)),
    Case("the last bytes", "/big.bin", 206, BIG[-100:], headers=("Range: bytes=-100",)),
    Case("an open range", "/big.bin", 206, BIG[100:], headers=("Range: bytes=100-",)),
    Case(
        "a range in the middle",
        "/big.bin",
        206,
        BIG[500_000:2_500_001],
        headers=("Range: bytes=500000-2500000",),
    ),
    Case(
        "several ranges",
        "/big.bin",
        206,
        parts=(BIG[2_000_000:2_300_000], BIG[:10], BIG[-5:]),
        headers=("Range: bytes=2000000-2299999,0-9,-5",),
    ),
    Case(
        "a range beyond 5 GiB",
        "/sparse.bin",
        206,
        TAIL,
        headers=(f"Range: bytes={OFFSET}-",),
    ),
    Case(
        "several ranges, one beyond 5 GiB",
        "/sparse.bin",
        206,
        parts=(bytes(10), TAIL[1000:]),
        headers=(f"Range: bytes=0-9,{OFFSET + 1000}-",),
    ),
    Case(
        "a range of another version",
        "/big.bin",
        200,
        BIG,
        headers=("Range: bytes=0-9", 'If-Range: "other"'),
    ),
    Case("a range of nothing", "/big.bin", 416, headers=("Range: bytes=4000000-",)),
    Case("not modified", "/big.bin", 304, b"", headers=("If-None-Match: *",)),
    Case("a failed precondition", "/big.bin", 412, headers=('If-Match: "other"',)),
    Case("what is not there", "/missing", 404),
)

_LINES: Final = b"".join(LINES)

STREAMS: Final = (
    Case("a stream of unknown length", "/unknown", 200, _LINES),
    Case("a stream of known length", "/known", 200, _LINES),
    Case(
        "a range of a stream", "/known", 206, _LINES[1000:2000], headers=("Range: bytes=1000-1999",)
    ),
    Case("a stream that pauses", "/countdown", 200, b"beat\n" * 2),
)

#: Streams that fail, or have not as many bytes as they said.
FAILURES: Final = (
    Case("a failure of unknown length", "/failing"),
    Case("a failure of known length", "/failing-known"),
    Case("fewer bytes than announced", "/short"),
    Case("more bytes than announced", "/long"),
    Case("a failure before the first byte", "/failing-at-once"),
)

LEAVING: Final = (
    Case("leaves a large file", "/sparse.bin"),
    Case("leaves a long range", "/sparse.bin", 206, headers=("Range: bytes=1000-",)),
    Case("leaves an endless stream", "/endless"),
    Case("leaves an endless stream with a length", "/endless-known"),
    Case("leaves a slow stream", "/slow"),
    Case("leaves a stream that is silent", "/silence"),
)

#: Of a client that speaks HTTP/1.0, for whom the end of the connection is the end of the answer.
OLD: Final = (
    Case("a large file by HTTP/1.0", "/big.bin", 200, BIG),
    Case("a range by HTTP/1.0", "/big.bin", 206, BIG[100:], headers=("Range: bytes=100-",)),
    Case("a stream of unknown length by HTTP/1.0", "/unknown", 200, _LINES),
)

#: With as many bytes as the field says, that nobody reads.
POSTS: Final = (
    Case("POST of nothing", "/small.txt", 405, headers=("Content-Length: 0",)),
    Case("POST of a little", "/small.txt", 405, headers=("Content-Length: 1000",)),
    Case("POST of much", "/small.txt", 405, headers=("Content-Length: 3000000",)),
)
