"""A live broadcast (HLS, DASH), written by a real ffmpeg while it is played in a real browser."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.browser import Browser, Page, chromium, needs_chromium
from tests.live import fetch
from tests.servers import Process, eventually, process

needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
pytestmark = needs_ffmpeg

PICTURE = ["-re", "-f", "lavfi", "-i", "testsrc=size=320x240:rate=10"]
SOUND = ["-re", "-f", "lavfi", "-i", "sine=frequency=440"]
CODECS = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "10", "-pix_fmt", "yuv420p"]
CODECS += ["-c:a", "aac"]
HLS = ["-f", "hls", "-hls_time", "1", "-hls_list_size", "6"]
#: ffmpeg's ways to write; ``in place``: each playlist is written over the one before.
WRITING = {
    "by another file": ["-hls_flags", "temp_file+delete_segments"],
    "in its place": ["-hls_flags", "delete_segments"],
}

#: The player of others, which the registry of npm gives; npm keeps it for the next time.
HLS_JS = "hls.js@1.7.4"

# A page of another origin, on which it plays, and tells of all that it does not like.
HLS_PAGE = """<!doctype html><title>Live</title><video muted autoplay></video>
<script src="hls.min.js"></script><script>
const video = document.querySelector("video"), hls = new Hls(), failures = [];
hls.on(Hls.Events.ERROR, (_, told) => failures.push(`${told.details} ${told.error}`));
hls.loadSource("{url}");
hls.attachMedia(video);
</script>"""

# A page of another origin, with the least that plays DASH: the first segment, and each that
# follows, as its number says.
DASH_PAGE = """<!doctype html><title>Live</title><video muted autoplay></video><script>
const video = document.querySelector("video"), media = new MediaSource();
video.src = URL.createObjectURL(media);
media.onsourceopen = async () => {
  const get = name => fetch(new URL(name, "{url}"), {cache: "no-store"});
  const text = await (await get("")).text();
  const mpd = new DOMParser().parseFromString(text, "text/xml");
  const [one, template] = ["Representation", "SegmentTemplate"].map(n => mpd.querySelector(n));
  const named = (kind, number) => template.getAttribute(kind)
    .replace("$RepresentationID$", one.id)
    .replace("$Number%05d$", `${number}`.padStart(5, 0));
  const type = `${one.getAttribute("mimeType")}; codecs="${one.getAttribute("codecs")}"`;
  const buffer = media.addSourceBuffer(type);
  const append = async answer => {
    buffer.appendBuffer(await answer.arrayBuffer());
    await new Promise(done => buffer.onupdateend = done);
    if (video.currentTime < buffer.buffered.start(0)) video.currentTime = buffer.buffered.start(0);
  };
  buffer.appendBuffer(await (await get(named("initialization"))).arrayBuffer());
  await new Promise(done => buffer.onupdateend = done);
  for (let number = Number(template.getAttribute("startNumber")); ; ) {
    const answer = await get(named("media", number));
    if (answer.ok && ++number) await append(answer);
    else await new Promise(done => setTimeout(done, 100));
  }
};
</script>"""


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    with chromium(tmp_path / "browser") as browser:
        yield browser


@pytest.fixture(scope="session")
def hls_js(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The script of the player."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    folder = tmp_path_factory.mktemp("npm")
    pack = ["npm", "pack", "--silent", "--prefer-offline", "--pack-destination", str(folder)]
    got = subprocess.run([*pack, HLS_JS], check=False, capture_output=True, text=True)
    if got.returncode:
        pytest.skip(f"npm cannot fetch {HLS_JS}: {got.stderr.strip()[-200:]}")
    (archive,) = folder.glob("*.tgz")
    with tarfile.open(archive) as content:
        member = content.extractfile("package/dist/hls.min.js")
        assert member is not None
        script = folder / "hls.min.js"
        script.write_bytes(member.read())
    return script


@contextmanager
def encoding(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Have ffmpeg write into a folder, as fast as it is seen; it is killed in the end."""
    folder.mkdir(exist_ok=True)
    command = ["ffmpeg", "-v", "error", *PICTURE, *SOUND, *CODECS, *arguments]
    with subprocess.Popen(command, cwd=folder) as encoder:
        try:
            yield encoder
        finally:
            encoder.kill()


def served(stack: ExitStack, folder: Path) -> tuple[Process, int]:
    """Serve a folder as the command line does."""
    server = stack.enter_context(process("--hls", "--listen", "127.0.0.1:0", str(folder)))
    return server, server.port()


