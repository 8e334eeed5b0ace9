"""The sockets to listen on: bound, refused with a sentence, and given back."""

from __future__ import annotations

import os
import socket
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.servers import DEADLINE, HAS_IPV6, needs_ipv6
from wsgistream.server.sockets import Bound, CannotListen, bind, release, url_of

LOCAL = ("127.0.0.1", 0)

#: Reserved for documentation (RFC 5737): no machine has it.
NOT_OURS = "192.0.2.1"


@contextmanager
def bound(*addresses: tuple[str, int], path: str | None = None) -> Iterator[list[socket.socket]]:
    sockets = bind(addresses, path)
    try:
        yield sockets
    finally:
        for sock in sockets:
            release(sock)


def is_answered(address: Any, family: int = socket.AF_INET) -> bool:
    with socket.socket(family) as client:
        client.settimeout(DEADLINE)
        return client.connect_ex(address) == 0


def test_port_0_is_a_free_port_that_is_listened_on() -> None:
    with bound(LOCAL, LOCAL) as sockets:
        ports = {sock.getsockname()[1] for sock in sockets}
        assert len(ports) == 2
        assert 0 not in ports
        assert all(is_answered(("127.0.0.1", port)) for port in ports)


def test_no_host_is_every_address_of_this_machine() -> None:
    with bound(("", 0)) as sockets:
        families = {sock.family: sock.getsockname() for sock in sockets}
        assert families[socket.AF_INET][0] == "0.0.0.0"
        assert is_answered(("127.0.0.1", families[socket.AF_INET][1]))
        assert (socket.AF_INET6 in families) is HAS_IPV6


@needs_ipv6
def test_the_same_port_can_be_bound_for_ipv4_and_ipv6() -> None:
    with bound(LOCAL) as (first,):
        port = first.getsockname()[1]
        with bound(("::1", port)) as (second,):
            assert is_answered(second.getsockname(), socket.AF_INET6)


@pytest.mark.parametrize(
    ("family", "address"),
    [
        pytest.param(socket.AF_INET, (NOT_OURS, 0), id="an address this machine has not"),
        pytest.param(socket.AF_X25, ("::1", 0), id="a family this machine does not know"),
    ],
)
def test_of_the_addresses_of_a_name_those_are_bound_that_are_there(
    monkeypatch: pytest.MonkeyPatch, family: int, address: tuple[str, int]
) -> None:
    found = [(family, 1, 6, "", address), (socket.AF_INET, 1, 6, "", LOCAL)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with bound(("localhost", 0)) as sockets:
        assert [sock.getsockname()[0] for sock in sockets] == ["127.0.0.1"]


def test_an_address_found_twice_is_bound_once(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(socket.AF_INET, 1, protocol, "", LOCAL) for protocol in (6, 132)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with bound(("localhost", 0)) as sockets:
        assert len(sockets) == 1


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        pytest.param(
            (NOT_OURS, 0),
            f"Cannot listen on {NOT_OURS}:0: cannot assign requested address.",
            id="an address this machine has not",
        ),
        pytest.param(
            ("a..b", 80), "There is no address for the host 'a..b'.", id="what is no name at all"
        ),
        pytest.param(
            ("fe80::1%no-such-link", 80),
            "There is no address for the host 'fe80::1%no-such-link'.",
            id="a link that is not there",
        ),
    ],
)
def test_an_address_is_refused_with_a_sentence_and_nothing_stays_bound(
    nothing_left: Callable[[], bool], tmp_path: Path, address: tuple[str, int], sentence: str
) -> None:
    with pytest.raises(CannotListen) as refused:
        bind([LOCAL, address], f"{tmp_path}/socket")
    assert str(refused.value) == sentence
    assert nothing_left()
    assert not os.listdir(tmp_path)


def test_a_port_in_use_is_refused() -> None:
    with bound(LOCAL) as (first,):
        host, port = first.getsockname()
        with pytest.raises(CannotListen) as refused:
            bind([(host, port)], None)
        assert str(refused.value) == f"Cannot listen on {host}:{port}: it is in use already."


def test_a_port_that_is_bound_and_not_yet_listened_on_can_be_had_only_once() -> None:
    with closing(socket.socket()) as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(LOCAL)
        port = other.getsockname()[1]
        with bound(("127.0.0.1", port)), pytest.raises(OSError, match="in use"):
            other.listen()


def test_a_unix_socket_is_listened_on_and_its_path_removed_in_the_end(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with bound(path=str(path)):
        assert stat.S_ISSOCK(path.stat().st_mode)
        assert is_answered(str(path), socket.AF_UNIX)
    assert not path.exists()


def abandon(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))
        sock.listen()


