"""Every example of the README does what it says."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from examples.make_shop import make_shop
from tests.client import ask
from tests.live import fetch
from tests.servers import running

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+) (\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
DEADLINE = 30


def blocks(kind: str) -> list[str]:
    return [code for _, name, code in BLOCKS if name == kind]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what the examples speak of, as the current one."""
    for name, content in {
        "media/clip.mp4": "video",
        "media/logo.svg": "<svg/>",
        "public/page.html": "<h1>page</h1>",
        "report.pdf": "%PDF",
        "site/index.html": "<h1>site</h1>",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_block(kind: str) -> dict[str, Any]:
    (code,) = blocks(kind)
    names: dict[str, Any] = {"__name__": "example"}
    exec(code, names)
    return names


def application(kind: str, name: str) -> Any:
    return run_block(kind)[name]


def test_every_block_is_of_a_kind_that_is_tested() -> None:
    kinds = {name for _, name, _ in BLOCKS}
    assert kinds == {
        *("run", "tests", "serves", "flask", "mount", "source", "streams"),
        *("settings", "loads", "live", "stack", "rows"),
    }
    assert README.count("```") == 2 * len(BLOCKS)


def test_a_view_returns_files_and_streams_with_files_around_it(place: Path) -> None:
    app = application("flask", "app")
    report = ask(app, "/report", headers={"Range": "bytes=1-3"})
    assert (report.status, report.body) == (206, b"PDF")
    assert report["content-disposition"] == 'attachment; filename="Report 2026.pdf"'
    numbers = ask(app, "/numbers")
    assert numbers.body.startswith(b"0\n1\n")
    assert numbers.body.endswith(b"999999\n")
    assert ask(app, "/page.html").body == b"<h1>page</h1>"
    assert ask(app, "/missing").status == 404


def test_middleware_stands_around_an_application(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "users.htpasswd").write_text("ann:{SHA}GpHWL3ymc5liWkNopqtdSjuqYHM=\n")
    app = application("stack", "application")
    assert ask(app, "/logo.svg").status == 401
    headers = {"Authorization": "Basic YW5uOnB3", "Range": "bytes=1-3"}
    logo = ask(app, "/logo.svg", headers=headers)
    assert (logo.status, logo.body) == (206, b"svg")
    ask(app, "/clip.mp4", headers={"Authorization": "Basic YW5uOnB3"})
    told = capsys.readouterr().out.splitlines()
    assert told[-1].startswith("/clip.mp4 finished 5 bytes in ")


def test_applications_are_mounted_side_by_side(place: Path) -> None:
    app = application("mount", "application")
    logo, clip = ask(app, "/logo.svg"), ask(app, "/clip.mp4")
    assert (logo.body, logo["cache-control"]) == (b"<svg/>", "max-age=86400")
    assert (clip.body, clip["access-control-allow-origin"]) == (b"video", "*")
    assert b"clip.mp4" in ask(app, "/").body


def test_a_function_is_streamed_for_each_request() -> None:
    export = application("streams", "export")
    for _ in range(2):
        answer = ask(export)
        assert answer.body.splitlines()[-2:] == [b'{"number": 999}', b'{"end": true}']
        assert answer["content-disposition"] == 'attachment; filename="records.ndjson"'


def test_what_can_be_made_anew_has_ranges() -> None:
    answer = ask(application("streams", "long"), headers={"Range": "bytes=500001-500004"})
    assert (answer.status, answer.body) == (206, b"1010")


def test_a_source_of_ones_own_has_ranges_and_conditions() -> None:
    app = application("source", "application")
    assert ask(app, headers={"Range": "bytes=1-3"}).body == b"PNG"
    assert ask(app, headers={"If-None-Match": '"v1"'}).status == 304


def test_rows_of_a_database_are_streamed_and_asked_for(place: Path) -> None:
    make_shop("shop.db", 9)
    names = run_block("rows")
    export = ask(names["export"])
    assert export["content-type"].startswith("text/csv")
    assert export.body.startswith(b"id,weight,product,")
    assert len(list(csv.reader(io.StringIO(export.body.decode(), newline="")))) == 10
    rows = json.loads(ask(names["queries"], "/since?id=7&format=json").body)
    assert [row["id"] for row in rows] == [8, 9]
    assert ask(names["queries"], "/since?id=seven").status == 400


def test_a_hub_gives_events_to_viewers_who_need_no_thread() -> None:
    names = run_block("live")
    with running(names["events"], threads=1) as run:
        viewers = [run.connect() for _ in range(3)]
        for viewer in viewers:
            viewer.ask("/?topic=news")
            assert viewer.read(12) == b"HTTP/1.1 200"
        names["hub"].publish("news", "hello")
        for viewer in viewers:
            with viewer:
                assert any(b"data: hello" in line for line in viewer._file)


@contextmanager
def started(command: str, place: Path) -> Iterator[int]:
    """Run a command line on a free port; gives the port that it says it has."""
    environ = {**os.environ, "PYTHONUNBUFFERED": "1", "GUNICORN_CMD_ARGS": "-b 127.0.0.1:0"}
    environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environ['PATH']}"
    words = shlex.split(command.replace(":8080", ":0"))
    while "=" in words[0]:
        name, _, value = words.pop(0).partition("=")
        environ[name] = value
    if words[0] == "wsgistream" and "--listen" not in words:
        environ["WSGISTREAM_LISTEN"] = "127.0.0.1:0"
    with subprocess.Popen(
        words, env=environ, cwd=place, text=True, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    ) as process:
        watchdog = threading.Timer(DEADLINE, process.kill)
        watchdog.start()
        try:
            assert process.stderr is not None
            line = next(line for line in process.stderr if "http://127.0.0.1:" in line)
            match = re.search(r"http://127\.0\.0\.1:(\d+)", line)
            assert match is not None
            yield int(match[1])
        finally:
            watchdog.cancel()
            process.terminate()
            process.communicate(timeout=DEADLINE)


