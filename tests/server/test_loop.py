"""The loop: who is looked for, who is called, and that it sleeps meanwhile."""

from __future__ import annotations

import gc
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import pytest
from waitress import wasyncore
from waitress.trigger import trigger

from tests.servers import DEADLINE, eventually
from wsgistream.server.loop import Loop


class Member(wasyncore.dispatcher):  # type: ignore[misc]
    """A socket in a loop, which reads and writes as it is told to."""

    def __init__(self, loop: Loop, sock: socket.socket) -> None:
        super().__init__(sock, map=loop.members)
        self.loop = loop
        self.wants_to_read = True
        self.wants_to_write = False
        self.heard: list[bytes] = []
        self.written = 0
        self.then: Callable[[], object] = lambda: None
        loop.watch(self)

    def readable(self) -> bool:
        return self.wants_to_read

    def writable(self) -> bool:
        return self.wants_to_write

    def handle_read(self) -> None:
        self.heard.append(self.recv(100))
        self.then()

    def handle_write(self) -> None:
        self.written += 1
        self.then()

    def handle_close(self) -> None:
        self.close()


@pytest.fixture
def loop() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.close()


@pytest.fixture
def pair(loop: Loop) -> Iterator[tuple[Member, socket.socket]]:
    """A member, and its peer."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Member(loop, ours), theirs


@contextmanager
def two(loop: Loop) -> Iterator[list[tuple[Member, socket.socket]]]:
    with ExitStack() as stack:
        sockets = [socket.socketpair() for _ in range(2)]
        for ours, theirs in sockets:
            stack.enter_context(ours)
            stack.enter_context(theirs)
        yield [(Member(loop, ours), theirs) for ours, theirs in sockets]


def test_a_member_is_served_when_it_is_ready_and_not_before(
    loop: Loop, pair: tuple[Member, socket.socket]
) -> None:
    member, peer = pair
    loop.turn(0)
    assert member.heard == []
    peer.send(b"a")
    loop.turn(DEADLINE)
    assert (member.heard, member.written) == ([b"a"], 0)


def test_a_member_is_looked_for_what_it_wants_by_now(
    loop: Loop, pair: tuple[Member, socket.socket]
) -> None:
    member, peer = pair
    wanted = [(True, True), (False, True), (False, False), (True, False), (True, False)]
    served = []
    for read, write in wanted:
        peer.send(b"a")
        member.wants_to_read, member.wants_to_write = read, write
        loop.watch(member)
        heard, written = len(member.heard), member.written
        loop.turn(0)
        served.append((len(member.heard) > heard, member.written > written))
    # What was not read is still there, so that the last but one has heard it all at once.
    assert served == wanted
    assert b"".join(member.heard) == b"aaaaa"


def test_what_is_wanted_at_the_end_of_a_turn_holds_for_the_next(
    loop: Loop, pair: tuple[Member, socket.socket]
) -> None:
    member, peer = pair

    def write_next() -> None:
        member.wants_to_read, member.wants_to_write = False, True

    member.then = write_next
    peer.send(b"a")
    loop.turn(DEADLINE)
    member.then = lambda: None
    peer.send(b"b")
    loop.turn(DEADLINE)
    assert (member.heard, member.written) == ([b"a"], 1)


def test_a_member_that_has_been_closed_is_not_looked_for(
    loop: Loop, pair: tuple[Member, socket.socket]
) -> None:
    member, _ = pair
    member.close()
    member.wants_to_write = True
    loop.watch(member)
    loop.turn(0)
    assert member.written == 0
    assert len(loop.members) == 0


def test_a_member_that_closes_in_the_middle_of_its_turn_is_not_served_any_more(
    loop: Loop, pair: tuple[Member, socket.socket]
) -> None:
    member, peer = pair
    member.wants_to_write = True
    loop.watch(member)
    member.then = member.close
    peer.send(b"a")
    loop.turn(DEADLINE)
    assert (member.heard, member.written) == ([b"a"], 0)


def test_a_member_can_close_another_that_is_ready_too(loop: Loop) -> None:
    with two(loop) as pairs:
        (one, first), (other, second) = pairs
        one.then, other.then = other.close, one.close
        first.send(b"a")
        second.send(b"a")
        loop.turn(DEADLINE)
        assert sorted([one.heard, other.heard]) == [[], [b"a"]]
        assert len(loop.members) == 1


def test_a_number_that_another_takes_at_once_is_the_others_alone(loop: Loop) -> None:
    """Both were ready; who comes in place of one of them has nothing to read yet."""
    with two(loop) as pairs, ExitStack() as stack:
        (one, first), (other, second) = pairs
        came: list[tuple[Member, socket.socket]] = []

        def replace(closed: Member) -> None:
            number = closed._fileno
            closed.close()
            ours, theirs = socket.socketpair()
            stack.enter_context(theirs)
            stack.enter_context(ours)
            assert ours.fileno() == number
            came.append((Member(loop, ours), theirs))

        one.then, other.then = lambda: replace(other), lambda: replace(one)
        first.send(b"a")
        second.send(b"a")
        gc.disable()  # which might close something just then
        loop.turn(DEADLINE)
        gc.enable()
        ((newcomer, peer),) = came
        assert newcomer.heard == []
        peer.send(b"b")
        loop.turn(DEADLINE)
        assert newcomer.heard == [b"b"]


def test_what_is_closed_is_forgotten_with_what_was_looked_for(
    loop: Loop, pair: tuple[Member, socket.socket]
) -> None:
    member, _ = pair
    member.wants_to_read = False
    loop.watch(member)  # nothing of it is looked for any more
    member.close()
    assert loop.members == {}
    loop.turn(0)


def test_members_are_asked_once_each_and_in_the_order_in_which_they_changed(loop: Loop) -> None:
    asked: list[socket.socket] = []

    class Asked(Member):
        def readable(self) -> bool:
            asked.append(self.socket)
            return True

    with ExitStack() as stack:
        ours = [stack.enter_context(end) for _ in range(8) for end in socket.socketpair()]
        members = [Asked(loop, sock) for sock in ours]
        for member in members:
            loop.watch(member)
        loop.turn(0)
        assert asked == ours


# --- calls ---------------------------------------------------------------------------------------


def test_a_call_is_made_in_the_next_turn_which_does_not_sleep_then(loop: Loop) -> None:
    called: list[int] = []
    for number in range(3):
        loop.call(lambda number=number: called.append(number))  # type: ignore[misc]
    assert called == []
    loop.turn(DEADLINE * 100)
    assert called == [0, 1, 2]


def test_a_call_that_calls_is_followed_in_a_turn_of_its_own(loop: Loop) -> None:
    """So that nobody can keep the others waiting."""
    called: list[str] = []

    def call() -> None:
        called.append("first")
        loop.call(lambda: called.append("second"))

    loop.call(call)
    loop.turn(DEADLINE)
    assert called == ["first"]
    loop.turn(DEADLINE)
    assert called == ["first", "second"]


def test_of_many_in_line_a_few_hear_in_a_turn_and_others_in_between(loop: Loop) -> None:
    called: list[int] = []

    class Member(NamedTuple):
        number: int

        def hear(self) -> None:
            called.append(self.number)

    for number in range(200):
        loop.line_up(Member(number))
    loop.turn(DEADLINE * 100)
    first = len(called)
    assert 0 < first < 100
    loop.call(lambda: called.append(-1))
    loop.turn(DEADLINE * 100)
    assert called[first] == -1
    while len(called) < 201:
        loop.turn(DEADLINE * 100)
    assert [number for number in called if number >= 0] == list(range(200))


class Turning:
    """A loop that turns in a thread, as a server's does, until it is told to end."""

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self.turns = 0
        self.over = False
        self.trigger: Any = trigger(loop.members)
        loop.wake = self.trigger.pull_trigger
        loop.watch(self.trigger)
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        while not self.over:
            self.turns += 1
            self.loop.turn(DEADLINE)

    def end(self) -> None:
        self.over = True

    def __enter__(self) -> Turning:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.loop.call(self.end)
        self.thread.join(DEADLINE / 2)
        assert not self.thread.is_alive(), "a call did not wake the loop"


