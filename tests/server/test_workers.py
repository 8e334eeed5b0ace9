"""Processes that serve the same sockets, as they come, die, are replaced and end."""

from __future__ import annotations

import errno
import os
import re
import resource
import signal
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.processes import (
    CLIENTS,
    ask,
    children,
    connection_to,
    is_alive,
    is_refused,
    load,
)
from tests.servers import Process, eventually, process
from wsgistream.server.worker import fork

#: More than the system takes for a client that takes nothing.
BIG = 20 * 1024 * 1024
#: Seconds that no test waits for.
LONG = 1000

#: A program that serves what a file beside it makes, and tells what it is told.
PROGRAM = """
import logging, os, sys
from pathlib import Path
from wsgistream.server.run import Server
from wsgistream.server.sockets import bind, url_of
from wsgistream.server.workers import CannotStart, Workers

def make(place):
    names = {"sockets": sockets, "Server": Server, "grace": grace}
    exec((folder / "factory.py").read_text(), names)
    return names["server"]

def greet():
    print(" ".join(str(sock.getsockname()[1]) for sock in sockets[:1]), flush=True)

folder, count, grace = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
logging.basicConfig(format="%(message)s")
logging.getLogger("waitress.queue").setLevel(logging.ERROR)
sockets = bind([("127.0.0.1", 0)], sys.argv[4] if sys.argv[4:] else None)
exec(os.environ.get("BEFORE", ""))
try:
    Workers(make, sockets, count=count, grace=grace, greet=greet).run()
except CannotStart as error:
    raise SystemExit(str(error))
assert all(sock.fileno() == -1 for sock in sockets)
"""

#: Answers with a text; with its process at ``/process``; with very much at ``/big``.
FACTORY = """
import os

def app(environ, start_response):
    size, path = {BIG}, environ["PATH_INFO"]
    body = {{"/big": [bytes(65536)] * (size // 65536), "/process": [b"%d" % os.getpid()]}}
    answer = body.get(path, [b"%s %d" % ({TEXT!r}.encode(), os.getpid())])
    start_response("200 OK", [("Content-Length", str(sum(map(len, answer))))])
    return iter(answer)

server = Server(app, sockets, grace=grace)
"""


def put_factory(folder: Path, text: str = "one", code: str = "") -> None:
    """Have the next worker answer with a text; or do something else."""
    (folder / "new").write_text(code or FACTORY.format(TEXT=text, BIG=BIG))
    os.replace(folder / "new", folder / "factory.py")


@dataclass
class Started:
    """The program as it runs."""

    process: Process
    folder: Path
    port: int = 0

    @property
    def parent(self) -> int:
        return self.process.popen.pid

    @property
    def address(self) -> tuple[str, int]:
        return ("127.0.0.1", self.port)

    def workers(self) -> set[int]:
        return children(self.parent)

    def signal(self, number: signal.Signals) -> None:
        self.process.signal(number)

    def make(self, text: str = "one", code: str = "") -> None:
        put_factory(self.folder, text, code)

    def is_replaced(self, old: set[int], but: Collection[int] = ()) -> bool:
        """Wait until there are as many others in the place of these; ``but`` may stay."""

        def ask() -> bool:
            new = self.workers().difference(old, but)
            return len(new) == len(old) and not self.workers() & old.difference(but)

        return eventually(ask)


@contextmanager
def program(
    folder: Path, count: int = 2, grace: float = LONG, *more: str, before: str = ""
) -> Iterator[Started]:
    """Run the program, and end it and its workers in the end."""
    script = folder / "program.py"
    script.write_text(PROGRAM)
    arguments = (str(folder), str(count), str(grace), *more)
    with process(*arguments, script=(str(script),), environ={"BEFORE": before}) as run:
        started = Started(run, folder)
        try:
            yield started
        finally:
            left = started.workers()
            run.popen.kill()
            for worker in left:
                with suppress(ProcessLookupError):
                    os.kill(worker, signal.SIGKILL)


@contextmanager
def serving(folder: Path, count: int = 2, *more: str) -> Iterator[Started]:
    """Run the program until it serves."""
    put_factory(folder)
    with program(folder, count, LONG, *more) as run:
        run.port = int(run.process.line())
        yield run


def ended(run: Started, number: signal.Signals = signal.SIGTERM) -> int:
    run.signal(number)
    return run.process.end()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_each_of_the_workers_answers_and_a_signal_ends_them_all(
    tmp_path: Path, number: signal.Signals
) -> None:
    with serving(tmp_path, 3) as run:
        workers = run.workers()
        assert len(workers) == 3
        for worker in workers:
            with connection_to(run.address, worker) as client:
                client.ask()
                assert client.answer().body == b"one %d" % worker
        assert ended(run, number) == 0
        assert not [worker for worker in workers if is_alive(worker)]
        assert is_refused(run.address)
        assert run.process.rest() == ([], [])


