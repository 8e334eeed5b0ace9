"""Objects, client: who downloads an object or ranges of it, and what the bare library tells."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from contextlib import closing
from typing import Any

from bench.objects_apps import RANGE, Piece, places, read_ranges
from bench.wire import Broken, Line, byte_range, request, sized


def whole(port: int, target: str, size: int, count: int) -> float:
    """Download it so often; gives seconds."""
    begin = time.perf_counter()
    with closing(Line(port)) as line:
        for _ in range(count):
            _ask(line, request(target), 200, size)
    return time.perf_counter() - begin


def ranges(port: int, target: str, size: int, count: int, by: int) -> float:
    """Download so many ranges on so many connections; gives seconds."""

    def read(pieces: Sequence[Piece]) -> None:
        with closing(Line(port)) as line:
            for piece in pieces:
                _ask(line, request(target, byte_range(*piece)), 206, RANGE)

    return read_ranges(read, size, count, by)


def first_bytes(port: int, target: str, size: int, count: int) -> list[float]:
    """Download ranges, one after the other; gives the seconds until the body of each began."""
    with closing(Line(port)) as line:
        return [_begin(line, request(target, byte_range(*piece))) for piece in places(size, count)]


def _begin(line: Line, message: bytes) -> float:
    time.sleep(0.005)  # the server rests
    begin = time.perf_counter()
    line.send(message)
    length = sized(line.head(), 206)
    read = len(line.read(1))
    took = time.perf_counter() - begin
    if length != RANGE or not read:
        raise Broken("A range has another length than was asked for.")
    line.discard(length - read)
    return took


def _ask(line: Line, message: bytes, status: int, size: int) -> None:
    if line.ask(message, status) != size:
        raise Broken("An answer has another length than was asked for.")


def ask_bare(port: int, way: str) -> Any:
    """Have the bare library do something; gives seconds, or those of each time."""
    with closing(Line(port, timeout=170)) as line:
        line.send(request(way))
        head = line.head()
        if head.status != 200 or not head.length:
            raise Broken(f"The status is {head.status}.")
        data = b""
        while len(data) < head.length:
            data += line.read(head.length - len(data))
        return json.loads(data)
