"""Rows, client: who downloads an answer of unknown length to its end, and what the tools tell."""

from __future__ import annotations

import json
import re
import time
from contextlib import closing
from typing import Final, NamedTuple

from bench.wire import NOWHERE, Broken, Line, connect, parse_head

_END: Final = b"0\r\n\r\n"
_MOMENT: Final = re.compile(rb"\b\d{10}\.\d+")


class Streamed(NamedTuple):
    """What an answer took."""

    #: Bytes of the body, with what frames its chunks.
    size: int
    seconds: float
    #: From the making of the first row, where it says when that was, to the first byte.
    delay: float | None


def stream(port: int, target: str) -> Streamed:
    """Download a chunked answer; raises Broken where it is another, or is cut."""
    begin = time.monotonic()
    with closing(connect(port, timeout=170)) as sock:
        sock.sendall(f"GET {target} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n".encode())
        data = b""
        while (head := parse_head(data)) is None or len(data) == head.size:
            data += (more := sock.recv(65536))
            if not more:
                raise Broken("The connection has ended before a row.")
        arrived = time.time()
        if head.status != 200 or head.length is not None:
            raise Broken(f"The status is {head.status}, the length {head.length}.")
        size, last = len(data) - head.size, data[-len(_END) :]
        while count := sock.recv_into(NOWHERE):
            size += count
            last = (last + NOWHERE[max(0, count - len(_END)) : count])[-len(_END) :]
    if last != _END:
        raise Broken("The answer was cut.")
    made = _MOMENT.search(data, head.size)
    return Streamed(size, time.monotonic() - begin, arrived - float(made[0]) if made else None)


def ask_tool(port: int, target: str) -> tuple[float, float]:
    """Have a tool run to its end; gives its seconds, and what it has computed."""
    with closing(Line(port, timeout=170)) as line:
        line.send(f"GET {target} HTTP/1.1\r\nHost: bench\r\n\r\n".encode())
        head = line.head()
        if head.status != 200 or not head.length:
            raise Broken(f"The status is {head.status}.")
        seconds, computed = json.loads(line.read(head.length))
        return seconds, computed
