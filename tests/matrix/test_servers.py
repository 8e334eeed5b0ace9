"""One table of requests, over raw sockets, to every server that holds our application."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import IncompleteRead

import pytest

from tests.client import Answer
from tests.matrix.cases import BIG, FAILURES, FILES, LEAVING, OLD, POSTS, STREAMS, Case
from tests.matrix.servers import Matrix
from tests.servers import Connection, eventually

#: What is asked for to see whether a connection goes on.
SMALL = FILES[0]

#: Seconds for the end of a connection.
PATIENCE = 6


def each(*cases: Case) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.name)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@each(*FILES)
def test_files(
    matrix: Matrix,
    case: Case,
    method: str,
    name: str,
    record_property: Callable[[str, object], None],
) -> None:
    with matrix.connect() as connection:
        connection.ask(f"{matrix.at(case)}?{name}", method, *case.headers)
        answer = connection.answer(method)
        record_property("goes on", goes_on_or_ends(connection, answer, matrix.at(SMALL)))
    check(answer, case, method)
    assert case.status == 404 or matrix.log.closed_once(name)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@each(*STREAMS)
def test_streams(matrix: Matrix, case: Case, method: str, name: str) -> None:
    with matrix.connect() as connection:
        connection.ask(f"{matrix.at(case)}?{name}", method, *case.headers)
        answer = connection.answer(method)
        goes_on_or_ends(connection, answer, matrix.at(SMALL))
    check(answer, case, method)
    assert matrix.log.closed_once(name)


@each(*OLD)
def test_client_of_http_1_0(matrix: Matrix, case: Case, name: str) -> None:
    lines = [f"GET {matrix.at(case)}?{name} HTTP/1.0", *case.headers]
    with matrix.connect() as connection:
        connection.send(("\r\n".join(lines) + "\r\n\r\n").encode())
        answer = connection.answer()
        assert connection.rest() == b""
    check(answer, case, "GET")
    assert "transfer-encoding" not in answer
    assert matrix.log.closed_once(name)


@each(*FAILURES)
def test_failure_is_seen(matrix: Matrix, case: Case, name: str) -> None:
    with matrix.connect() as connection:
        connection.ask(f"{matrix.at(case)}?{name}")
        with suppress(IncompleteRead, ConnectionError):
            assert connection.answer().status == 500
    assert matrix.log.closed_once(name)


@pytest.mark.parametrize("politely", [True, False], ids=["politely", "killed"])
@each(*LEAVING)
def test_client_gone(matrix: Matrix, case: Case, politely: bool, name: str) -> None:
    with matrix.connect() as connection:
        connection.ask(f"{matrix.at(case)}?{name}", "GET", *case.headers)
        connection.read(200)
        if not politely:
            connection.reset()
    assert matrix.log.closed_once(name)


@each(Case("twelve clients leave", "/endless"))
def test_clients_gone(matrix: Matrix, case: Case, name: str) -> None:
    names = [f"{name}-{number}" for number in range(12)]
    for each_name in names:
        with matrix.connect() as connection:
            connection.ask(f"{matrix.at(case)}?{each_name}")
            connection.read(200)
            connection.reset()
    with matrix.connect() as connection:
        connection.ask(matrix.at(SMALL))
        assert connection.answer().status == 200
    assert all(map(matrix.log.closed_once, names))


@each(Case("many clients at once", "/big.bin", 206))
def test_clients_at_once(matrix: Matrix, case: Case, name: str) -> None:
    def part(start: int) -> bool:
        with matrix.connect() as connection:
            asked = f"Range: bytes={start}-{start + 140_000}"
            connection.ask(f"{matrix.at(case)}?{name}-{start}", "GET", asked)
            return connection.answer().body == BIG[start : start + 140_001]

    starts = range(0, 3_000_000, 100_000)
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(part, starts))
    assert all(matrix.log.closed_once(f"{name}-{start}") for start in starts)


@each(*POSTS)
def test_what_is_not_read(matrix: Matrix, case: Case, name: str) -> None:
    """What the application leaves unread is never taken for a further request."""
    smuggled = f"GET {matrix.at(SMALL)}?{name} HTTP/1.1\r\nHost: test\r\n\r\n".encode()
    content = smuggled * (int(case.headers[0].split()[1]) // len(smuggled))
    with matrix.connect() as connection:
        head = f"POST {matrix.at(case)} HTTP/1.1\r\nHost: test\r\n"
        head += f"Content-Length: {len(content)}\r\n\r\n"
        with suppress(ConnectionError):
            connection.send(head.encode() + content)
        answer = connection.answer()
        goes_on_or_ends(connection, answer, matrix.at(SMALL))
    check(answer, case, "POST")
    assert matrix.log.events(name) == []


def test_nothing_was_closed_twice_or_never(matrix: Matrix) -> None:
    """What was opened in all these tests, by whom it may be."""

    def all_closed() -> bool:
        all_events = map(matrix.log.events, matrix.log.names())
        return all(events.count("closed") == events.count("opened") for events in all_events)

    assert eventually(all_closed)


def check(answer: Answer, case: Case, method: str) -> None:
    if method == "HEAD":
        # A range is asked for with GET alone (RFC 9110 §14.2).
        assert answer.status == (200 if case.status in (206, 416) else case.status)
        if case.status == 200 and case.body and "content-length" in answer:
            assert answer["content-length"] == str(len(case.body))
        return
    assert answer.status == case.status
    if case.parts:
        assert contents(answer) == list(case.parts)
    elif case.body is not None:
        assert answer.body == case.body


def contents(answer: Answer) -> list[bytes]:
    """Give the contents of the parts of a multipart answer."""
    boundary = answer["content-type"].partition("boundary=")[2].encode()
    head, *parts, end = answer.body.split(b"--" + boundary)
    # Before the first boundary there may be an empty line (RFC 2046 §5.1.1).
    assert head in (b"", b"\r\n")
    assert end == b"--\r\n"
    return [part.partition(b"\r\n\r\n")[2][:-2] for part in parts]


def goes_on_or_ends(connection: Connection, answer: Answer, small: str) -> bool:
    """Check that no byte follows an answer but those of the next one; tell if there was one."""
    connection.socket.settimeout(PATIENCE)
    if (answer.get("connection") or "").lower() == "close":
        assert connection.rest() == b""
        return False
    following, surplus = None, b""
    try:
        connection.ask(small)
        following = connection.answer()
    except IncompleteRead as end:
        surplus = end.partial
    except ConnectionError:
        """It has ended the connection, as a server always may."""
    assert surplus == b""
    assert following is None or (following.status, following.body) == (200, SMALL.body)
    return following is not None
