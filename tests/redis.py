"""A real Redis on a free port, in a folder of its own, that can be killed and come again."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.ports import kept_port
from tests.servers import DEADLINE, eventually

needs_redis = pytest.mark.skipif(
    shutil.which("redis-server") is None, reason="redis-server is not installed"
)


class RedisServer:
    """A server whose events outlive it: what it has said yes to is on the disk."""

    def __init__(self, folder: Path, *options: str) -> None:
        self._ports = ExitStack()
        self._folder = folder
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> RedisServer:
        # Also while it is away nobody else is given its port.
        self.port = self._ports.enter_context(kept_port())
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._ports.close()

    def start(self) -> None:
        """Begin to listen, at the same port as before."""
        options = {
            "port": self.port,
            "bind": "127.0.0.1",
            "dir": self._folder,
            "save": "",
            "appendonly": "yes",
            "appendfsync": "always",
            "logfile": self._folder / "log",
        }
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        self._process = subprocess.Popen(["redis-server", *words, *self._options])
        assert eventually(self._answers), (self._folder / "log").read_text()

    def kill(self) -> None:
        """End it in the middle of whatever it does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(DEADLINE)
            self._process = None

    def client(self) -> Any:
        return redis.Redis(port=self.port, protocol=2)

    def _answers(self) -> bool:
        with suppress(redis.ConnectionError), closing(self.client()) as client:
            return bool(client.ping())
        return False
