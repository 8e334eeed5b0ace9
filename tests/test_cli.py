"""The command line, as a person or a service manager uses it."""

from __future__ import annotations

import gzip
import json
import os
import re
import signal
import socket
import stat
import sys
from collections.abc import Sequence
from configparser import ConfigParser
from pathlib import Path

import pytest

from tests.client import Answer
from tests.processes import children
from tests.servers import ROOT, Connection, Process, eventually, process
from wsgistream.cli import INTERRUPTED, MISUSED, main
from wsgistream.server.accounts import ACCESS

LOCAL = ("--listen", "127.0.0.1:0")
#: More than the system takes for a client that takes nothing.
BIG = 64 * 1024 * 1024


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.txt").write_text("hello")
    with (folder / "big").open("wb") as big:
        big.truncate(BIG)
    return folder


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("WSGISTREAM_")]:
        monkeypatch.delenv(name)


def fetch(port: int, path: str = "/a.txt") -> Answer:
    with Connection(("127.0.0.1", port)) as client:
        client.ask(path, "GET", "Connection: close")
        return client.answer()


def stopped(run: Process, number: signal.Signals = signal.SIGTERM) -> int:
    run.signal(number)
    return run.end()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(
    "script",
    [
        pytest.param(("-m", "wsgistream"), id="the package"),
        pytest.param(("-m", "wsgistream", "serve"), id="the command"),
        pytest.param((str(ROOT / "serve.py"),), id="the script"),
    ],
)
def test_it_serves_until_a_signal_and_ends_well(
    folder: Path, script: Sequence[str], number: signal.Signals
) -> None:
    with process(folder, *LOCAL, script=script) as run:
        said = run.said()
        port = re.fullmatch(
            rf"Serving {re.escape(str(folder))} at http://127\.0\.0\.1:(\d+)/ \(Ctrl\+C stops it\)",
            said,
        )
        assert port is not None, said
        assert fetch(int(port[1])).body == b"hello"
        assert re.fullmatch(
            r'127\.0\.0\.1 - - \[.*\] "GET /a\.txt HTTP/1\.1" 200 5 "-" "-" \d+\.\d{3} complete',
            run.line(),
        )
        assert stopped(run, number) == 0
        assert run.rest() == ([], [])


def test_by_default_it_serves_the_current_folder(folder: Path) -> None:
    with process(*LOCAL, cwd=folder) as run:
        assert fetch(run.port()).body == b"hello"


def test_settings_come_from_the_environment_and_the_command_line_beats_them(folder: Path) -> None:
    environ = {
        "WSGISTREAM_ROOT": str(folder),
        "WSGISTREAM_LISTEN": "127.0.0.1:0",
        "WSGISTREAM_PREFIX": "/environment",
        "WSGISTREAM_HEADER": "X-A: 1",
    }
    with process("--prefix", "/my files/é", environ=environ) as run:
        said = run.said()
        assert said.split()[3].endswith("/my%20files/%C3%A9/")
        port = int(re.findall(r":(\d+)/", said)[0])
        assert fetch(port, "/my%20files/%C3%A9/a.txt")["x-a"] == "1"
        assert fetch(port, "/environment/a.txt").status == 404


def test_a_download_that_the_client_leaves_is_aborted_in_the_log(folder: Path) -> None:
    with process(folder, *LOCAL, "--log-format", "json") as run:
        with Connection(("127.0.0.1", run.port())) as client:
            client.ask("/big", "GET", 'User-Agent: a\xe9"b')
            assert client.read(8) == b"HTTP/1.1"
            client.reset()
        line = json.loads(run.line())
        assert (line["aborted"], line["status"], line["agent"]) == (True, 200, 'a\xe9"b')
        assert line["sent"] < BIG
        assert stopped(run) == 0
        assert run.rest() == ([], [])


