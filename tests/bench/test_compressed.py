"""The stream that is compressed: the same for all, and refused where it is another."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bench.compressed import lines, ours, unpack
from bench.model import MIB
from bench.wire import Broken
from tests.live import our_server
from tests.middleware.contract import answering


def test_the_text_is_as_long_as_it_is_asked_for() -> None:
    first, again = b"".join(lines(9)), b"".join(lines(9))
    assert len(first) == 9 * MIB
    assert first == again
    assert first[:MIB] == first[8 * MIB :]


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd", "identity"])
def test_what_is_received_is_counted_and_compared(coding: str) -> None:
    with our_server(ours("")) as port:
        got = unpack(port, 1, coding)
    assert got.plain == MIB
    assert got.received < MIB / 3 or coding == "identity"


def test_another_coding_is_refused() -> None:
    app = answering([b"some"])
    with our_server(app) as port, pytest.raises(Broken, match="in identity, and not in gzip"):
        unpack(port, 1, "gzip")


@pytest.mark.parametrize("change", [lambda text: text[:-1], bytes.swapcase])
def test_another_text_is_refused(change: object) -> None:
    def changed() -> Iterator[bytes]:
        assert callable(change)
        yield change(b"".join(lines(1)))

    app = answering(changed())
    with our_server(app) as port, pytest.raises(Broken, match="or of others"):
        unpack(port, 1, "identity")
