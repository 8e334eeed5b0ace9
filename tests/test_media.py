"""Real clients on real videos: seeking, resuming, and fetching in parts, each to the last bit."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live import our_server
from wsgistream import DirectoryApp
from wsgistream.types import Body, Environ, StartResponse

DEADLINE = 60
SECONDS = 12


def needs(*programs: str) -> pytest.MarkDecorator:
    missing = [program for program in programs if shutil.which(program) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {' '.join(missing)}")


def run(*command: object) -> str:
    return subprocess.run(
        list(map(str, command)), check=True, capture_output=True, text=True, timeout=DEADLINE
    ).stdout


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Recorder:
    """An application that notes the Range of every request for the one inside."""

    def __init__(self, root: Path) -> None:
        self.app = DirectoryApp(root)
        self.ranges: list[str | None] = []

    def __call__(self, environ: Environ, start_response: StartResponse) -> Body:
        self.ranges.append(environ.get("HTTP_RANGE"))
        return self.app(environ, start_response)


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make an mp4, whose index stands at its end, and a webm."""
    root = tmp_path_factory.mktemp("videos")
    picture = f"testsrc2=duration={SECONDS}:size=640x360:rate=25"
    sound = f"sine=frequency=440:duration={SECONDS}"
    for name, codecs in {
        "clip.mp4": "-c:v libx264 -preset ultrafast -crf 12 -pix_fmt yuv420p -c:a aac",
        "clip.webm": "-c:v libvpx -deadline realtime -cpu-used 8 -b:v 4M -c:a libvorbis",
    }.items():
        inputs = ["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound]
        run("ffmpeg", "-v", "error", *inputs, *codecs.split(), "-g", 25, root / name)
    content = (root / "clip.mp4").read_bytes()
    assert content.rindex(b"moov") > len(content) // 2 > 1024 * 1024
    return root


@pytest.fixture
def recorder(videos: Path) -> Recorder:
    return Recorder(videos)


@pytest.fixture
def url(recorder: Recorder) -> Iterator[str]:
    with our_server(recorder) as port:
        yield f"http://127.0.0.1:{port}"


NAMES = ["clip.mp4", "clip.webm"]


@needs("ffmpeg", "ffprobe")
@pytest.mark.parametrize("name", NAMES)
class TestPlayers:
    def test_ffprobe_finds_what_is_in_it(
        self, url: str, recorder: Recorder, videos: Path, name: str
    ) -> None:
        entries = "stream=codec_name:format=duration"
        command = ("ffprobe", "-v", "error", "-show_entries", entries, "-of", "csv=p=0")
        found = run(*command, f"{url}/{name}")
        assert found == run(*command, videos / name)
        assert len(found.split()) == 3
        if name == "clip.mp4":  # its index is at the end: it was seeked to
            assert any(value not in (None, "bytes=0-") for value in recorder.ranges)

    def test_ffmpeg_seeks_in_it(
        self, url: str, recorder: Recorder, videos: Path, name: str
    ) -> None:
        def frame(source: object) -> str:
            command = ("ffmpeg", "-v", "error", "-ss", SECONDS - 2, "-i", source)
            return run(*command, "-frames:v", 1, "-f", "md5", "-")

        assert frame(f"{url}/{name}") == frame(videos / name)
        assert any(value not in (None, "bytes=0-") for value in recorder.ranges)


def begin(videos: Path, tmp_path: Path, name: str) -> Path:
    """Lay down the first million bytes of a video, as a broken download leaves them."""
    part = tmp_path / name
    part.write_bytes((videos / name).read_bytes()[:1_000_000])
    return part


def check(recorder: Recorder, videos: Path, part: Path) -> None:
    """Only what was missing was asked for, and the whole is the video to the last bit."""
    assert recorder.ranges == ["bytes=1000000-"]
    assert digest(part) == digest(videos / part.name)


@pytest.mark.parametrize("name", NAMES)
class TestDownloads:
    @needs("ffmpeg", "curl")
    def test_curl_resumes_it(
        self, url: str, recorder: Recorder, videos: Path, tmp_path: Path, name: str
    ) -> None:
        part = begin(videos, tmp_path, name)
        run("curl", "-sS", "--fail", "-C", "-", "-o", part, f"{url}/{name}")
        check(recorder, videos, part)

    @needs("ffmpeg", "wget")
    def test_wget_resumes_it(
        self, url: str, recorder: Recorder, videos: Path, tmp_path: Path, name: str
    ) -> None:
        part = begin(videos, tmp_path, name)
        run("wget", "-q", "-c", "-O", part, f"{url}/{name}")
        check(recorder, videos, part)

    @needs("ffmpeg", "aria2c")
    def test_aria2_fetches_it_in_four_parts(
        self, url: str, recorder: Recorder, videos: Path, tmp_path: Path, name: str
    ) -> None:
        options = ("-q", "-x4", "-s4", "-k1M", "--min-split-size=1M", "--no-conf=true")
        run("aria2c", *options, "-d", tmp_path, f"{url}/{name}")
        assert digest(tmp_path / name) == digest(videos / name)
        parts = (videos / name).stat().st_size // 1024**2
        assert len(set(recorder.ranges)) >= min(4, parts)
