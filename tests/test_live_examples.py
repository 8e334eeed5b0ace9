"""The examples of live streams, as their headers say, in a real browser."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.browser import Browser, Page, chromium, needs_chromium
from tests.redis import RedisServer, needs_redis
from tests.servers import ROOT, Process, process
from wsgistream import RedisHub

EXAMPLES = ROOT / "examples"
DEADLINE = 60

# The page may be yet to come.
IS_OPEN = "typeof events === 'object' && events.readyState === 1"

# The newest line is where one looks, and the field is below it.
IN_SIGHT = """(([line, field]) => line < field && field < innerHeight)(
    [document.querySelector("li:last-child"), input].map(e => e.getBoundingClientRect().bottom)
)"""


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    with chromium(tmp_path / "browser") as browser:
        yield browser


def started(stack: ExitStack, name: str, listen: str = "127.0.0.1:0", **environ: str) -> Process:
    script = [str(EXAMPLES / name), listen]
    program = "import logging, runpy, sys; logging.basicConfig(level=logging.INFO); "
    program += "sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
    return stack.enter_context(process(*script, script=["-c", program], environ=environ))


def said(page: Page) -> list[str]:
    text = page.value("JSON.stringify([...document.querySelectorAll('li')].map(e => e.innerText))")
    found: list[str] = json.loads(text)
    return found


def test_the_chat_is_a_page_and_short() -> None:
    assert len((EXAMPLES / "chat.py").read_text().splitlines()) <= 60


@needs_chromium
@needs_redis
def test_a_chat_goes_on_though_its_server_is_killed(browser: Browser, tmp_path: Path) -> None:
    """Two pages: what is said meanwhile reaches them too, and nothing does twice."""
    (tmp_path / "redis").mkdir()
    with ExitStack() as stack:
        redis = stack.enter_context(RedisServer(tmp_path / "redis"))
        hub = stack.enter_context(closing(RedisHub(redis.url)))
        server = started(stack, "chat.py", REDIS_URL=redis.url)
        port = server.port()
        pages = [browser.open(f"http://127.0.0.1:{port}/") for _ in range(2)]
        for page in pages:
            assert page.until(lambda page=page: page.value(IS_OPEN))
        pages[0].value("input.value = 'grüß <b>dich</b>'; form.requestSubmit()")
        expected = ["grüß <b>dich</b>"]
        for page in pages:
            assert page.until(lambda page=page: said(page) == expected), said(page)
        assert pages[0].until(lambda: pages[0].value("input.value") == "")
        for number in range(100):
            hub.publish("chat", f"before {number}")
        server.signal(signal.SIGKILL)
        server.end()
        for number in range(100):
            hub.publish("chat", f"meanwhile {number}")
        assert pages[0].until(lambda: pages[0].value("events.readyState") == 0)
        started(stack, "chat.py", f"127.0.0.1:{port}", REDIS_URL=redis.url).port()
        for number in range(100):
            hub.publish("chat", f"after {number}")
        expected += [
            f"{when} {number}" for when in ("before", "meanwhile", "after") for number in range(100)
        ]
        for page in pages:
            assert page.until(lambda page=page: len(said(page)) >= len(expected))
            assert said(page) == expected
            assert page.value(IN_SIGHT)


@needs_chromium
@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
def test_a_browser_shows_what_the_camera_sees(browser: Browser, tmp_path: Path) -> None:
    with ExitStack() as stack:
        server = started(stack, "camera.py")
        page = browser.open(f"http://127.0.0.1:{server.port()}/")
        assert page.until(lambda: page.value("document.images[0]?.naturalWidth") == 320)
        first = pixels(page.screenshot())
        expected = the_picture()
        # But for the clock and a stripe, it does not change.
        assert difference(first, expected) < 12
        assert page.until(lambda: difference(first, pixels(page.screenshot())) > 0.05)
        server.signal(signal.SIGTERM)
        assert server.end() == 0


def pixels(picture: bytes) -> bytes:
    """Decode what is seen of the image in a page, which stands 8 pixels from its corner."""
    return run_ffmpeg("-f", "png_pipe", "-i", "-", "-vf", "crop=320:240:8:8", data=picture)


def the_picture() -> bytes:
    return run_ffmpeg("-f", "lavfi", "-i", "testsrc=size=320x240:rate=10", "-frames:v", "1")


def run_ffmpeg(*arguments: str, data: bytes = b"") -> bytes:
    command = ["ffmpeg", "-v", "error", *arguments, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    done = subprocess.run(command, input=data, capture_output=True, check=True, timeout=DEADLINE)
    assert len(done.stdout) == 320 * 240 * 3
    return done.stdout


def difference(one: bytes, two: bytes) -> float:
    """Tell by how much two pictures differ, of 255."""
    return sum(abs(a - b) for a, b in zip(one, two, strict=True)) / len(one)