def test_a_listing_and_a_range_are_logged_with_the_bytes_of_their_bodies(folder: Path) -> None:
    with process(folder, *LOCAL, "--log-format", "{status} {sent} {end}") as run:
        port = run.port()
        listing = fetch(port, "/")
        assert b"a.txt" in listing.body
        assert run.line() == f"200 {len(listing.body)} complete"
        with Connection(("127.0.0.1", port)) as client:
            client.ask("/a.txt", "GET", "Range: bytes=1-3")
            assert client.answer().body == b"ell"
            assert run.line() == "206 3 complete"
            client.ask("/none", "HEAD")
            assert client.answer("HEAD").status == 404
            assert run.line() == "404 0 complete"


def test_a_request_cannot_forge_a_line_of_the_log(folder: Path) -> None:
    with process(folder, *LOCAL) as run:
        with Connection(("127.0.0.1", run.port())) as client:
            client.send(b'GET /"\x1b[2J HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
            assert client.answer().status == 404
        assert r'"GET /\x22\x1b[2J HTTP/1.1" 404' in run.line()


@pytest.mark.parametrize(
    ("trusted", "client"),
    [
        pytest.param((), "127.0.0.1", id="nobody is believed"),
        pytest.param(("--trusted-proxy", "127.0.0.1"), "10.1.2.3", id="a trusted proxy is"),
        pytest.param(("--trusted-proxy", "127.0.0.2"), "127.0.0.1", id="another is not"),
    ],
)
def test_the_client_is_whom_a_trusted_proxy_names(
    folder: Path, trusted: tuple[str, ...], client: str
) -> None:
    with process(folder, *LOCAL, *trusted, "--log-format", "{client}") as run:
        with Connection(("127.0.0.1", run.port())) as connection:
            connection.ask("/a.txt", "GET", "X-Forwarded-For: 10.1.2.3", "X-Forwarded-Proto: https")
            assert connection.answer().body == b"hello"
        assert run.line() == client
        assert stopped(run) == 0


def test_nothing_is_logged_when_it_is_to_be_quiet(folder: Path) -> None:
    with process(folder, *LOCAL, "--quiet") as run:
        assert fetch(run.port()).body == b"hello"
        assert stopped(run) == 0
        assert run.rest() == ([], [])


def test_as_many_threads_answer_as_asked_for_and_none_complains_of_the_queue(
    folder: Path,
) -> None:
    with process(folder, *LOCAL, "--threads", "1", "--quiet") as run:
        with Connection(("127.0.0.1", run.port())) as client:
            threads = os.listdir(f"/proc/{run.popen.pid}/task")
            assert len(threads) == 2  # and the one that all began with
            client.send(b"GET /a.txt HTTP/1.1\r\nHost: a\r\n\r\n" * 10)
            assert [client.answer().body for _ in range(10)] == [b"hello"] * 10
        assert stopped(run) == 0
        assert run.rest() == ([], [])


def test_a_running_download_is_finished_after_a_signal(folder: Path) -> None:
    with process(folder, *LOCAL, "--log-format", "{sent} {end}", "--grace", "100") as run:
        port = run.port()
        with Connection(("127.0.0.1", port)) as idle, Connection(("127.0.0.1", port)) as client:
            client.ask("/big")
            assert client.read(8) == b"HTTP/1.1"
            run.signal(signal.SIGTERM)
            assert idle.rest() == b""
            with socket.socket() as late:
                assert late.connect_ex(("127.0.0.1", port)) != 0
            assert len(client.rest()) > BIG
        assert run.end() == 0
        assert run.rest() == ([f"{BIG} complete"], [])


@pytest.mark.parametrize(
    ("grace", "second"),
    [
        pytest.param("0.1", False, id="when the grace has run out"),
        pytest.param("1000", True, id="at a second signal"),
    ],
)
def test_a_download_that_does_not_end_is_cut(folder: Path, grace: str, second: bool) -> None:
    with process(folder, *LOCAL, "--log-format", "{end}", "--grace", grace) as run:
        port = run.port()
        with Connection(("127.0.0.1", port)) as idle, Connection(("127.0.0.1", port)) as client:
            client.ask("/big")
            assert client.read(8) == b"HTTP/1.1"
            run.signal(signal.SIGTERM)
            assert idle.rest() == b""
            if second:
                run.signal(signal.SIGINT)
            assert run.end() == 0
            assert len(client.rest()) < BIG
        assert run.rest() == (["aborted"], [])


def test_a_unix_socket_alone_is_enough_and_is_removed_in_the_end(
    folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "socket"
    with process(folder, "--unix-socket", path) as run:
        assert run.said() == f"Serving {folder} at unix:{path} (Ctrl+C stops it)"
        with Connection(str(path)) as client:
            client.ask("/a.txt")
            assert client.answer().body == b"hello"
        assert run.line().startswith("localhost - - ")
        with process(folder, "--unix-socket", path) as second:
            assert second.end() == MISUSED
            assert second.rest() == (
                [],
                [f"wsgistream: Cannot listen on {path}: it is in use already."],
            )
        assert stopped(run) == 0
        assert run.rest() == ([], [])
    assert not path.exists()


def test_a_unix_socket_that_was_left_behind_is_reused_and_one_that_is_gone_is_no_fault(
    folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "socket"
    with process(folder, "--unix-socket", path) as killed:
        assert "unix:" in killed.said()
        assert stopped(killed, signal.SIGKILL) == -signal.SIGKILL
    assert stat.S_ISSOCK(path.stat().st_mode)
    with process(folder, "--unix-socket", path) as run:
        assert "unix:" in run.said()
        path.unlink()
        assert stopped(run) == 0
        assert run.rest() == ([], [])


def test_addresses_and_a_unix_socket_are_served_together_and_all_are_named(
    folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "socket"
    with process(folder, *LOCAL, *LOCAL, "--unix-socket", path, "--prefix", "/x") as run:
        said = run.said()
        found = re.search(r" at http://\S+:(\d+)/x/ and http://\S+:(\d+)/x/ and unix:(\S+) ", said)
        assert found is not None, said
        assert found[3] == str(path)
        for address in (("127.0.0.1", int(found[1])), ("127.0.0.1", int(found[2])), str(path)):
            with Connection(address) as client:
                client.ask("/x/a.txt")
                assert client.answer().body == b"hello"
        assert stopped(run) == 0
    assert not path.exists()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_address_is_opened_in_a_browser_that_waits_for_the_page(
    folder: Path, tmp_path: Path, workers: str
) -> None:
    browser = tmp_path / "browser"
    browser.write_text(
        f"#!{sys.executable}\nimport sys, urllib.request\nurllib.request.urlopen(sys.argv[1])\n"
    )
    browser.chmod(0o755)
    environ = {"BROWSER": str(browser), "no_proxy": "*"}
    log = ("--log-format", "{request} {agent}")
    options = ("--open", "--prefix", "/x", "--workers", workers, *log)
    with process(folder, *LOCAL, *options, environ=environ) as run:
        assert run.port()
        assert run.line().startswith("GET /x/ HTTP/1.1 Python-urllib/")
        assert stopped(run) == 0


@pytest.mark.parametrize("workers", ["2", "auto"])
def test_several_processes_serve_and_are_one_server_to_everybody(
    folder: Path, workers: str
) -> None:
    count = 2 if workers == "2" else len(os.sched_getaffinity(0))
    environ = {"WSGISTREAM_WORKERS": workers}
    with process(folder, *LOCAL, "--log-format", "{status} {sent}", environ=environ) as run:
        said = run.said()
        assert re.fullmatch(rf"Serving {folder} at http://\S+ \(Ctrl\+C stops it\)", said)
        assert len(children(run.popen.pid)) == (count if count > 1 else 0)
        port = int(re.findall(r":(\d+)/", said)[0])
        for _ in range(4):
            assert fetch(port).body == b"hello"
            assert run.line() == "200 5"
        assert stopped(run) == 0
        assert run.rest() == ([], [])


def test_several_processes_count_together_in_a_folder_that_does_not_stay(
    folder: Path, tmp_path: Path
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    options = (*LOCAL, "--metrics", "--workers", "2", "--quiet")
    with process(folder, *options, environ={"TMPDIR": str(temporary)}) as run:
        port = run.port()
        for _ in range(6):
            assert fetch(port).body == b"hello"
        counted = b'wsgistream_requests_total{method="GET",status="200"} 6.0'
        assert all(eventually(lambda: counted in fetch(port, "/metrics").body) for _ in range(6))
        assert len(list(temporary.iterdir())) == 1
        assert stopped(run) == 0
        assert run.rest() == ([], [])
    assert not list(temporary.iterdir())


def test_the_folder_in_which_processes_count_can_be_given(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "counts").mkdir()
    environ = {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "counts")}
    with process(folder, *LOCAL, "--metrics", "--workers", "2", environ=environ) as run:
        assert fetch(run.port()).body == b"hello"
        assert stopped(run) == 0
    assert list((tmp_path / "counts").iterdir())


def test_a_password_a_rate_and_compression_are_switched_on(folder: Path, tmp_path: Path) -> None:
    (folder / "b.txt").write_text("the same again " * 1000)
    (tmp_path / "users").write_text("ann:{SHA}GpHWL3ymc5liWkNopqtdSjuqYHM=\n")
    options = ("--auth-file", tmp_path / "users", "--throttle", "1M", "--compress")
    with process(folder, *LOCAL, *options, "--quiet") as run:
        with Connection(("127.0.0.1", run.port())) as client:
            client.ask("/b.txt")
            assert client.answer().status == 401
            client.ask("/b.txt", "GET", "Authorization: Basic YW5uOnB3", "Accept-Encoding: gzip")
            answer = client.answer()
            assert (answer.status, answer["content-encoding"]) == (200, "gzip")
            assert gzip.decompress(answer.body) == (folder / "b.txt").read_bytes()
            client.ask("/big", "GET", "Authorization: Basic YW5uOnB3", "Range: bytes=-5")
            assert client.answer().body == bytes(5)
        assert stopped(run) == 0
        assert run.rest() == ([], [])


def test_a_reload_looks_anew_at_what_is_served(folder: Path, tmp_path: Path) -> None:
    """What was a folder may be a file; where there is nothing, the old one goes on."""
    root = tmp_path / "root"
    root.symlink_to(folder)
    with process(root, *LOCAL, "--workers", "2", "--quiet") as run:
        port = run.port()
        assert fetch(port).body == b"hello"
        root.unlink()
        run.signal(signal.SIGHUP)
        assert run.said() == (
            "wsgistream: The reload is given up, and those that serve go on: "
            f"There is no file or folder '{root}'."
        )
        root.write_text("a file")
        run.signal(signal.SIGHUP)
        assert eventually(lambda: fetch(port, "/").body == b"a file")
        assert stopped(run) == 0
        assert run.rest() == ([], [])


def test_several_processes_that_have_nothing_to_serve_are_one_sentence(tmp_path: Path) -> None:
    with process(tmp_path / "none", *LOCAL, "--workers", "2") as run:
        assert run.end() == MISUSED
        sentence = f"wsgistream: There is no file or folder '{tmp_path / 'none'}'."
        assert run.rest() == ([], [sentence])


def test_several_processes_that_have_no_users_are_one_sentence(folder: Path) -> None:
    with process(folder, *LOCAL, "--workers", "2", "--auth-file", "none") as run:
        assert run.end() == MISUSED
        sentence = "wsgistream: 'none' cannot be used: No such file or directory."
        assert run.rest() == ([], [sentence])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        pytest.param(["none"], "There is no file or folder 'none'.", id="no folder"),
        pytest.param([""], "There is no file or folder ''.", id="an empty name"),
        pytest.param(["--listen", "nowhere"], "An address is HOST:PORT, such as", id="no address"),
        pytest.param(["--listen", "a..b:1"], "There is no address for the host 'a..b'.", id="host"),
        pytest.param(["--listen", "192.0.2.1:0"], "cannot assign requested", id="a foreign host"),
        pytest.param(["--threads", "none"], "a whole number from 1 to 1000", id="threads"),
        pytest.param(["--threads", "999999999"], "a whole number from 1 to 1000", id="too many"),
        pytest.param(
            ["--workers", "0"],
            "argument --workers: This is a whole number from 1 to 1000, or auto, not '0'.",
            id="workers",
        ),
        pytest.param(["--grace", "forever"], "a number of 0 or more", id="grace"),
        pytest.param(["--prefix", "x"], "A prefix is a path such as /files", id="prefix"),
        pytest.param(["--header", "x"], "A header is 'NAME: VALUE'", id="header"),
        pytest.param(["--header", "Date: x"], "Date is made from the file", id="a header of ours"),
        pytest.param(["--cache-control", "a\nb"], "character that no header may", id="cache"),
        pytest.param(["--log-format", "{x}"], "A log format is combined", id="log format"),
        pytest.param(["--auth-file", "none"], "'none' cannot be used: No such", id="no users"),
        pytest.param(["--auth-file", __file__], "is no file of users: ", id="no file of users"),
        pytest.param(["--sign-key-file", "none"], "'none' cannot be used: No such", id="no keys"),
        pytest.param(["--sign-key-file", __file__], "chmod o= ", id="keys for everybody"),
        pytest.param(["--throttle", "0"], "A size is above zero, such as", id="no bytes at all"),
        pytest.param(["--unix-socket", ""], "is not empty", id="an empty path"),
        pytest.param(["--unix-socket", "no/such/folder"], "no such file or directory", id="path"),
        pytest.param(["--unix-socket", "x", "--open"], "needs a --listen", id="nothing to open"),
        pytest.param(["--no-such"], "unrecognized arguments: --no-such", id="no such option"),
        pytest.param(["--no\nsuch\x1b[2J"], r"--no\nsuch\x1b[2J", id="what commands a terminal"),
        pytest.param(["compress"], "the following arguments are required: DIR", id="compress what"),
        pytest.param(["compress", "none"], "There is no folder 'none'.", id="compress nothing"),
        pytest.param(["compress", ".", "--encoding", "x"], "invalid choice: 'x'", id="encoding"),
    ],
)
def test_what_cannot_be_is_one_sentence_and_a_status(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    sentence: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WSGISTREAM_CHECK", "1")  # what is not refused would serve for ever
    assert main(arguments) == MISUSED
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("wsgistream: ")
    assert sentence in err
    assert not list(tmp_path.iterdir())


def test_a_bad_variable_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WSGISTREAM_THREADS", "none")
    assert main([str(tmp_path)]) == MISUSED
    assert capsys.readouterr().err == (
        "wsgistream: WSGISTREAM_THREADS in the environment: argument --threads: "
        "This is a whole number from 1 to 1000, not 'none'.\n"
    )


@pytest.mark.parametrize("script", [("-m", "wsgistream"), (str(ROOT / "serve.py"),)])
def test_a_port_in_use_is_one_sentence_and_never_a_traceback(
    folder: Path, script: Sequence[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        with process(folder, "--listen", address, script=script) as run:
            assert run.end() == MISUSED
            assert run.rest() == (
                [],
                [f"wsgistream: Cannot listen on {address}: it is in use already."],
            )


def test_the_settings_can_be_tried_and_nothing_is_served(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "socket"
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        taken = ["--listen", f"127.0.0.1:{port}"]
        assert main([str(folder), "--check", *taken]) == MISUSED
        assert "it is in use already" in capsys.readouterr().err
    assert main([str(folder), "--check", *taken, "--unix-socket", str(path)]) == 0
    urls = f"http://127.0.0.1:{port}/ and unix:{path}"
    assert capsys.readouterr() == (
        "",
        f"The settings are fine. They would serve {folder} at {urls}\n",
    )
    assert not path.exists()
    with socket.socket() as client:
        assert client.connect_ex(("127.0.0.1", port)) != 0


def test_too_few_descriptors_are_one_sentence(folder: Path) -> None:
    """Enough to begin, and not to listen at all of these."""
    limited = "import resource as r; r.setrlimit(r.RLIMIT_NOFILE, (40, 40));"
    code = f"{limited} from wsgistream.cli import main; raise SystemExit(main())"
    with process(folder, *(LOCAL * 50), script=("-c", code)) as run:
        assert run.end() == MISUSED
        out, (said,) = run.rest()
        assert out == []
        assert said.startswith("wsgistream: ")
        assert said.endswith("too many open files.")


def test_a_failure_of_the_system_that_names_no_file_is_one_sentence(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def no_pipe() -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(os, "pipe", no_pipe)
    assert main([str(folder), *LOCAL]) == MISUSED
    assert ACCESS.handlers == []  # what never began leaves no log open
    assert capsys.readouterr().err == "wsgistream: too many open files\n"


def test_the_help_is_given_on_the_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--help"], *([name, "--help"] for name in ("serve", "compress", "sign"))):
        with pytest.raises(SystemExit) as end:
            main(arguments)
        assert end.value.code == 0
        out, err = capsys.readouterr()
        assert out.startswith("usage: wsgistream ")
        assert err == ""


def test_arguments_are_those_of_the_program_by_default(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["wsgistream", str(folder), *LOCAL, "--check"])
    assert main() == 0
    assert str(folder) in capsys.readouterr().err


def test_siblings_are_written_and_the_saving_is_told(folder: Path) -> None:
    text = b"the same again and again " * 100
    (folder / "b.txt").write_bytes(text)
    with process("compress", folder, "--encoding", "gzip") as run:
        assert run.end() == 0
        out, (first, last) = run.rest()
    sibling = folder / "b.txt.gz"
    size = sibling.stat().st_size
    assert gzip.decompress(sibling.read_bytes()) == text
    assert out == []
    assert first == f"{sibling}: 2,500 to {size:,} bytes"
    assert last == f"1 files written, {2500 - size:,} bytes saved where they are served"


def test_a_name_cannot_command_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = os.fsdecode(b"\x1b[2J\n\xff\xc3\xa9.txt")
    (tmp_path / name).write_bytes(b"the same " * 100)
    assert main(["compress", str(tmp_path), "--encoding", "gzip"]) == 0
    assert (
        capsys.readouterr()
        .err.splitlines()[0]
        .startswith(rf"{tmp_path}/\x1b[2J\n\udcffé.txt.gz: 900 to ")
    )


def test_a_missing_library_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "brotli", None)
    assert main(["compress", str(tmp_path), "--encoding", "br"]) == MISUSED
    assert capsys.readouterr().err == (
        "wsgistream: The encoding br needs a library: pip install 'wsgistream[compress]'.\n"
    )


def test_a_file_that_cannot_be_written_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.txt").write_bytes(b"the same " * 100)
    (tmp_path / "a.txt.gz").mkdir()
    os.utime(tmp_path / "a.txt", (0, 0))
    assert main(["compress", str(tmp_path), "--encoding", "gzip"]) == MISUSED
    err = capsys.readouterr().err
    assert err.startswith(f"wsgistream: {tmp_path}/")
    assert err.endswith("is a directory\n")


def test_the_compression_can_be_interrupted_and_nothing_half_done_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.txt").write_bytes(b"the same " * 100)

    def interrupt(source: str, target: str) -> None:
        raise KeyboardInterrupt  # as Ctrl+C does, at the worst of moments

    monkeypatch.setattr("wsgistream.compress.os.replace", interrupt)
    assert main(["compress", str(tmp_path), "--encoding", "gzip"]) == INTERRUPTED
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_the_command_is_installed_by_its_name() -> None:
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg")
    scripts = setup["options.entry_points"]["console_scripts"]
    assert scripts.split() == ["wsgistream", "=", f"{main.__module__}:{main.__name__}"]
