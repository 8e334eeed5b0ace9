"""``serve``: an application in a program of one's own."""

from __future__ import annotations

import re
import signal
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.processes import ask, children, is_refused
from tests.servers import Process, eventually, process
from wsgistream import CannotListen, serve

#: Answers with its path.
APP = """
import logging, os, signal, sys, threading
from wsgistream import serve

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{environ['SCRIPT_NAME']}|{environ['PATH_INFO']}|{os.getpid()}".encode("latin-1")]

"""

#: Where the programs of these tests listen: its name is known before they do.
SOCKET = "socket"


def app(environ: Any, start_response: Any) -> Any:
    raise AssertionError("Nobody is to be served.")


def program(code: str, folder: Path) -> Any:
    return process(script=("-c", APP + code), cwd=folder)


def answers(folder: Path, target: str = "/a", name: str = SOCKET) -> str:
    """Ask as soon as somebody listens."""
    path = str(folder / name)
    assert eventually(lambda: not is_refused(path))
    script, found, _ = ask(path, target).split("|")
    return f"{script}|{found}"


def stopped(run: Process, number: signal.Signals = signal.SIGTERM) -> int:
    run.signal(number)
    return run.end()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_a_signal_and_the_program_goes_on(
    tmp_path: Path, number: signal.Signals
) -> None:
    code = f"""
before = signal.getsignal(signal.SIGTERM)
serve(app, unix_socket={SOCKET!r})
assert signal.getsignal(signal.SIGTERM) is before
print("and on")
"""
    with program(code, tmp_path) as run:
        assert answers(tmp_path) == "|/a"
        assert re.fullmatch(r'localhost - - \[.*\] "GET /a HTTP/1.1" 200 .* complete', run.line())
        assert stopped(run, number) == 0
        assert run.rest() == (["and on"], [])
    assert not (tmp_path / SOCKET).exists()


def test_several_addresses_are_served_beside_a_unix_socket(tmp_path: Path) -> None:
    code = f"""
logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
serve(app, listen=["127.0.0.1:0", "127.0.0.1:0"], unix_socket={SOCKET!r}, log_format=None)
"""
    with program(code, tmp_path) as run:
        said = run.said()
        where = r"http://127\.0\.0\.1:(\d+)/"
        found = re.fullmatch(
            rf"wsgistream\.serving: Serving at {where} and {where} and unix:{SOCKET}", said
        )
        assert found is not None, said
        for port in found.groups():
            assert ask(("127.0.0.1", int(port)), "/b").startswith("|/b|")
        assert answers(tmp_path) == "|/a"
        assert stopped(run) == 0
        assert run.rest() == ([], [])


@pytest.mark.parametrize(("workers", "count"), [("2", 2), ("'auto'", 2)])
def test_workers_serve_and_are_replaced_at_a_hangup(
    tmp_path: Path, workers: str, count: int
) -> None:
    code = f"""
os.sched_getaffinity = lambda _: {{0, 1}}
serve(app, unix_socket={SOCKET!r}, workers={workers}, log_format="{{status}}")
print("and on")
"""
    with program(code, tmp_path) as run:
        assert answers(tmp_path) == "|/a"
        assert run.line() == "200"
        assert eventually(lambda: len(children(run.popen.pid)) == count)
        old = children(run.popen.pid)
        # The next one that answers to everybody is the sign that all serve.
        run.signal(signal.SIGHUP)
        assert eventually(
            lambda: len(children(run.popen.pid)) == count and not children(run.popen.pid) & old
        )
        assert answers(tmp_path) == "|/a"
        assert stopped(run) == 0
        assert run.rest() == (["200", "and on"], [])


def test_options_of_the_server_are_passed_on(tmp_path: Path) -> None:
    code = f"""
serve(app, unix_socket={SOCKET!r}, url_prefix="/x", stream_buffer=1000, log_format=None)
"""
    with program(code, tmp_path) as run:
        assert answers(tmp_path, "/x/a") == "/x|/a"
        assert stopped(run) == 0
        assert run.rest() == ([], [])