def test_one_that_is_killed_loses_its_own_connections_and_is_replaced(tmp_path: Path) -> None:
    with serving(tmp_path) as run:
        first, second = old = sorted(run.workers())
        with connection_to(run.address, first) as lost, connection_to(run.address, second) as kept:
            with load(run.address) as clients:
                os.kill(first, signal.SIGKILL)
                assert lost.rest() == b""
                assert eventually(lambda: len(run.workers()) == 2)
                assert clients.goes_on()
            assert len(clients.failures) <= CLIENTS
            kept.ask()
            assert kept.answer().body == b"one %d" % second
            (third,) = run.workers() - set(old)
            with connection_to(run.address, third):
                pass
        assert (
            run.process.said() == f"Worker {first} was ended by signal 9; another takes its place."
        )
        assert ended(run) == 0
        assert run.process.rest() == ([], [])


def said_until(run: Started, end: str) -> list[str]:
    """The lines on the standard error up to one that ends so."""
    lines = [run.process.said()]
    while not lines[-1].endswith(end):
        lines.append(run.process.said())
    return lines


def test_those_that_cannot_serve_are_started_again_and_again(tmp_path: Path) -> None:
    """Later and later, which the table of the back-off tells."""
    with serving(tmp_path) as run:
        run.make(code="raise SystemExit('There is no application.')")
        os.kill(min(run.workers()), signal.SIGKILL)
        assert "was ended by signal 9" in run.process.said()
        for _ in range(2):
            lines = said_until(run, "A worker cannot start: SystemExit: There is no application.")
            assert lines[:2] == [
                "The application cannot be made.",
                "Traceback (most recent call last):",
            ]
        assert ask(run.address).startswith("one")
        run.make("two")
        assert eventually(lambda: ask(run.address).startswith("two"))
        assert ended(run) == 0


def test_one_that_fails_while_it_serves_says_why_and_is_replaced(tmp_path: Path) -> None:
    with serving(tmp_path) as run:
        run.make(
            code="class server:\n    def run(): raise OSError(5, 'The disk is broken.')\n"
            "    def stop(): pass"
        )
        os.kill(min(run.workers()), signal.SIGKILL)
        assert "was ended by signal 9" in run.process.said()
        lines = said_until(run, " ended with status 1; another takes its place.")
        assert "OSError: [Errno 5] The disk is broken." in lines
        run.make("two")
        assert eventually(lambda: ask(run.address).startswith("two"))
        assert ended(run) == 0


@pytest.mark.parametrize("kept", [False, True], ids=["new connections", "kept connections"])
def test_a_reload_loses_no_request_and_no_download(tmp_path: Path, kept: bool) -> None:
    with serving(tmp_path) as run:
        old = run.workers()
        downloads = [connection_to(run.address, worker) for worker in old]
        for download in downloads:
            download.ask("/big")
            assert download.read(8) == b"HTTP/1.1"
        with load(run.address, kept=kept) as clients:
            for number in range(1, 4):
                run.make(str(number))
                before = run.workers()
                run.signal(signal.SIGHUP)
                assert run.is_replaced(before - old or old, but=old)
                assert clients.are_told(str(number))
        assert clients.failures == []
        assert old <= run.workers()  # they wait for their clients
        for download in downloads:
            assert len(download.rest()) > BIG
            download.__exit__()
        assert eventually(lambda: not old & run.workers())
        assert ask(run.address).startswith("3 ")
        assert ended(run) == 0
        assert run.process.rest() == ([], [])


def test_reloads_that_come_one_upon_the_other_end_with_the_last(tmp_path: Path) -> None:
    with serving(tmp_path) as run:
        old = run.workers()
        with load(run.address) as clients:
            for number in range(20):
                run.make(f"text-{number}")
                run.signal(signal.SIGHUP)
            assert eventually(lambda: not run.workers() & old and len(run.workers()) == 2)
            assert eventually(lambda: "text-19" in {ask(run.address).split()[0] for _ in range(4)})
            assert clients.goes_on()
        assert clients.failures == []
        assert ended(run) == 0


