"""The command that writes a signed link."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.client import ask
from tests.middleware.contract import answering
from tests.servers import process
from wsgistream import SignedURLMiddleware, read_keys
from wsgistream.cli import MISUSED, main

KEY = "the key that signs"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "keys"
    path.touch(0o600)
    path.write_text(f"# of today\n{KEY}\nthe key of yesterday\n")
    return path


@pytest.mark.parametrize(
    ("arguments", "asked", "method", "seconds"),
    [
        pytest.param(["/v/a.mp4"], "{}", "GET", 3600, id="an hour by default"),
        pytest.param(["https://h.example/v/a?b=c"], "{}", "HEAD", 3600, id="a whole URL"),
        pytest.param(["/v/a", "--expires", "90"], "{}", "GET", 90, id="seconds"),
        pytest.param(["--expires=30m", "/v/a"], "{}", "GET", 1800, id="minutes"),
        pytest.param(["/v/a", "--expires", "7d"], "{}", "GET", 604800, id="days"),
        pytest.param(["/v/a", "--method", "PUT"], "{}", "PUT", 3600, id="another method"),
        pytest.param(["/v/a", "--prefix"], "{}b", "GET", 3600, id="its folder"),
        pytest.param(["/v/w/a", "--prefix", "/v/"], "{}b", "GET", 3600, id="a folder above"),
    ],
)
def test_a_link_is_written(
    file: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    asked: str,
    method: str,
    seconds: int,
) -> None:
    before = time.time()
    assert main(["sign", *arguments, "--key-file", str(file)]) == 0
    after = time.time()
    out, err = capsys.readouterr()
    assert (out.count("\n"), err) == (1, "")
    url = asked.format(out.strip().removeprefix("https://h.example"))

    def status_at(moment: float) -> int:
        app = SignedURLMiddleware(answering([]), keys=read_keys(file), clock=lambda: moment)
        return ask(app, url, method=method).status

    assert status_at(before + seconds - 1) == 200
    assert status_at(after + seconds + 1) == 403


def test_a_mounted_application_is_told(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["/files/hls/a", "--prefix", "--mount", "/files", "--key-file", str(file)]
    assert main(["sign", *arguments]) == 0
    url = capsys.readouterr().out.strip()
    assert url.startswith("/files/~")
    app = SignedURLMiddleware(answering([]), keys=[KEY])
    assert ask(app, url.removeprefix("/files"), script_name="/files").status == 200


def test_the_command_is_there(file: Path) -> None:
    with process("sign", "/a", "--key-file", file) as run:
        assert run.end() == 0
        ((line,), errors) = run.rest()
    assert line.startswith("/a?signature=")
    assert errors == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        pytest.param([], "the following arguments are required: URL|PATH", id="nothing"),
        pytest.param(["/a"], "the following arguments are required: --key-file", id="no key"),
        pytest.param(["/a", "--key-file", "none"], "none: no such file or directory", id="file"),
        pytest.param(["a", "--key-file", "{}"], "A URL to sign is a path", id="no path"),
        pytest.param(
            ["/a", "--key-file", "{}", "--expires", "soon"],
            "A duration is a number of seconds, or such as 30m, 1h, 7d, not 'soon'.",
            id="no duration",
        ),
        pytest.param(
            ["/a", "--key-file", "{}", "--prefix", "/b/"], "A prefix is a folder", id="no folder"
        ),
        pytest.param(
            ["/a", "--key-file", "{}", "--method", "get"], "A method to sign is GET", id="no method"
        ),
        pytest.param(
            ["--key-file", "{}", "--prefix", "/a"],
            "the following arguments are required: URL|PATH",
            id="a URL that is taken for a folder",
        ),
    ],
)
def test_what_cannot_be_signed_is_one_sentence(
    file: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    assert main(["sign", *(argument.format(file) for argument in arguments)]) == MISUSED
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("wsgistream: ")
    assert sentence in err


def test_keys_that_everybody_may_read_are_refused(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.chmod(0o644)
    assert main(["sign", "/a", "--key-file", str(file)]) == MISUSED
    assert capsys.readouterr().err == (
        f"wsgistream: Every user of this machine can use the keys: chmod o= '{file}'.\n"
    )
