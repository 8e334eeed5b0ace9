"""A lock that can be waited in."""

from __future__ import annotations

import threading

from tests.servers import DEADLINE
from wsgistream.server.gate import Gate


def test_one_who_is_inside_may_enter_again_and_others_wait() -> None:
    gate, entered = Gate(), threading.Event()

    def enter() -> None:
        with gate:
            entered.set()

    thread = threading.Thread(target=enter)
    with gate, gate:
        thread.start()
        assert not entered.wait(0.05)
    thread.join(DEADLINE)
    assert entered.is_set()


def test_who_waits_lets_others_in_and_is_woken_by_one_of_them() -> None:
    gate, waits, done = Gate(), threading.Event(), threading.Event()

    def wait() -> None:
        with gate:
            waits.set()
            gate.wait()
            done.set()

    thread = threading.Thread(target=wait)
    with gate:
        gate.notify()  # there is nobody
    thread.start()
    assert waits.wait(DEADLINE)
    with gate:  # not before the other waits, for it holds the lock until then
        assert not done.is_set()
        gate.notify()
    thread.join(DEADLINE)
    assert done.is_set()