@pytest.mark.parametrize(
    ("code", "why"),
    [
        pytest.param(
            "raise ValueError('There is no text.')", r"There is no text\.", id="with a sentence"
        ),
        pytest.param(
            "open('no/such/file')", r"FileNotFoundError: .* 'no/such/file'", id="for the system"
        ),
        pytest.param(
            "import os; os.kill(os.getpid(), 9)",
            r"worker \d+ was ended by signal 9\.",
            id="without a word",
        ),
    ],
)
def test_a_reload_that_cannot_be_is_given_up_and_the_old_ones_go_on(
    tmp_path: Path, code: str, why: str
) -> None:
    with serving(tmp_path) as run:
        old = run.workers()
        run.make(code=code)
        run.signal(signal.SIGHUP)
        given_up = "The reload is given up, and those that serve go on: "
        assert re.fullmatch(given_up + why, run.process.said())
        assert ask(run.address).startswith("one")
        assert old == run.workers()
        run.make("two")
        run.signal(signal.SIGHUP)
        assert run.is_replaced(old)
        assert ask(run.address).startswith("two")
        assert ended(run) == 0
        assert run.process.rest() == ([], [])


def test_the_word_of_the_dead_is_not_waited_for(tmp_path: Path) -> None:
    """A process that it has left behind may hold what it would have spoken by."""
    left = tmp_path / "left"
    with serving(tmp_path) as run:
        run.make(
            code="import os, pathlib, time\nif os.fork(): os._exit(3)\n"
            f"pathlib.Path({str(left)!r}).write_text(f'{{os.getpid()}}.')\ntime.sleep(1000)"
        )
        run.signal(signal.SIGHUP)
        assert eventually(lambda: left.exists() and left.read_text().endswith("."))
        try:
            said = run.process.said()
            assert said.endswith(" ended with status 3."), said
            assert ask(run.address).startswith("one")
        finally:
            os.kill(int(left.read_text()[:-1]), signal.SIGKILL)
        assert ended(run) == 0


def test_running_downloads_are_finished_after_a_signal(tmp_path: Path) -> None:
    with serving(tmp_path) as run:
        workers = run.workers()
        downloads = [connection_to(run.address, worker) for worker in workers]
        for download in downloads:
            download.ask("/big")
            assert download.read(8) == b"HTTP/1.1"
        with load(run.address):
            run.signal(signal.SIGTERM)
            assert eventually(lambda: is_refused(run.address))
        assert run.workers() == workers
        for download in downloads:
            assert len(download.rest()) > BIG
            download.__exit__()
        assert run.process.end() == 0
        assert run.process.rest() == ([], [])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_that_everybody_is_sent_cuts_nothing(
    tmp_path: Path, number: signal.Signals
) -> None:
    """So does a terminal, and a service manager; the parent tells its workers as well."""
    with serving(tmp_path) as run:
        worker = min(run.workers())
        with connection_to(run.address, worker) as download:
            download.ask("/big")
            assert download.read(8) == b"HTTP/1.1"
            # The parent first, so that no death is news to it.
            for each in (run.parent, *run.workers()):
                with suppress(ProcessLookupError):  # one that has nothing to do is gone already
                    os.kill(each, number)
            if number == signal.SIGHUP:
                assert eventually(lambda: len(run.workers()) == 3)
                run.signal(signal.SIGTERM)
            assert eventually(lambda: is_refused(run.address))
            assert len(download.rest()) > BIG
        assert run.process.end() == 0
        assert run.process.rest() == ([], [])


def test_a_second_signal_ends_at_once(tmp_path: Path) -> None:
    with serving(tmp_path) as run:
        workers = run.workers()
        downloads = [connection_to(run.address, worker) for worker in workers]
        for download in downloads:
            download.ask("/big")
            assert download.read(8) == b"HTTP/1.1"
        run.signal(signal.SIGTERM)
        assert eventually(lambda: is_refused(run.address))
        assert ended(run, signal.SIGINT) == 0
        for download in downloads:
            assert len(download.rest()) < BIG
            download.__exit__()
        assert not [worker for worker in workers if is_alive(worker)]
        assert run.process.rest() == ([], [])


#: Serves nothing, and listens to nobody.
DEAF = """
import signal, time
class server:
    def run():
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGQUIT])
        while True:
            time.sleep(1000)
    def stop(): pass
"""


@pytest.mark.parametrize(
    ("grace", "signals"),
    [
        pytest.param(0, 1, id="when its time is over"),
        pytest.param(LONG, 2, id="after a second signal"),
    ],
)
def test_one_that_does_not_listen_is_killed(tmp_path: Path, grace: float, signals: int) -> None:
    path = tmp_path / "socket"
    patience = "from wsgistream.server import workers; workers.MOMENT = 0.1"
    put_factory(tmp_path, code=DEAF)
    with program(tmp_path, 2, grace, str(path), before=patience) as run:
        assert run.process.line()
        for _ in range(signals):
            run.signal(signal.SIGTERM)
            assert eventually(lambda: not path.exists())
        assert run.process.end() == 0
        assert run.process.rest() == ([], [])


