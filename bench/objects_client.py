"""Objects, client: who downloads an object or ranges of it, and what the bare library tells."""

from __future__ import annotations

import json
import time
from contextlib import closing

from bench.objects_apps import RANGE, places
from bench.wire import Broken, Line, byte_range, request


def whole(port: int, target: str, size: int, count: int) -> list[float]:
    """Download it so often; gives seconds."""
    with closing(Line(port)) as line:
        return [_ask(line, request(target), 200, size) for _ in range(count)]


def ranges(port: int, target: str, size: int, count: int) -> list[float]:
    """Download so many ranges, one after the other; gives seconds."""
    with closing(Line(port)) as line:
        return [
            _ask(line, request(target, byte_range(*piece)), 206, RANGE)
            for piece in places(size, count)
        ]


def _ask(line: Line, message: bytes, status: int, size: int) -> float:
    begin = time.perf_counter()
    if line.ask(message, status) != size:
        raise Broken("An answer has another length than was asked for.")
    return time.perf_counter() - begin


def ask_bare(port: int, way: str, count: int) -> list[float]:
    """Have the bare library do something so often; gives seconds."""
    with closing(Line(port, timeout=170)) as line:
        line.send(request(f"/{way}/{count}"))
        head = line.head()
        if head.status != 200 or not head.length:
            raise Broken(f"The status is {head.status}.")
        data = b""
        while len(data) < head.length:
            data += line.read(head.length - len(data))
        seconds: list[float] = json.loads(data)
        return seconds
