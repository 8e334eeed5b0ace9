"""Every example for a host is started as its own header says, and fetched from."""

from __future__ import annotations

import re
import shlex
import signal
import socket
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest

from tests.live import fetch
from tests.processes import is_refused
from tests.servers import ROOT, eventually, process
from tests.test_request_table import Ask

EXAMPLES = sorted((ROOT / "examples/hosts").glob("*_videos.*"))
VIDEO = bytes(range(256)) * 4000

#: Where a folder is mounted, where that is not at /media alone.
FOLDERS = {"django_videos": ("/media", "/films")}


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def command(example: Path, port: int) -> Sequence[str]:
    """Read from the header what starts it, with a port that is free."""
    header = "".join(re.findall(r"^# (.*)\n", example.read_text(), re.MULTILINE)[:2])
    found = re.search(r"(?:python|uvicorn|pserve) .*?8080", header)
    assert found is not None, header
    words = found[0].replace("8080", str(port)).replace("examples/", f"{ROOT}/examples/")
    program, *arguments = shlex.split(words)
    if program == "pserve":
        program = "pyramid.scripts.pserve"
    return arguments if program == "python" else ("-m", program, *arguments)


@pytest.fixture(scope="module", params=EXAMPLES, ids=lambda path: path.stem)
def example(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


@pytest.fixture(scope="module")
def get(example: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    place = tmp_path_factory.mktemp("place")
    (place / "media").mkdir()
    (place / "media/clip.mp4").write_bytes(VIDEO)
    port = free_port()
    with process(script=command(example, port), cwd=place) as run:
        assert eventually(
            lambda: run.popen.poll() is not None or not is_refused(("127.0.0.1", port))
        )
        yield partial(fetch, port)
        run.signal(signal.SIGTERM)
        run.end()
        assert not [line for line in run.rest()[1] if "ResourceWarning" in line]


def test_it_is_short(example: Path) -> None:
    assert len(example.read_text().splitlines()) <= 25


def test_videos_are_seeked_in(get: Ask, example: Path) -> None:
    for folder in FOLDERS.get(example.stem, ("/media",)):
        path = f"{folder}/clip.mp4"
        whole = get(path)
        assert (whole.status, whole["content-type"], whole.body) == (200, "video/mp4", VIDEO)
        part = get(path, headers={"Range": "bytes=1000-2000", "If-Range": whole["etag"]})
        assert (part.status, part.body) == (206, VIDEO[1000:2001])
        assert get(path, headers={"If-None-Match": whole["etag"]}).status == 304
        assert get(path, method="HEAD")["content-length"] == str(len(VIDEO))
        assert get(f"{folder}/missing.mp4").status == 404
    assert get("/missing").status == 404


def test_a_view_returns_a_file(get: Ask) -> None:
    whole = get("/trailer")
    assert (whole.status, whole.body) == (200, VIDEO)
    assert whole["content-disposition"] == 'attachment; filename="clip.mp4"'
    part = get("/trailer", headers={"Range": "bytes=-10"})
    assert (part.status, part.body) == (206, VIDEO[-10:])
    head = get("/trailer", method="HEAD")
    assert (head.status, head["content-length"], head.body) == (200, str(len(VIDEO)), b"")
    assert get("/trailer", headers={"If-None-Match": "*"}).status == 304


def test_a_view_returns_a_stream_where_the_example_has_one(get: Ask, example: Path) -> None:
    answer = get("/numbers")
    assert (answer.status == 200) is ("numbers" in example.read_text())
    assert answer.status != 200 or answer.body == b"".join(b"%d\n" % n for n in range(1000))


def test_there_is_one_for_each_host() -> None:
    hosts = {path.stem.partition("_")[0] for path in EXAMPLES}
    assert hosts == {"bottle", "cherrypy", "django", "falcon", "fastapi", "flask"} | {
        *("paste", "pyramid", "webob"),
    }