@pytest.mark.parametrize(
    ("configured", "out", "err"),
    [
        pytest.param("", ["200"], [], id="nothing"),
        pytest.param(
            "logging.basicConfig(level=logging.INFO, format='mine: %(message)s')",
            *([], ["mine: Serving at unix:socket", "mine: 200"]),
            id="everything",
        ),
        pytest.param(
            "own = logging.StreamHandler()\n"
            "own.setFormatter(logging.Formatter('own: %(message)s'))\n"
            "access = logging.getLogger('wsgistream.access'); access.addHandler(own)\n"
            "access.setLevel(logging.INFO)",
            *([], ["own: 200"]),
            id="the access log",
        ),
        pytest.param(
            "logging.getLogger('wsgistream.access').setLevel(logging.ERROR)",
            *([], []),
            id="that there is none",
        ),
    ],
)
def test_the_access_log_goes_where_the_program_says(
    tmp_path: Path, configured: str, out: list[str], err: list[str]
) -> None:
    """And what it has not said is as it was, for the next time as well."""
    code = f"""
{configured}
def state():
    loggers = [logging.root, *map(logging.getLogger, ("wsgistream.access", "waitress.queue"))]
    return [(each.level, each.propagate, list(each.handlers)) for each in loggers]
before = state()
for name in ("first", "second"):
    serve(app, unix_socket=name, log_format="{{status}}")
    assert state() == before
"""
    with program(code, tmp_path) as run:
        for name in ("first", "second"):
            assert answers(tmp_path, name=name) == "|/a"
            for line in out:
                assert run.line() == line
            for line in err:
                assert run.said() == line.replace("socket", name)
            run.signal(signal.SIGTERM)
        assert run.end() == 0
        assert run.rest() == ([], [])


def test_in_another_thread_no_signal_is_touched(tmp_path: Path) -> None:
    code = f"""
before = signal.getsignal(signal.SIGTERM)
options = {{"unix_socket": {SOCKET!r}, "log_format": "{{status}}"}}
threading.Thread(target=serve, args=(app,), kwargs=options, daemon=True).start()
signal.sigwait([signal.SIGUSR1])
assert signal.getsignal(signal.SIGTERM) is before
"""
    with program(
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])" + code, tmp_path
    ) as run:
        assert answers(tmp_path) == "|/a"
        assert run.line() == "200"
        assert stopped(run, signal.SIGUSR1) == 0
        assert run.rest() == ([], [])


def test_workers_in_another_thread_are_refused() -> None:
    refused: list[str] = []

    def try_it() -> None:
        with pytest.raises(ValueError, match="in the main thread") as error:
            serve(app, workers=2)
        refused.append(str(error.value))

    thread = threading.Thread(target=try_it)
    thread.start()
    thread.join()
    assert refused == ["Workers are looked after in the main thread, where signals are heard."]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        pytest.param({"listen": "8080"}, "listen: An address is HOST:PORT, such as", id="address"),
        pytest.param({"listen": ["a:1", "x"]}, "listen: An address is", id="one address of two"),
        pytest.param({"listen": []}, "There is nothing to listen on", id="no address"),
        pytest.param({"unix_socket": ""}, "unix_socket: The path of a Unix", id="no path"),
        pytest.param({"threads": 0}, "threads: This is a whole number from 1", id="threads"),
        pytest.param({"threads": 1.5}, "threads: .* not '1.5'", id="half a thread"),
        pytest.param({"workers": 0}, "workers: .* or auto, not '0'", id="no workers"),
        pytest.param({"workers": True}, "workers: .* or auto, not 'True'", id="what is no number"),
        pytest.param({"workers": "many"}, "workers: .* or auto, not 'many'", id="many workers"),
        pytest.param({"grace": -1}, "grace: This is a number of 0 or more", id="grace"),
        pytest.param({"log_format": "{x}"}, "log_format: A log format is", id="log format"),
        pytest.param({"url_prefx": "/x"}, "Unknown adjustment 'url_prefx'", id="a misspelling"),
        pytest.param({"port": 80}, "There is no option 'port'", id="what is said otherwise"),
        pytest.param({"connection_limit": None}, "These options cannot be: ", id="a bad value"),
    ],
)
def test_what_cannot_be_is_a_sentence(
    nothing_left: Callable[[], bool], options: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        serve(app, **options)
    assert nothing_left()


def test_what_cannot_be_called_is_no_application() -> None:
    with pytest.raises(ValueError, match="An application is something that can be called"):
        serve("application")  # type: ignore[arg-type]


def test_an_address_in_use_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(CannotListen, match=f"Cannot listen on {address}: it is in use"):
            serve(app, listen=address)