def test_an_abandoned_unix_socket_is_reused(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    abandon(path)
    assert not is_answered(str(path), socket.AF_UNIX)
    with bound(path=str(path)):
        assert is_answered(str(path), socket.AF_UNIX)


def put_file(path: Path) -> None:
    path.write_text("mine")


def take_the_folder_away(path: Path) -> None:
    path.parent.rmdir()


def put_nothing(path: Path) -> None:
    assert not path.exists()


@pytest.mark.parametrize(
    ("put", "name", "reason"),
    [
        pytest.param(put_file, "socket", "it is in use already", id="a file"),
        pytest.param(Path.mkdir, "socket", "it is in use already", id="a folder"),
        pytest.param(take_the_folder_away, "socket", "no such file or directory", id="no folder"),
        pytest.param(put_nothing, "x" * 100, "af_unix path too long", id="a path too long"),
    ],
)
def test_a_unix_socket_is_refused_where_there_is(
    tmp_path: Path, put: Callable[[Path], object], name: str, reason: str
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    path = folder / name
    put(path)
    before = path.exists() and path.stat()
    with pytest.raises(CannotListen) as refused:
        bind([], str(path))
    assert str(refused.value) == f"Cannot listen on {path}: {reason}."
    assert (path.exists() and path.stat()) == before


def test_a_unix_socket_that_is_answered_is_refused_and_goes_on(tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    with bound(path=path):
        with pytest.raises(CannotListen, match="it is in use already"):
            bind([], path)
        assert is_answered(path, socket.AF_UNIX)


def test_a_unix_socket_whose_server_is_too_busy_to_answer_is_refused_at_once(
    tmp_path: Path,
) -> None:
    path = str(tmp_path / "socket")
    waiting: list[socket.socket] = []
    refused = threading.Event()

    def try_it() -> None:
        with suppress(CannotListen):
            bind([], path)
            return
        refused.set()

    with socket.socket(socket.AF_UNIX) as busy:
        busy.bind(path)
        busy.listen(0)
        for _ in range(10):
            client = socket.socket(socket.AF_UNIX)
            client.setblocking(False)
            waiting.append(client)
            client.connect_ex(path)
        threading.Thread(target=try_it, daemon=True).start()
        assert refused.wait(DEADLINE)
        for client in waiting:
            client.close()
    assert os.path.exists(path)


@contextmanager
def as_ordinary_user() -> Iterator[None]:
    """Let nobody's rights be ours for a moment, where ours are without bounds."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


def test_a_folder_that_may_not_be_written_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with as_ordinary_user(), pytest.raises(CannotListen, match="may not be used by this user"):
        bind([], str(tmp_path / "socket"))


def test_to_release_twice_leaves_the_path_to_its_next_owner(tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    (first,) = bind([], path)
    release(first)
    with bound(path=path):
        release(first)
        assert is_answered(path, socket.AF_UNIX)


def test_a_path_that_somebody_has_removed_is_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    (sock,) = bind([], str(path))
    path.unlink()
    release(sock)
    assert sock.fileno() == -1


def test_a_path_is_left_to_the_process_that_has_bound_it(tmp_path: Path) -> None:
    """Not to its forks, nor to who was handed the socket."""
    path = tmp_path / "socket"
    (sock,) = bind([], str(path))
    assert isinstance(sock, Bound)
    sock.owner = os.getppid()
    release(sock)
    assert stat.S_ISSOCK(path.stat().st_mode)
    other = tmp_path / "other"
    with socket.socket(socket.AF_UNIX) as foreign:
        foreign.bind(str(other))
        release(foreign)
    assert stat.S_ISSOCK(other.stat().st_mode)


def test_the_url_of_an_ipv4_socket() -> None:
    with bound(LOCAL) as (sock,):
        port = sock.getsockname()[1]
        assert url_of(sock) == f"http://127.0.0.1:{port}/"
        assert url_of(sock, "/files/") == f"http://127.0.0.1:{port}/files/"


@needs_ipv6
def test_the_url_of_an_ipv6_socket_has_brackets() -> None:
    with bound(("::1", 0)) as (sock,):
        assert url_of(sock, "/a/") == f"http://[::1]:{sock.getsockname()[1]}/a/"


def test_the_url_of_a_unix_socket_is_its_path(tmp_path: Path) -> None:
    with bound(path=str(tmp_path / "socket")) as (sock,):
        assert url_of(sock, "/files/") == f"unix:{tmp_path}/socket"