def elsewhere(stack: ExitStack, folder: Path, page: str, url: str) -> str:
    """Put a page that plays something onto another origin; gives its address."""
    folder.mkdir(exist_ok=True)
    (folder / "index.html").write_text(page.replace("{url}", url))
    server = stack.enter_context(process("--listen", "127.0.0.1:0", str(folder)))
    return f"http://127.0.0.1:{server.port()}/"


def state(page: Page) -> tuple[float, int, str | None]:
    """Tell how far a page has come, how wide its picture is, and what has failed."""
    told = page.value(
        "JSON.stringify([video.currentTime, video.videoWidth, video.error && video.error.message])"
    )
    time, width, error = json.loads(told)
    return time, width, error


def plays_to(page: Page, seconds: float) -> bool:
    return page.until(lambda: state(page)[0] >= seconds)


def numbers(playlist: str) -> list[int]:
    return [int(found) for found in re.findall(r"^live(\d+)\.", playlist, re.MULTILINE)]


@pytest.mark.parametrize("writing", WRITING)
def test_whoever_asks_while_it_is_written_gets_whole_playlists_and_segments(
    tmp_path: Path, writing: str
) -> None:
    folder = tmp_path / "hls"
    with ExitStack() as stack:
        stack.enter_context(encoding(folder, *HLS, *WRITING[writing], "live.m3u8"))
        server, port = served(stack, folder)
        assert eventually(lambda: fetch(port, "/live.m3u8").status == 200)
        last, answers = 0, 0
        while last < 4:
            answer = fetch(port, "/live.m3u8", headers={"Origin": "https://example.org"})
            assert answer.status == 200
            answers += 1
            text = answer.body.decode()
            assert text.startswith("#EXTM3U\n")
            assert text.endswith(".ts\n")
            assert len(answer.body) == int(answer["content-length"])
            assert answer["content-type"] == "application/vnd.apple.mpegurl"
            assert answer["cache-control"] == "max-age=1"
            assert answer["access-control-allow-origin"] == "*"
            found = numbers(text)
            assert found == list(range(found[0], found[0] + len(found)))
            assert found[-1] >= last  # it never goes back
            last = found[-1]
        assert answers > last
        segment = fetch(port, f"/live{last}.ts")
        assert segment["content-type"] == "video/mp2t"
        assert segment["cache-control"] == "max-age=86400, immutable"
        assert len(segment.body) % 188 == 0  # packets of a transport stream
        assert segment.body[::188] == b"G" * (len(segment.body) // 188)
        server.signal(signal.SIGTERM)
        assert server.end() == 0


@needs_chromium
@pytest.mark.parametrize("writing", WRITING)
def test_a_browser_plays_hls_while_it_is_written(
    browser: Browser, tmp_path: Path, hls_js: Path, writing: str
) -> None:
    folder, pages = tmp_path / "hls", tmp_path / "page"
    pages.mkdir()
    shutil.copy(hls_js, pages)
    with ExitStack() as stack:
        stack.enter_context(encoding(folder, *HLS, *WRITING[writing], "live.m3u8"))
        _, port = served(stack, folder)
        assert eventually(lambda: fetch(port, "/live.m3u8").status == 200)
        first = numbers(fetch(port, "/live.m3u8").body.decode())
        page = browser.open(elsewhere(stack, pages, HLS_PAGE, f"http://127.0.0.1:{port}/live.m3u8"))
        assert page.until(lambda: page.value("typeof video") == "object")
        assert page.until(lambda: state(page)[1] == 320), state(page)
        # A segment has a second: this is beyond all that were there at the beginning.
        assert plays_to(page, first[-1] + 5), (state(page), page.value("failures.join()"))
        assert page.value("failures.join()") == ""
        (tmp_path / "shot.png").write_bytes(page.screenshot())


@needs_chromium
def test_a_browser_plays_dash_while_it_is_written(browser: Browser, tmp_path: Path) -> None:
    folder = tmp_path / "dash"
    dash = ["-f", "dash", "-seg_duration", "1", "-window_size", "20", "live.mpd"]
    with ExitStack() as stack:
        stack.enter_context(encoding(folder, *dash))
        _, port = served(stack, folder)
        assert eventually(lambda: fetch(port, "/live.mpd").status == 200)
        assert fetch(port, "/live.mpd")["content-type"] == "application/dash+xml"
        url = f"http://127.0.0.1:{port}/live.mpd"
        page = browser.open(elsewhere(stack, tmp_path / "page", DASH_PAGE, url))
        assert page.until(lambda: page.value("typeof video") == "object")
        assert page.until(lambda: state(page)[1] == 320), state(page)
        assert plays_to(page, state(page)[0] + 4), state(page)
        (tmp_path / "shot.png").write_bytes(page.screenshot())
