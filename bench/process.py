"""Process: a server's processes: started on cores of their own, watched, and ended by number."""

from __future__ import annotations

import os
import re
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, NamedTuple

from bench.model import Command

ROOT: Final = Path(__file__).parent.parent

_SECONDS_TO_START: Final = 20.0
# After a polite request to end; a second one ends most servers' waiting for their clients.
_SECONDS_TO_END: Final = (0.5, 2.0)


class Failed(Exception):
    """A server did not do what it should; the text says what, for a person."""


class Cores(NamedTuple):
    """Where servers run, and where clients do; None: wherever the system likes."""

    server: frozenset[int] | None
    clients: frozenset[int] | None


def share_cores(pinned: bool) -> Cores:
    """Give the first core to the server and the last to the clients, if there are two."""
    if not pinned or not hasattr(os, "sched_setaffinity"):
        return Cores(None, None)
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        return Cores(None, None)
    return Cores(frozenset(cores[:1]), frozenset(cores[-1:]))


def pin(cores: frozenset[int] | None) -> None:
    """Keep this thread, and what it starts, on the cores; None: on all."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores or range(os.cpu_count() or 1))


def raise_descriptor_limit() -> int:
    """Allow this process, and what it starts, as many descriptors as it may have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with suppress(ValueError, OSError):  # macOS calls it infinite, and means something less
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return 1_000_000 if soft == resource.RLIM_INFINITY else soft


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class Memory(NamedTuple):
    """Resident bytes of a server's processes, added up: what they share counts for each."""

    now: int
    peak: int


@dataclass(frozen=True)
class Server:
    """A server that runs."""

    pid: int
    port: int

    def cpu(self) -> float | None:
        """Seconds that its processes have computed so far, by themselves and in the system."""
        return cpu_seconds(self.pid)

    def memory(self) -> Memory | None:
        return memory(self.pid)

    def deleted_files(self) -> int | None:
        """Count the files that it holds open and that have no name any more."""
        return deleted_files(self.pid)

    def pin(self, cores: frozenset[int] | None) -> None:
        """Move all its threads; new ones follow."""
        if hasattr(os, "sched_setaffinity"):
            for pid in tree(self.pid):
                for task in _names(f"/proc/{pid}/task"):
                    with suppress(OSError):
                        os.sched_setaffinity(int(task), cores or range(os.cpu_count() or 1))


@contextmanager
def started(
    command: Command, port: int, cores: frozenset[int] | None, log: Path
) -> Iterator[Server]:
    """Run a server until the block ends; raises Failed where it does not come up."""
    with log.open("w+b") as output:
        before = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
        # Some servers count the cores when they start: they must be on theirs from the beginning.
        pin(cores)
        try:
            process = _start(command, output)
        finally:
            pin(None if before is None else frozenset(before))
        try:
            _await_answers(process, port, output)
            yield Server(process.pid, port)
        finally:
            _end(process)


def _start(command: Command, output: IO[bytes]) -> subprocess.Popen[bytes]:
    inherited = {name: value for name, value in os.environ.items() if "WSGISTREAM" not in name}
    return subprocess.Popen(
        command.arguments,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        cwd=ROOT,
        env={**inherited, **command.environment},
        # Ctrl+C is for us, who then end the server.
        start_new_session=True,
    )


def _await_answers(process: subprocess.Popen[bytes], port: int, output: IO[bytes]) -> None:
    deadline = time.monotonic() + _SECONDS_TO_START
    while time.monotonic() < deadline:
        if process.poll() is not None:
            output.seek(0)
            last = output.read().decode(errors="replace").strip().splitlines()[-1:]
            raise Failed(f"It ended at once: {''.join(last) or process.returncode}")
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.02)
    raise Failed(f"It did not listen within {_SECONDS_TO_START:g} seconds.")


def _end(process: subprocess.Popen[bytes]) -> None:
    pids = tree(process.pid)
    for patience in _SECONDS_TO_END:
        if process.poll() is None:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(patience)
    if process.poll() is None:
        process.kill()
        process.wait()
    for pid in pids:
        # Its children, where it has left them behind; all are of the session that it began.
        with suppress(OSError):
            if pid != process.pid and os.getsid(pid) == process.pid:
                os.kill(pid, signal.SIGKILL)


def tree(pid: int) -> list[int]:
    """Find a process and all that it has started, directly or not."""
    parents: dict[int, int] = {}
    for name in _names("/proc"):
        if name.isdigit() and (fields := _stat(int(name))):
            parents[int(name)] = int(fields[1])
    found = [pid]
    for each in found:  # which grows meanwhile
        found += [child for child, parent in parents.items() if parent == each]
    return found


def cpu_seconds(pid: int) -> float | None:
    """Add up what the processes of a server have computed; None: the system does not tell."""
    found = [seconds for each in tree(pid) if (seconds := _computed(each)) is not None]
    return sum(found) if found else None


def _computed(pid: int) -> float | None:
    """Seconds in the program and in the system, of all threads that are or were."""
    if sys.platform != "linux":
        return None
    with suppress(OSError):
        # The clock of a process, as clock_getcpuclockid(3) names it. It is what /proc/PID/stat
        # rounds to hundredths, of which a good server needs few.
        return time.clock_gettime(~pid << 3 | 2)
    return None


def memory(pid: int) -> Memory | None:
    found = [status for each in tree(pid) if (status := _read(f"/proc/{each}/status"))]
    if not found:
        return None
    return Memory(_sum_of("VmRSS", found), _sum_of("VmHWM", found))


def deleted_files(pid: int) -> int | None:
    if not os.path.isdir(f"/proc/{pid}/fd"):
        return None
    count = 0
    for each in tree(pid):
        for name in _names(f"/proc/{each}/fd"):
            with suppress(OSError):
                link = os.readlink(f"/proc/{each}/fd/{name}")
                count += link.startswith("/") and link.endswith(" (deleted)")
    return count


def _stat(pid: int) -> list[str]:
    """The fields of a process from its state on: what stands before may hold any character."""
    return _read(f"/proc/{pid}/stat").rpartition(") ")[2].split()


def _read(path: str) -> str:
    """Read a file of /proc; nothing, where the process has ended or there is no /proc."""
    with suppress(OSError):
        return Path(path).read_text(errors="replace")
    return ""


def _names(folder: str) -> list[str]:
    with suppress(OSError):
        return os.listdir(folder)
    return []


def _sum_of(name: str, statuses: Iterable[str]) -> int:
    found = (re.search(rf"^{name}:\s+(\d+) kB", status, re.MULTILINE) for status in statuses)
    return sum(int(each[1]) * 1024 for each in found if each)
