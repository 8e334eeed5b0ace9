"""A network of its own: a switch, and hosts on it, of which each is a network namespace."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

_NETWORK = 0x40000000  # CLONE_NEWNET of <sched.h>


@contextmanager
def inside(namespace: str) -> Iterator[None]:
    """Have this thread, and the threads and processes it starts, be in a network namespace."""
    with ExitStack() as opened:
        own = opened.enter_context(open("/proc/thread-self/ns/net"))
        other = opened.enter_context(open(f"/run/netns/{namespace}"))
        _enter(other.fileno())
        try:
            yield
        finally:
            _enter(own.fileno())


def _enter(descriptor: int) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if library.setns(descriptor, _NETWORK):
        raise OSError(ctypes.get_errno(), "there is no way into the namespace")


@contextmanager
def network(hosts: int) -> Iterator[list[str]]:
    """Make a network; gives the namespaces of the switch, 10.0.0.254, and of 10.0.0.1 and so on.

    Skips the test where this user may make none.
    """
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("network namespaces are made by root, with ip of iproute2")
    mark = uuid.uuid4().hex[:8]
    names = [f"wsgistream-{mark}-{number}" for number in range(hosts + 1)]
    switch, *others = names
    with ExitStack() as made:
        for name in names:
            _ip("netns", "add", name)
            made.callback(_ip, "netns", "del", name)
            _ip("-n", name, "link", "set", "lo", "up")
        _ip("-n", switch, "link", "add", "switch", "type", "bridge")
        _ip("-n", switch, "addr", "add", "10.0.0.254/24", "dev", "switch")
        _ip("-n", switch, "link", "set", "switch", "up")
        for number, name in enumerate(others, 1):
            plug = f"plug{number}"
            peer = ("peer", "name", "eth0", "netns", name)
            _ip("-n", switch, "link", "add", plug, "type", "veth", *peer)
            _ip("-n", switch, "link", "set", plug, "master", "switch", "up")
            _ip("-n", name, "addr", "add", f"10.0.0.{number}/24", "dev", "eth0")
            _ip("-n", name, "link", "set", "eth0", "up")
        yield names


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)