def test_without_their_parent_workers_finish_what_is_running_and_end(tmp_path: Path) -> None:
    with serving(tmp_path) as run:
        workers = run.workers()
        with connection_to(run.address, min(workers)) as download:
            download.ask("/big")
            assert download.read(8) == b"HTTP/1.1"
            run.signal(signal.SIGKILL)
            assert eventually(lambda: is_refused(run.address))
            assert len(download.rest()) > BIG
        assert eventually(lambda: not [worker for worker in workers if is_alive(worker)])


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        pytest.param("raise ValueError('There is no text.')", "There is no text.", id="sentence"),
        pytest.param("1 / 0", "ZeroDivisionError: division by zero", id="a mistake"),
    ],
)
def test_if_none_can_serve_that_is_the_end(tmp_path: Path, code: str, sentence: str) -> None:
    put_factory(tmp_path, code=code)
    with program(tmp_path) as run:
        assert run.process.end() == 1
        out, said = run.process.rest()
        assert (out, said[-1]) == ([], sentence)
        assert ("Traceback (most recent call last):" in said) is ("Error" in sentence)


def test_without_room_for_all_none_serves(tmp_path: Path) -> None:
    """There are descriptors for the first worker, and not for the second."""
    few = "import resource as r; n = len(os.listdir('/proc/self/fd')) + 5\n"
    put_factory(tmp_path)
    with program(tmp_path, before=few + "r.setrlimit(r.RLIMIT_NOFILE, (n, n))") as run:
        assert run.process.end() == 1
        assert run.process.rest()[1][-1] == "too many open files."


def test_a_fork_that_fails_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch, nothing_left: Callable[[], bool]
) -> None:
    def fail() -> int:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", fail)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    with pytest.raises(BlockingIOError):
        fork(lambda: pytest.fail("there is no worker"), 0, ())
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == mask
    assert nothing_left()


def test_without_room_for_another_the_others_serve_until_there_is(tmp_path: Path) -> None:
    with serving(tmp_path) as run:
        limits = resource.prlimit(run.parent, resource.RLIMIT_NOFILE)
        open_now = len(os.listdir(f"/proc/{run.parent}/fd"))
        resource.prlimit(run.parent, resource.RLIMIT_NOFILE, (open_now, limits[1]))
        killed = min(run.workers())
        os.kill(killed, signal.SIGKILL)
        assert f"Worker {killed}" in run.process.said()
        assert run.process.said() == "A worker cannot start: too many open files."
        assert ask(run.address).startswith("one")
        resource.prlimit(run.parent, resource.RLIMIT_NOFILE, limits)
        assert eventually(lambda: len(run.workers()) == 2)
        assert ended(run) == 0


def test_the_path_of_a_unix_socket_stays_until_the_end(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with serving(tmp_path, 2, str(path)) as run:
        old = run.workers()
        with connection_to(str(path), min(old)) as download:
            download.ask("/big")
            assert download.read(8) == b"HTTP/1.1"
            identity = path.stat().st_ino
            run.make("two")
            run.signal(signal.SIGHUP)
            assert eventually(lambda: len(run.workers() - old) == 2)
            assert eventually(lambda: ask(str(path)).startswith("two"))
            assert len(download.rest()) > BIG
        assert eventually(lambda: not run.workers() & old)
        assert path.stat().st_ino == identity
        (victim, _) = run.workers()
        os.kill(victim, signal.SIGKILL)
        assert eventually(lambda: len(run.workers() - {victim}) == 2)
        assert ask(str(path)).startswith("two")
        with connection_to(str(path), min(run.workers())) as download:
            download.ask("/big")
            assert download.read(8) == b"HTTP/1.1"
            run.signal(signal.SIGTERM)
            assert eventually(lambda: not path.exists())
            path.write_text("of another")  # which nobody takes away any more
            assert len(download.rest()) > BIG
        assert run.process.end() == 0
    assert path.read_text() == "of another"


def test_a_signal_in_the_middle_of_a_reload_ends_all(tmp_path: Path) -> None:
    """One that is still being made, and may never be, is not waited for."""
    with serving(tmp_path) as run:
        made = tmp_path / "made"
        run.make(code=f"import signal; open({str(made)!r}, 'w').close(); signal.pause()")
        run.signal(signal.SIGHUP)
        assert eventually(made.exists)
        assert ask(run.address).startswith("one")
        assert ended(run) == 0
        assert run.process.rest() == ([], [])


def test_a_signal_before_all_serve_ends_all(tmp_path: Path) -> None:
    made = tmp_path / "made"
    put_factory(tmp_path, code=f"import signal; open({str(made)!r}, 'w').close(); signal.pause()")
    with program(tmp_path) as run:
        assert eventually(made.exists)
        assert ended(run) == 0
        assert run.process.rest() == ([], [])