def test_no_call_of_many_threads_is_lost(loop: Loop) -> None:
    called: list[tuple[int, int]] = []

    def call_often(thread: int) -> None:
        for number in range(2000):
            loop.call(lambda number=number: called.append((thread, number)))  # type: ignore[misc]

    with Turning(loop):
        threads = [threading.Thread(target=call_often, args=(n,), daemon=True) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(DEADLINE)
        assert eventually(lambda: len(called) == 16_000)
    # Those of each thread in their order.
    assert sorted(called) == sorted(called, key=lambda call: call[0])
    for thread_number in range(8):
        mine = [number for thread, number in called if thread == thread_number]
        assert mine == list(range(2000))


def test_each_call_that_comes_alone_wakes_the_loop(loop: Loop) -> None:
    with Turning(loop):
        for _ in range(500):
            heard = threading.Event()
            loop.call(heard.set)
            assert heard.wait(DEADLINE / 2)


def test_a_loop_with_nothing_to_do_sleeps(loop: Loop, pair: tuple[Member, socket.socket]) -> None:
    member, _ = pair
    pause = threading.Event()
    with Turning(loop) as run:
        heard = threading.Event()
        loop.call(heard.set)
        assert heard.wait(DEADLINE)
        turns = run.turns
        pause.wait(0.2)
        assert run.turns <= turns + 2  # the one that ends, and the trigger's own
        assert member.heard == []


def test_the_handler_of_a_signal_can_call(loop: Loop) -> None:
    """At any moment, also just before the loop goes to sleep."""
    wake: Any = trigger(loop.members)
    loop.wake = wake.pull_trigger
    loop.watch(wake)
    called: list[int] = []
    before = signal.signal(
        signal.SIGUSR1, lambda number, frame: loop.call(lambda: called.append(number))
    )
    over = threading.Event()

    def send() -> None:
        for count in range(1, 101):
            os.kill(os.getpid(), signal.SIGUSR1)
            assert eventually(lambda count=count: len(called) >= count)  # type: ignore[misc]
        over.set()
        loop.call(lambda: None)

    sender = threading.Thread(target=send, daemon=True)
    try:
        sender.start()
        while not over.is_set():
            loop.turn(DEADLINE)
        sender.join(DEADLINE)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert called == [signal.SIGUSR1] * 100


def test_a_loop_that_is_closed_closes_its_members(nothing_left: Callable[[], bool]) -> None:
    loop = Loop()
    ours, theirs = socket.socketpair()
    with theirs:
        Member(loop, ours)
        loop.close()
        assert ours.fileno() == -1
        assert theirs.recv(1) == b""
    assert nothing_left()
