"""Ten thousand hostile requests over raw sockets: each is answered, and nothing is left behind."""

from __future__ import annotations

import os
import random
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

import pytest

REQUESTS = 10_000
CLIENTS = 8
DEADLINE = 20

DIGITS = ("0", "1", "9", "499", "500", "00000000000000000000001", "9" * 30, "9" * 5000, "٣", "-1")
PATHS = (
    "/",
    "/a.txt",
    "/big.bin",
    "/sub",
    "/sub/",
    "/style.css",
    "/missing",
    "/.git/config",
    "/fifo",
    "/out.txt",
    "/circle",
    "/%00",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/..%2f..%2fetc/passwd",
    "//evil.example/",
    "/a.txt/x",
    "/" + "n" * 3000,
    "/%ff%fe",
    "/con",
    "/c:%5cwindows",
    "*",
    "a.txt",
    "http://127.0.0.1/a.txt",
    "http://[/a.txt",
    "http://[::1]:x/",
    "/a.txt?%zz&=;",
    "/a.txt#x",
)
METHODS = ("GET", "GET", "GET", "GET", "HEAD", "OPTIONS", "POST", "DELETE", "FROB", "G" * 500)
DATES = (
    "Thu, 04 Mar 2021 05:06:07 GMT",
    "Thursday, 04-Mar-21 05:06:07 GMT",
    "Thu Mar  4 05:06:07 2021",
    "Thu, 99 Foo 2021 99:99:99 GMT",
    "Thu, 04 Mar 0000 05:06:07 GMT",
    "0",
    "",
)
TAGS = ('"a"', 'W/"a"', "*", '"', '""', "W/", ",,,", '"a" "b"', "a" * 2000, '"' * 2001, "\xff")


def a_range(rng: random.Random) -> str:
    def spec() -> str:
        return rng.choice(("{}-{}", "{}-", "-{}", "-", "{}", " {} - {} ", "{}-{}-{}")).format(
            *(rng.choice(DIGITS) for _ in range(3))
        )

    unit = rng.choice(("bytes=", "bytes=", "BYTES=", "bytes =", "items=", "", "bytes"))
    return unit + rng.choice((",", ", ", ",,", ";", " ")).join(
        spec() for _ in range(rng.choice((1, 1, 2, 3, 70)))
    )


def some(*values: str) -> Callable[[random.Random], str]:
    return lambda rng: rng.choice(values)


FIELDS: dict[str, Callable[[random.Random], str]] = {
    "Range": a_range,
    "If-Range": some(*TAGS, *DATES),
    "If-Match": some(*TAGS),
    "If-None-Match": some(*TAGS),
    "If-Modified-Since": some(*DATES),
    "If-Unmodified-Since": some(*DATES),
    "Accept-Encoding": some("gzip", "gzip;q=0, *", "identity;q=0", "*;q=9", ",;=", "br" * 900),
    "Accept": some("application/json", "*/*", "text/html;q=x", ",,", "a/b;" * 500),
    "Host": some("", "evil.example", "a b", "\xff"),
    # "Expect": some("100-continue", "x"),
    "X-Noise": lambda rng: rng.randbytes(rng.randrange(40)).decode("latin-1"),
}


def a_request(rng: random.Random) -> bytes:
    fields = rng.sample(sorted(FIELDS), rng.randrange(5))
    lines = [f"{rng.choice(METHODS)} {rng.choice(PATHS)} HTTP/1.{rng.choice('011')}"]
    lines += [f"{name}: {FIELDS[name](rng)}" for name in fields]
    request = "\r\n".join([*lines, "Connection: close", "", ""]).encode("utf-8", "replace")
    if rng.random() < 0.2:  # a byte of it goes wrong
        place = rng.randrange(len(request) - 4)
        request = request[:place] + rng.randbytes(1) + request[place + 1 :]
    return request


def exchange(port: int, request: bytes) -> str | None:
    """Send a request and read its answer; returns what is wrong with that, if anything."""
    with socket.create_connection(("127.0.0.1", port), DEADLINE) as connection:
        connection.sendall(request)
        with connection.makefile("rb") as answer:
            return fault_of(answer, head_only=request.startswith(b"HEAD "))


def fault_of(answer: IO[bytes], *, head_only: bool) -> str | None:
    status_line = answer.readline()
    status = re.match(rb"HTTP/1\.[01] ([1-4]\d\d) ", status_line)
    if status is None:
        return f"{status_line!r}"
    fields = dict(iter(lambda: answer.readline().strip().lower().partition(b": ")[::2], (b"", b"")))
    if status[1] == b"100":
        return fault_of(answer, head_only=head_only)
    if head_only or status[1] in (b"204", b"304"):
        return None
    if b"content-length" in fields:
        length = int(fields[b"content-length"])
        return None if len(answer.read(length)) == length else "cut off"
    # A listing: in chunks, and in HTTP/1.0 until the end.
    body = b"".join(chunks(answer)) if b"transfer-encoding" in fields else answer.read()
    return None if body.endswith((b"</html>\n", b"]}\n")) else "cut off"


def chunks(answer: IO[bytes]) -> Iterator[bytes]:
    while size := int(answer.readline() or b"0", 16):
        yield answer.read(size + 2)[:-2]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (root / ".git").mkdir()
    (root / ".git/config").write_text("secret")
    (root / "a.txt").write_bytes(b"0123456789" * 50)
    (root / "big.bin").write_bytes(bytes(200_000))
    (root / "style.css").write_bytes(b"a" * 500)
    (root / "style.css.gz").write_bytes(b"packed")
    (root / "out.txt").symlink_to("/etc/hostname")
    (root / "circle").symlink_to("circle")
    os.mkfifo(root / "fifo")
    return root


@pytest.fixture
def served(root: Path) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """Run ``serve.py`` itself; gives its port and its process."""
    command = [sys.executable, "serve.py", str(root), "--listen", "127.0.0.1:0", "--quiet"]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parent.parent
    ) as process:
        try:
            assert process.stderr is not None
            match = re.search(r":(\d+)/", process.stderr.readline())
            assert match is not None
            yield int(match[1]), process
        finally:
            process.terminate()
            process.wait(DEADLINE)


def descriptors(process: subprocess.Popen[str]) -> int:
    return len(os.listdir(f"/proc/{process.pid}/fd"))


def test_ten_thousand_hostile_requests(served: tuple[int, subprocess.Popen[str]]) -> None:
    port, process = served
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # noqa: T201  (shown where the test fails)
    rng = random.Random(seed)
    requests = [a_request(rng) for _ in range(REQUESTS)]
    assert exchange(port, b"GET /a.txt HTTP/1.0\r\n\r\n") is None
    before = descriptors(process)

    with ThreadPoolExecutor(CLIENTS) as pool:
        wrong = {
            request: fault
            for request, fault in zip(
                requests, pool.map(lambda request: exchange(port, request), requests), strict=True
            )
            if fault is not None
        }
    assert wrong == {}

    deadline = time.monotonic() + DEADLINE
    while descriptors(process) > before and time.monotonic() < deadline:
        assert exchange(port, b"GET /a.txt HTTP/1.0\r\n\r\n") is None
    assert descriptors(process) <= before
    process.terminate()
    assert process.wait(DEADLINE) == 0
    assert process.stderr is not None
    assert process.stderr.read() == ""
