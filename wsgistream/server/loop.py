"""Loop: the sockets of a server, of which a turn costs only those that are ready."""

from __future__ import annotations

import selectors
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from waitress import wasyncore

# Those in line that are heard in one turn: a millisecond, if each has something to send.
_FEW: Final = 64

#: What is used of waitress beyond its documentation; a test looks for each.
INTERNALS: Final = {
    wasyncore: ("read", "write"),
    wasyncore.dispatcher: ("_fileno", "readable", "writable"),
}


class _Members(dict[Any, Any]):
    """waitress's map of what is open, by descriptor: what leaves it is not watched any more."""

    def __init__(self, forget: Callable[[int], None]) -> None:
        super().__init__()
        self._forget = forget

    def __delitem__(self, descriptor: int) -> None:
        # Now, for the next socket to be opened has the same number.
        self._forget(descriptor)
        super().__delitem__(descriptor)


class Loop:
    """epoll, kqueue or poll, whichever is best here, over waitress's dispatchers.

    ``call`` and ``line_up`` may be called from any thread and from a signal's handler, all else by
    the loop alone.
    """

    def __init__(self) -> None:
        self.members: dict[int | None, Any] = _Members(self._forget)
        self._selector = selectors.DefaultSelector()
        self._watched: dict[Any, int] = {}
        # In their order, so that who comes first is served first.
        self._changed: dict[Any, None] = {}
        self._calls: deque[Callable[[], object]] = deque()
        self._line: deque[Any] = deque()
        self._asleep = False
        #: Ends the sleep of the loop.
        self.wake: Callable[[], object] = lambda: None

    def call(self, what: Callable[[], object]) -> None:
        """Have the loop call something in this turn, or in the next."""
        self._calls.append(what)
        self._rouse()

    def line_up(self, member: Any) -> None:
        """Have a member ``hear`` its news, as one of many: a few of them in each turn."""
        # For thousands at once: nothing is made here, so that there is no garbage to look for.
        self._line.append(member)
        if self._asleep:
            self._rouse()

    def _rouse(self) -> None:
        if self._asleep:
            self._asleep = False
            self.wake()

    def watch(self, member: Any) -> None:
        """Ask a member, before the next sleep, what it then wants to know; never too often."""
        self._changed[member] = None

    def _ask(self, member: Any) -> None:
        """Look for what a member wants to know by now: that it can be read, or written to."""
        descriptor = member._fileno
        if descriptor not in self.members or self.members[descriptor] is not member:
            return  # it has been closed
        events = selectors.EVENT_READ if member.readable() else 0
        if member.writable():
            events |= selectors.EVENT_WRITE
        before = self._watched.get(descriptor, 0)
        if events == before:
            return
        if not before:
            self._selector.register(descriptor, events, member)
        elif not events:
            self._selector.unregister(descriptor)
        else:
            self._selector.modify(descriptor, events, member)
        self._watched[descriptor] = events

    def turn(self, seconds: float) -> None:
        """Sleep until something is ready, ``seconds`` at the most, and look after that."""
        changed, self._changed = self._changed, {}
        for member in changed:
            self._ask(member)
        self._asleep = True
        ready = self._selector.select(0 if self._calls or self._line else seconds)
        self._asleep = False
        for key, events in ready:
            self._serve(key.data, key.fd, events)
            self.watch(key.data)
        for _ in range(len(self._calls)):
            self._calls.popleft()()
        for _ in range(min(len(self._line), _FEW)):
            self._line.popleft().hear()

    def _serve(self, member: Any, descriptor: int, events: int) -> None:
        if events & selectors.EVENT_READ and self.members.get(descriptor) is member:
            wasyncore.read(member)
        if events & selectors.EVENT_WRITE and self.members.get(descriptor) is member:
            wasyncore.write(member)

    def close(self) -> None:
        """Close every member."""
        wasyncore.close_all(self.members)
        self._selector.close()

    def _forget(self, descriptor: int) -> None:
        if self._watched.pop(descriptor, 0):
            self._selector.unregister(descriptor)
