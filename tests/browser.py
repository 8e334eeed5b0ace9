"""A real browser, Chromium without a window, that a test tells what to do (DevTools protocol)."""

from __future__ import annotations

import base64
import json
import os
import queue
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

#: Seconds; a browser takes its time on a machine that has much to do.
DEADLINE = 60

needs_chromium = pytest.mark.skipif(
    shutil.which("chromium") is None, reason="Chromium is not installed"
)


class Browser:
    """What is asked goes through a pipe, as text that ends in NUL, and so does what is answered."""

    def __init__(self, commands: int, answers: int) -> None:
        self._commands = os.fdopen(commands, "wb", buffering=0)
        self._answers: queue.Queue[dict[str, Any]] = queue.Queue()
        self._number = 0
        self.reader = threading.Thread(target=self._read, args=(answers,), daemon=True)
        self.reader.start()

    def _read(self, descriptor: int) -> None:
        rest = b""
        with os.fdopen(descriptor, "rb", buffering=0) as answers:
            while chunk := answers.read(65536):
                *whole, rest = (rest + chunk).split(b"\0")
                for text in whole:
                    self._answers.put(json.loads(text))

    def ask(self, method: str, session: str | None = None, **parameters: Any) -> Any:
        """Have something done, and give its result."""
        self._number += 1
        command = {"id": self._number, "method": method, "params": parameters}
        if session is not None:
            command["sessionId"] = session
        self._commands.write(json.dumps(command).encode() + b"\0")
        while True:
            answer = self._answers.get(timeout=DEADLINE)
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]

    def open(self, url: str) -> Page:
        """Open a page of its own."""
        target = self.ask("Target.createTarget", url=url)["targetId"]
        attached = self.ask("Target.attachToTarget", targetId=target, flatten=True)
        return Page(self, attached["sessionId"])

    def close(self) -> None:
        self._commands.close()


class Page:
    """A page that is open."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser = browser
        self._session = session

    def value(self, expression: str) -> Any:
        """Evaluate JavaScript in the page."""
        told = self._browser.ask(
            "Runtime.evaluate", self._session, expression=expression, returnByValue=True
        )
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    def until(self, what: Callable[[], object]) -> bool:
        """Ask until it is so, or until it is too late."""
        pause = threading.Event()
        return any(what() or pause.wait(0.05) for _ in range(DEADLINE * 20))

    def screenshot(self) -> bytes:
        """Give the page as it is seen, as PNG."""
        shot = self._browser.ask("Page.captureScreenshot", self._session, format="png")
        return base64.b64decode(shot["data"])


@contextmanager
def chromium(folder: Path) -> Iterator[Browser]:
    """Run a browser that keeps what it has in a folder."""
    read_commands, commands = os.pipe()
    answers, write_answers = os.pipe()
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]
    options += [f"--user-data-dir={folder}", "--remote-debugging-pipe"]
    # It reads from the descriptor 3, and writes to 4.
    script = f'exec "$@" 3<&{read_commands} 4>&{write_answers}'
    with subprocess.Popen(
        ["bash", "-c", script, "bash", "chromium", *options, "about:blank"],
        pass_fds=(read_commands, write_answers),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        os.close(read_commands)
        os.close(write_answers)
        browser = Browser(commands, answers)
        try:
            yield browser
            browser.ask("Browser.close")
        finally:
            browser.close()
            try:
                process.wait(DEADLINE)
            except subprocess.TimeoutExpired:
                process.kill()
            browser.reader.join(DEADLINE)
