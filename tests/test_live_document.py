"""Every example of docs/live.md does what it says."""

from __future__ import annotations

import re
import shlex
import subprocess
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from tests.client import ask
from tests.eventsource import EventSource
from tests.live import fetch
from tests.redis import RedisServer, needs_redis
from tests.servers import DEADLINE, ROOT, eventually, process, running
from tests.test_media import needs
from wsgistream import RedisHub

DOCUMENT = (ROOT / "docs/live.md").read_text("utf-8")

CAMERA = "-f v4l2 -i /dev/video0"
PICTURE = "-re -f lavfi -i testsrc=rate=25"


def block(word: str) -> str:
    """Find the only block in which a word is."""
    found = re.findall(r"^```\w+\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)
    (code,) = [each for each in found if word in each]
    return str(code)


def names_of(word: str) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "example"}
    exec(block(word), names)
    return names


@needs("curl")
def test_events_come_from_the_program_and_by_curl() -> None:
    names = names_of("EventsApp(hub")
    with running(names["events"]) as served, served.connect() as client:
        source = EventSource(client, "/?topic=news")
        source.begun()
        names["hub"].publish("news", {"goals": 4})
        command = block("curl").replace(":8080", f":{served.addresses[0][1]}")
        subprocess.run(shlex.split(command), check=True, timeout=DEADLINE)
        told = [event[:2] for event in source.read(2)]
    assert told == [('{"goals":4}', "message"), ("hello", "greeting")]


@needs_redis
@needs("redis-cli")
def test_others_add_events_to_redis(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as redis, closing(RedisHub(redis.url)) as hub:
        viewer = hub.subscribe(["news"])
        name, *rest = shlex.split(block("XADD"))
        subprocess.run([name, "-p", str(redis.port), *rest], check=True, timeout=DEADLINE)
        chunks = iter(viewer)
        assert any(b"data: hello\n" in next(chunks) for _ in range(2))
        viewer.close()


def test_a_file_is_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.log").write_text("before\n")
    with running(names_of("follow(")["log"]) as served, served.connect() as client:
        source = EventSource(client)
        with (tmp_path / "app.log").open("a") as file:
            file.write("after\n")
        assert source.read()[0].data == "after"


@needs("ffmpeg")
def test_what_an_encoder_writes_is_broadcast(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hls").mkdir()
    encode, serve = block("ffmpeg").splitlines()
    assert CAMERA in encode
    words = shlex.split(encode.replace(CAMERA, PICTURE).removesuffix("&"))
    with ExitStack() as stack:
        encoder = stack.enter_context(subprocess.Popen(words, stderr=subprocess.DEVNULL))
        stack.callback(encoder.kill)
        name, command, *options = shlex.split(serve)
        assert (name, command) == ("wsgistream", "serve")
        server = stack.enter_context(process(*options, "--listen", "127.0.0.1:0", cwd=tmp_path))
        port = server.port()
        assert eventually(lambda: fetch(port, "/live.m3u8").status == 200)
        answer = ask(names_of("Broadcast(")["live"], "/live.m3u8")
    assert (answer.status, answer["cache-control"]) == (200, "max-age=1")
    assert answer["access-control-allow-origin"] == "*"
    assert re.search(rb"^live\d{10,}\.ts$", answer.body, re.MULTILINE)