SERVES = [line for block in blocks("serves") for line in block.splitlines()]

EXPECTED = {
    "wsgistream serve media --listen 127.0.0.1:8080": ("/clip.mp4", b"video"),
    "wsgistream serve media --workers auto": ("/clip.mp4", b"video"),
    "wsgistream serve media --live": ("/clip.mp4", b"video"),
    "wsgistream serve media --compress": ("/clip.mp4", b"video"),
    "wsgistream serve media/clip.mp4": ("/", b"video"),
    "wsgistream serve site --spa": ("/any/route", b"<h1>site</h1>"),
    "WSGISTREAM_ROOT=media": ("/files/clip.mp4", b"video"),
    "waitress-serve": ("/media/clip.mp4", b"video"),
    "gunicorn": ("/clip.mp4", b"video"),
}


@pytest.mark.parametrize("command", SERVES)
def test_a_command_serves_what_it_says(command: str, place: Path) -> None:
    ((path, body),) = [want for start, want in EXPECTED.items() if command.startswith(start)]
    with started(command, place) as port:
        answer = fetch(port, path)
        assert (answer.status, answer.body) == (200, body)
        if "--header" in command:
            assert answer["referrer-policy"] == "no-referrer"
        if "max-age" in command:
            assert answer["cache-control"].startswith("max-age=")


def test_a_file_of_settings_is_loaded_and_served(place: Path) -> None:
    (settings,), (program,) = blocks("settings"), blocks("loads")
    assert settings == (ROOT / "examples" / "site.ini").read_text()
    (place / "site.ini").write_text(settings.replace(":8080", ":0"))
    program = f"import logging; logging.basicConfig(level=logging.INFO)\n{program}"
    with started(shlex.join([sys.executable, "-c", program]), place) as port:
        assert fetch(port, "/media/clip.mp4").body == b"video"
        assert fetch(port, "/any/route")["x-frame-options"] == "DENY"


def test_the_first_command_is_the_program_that_is_there() -> None:
    (command,) = blocks("run")
    assert command.strip().endswith(".venv/bin/python serve.py")
    assert (ROOT / "serve.py").is_file()


def test_the_test_command_is_the_one_that_the_integration_runs() -> None:
    (command,) = blocks("tests")
    assert "-m pytest --cov" in command
    assert 'eval "$(readme_command tests)"' in (ROOT / ".ci/run").read_text()
