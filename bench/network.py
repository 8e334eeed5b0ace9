"""Network: hosts of their own beside this one, as namespaces of Linux."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Host:
    """A host; ``address`` is its own, and ``ours`` the one by which it reaches this host."""

    namespace: str
    address: str
    ours: str

    def command(self, *arguments: str) -> list[str]:
        """Make the command that runs another one there."""
        return ["ip", "netns", "exec", self.namespace, *arguments]


def alone(module: str, arguments: Sequence[str]) -> None:
    """Begin a program anew on a network of its own, where all addresses are free; for root."""
    os.execvp("unshare", ["unshare", "--net", sys.executable, "-m", module, *arguments])


@contextmanager
def host(number: int) -> Iterator[Host]:
    """Make a host, with a line to this one, which has to be on a network of its own."""
    made = Host(f"bench-{os.getpid()}-{number}", f"10.0.{number}.2", f"10.0.{number}.1")
    line = f"to-{number}"
    _ip("link", "set", "lo", "up")  # which nobody has done for a network that is new
    _ip("netns", "add", made.namespace)
    try:
        _ip("link", "add", line, "type", "veth", "peer", "eth0", "netns", made.namespace)
        _ip("address", "add", f"{made.ours}/24", "dev", line)
        _ip("link", "set", line, "up")
        _ip("-n", made.namespace, "address", "add", f"{made.address}/24", "dev", "eth0")
        _ip("-n", made.namespace, "link", "set", "eth0", "up")
        yield made
    finally:
        _ip("netns", "delete", made.namespace)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)
