"""A server's processes: how they are watched, and that none is left."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

import pytest

from bench.model import Command
from bench.process import Failed, Server, free_port, started, tree
from tests.servers import eventually

linux = pytest.mark.skipif(sys.platform != "linux", reason="the figures are of /proc")

#: A server with a child, which computes a little, and holds a file without a name.
PROGRAM = """
import socket, subprocess, sys, tempfile
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
file = tempfile.TemporaryFile(dir=sys.argv[2])
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
sum(range(1_000_000))
while True:
    listener.accept()
"""


def command(*arguments: object) -> Command:
    return Command([sys.executable, "-c", *map(str, arguments)])


def runs(pid: int) -> bool:
    """Tell whether a process runs; one that has ended may stay until somebody asks for its end."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] not in "ZX"
    return False


@linux
def test_a_server_is_watched_with_its_children_and_none_is_left(tmp_path: Path) -> None:
    port = free_port()
    with started(command(PROGRAM, port, tmp_path), port, None, tmp_path / "log") as server:
        assert eventually(lambda: len(tree(server.pid)) == 2)
        pids = tree(server.pid)
        assert eventually(lambda: (server.cpu() or 0.0) > 0.0)
        memory = server.memory()
        assert memory is not None
        assert 1024**2 < memory.now <= memory.peak
        assert server.deleted_files() == 1
    assert eventually(lambda: not any(map(runs, pids)))


def test_a_server_that_does_not_come_up_says_why(tmp_path: Path) -> None:
    dying = command("import sys; print('one'); sys.exit('There is no such folder.')")
    with (
        pytest.raises(Failed, match="There is no such folder"),
        started(dying, free_port(), None, tmp_path / "log"),
    ):
        pytest.fail("it has not come up")


@linux
def test_a_process_that_is_not_there_has_no_figures() -> None:
    gone = Server(2**22, 1)  # one more than the largest that can be
    assert gone.cpu() is gone.memory() is gone.deleted_files() is None
