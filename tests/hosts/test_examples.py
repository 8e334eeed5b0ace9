"""Every example for a host is started as its own header says, and fetched from."""

from __future__ import annotations

import re
import shlex
import signal
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.live import fetch
from tests.ports import kept_port
from tests.processes import is_refused
from tests.servers import ROOT, eventually, process
from tests.test_request_table import Ask

EXAMPLES = sorted((ROOT / "examples/hosts").glob("*_videos.*"))
VIDEO = bytes(range(256)) * 4000

#: Where the folder is mounted, where that is not at /media alone.
FOLDERS = {"django_videos": ("/media", "/films")}

#: What a command of a header is as a module of this Python.
MODULES = {"uvicorn": ("-m", "uvicorn"), "pserve": ("-m", "pyramid.scripts.pserve"), "python": ()}


def command(text: str) -> tuple[Sequence[str], dict[str, str]]:
    """Read from the header what starts an example: arguments of Python, and the environment."""
    header = "".join(re.findall(r"^# (.*)\n", text, re.MULTILINE)[:2])
    words = shlex.split(header.partition("then:")[2])
    environ = dict(word.split("=") for word in words if "=" in word)
    program, *arguments = words[len(environ) :]
    return (*MODULES[program], *arguments), environ


@pytest.fixture(scope="module", params=EXAMPLES, ids=lambda path: path.stem)
def example(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


@pytest.fixture(scope="module")
def get(example: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """Start an example where its header finds it and the videos; only the port is another."""
    place = tmp_path_factory.mktemp("place")
    for folder in ("media/sub", "examples/hosts"):
        (place / folder).mkdir(parents=True)
    (place / "media/clip.mp4").write_bytes(VIDEO)
    (place / "media/sub/index.html").write_bytes(b"a page")
    with kept_port() as port:
        for file in example.parent.glob("*.*"):
            text = file.read_text().replace("8080", str(port))
            (place / "examples/hosts" / file.name).write_text(text)
        script, environ = command((place / "examples/hosts" / example.name).read_text())
        with process(script=script, environ=environ, cwd=place) as run:
            assert eventually(
                lambda: run.popen.poll() is not None or not is_refused(("127.0.0.1", port))
            )
            assert run.popen.poll() is None, list(run.err.queue)
            yield partial(fetch, port)
            run.signal(signal.SIGTERM)
            run.end()
            assert not [line for line in run.rest()[1] if "ResourceWarning" in line]


def test_it_is_short(example: Path) -> None:
    lines = example.read_text().splitlines()
    assert len(lines) <= 25
    assert max(map(len, lines)) <= 100


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


def test_what_is_mounted_knows_where(get: Ask, example: Path) -> None:
    for folder in FOLDERS.get(example.stem, ("/media",)):
        page = get(f"{folder}/sub")
        assert (page.status // 100, urlsplit(page["location"]).path) == (3, f"{folder}/sub/")
        assert get(f"{folder}/sub/").body == b"a page"


def test_a_view_returns_a_file(get: Ask) -> None:
    whole = get("/trailer")
    assert (whole.status, whole.body) == (200, VIDEO)
    assert whole["content-disposition"] == 'attachment; filename="clip.mp4"'
    part = get("/trailer", headers={"Range": "bytes=-10"})
    assert (part.status, part.body) == (206, VIDEO[-10:])
    head = get("/trailer", method="HEAD")
    assert (head.status, head["content-length"], head.body) == (200, str(len(VIDEO)), b"")
    assert get("/trailer", headers={"If-None-Match": "*"}).status == 304


def test_a_view_returns_a_stream(get: Ask) -> None:
    answer = get("/numbers")
    assert (answer.status, "content-length" in answer) == (200, False)
    assert answer.body == b"".join(b"%d\n" % number for number in range(1000))


def test_middleware_is_around_the_host(get: Ask, example: Path) -> None:
    for path in ("/media/clip.mp4", "/trailer", "/numbers"):
        assert get(path)["access-control-allow-origin"] == "*"
    # Around FastAPI itself there is no WSGI.
    is_around = "access-control-allow-origin" in get("/missing")
    assert is_around is (example.stem != "fastapi_videos")


def test_there_is_one_for_each_host() -> None:
    hosts = {path.stem.partition("_")[0] for path in EXAMPLES}
    assert hosts == {"bottle", "cherrypy", "django", "falcon", "fastapi", "flask"} | {
        *("paste", "pyramid", "webob"),
    }
