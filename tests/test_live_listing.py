"""A folder that is served live: its page shows what happens in it, in a real browser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.browser import chromium, needs_chromium
from tests.client import ask
from tests.eventsource import EventSource
from tests.live import fetch
from tests.servers import Connection, process, running
from wsgistream import DirectoryApp, Folder, create_app
from wsgistream.types import Store


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "sub dir").mkdir(parents=True)
    (root / "index").mkdir()
    (root / "index" / "index.html").write_text("its own")
    (root / "a.txt").write_text("a")
    return root


def test_the_page_has_its_script_from_wherever_it_is(root: Path) -> None:
    app = DirectoryApp(root, listing=True, live=True)
    assert b'<script src="-/live.js" defer></script>' in ask(app, "/").body
    assert b'<script src="../-/live.js" defer></script>' in ask(app, "/sub%20dir/").body
    assert b"<script" not in ask(DirectoryApp(root, listing=True), "/").body
    script = ask(app, "/-/live.js")
    assert (script.status, script["content-type"]) == (200, "text/javascript; charset=utf-8")
    assert ask(app, "/-/live.js", method="HEAD")["content-length"] == str(len(script.body))
    assert ask(app, "/-/live.js", method="POST").status == 405
    assert ask(app, "/-/live.js", method="OPTIONS").status == 204


@pytest.mark.parametrize(
    ("path", "status"),
    [
        pytest.param("/-/events", 200, id="the root"),
        pytest.param("/-/events/", 200, id="the root, with its slash"),
        pytest.param("/-/events/sub%20dir/", 200, id="a folder"),
        pytest.param("/-/events/sub%20dir", 404, id="a folder without its slash"),
        pytest.param("/-/events/none/", 404, id="no folder"),
        pytest.param("/-/events/a.txt/", 404, id="a file"),
        pytest.param("/-/events/../", 404, id="what is outside"),
        pytest.param("/-/events/secret/", 404, id="what may not be read"),
        pytest.param("/-/eventsx/", 404, id="a file of a name like it"),
    ],
)
def test_events_are_those_of_folders(
    root: Path, path: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = Folder.list

    def refuse(self: Folder, path: Any) -> Any:
        if path == ("secret",):
            raise PermissionError
        return listed(self, path)

    monkeypatch.setattr(Folder, "list", refuse)
    app = DirectoryApp(root, listing=True, live=True)
    assert ask(app, path, method="HEAD").status == status


def test_events_come_from_a_server_without_a_thread(root: Path) -> None:
    with running(DirectoryApp(root, listing=True, live=True), threads=1) as run:
        with Connection(run.addresses[0]) as one, Connection(run.addresses[0]) as two:
            sources = [EventSource(client, "/-/events/sub%20dir/") for client in (one, two)]
            for source in sources:
                assert source.read()[0].data == "changed"
            (root / "sub dir" / "new").write_text("new")
            for source in sources:
                assert source.read()[0].data == "changed"
            assert fetch(run.addresses[0][1], "/a.txt").body == b"a"


def test_what_cannot_be_live_is_refused(root: Path) -> None:
    class Elsewhere:
        def find(self, path: Any, encodings: Any = ()) -> None:
            return None

        def list(self, path: Any) -> None:
            return None

    elsewhere: Store = Elsewhere()
    with pytest.raises(ValueError, match="live needs listing"):
        DirectoryApp(root, live=True)
    with pytest.raises(ValueError, match="Nobody tells what happens in a store that is no folder"):
        DirectoryApp(elsewhere, listing=True, live=True)
    for name in ("live", "hls"):
        with pytest.raises(ValueError, match=rf"What is live \({name}\) is a folder, and"):
            create_app(root=root / "a.txt", **{name: True})


def test_a_broadcast_may_be_live_too(root: Path) -> None:
    (root / "live.m3u8").write_text("#EXTM3U\n")
    app = create_app(root=root, live=True, hls=True)
    assert b"-/live.js" in ask(app, "/").body
    answer = ask(app, "/live.m3u8", headers={"Origin": "https://example.org"})
    assert (answer["cache-control"], answer["access-control-allow-origin"]) == ("max-age=1", "*")
    assert ask(create_app(root=root, hls=True, cache_control="no-store"), "/live.m3u8")[
        "cache-control"
    ] == ("no-store")


@needs_chromium
@pytest.mark.parametrize("prefix", ["", "/some/where"], ids=["at the root", "below a prefix"])
def test_an_open_page_shows_what_happens(root: Path, tmp_path: Path, prefix: str) -> None:
    policy = "Content-Security-Policy: default-src 'self'; style-src 'unsafe-inline'"
    options = ["--live", "--listen", "127.0.0.1:0", "--prefix", prefix, "--header", policy]
    with (
        process(*options, str(root)) as server,
        chromium(tmp_path / "browser") as browser,
    ):
        page = browser.open(f"http://127.0.0.1:{server.port()}{prefix}/sub%20dir/")

        def names() -> list[str]:
            told = page.value(
                "JSON.stringify([...document.querySelectorAll('td a')].map(e => e.innerText))"
            )
            found: list[str] = json.loads(told)
            return found

        assert page.until(lambda: page.value("document.title") == "/sub dir/")
        assert names() == []
        folder = root / "sub dir"
        (folder / "<b>new.txt").write_text("new")
        assert page.until(lambda: names() == ["<b>new.txt"]), names()
        (folder / "more").mkdir()
        assert page.until(lambda: names() == ["more/", "<b>new.txt"]), names()
        (folder / "<b>new.txt").unlink()
        assert page.until(lambda: names() == ["more/"]), names()
        (tmp_path / "shot.png").write_bytes(page.screenshot())
