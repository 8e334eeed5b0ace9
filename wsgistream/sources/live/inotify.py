"""Inotify: being told that a file has changed, by one thread for all files of a process (Linux)."""

from __future__ import annotations

import ctypes
import os
import struct
import threading
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeAlias

#: Called when something happened to a file; from the thread that is told, so it must be short.
Wake: TypeAlias = Callable[[], object]

# What happens in a folder, as inotify(7) names it: MODIFY, ATTRIB, MOVED_FROM, MOVED_TO, CREATE,
# DELETE, MOVE_SELF.
_CHANGES: Final = 0x002 | 0x004 | 0x040 | 0x080 | 0x100 | 0x200 | 0x800
_ONLY_FOLDERS: Final = 0x0100_0000
# The watch, what has happened, a number for pairs, and the length of the name that follows.
_HEADER: Final = struct.Struct("iIII")
_BUFFER: Final = 64 * 1024

_libc: Any = ctypes.CDLL(None, use_errno=True)


class Watches:
    """Files that are watched by name, and folders as a whole; the thread goes with the last."""

    _descriptor = -1

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin anew, as a process does that was forked: the thread is the parent's."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1
        self._lock = threading.Lock()
        self._wakes: dict[int, dict[bytes, list[Wake]]] = {}

    def add(self, path: str, wake: Wake) -> Callable[[], None]:
        """Have ``wake`` called when a file changes, comes or goes; gives what ends that.

        With a slash at the end of the path it is called for every file of that folder.

        Raises OSError where the system has no more watches, or none at all.
        """
        folder, name = os.path.split(os.fsencode(path))
        with self._lock:
            # While the lock is held the thread does not end.
            watch = self._watch(folder or b".")
            self._wakes.setdefault(watch, {}).setdefault(name, []).append(wake)
        return lambda: self._remove(watch, name, wake)

    def _watch(self, folder: bytes) -> int:
        if self._descriptor < 0:
            if not hasattr(_libc, "inotify_init1"):
                raise OSError("This system has no inotify.")
            self._descriptor = _checked(_libc.inotify_init1(os.O_CLOEXEC))
            reader = threading.Thread(
                target=self._run, args=(self._descriptor,), name="wsgistream files", daemon=True
            )
            reader.start()
        mask = _CHANGES | _ONLY_FOLDERS
        return _checked(_libc.inotify_add_watch(self._descriptor, folder, mask))

    def _remove(self, watch: int, name: bytes, wake: Wake) -> None:
        with self._lock:
            names = self._wakes.get(watch, {})
            if wake not in names.get(name, ()):
                return
            names[name].remove(wake)
            if not names[name]:
                del names[name]
            if not names:
                del self._wakes[watch]
                # Which the thread is told as well, and so may end.
                _libc.inotify_rm_watch(self._descriptor, watch)

    def _run(self, descriptor: int) -> None:
        while self._goes_on(descriptor):
            for wake in self._due(os.read(descriptor, _BUFFER)):
                wake()

    def _goes_on(self, descriptor: int) -> bool:
        """Tell whether anybody watches; else there is nothing left to be told, and by nobody."""
        with self._lock:
            if not self._wakes:
                os.close(descriptor)
                self._descriptor = -1
            return bool(self._wakes)

    def _due(self, told: bytes) -> list[Wake]:
        with self._lock:
            found: list[Wake] = []
            for watch, name in _read(told):
                if watch < 0:  # more has happened than the system could note
                    return [
                        wake
                        for names in self._wakes.values()
                        for each in names.values()
                        for wake in each
                    ]
                names = self._wakes.get(watch, {})
                found += names.get(b"", ())
                found += names.get(name, ()) if name else ()
            return found


def _read(told: bytes) -> Iterator[tuple[int, bytes]]:
    """Read what has happened: the watch (-1: anything), and the name of the file."""
    place = 0
    while place < len(told):
        watch, _, _, length = _HEADER.unpack_from(told, place)
        place += _HEADER.size + length
        yield watch, told[place - length : place].rstrip(b"\0")


#: The files that this process watches.
WATCHES: Final = Watches()

os.register_at_fork(after_in_child=WATCHES.forget)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
