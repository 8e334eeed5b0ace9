"""The pieces of a multipart/byteranges body, read back as a client would."""

from __future__ import annotations

import re
from email import message_from_bytes, policy
from email.message import EmailMessage

from hypothesis import given
from hypothesis import strategies as st

from wsgistream.rules.multipart import byteranges, random_boundary
from wsgistream.types import Slice

CONTENT = bytes(range(256)) * 4
SIZE = len(CONTENT)


def body_of(pieces: tuple[bytes | Slice, ...]) -> bytes:
    """Put the bytes where the slices stand."""
    return b"".join(
        piece if isinstance(piece, bytes) else CONTENT[piece.start : piece.stop] for piece in pieces
    )


def test_the_body_is_framed_byte_for_byte() -> None:
    pieces = byteranges([Slice(1, 3), Slice(1000, 1024)], SIZE, "text/css", "B")
    assert pieces == (
        b"--B\r\nContent-Type: text/css\r\nContent-Range: bytes 1-2/1024\r\n\r\n",
        Slice(1, 3),
        b"\r\n--B\r\nContent-Type: text/css\r\nContent-Range: bytes 1000-1023/1024\r\n\r\n",
        Slice(1000, 1024),
        b"\r\n--B--\r\n",
    )


slices = (
    st.tuples(st.integers(0, SIZE), st.integers(0, SIZE))
    .filter(lambda pair: pair[0] != pair[1])
    .map(lambda pair: Slice(*sorted(pair)))
)


@given(st.lists(slices, min_size=1, max_size=8))
def test_a_mail_reader_finds_every_part(asked: list[Slice]) -> None:
    mark = random_boundary()
    body = body_of(byteranges(asked, SIZE, "application/octet-stream", mark))
    head = f"MIME-Version: 1.0\r\nContent-Type: multipart/byteranges; boundary={mark}\r\n\r\n"
    message = message_from_bytes(head.encode() + body, policy=policy.HTTP)
    assert message.is_multipart()
    assert message.defects == []
    parts = list(message.iter_parts())
    assert [part["Content-Range"] for part in parts] == [
        f"bytes {start}-{stop - 1}/{SIZE}" for start, stop in asked
    ]
    for part, (start, stop) in zip(parts, asked, strict=True):
        assert isinstance(part, EmailMessage)
        assert part.get_content_type() == "application/octet-stream"
        assert part.get_payload(decode=True) == CONTENT[start:stop]


def test_a_boundary_is_a_token_of_32_digits() -> None:
    # RFC 2046 §5.1.1: at most 70 characters; a token needs no quotes in the parameter.
    assert re.fullmatch(r"[0-9a-f]{32}", random_boundary())


def test_no_boundary_comes_twice() -> None:
    assert len({random_boundary() for _ in range(100)}) == 100
