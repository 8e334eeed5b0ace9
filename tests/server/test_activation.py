"""Sockets that somebody else has bound and hands over."""

from __future__ import annotations

import os
import re
import signal
import stat
from pathlib import Path

import pytest

from tests.processes import ask, is_refused
from tests.servers import process
from wsgistream.cli import MISUSED
from wsgistream.server.activation import handed_over
from wsgistream.server.sockets import CannotListen

#: Does what a service manager does, and becomes the command that it is given.
MANAGER = """
import os, socket, sys
{SOCKETS}
for number, each in enumerate(handed, 3):
    if each is not None:
        os.dup2(each.fileno(), number + 100)
for number, each in enumerate(handed, 3):
    if each is None:
        os.close(number) if number < 10 and os.path.exists(f"/proc/self/fd/{{number}}") else None
    else:
        os.dup2(number + 100, number)
        os.set_inheritable(number, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(handed)), LISTEN_FDNAMES="web")
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""

TCP = "handed = [socket.create_server(('127.0.0.1', 0))]\n"


def manager(sockets: str) -> tuple[str, str]:
    return ("-c", MANAGER.format(SOCKETS=sockets))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.txt").write_text("hello")
    return folder


@pytest.mark.parametrize("workers", ["1", "2"])
def test_what_is_handed_over_is_served_and_no_other_address(
    folder: Path, tmp_path: Path, workers: str
) -> None:
    path = tmp_path / "socket"
    sockets = f"{TCP}unix = socket.socket(socket.AF_UNIX); unix.bind({str(path)!r})\n"
    script = manager(f"{sockets}unix.listen(); handed.append(unix)")
    ours = ("--listen", "127.0.0.1:1", "--unix-socket", tmp_path / "ours", "--workers", workers)
    with process("-m", "wsgistream", folder, *ours, script=script) as run:
        said = run.said()
        found = re.search(r" at http://127\.0\.0\.1:(\d+)/ and unix:(\S+) ", said)
        assert found is not None, said
        assert found[2] == str(path)
        address = ("127.0.0.1", int(found[1]))
        for each in (address, str(path)):
            assert ask(each, "/a.txt") == "hello"
        run.signal(signal.SIGTERM)
        assert run.end() == 0
        assert is_refused(address)
        assert run.rest()[1] == []
    assert stat.S_ISSOCK(path.stat().st_mode)  # which its manager may listen at again
    assert not (tmp_path / "ours").exists()


def test_no_child_can_take_them_again() -> None:
    code = """
import os
from wsgistream.server.activation import handed_over
(sock,) = handed_over(os.environ)
print(sock.fileno(), os.get_inheritable(sock.fileno()), [x for x in os.environ if "LISTEN" in x])
sock.close()
"""
    with process("-c", code, script=manager(TCP)) as run:
        assert run.line() == "3 False []"
        assert run.end() == 0


@pytest.mark.parametrize(
    "sockets",
    [
        pytest.param("handed.append(socket.socket())", id="one that does not listen"),
        pytest.param(
            "handed.append(socket.socket(type=socket.SOCK_DGRAM))", id="one for datagrams"
        ),
        pytest.param("handed.append(open(os.devnull))", id="a file"),
        pytest.param("handed.append(None)", id="none at all"),
    ],
)
def test_what_cannot_be_listened_at_is_one_sentence(folder: Path, sockets: str) -> None:
    with process("-m", "wsgistream", folder, script=manager(TCP + sockets)) as run:
        assert run.end() == MISUSED
        sentence = "The descriptor 4, handed over, is no stream socket that listens."
        assert run.rest() == ([], [f"wsgistream: {sentence}"])


def test_what_is_for_another_process_is_left_to_it() -> None:
    environ = {"LISTEN_PID": str(os.getppid()), "LISTEN_FDS": "1"}
    assert handed_over(environ) == []
    assert len(environ) == 2


def test_no_sockets_are_none() -> None:
    assert handed_over({}) == []
    environ = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "0", "LISTEN_FDNAMES": "", "A": "b"}
    assert handed_over(environ) == []
    assert environ == {"A": "b"}


@pytest.mark.parametrize("count", ["", "-1", "one", "\u0661"])
def test_a_count_that_is_none_is_refused(count: str) -> None:
    environ = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": count}
    with pytest.raises(CannotListen, match="LISTEN_FDS is a number of sockets, not "):
        handed_over(environ)
