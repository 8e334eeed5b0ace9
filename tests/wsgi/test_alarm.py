"""What is to be called at a given time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

import pytest

from tests.alarms import Still
from tests.servers import DEADLINE, eventually, process
from wsgistream.wsgi import alarm
from wsgistream.wsgi.alarm import ALARMS, Alarms


def test_it_is_called_in_its_moment_and_once() -> None:
    alarms, called = Still(), []
    for seconds in (3, 1, 2, 1):
        alarms.at(alarms.now + seconds, partial(called.append, seconds))
    alarms.go_on(0.9)
    assert called == []
    alarms.go_on(1.2)
    assert called == [1, 1, 2]
    alarms.go_on(100)
    assert called == [1, 1, 2, 3]
    assert len(alarms) == 0


def test_it_is_never_called_before_its_time() -> None:
    alarms, called = Still(), []
    for number in range(1000):
        when = alarms.now + number / 777
        alarms.at(when, lambda when=when: called.append(alarms.now - when))  # type: ignore[misc]
    alarms.go_on(2)
    assert len(called) == 1000
    assert all(0 < late <= 1 / 64 for late in called)


def test_what_was_cancelled_is_not_called_and_not_kept() -> None:
    alarms, called = Still(), []
    kept = alarms.at(alarms.now, partial(called.append, "kept"))
    gone = [alarms.at(alarms.now + 1, partial(called.append, "gone")) for _ in range(1000)]
    assert len(alarms) == 1001
    for each in gone:
        alarms.cancel(each)
    assert len(alarms) == 1
    alarms.go_on(2)
    alarms.cancel(kept)  # which has been called
    assert called == ["kept"]


def test_nothing_is_kept_of_many_that_come_and_go() -> None:
    alarms = Still()
    for number in range(1000):
        alarms.cancel(alarms.at(alarms.now + number % 10, list))
    assert (len(alarms), alarms._ticks, alarms._alarms) == (0, [], {})
    last = alarms.at(alarms.now + 100, list)
    for number in range(1000):
        alarms.cancel(alarms.at(alarms.now + number % 10, list))
    assert (len(alarms), len(alarms._ticks)) == (1, 11)
    alarms.cancel(last)
    assert not alarms._ticks


def test_a_failure_is_logged_and_keeps_nobody_from_being_called(
    caplog: pytest.LogCaptureFixture,
) -> None:
    alarms, called = Still(), []
    alarms.at(alarms.now, lambda: {}["no such key"])
    alarms.at(alarms.now, partial(called.append, 1))
    alarms.go_on(1)
    assert called == [1]
    assert "KeyError" in caplog.text


def test_where_no_thread_can_start_the_next_is_tried() -> None:
    class Full(Still):
        starts = 0

        def _start(self) -> None:
            self.starts += 1
            if self.starts == 1:
                raise RuntimeError("can't start new thread")

    alarms = Full()
    with pytest.raises(RuntimeError):
        alarms.at(alarms.now, list)
    for _ in range(3):
        alarms.at(alarms.now, list)
    assert alarms.starts == 2


def test_a_thread_calls_what_is_sooner_than_what_it_waited_for(
    monkeypatch: pytest.MonkeyPatch, nothing_left: Callable[[], bool]
) -> None:
    monkeypatch.setattr(alarm, "_LINGER", 0.01)
    alarms, called = Alarms(), threading.Event()
    threads: list[threading.Thread] = []

    def call() -> None:
        threads.append(threading.current_thread())
        called.set()

    far = alarms.at(alarms.clock() + 1000, call)
    alarms.at(alarms.clock(), call)
    assert called.wait(DEADLINE)
    assert (threads[0].name, threads[0].daemon) == ("wsgistream alarms", True)
    alarms.cancel(far)
    assert nothing_left()


def test_the_thread_comes_and_goes(
    monkeypatch: pytest.MonkeyPatch, nothing_left: Callable[[], bool]
) -> None:
    monkeypatch.setattr(alarm, "_LINGER", 0.01)
    alarms = Alarms()
    for _ in range(3):
        called = threading.Event()
        alarms.at(alarms.clock(), called.set)
        assert called.wait(DEADLINE)
        assert nothing_left()
        assert eventually(lambda: not alarms._is_running)


def test_a_fork_begins_anew() -> None:
    script = """
import os, threading, warnings
from wsgistream.wsgi.alarm import ALARMS
warnings.simplefilter("ignore")  # of a fork beside a thread
ALARMS.at(ALARMS.clock() + 1000, print)
ALARMS._changed.acquire()
child = os.fork()
if not child:
    assert len(ALARMS) == 0
    called = threading.Event()
    ALARMS.at(ALARMS.clock(), called.set)
    os._exit(0 if called.wait(20) else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
os._exit(0)
"""
    with process(script=("-u", "-c", script)) as run:
        assert (run.end(), run.rest()) == (0, (["0"], []))


def test_there_is_one_for_all() -> None:
    assert isinstance(ALARMS, Alarms)
