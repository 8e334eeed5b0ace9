"""Users: who may come in, by the hashes of their passwords, and who has shown one lately."""

from __future__ import annotations

import hmac
import logging
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple
from unicodedata import normalize

from wsgistream.rules.credentials import Credentials, kind_of, parse_htpasswd
from wsgistream.wsgi.waiting import WouldBlock

_LOG: Final = logging.getLogger("wsgistream.users")

# How many are remembered at most: 150 KB.
_MOST: Final = 1024

# {SHA} and 20 bytes in base64.
_SHA1_LENGTH: Final = 33


class Hash(NamedTuple):
    """The hash of a password, and the library's class of its kind."""

    text: str
    kind: Any

    def matches(self, password: bytes) -> bool:
        # bcrypt reads no more, and libraries differ on whether to say so.
        read = password[:72] if self.kind.name == "bcrypt" else password
        try:
            return bool(self.kind.verify(read, self.text))
        except ValueError:  # whose text may hold the hash
            _LOG.warning("A hash begins as one by %s, and is none.", self.kind.name)
            return False


def read_hash(text: str) -> Hash:
    """Read the hash of a password.

    Raises ValueError where it cannot be read, and ImportError where a library is missing.
    """
    name = kind_of(text)
    try:
        from passlib import hash as kinds  # noqa: PLC0415

        kind = getattr(kinds, name)
        if hasattr(kind, "get_backend"):
            kind.get_backend()  # raises a RuntimeError where it has none
    except (ImportError, RuntimeError):
        raise ImportError("Passwords need a library: pip install 'wsgistream[auth]'.") from None
    # The library also takes a hash without its digest, and of this kind one of any length.
    whole = name != "ldap_sha1" or len(text) == _SHA1_LENGTH
    try:
        whole = whole and kind.from_string(text).checksum is not None
    except (ValueError, TypeError):
        whole = False
    if not whole:
        raise ValueError(f"the hash begins as one by {name}, and is none.")
    return Hash(text, kind)


class Users:
    """Names and hashes, which do not change, and who of them has shown the password lately.

    ``remember``: for how many seconds; ``clock``: seconds. Of a password only a keyed digest stays.
    """

    def __init__(
        self, hashes: Mapping[str, Hash], remember: float, clock: Callable[[], float]
    ) -> None:
        self._hashes = hashes
        self._all = tuple(hashes.values())
        self._secret = "\n".join(each.text for each in self._all).encode()
        self._remember = remember
        self._clock = clock
        self._key = os.urandom(32)
        self._lock = threading.Lock()
        self._shown: OrderedDict[bytes, float] = OrderedDict()

    def remembers(self, who: Credentials) -> bool:
        """Tell whether these credentials were right a moment ago; this takes no time."""
        mark = self._mark(who)
        with self._lock:
            until = self._shown.get(mark)
        return until is not None and self._clock() < until

    def verify(self, who: Credentials) -> bool:
        """Tell whether these credentials are right; this takes as long as the hash wants.

        For a name that nobody has it takes as long as for somebody's: it is always the same hash
        that is tried, of which only who knows the file knows whose it is.
        """
        if not self._all:
            return False
        tried = self._hashes.get(who.name, self._stand_in(who.name))
        if not tried.matches(who.password.encode()) or who.name not in self._hashes:
            return False
        self._note(self._mark(who))
        return True

    def _stand_in(self, name: str) -> Hash:
        digest = hmac.digest(self._secret, name.encode(), "sha256")
        return self._all[int.from_bytes(digest, "big") % len(self._all)]

    def _mark(self, who: Credentials) -> bytes:
        return hmac.digest(self._key, ":".join(who).encode(), "sha256")

    def _note(self, mark: bytes) -> None:
        now = self._clock()
        with self._lock:
            self._shown[mark] = now + self._remember
            self._shown.move_to_end(mark)
            # All are remembered for as long, so the first is always the oldest.
            while len(self._shown) > _MOST or next(iter(self._shown.values())) < now:
                self._shown.popitem(last=False)


class UserFile:
    """The users of an htpasswd file, which is read again when it has changed.

    A change that cannot be read is told to the log, once, and the users stay. Raises OSError and
    ValueError where it cannot be read at all.
    """

    def __init__(
        self, path: str | os.PathLike[str], make: Callable[[Mapping[str, Hash]], Users]
    ) -> None:
        self._path = path
        self._make = make
        self._lock = threading.Lock()
        self._status = self._look()
        self._users = self._read()

    def current(self, in_loop: bool) -> Users:
        """Give the users as they are now; raises WouldBlock in a loop if they are to be read."""
        if self._look() != self._status:
            if in_loop:
                raise WouldBlock
            with self._lock:
                self._read_again()
        return self._users

    def _look(self) -> tuple[int, ...] | None:
        try:
            status = os.stat(self._path)
        except OSError:
            return None
        times = status.st_mtime_ns, status.st_ctime_ns
        return (status.st_dev, status.st_ino, status.st_size, *times)

    def _read_again(self) -> None:
        # The status is from before the reading, so that a change in between is seen next time.
        status = self._look()
        if status == self._status:
            return  # somebody else has read it meanwhile
        try:
            self._users = self._read()
        except (OSError, ValueError, ImportError) as error:
            _LOG.warning("The users stay as they were: %s", error)
        self._status = status

    def _read(self) -> Users:
        with open(self._path, "rb") as file:
            data = file.read()
        try:
            return self._make(parse_htpasswd(data, read_hash))
        except ValueError as error:
            raise ValueError(f"{os.fspath(self._path)!r} is no file of users: {error}") from None


def read_mapping(users: Mapping[str, str]) -> dict[str, Hash]:
    """Read the hashes of a mapping.

    Raises ValueError, which names whose hash it is, and TypeError where something is no text.
    """
    found: dict[str, Hash] = {}
    for name, text in users.items():
        if not (isinstance(name, str) and isinstance(text, str)):
            raise TypeError(f"Of the user {name!r} the name and the hash are texts.")
        normal = normalize("NFC", name)
        if normal in found:
            raise ValueError(f"Two users have names that look the same: {name!r}.")
        try:
            found[normal] = read_hash(text)
        except ValueError as error:
            raise ValueError(f"Of the user {name!r} {error}") from None
    return found
