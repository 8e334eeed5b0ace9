"""Credentials: the names and passwords of Basic authentication (RFC 7617), and a file of users."""

from __future__ import annotations

import re
from base64 import b64decode
from codecs import BOM_UTF8
from collections.abc import Callable
from typing import Final, NamedTuple, TypeVar
from unicodedata import normalize

from wsgistream.types import Header

#: Bytes of a name and a password; what is longer is never hashed.
LONGEST: Final = 1024

# Who is asked may write the scheme in any letter case (RFC 9110 §11.1).
_BASIC: Final = re.compile(
    r"basic +(?P<base64>([a-z0-9+/]{4})*([a-z0-9+/]{2}==|[a-z0-9+/]{3}=)?)", re.I | re.A
)
# RFC 7617 §2 allows none of them in either.
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f]")
_REALM: Final = re.compile(r"[\x20-\x7e]+")

# How the hashes begin that a file of users may have, and their names in the library.
_KINDS: Final = (
    ("$2a$", "bcrypt"),
    ("$2b$", "bcrypt"),
    ("$2y$", "bcrypt"),
    ("$argon2d$", "argon2"),
    ("$argon2i$", "argon2"),
    ("$argon2id$", "argon2"),
    ("$apr1$", "apr_md5_crypt"),
    ("$5$", "sha256_crypt"),
    ("$6$", "sha512_crypt"),
    ("{SHA}", "ldap_sha1"),
)
# And those that it may not have: a person has to know what it is that must be replaced.
_OTHERS: Final = (
    ("$1$", "MD5-crypt"),
    ("$7$", "scrypt"),
    ("$y$", "yescrypt"),
    ("$gy$", "gost-yescrypt"),
    ("$sha1$", "SHA-1-crypt"),
    ("{SSHA}", "salted SHA-1"),
    ("", "plain text, or of a kind that is not known"),
)

_Verifier = TypeVar("_Verifier")


class NotCredentials(Exception):
    """A field that holds no name and password."""


class UnknownHash(ValueError):
    """The hash of a password is of no kind that can be verified; the text never holds it."""


class BadLine(ValueError):
    """A line of a file of users cannot be read; the text tells its number, and never the line."""


class Credentials(NamedTuple):
    """Who somebody says they are, and how they show it."""

    name: str
    password: str


def parse_basic(field: str) -> Credentials:
    """Read an Authorization field; raises NotCredentials.

    Both texts are in the Unicode form NFC, as a client has to send them (RFC 7617 §2.1).
    """
    match = _BASIC.fullmatch(field) if len(field) <= 2 * LONGEST else None
    try:
        text = normalize("NFC", b64decode(match["base64"]).decode()) if match else ""
    except UnicodeDecodeError:
        raise NotCredentials from None
    name, colon, password = text.partition(":")
    if not colon or len(text.encode()) > LONGEST or _CONTROLS.search(text):
        raise NotCredentials
    return Credentials(name, password)


def parse_htpasswd(data: bytes, read: Callable[[str], _Verifier]) -> dict[str, _Verifier]:
    """Read an htpasswd file: ``name:hash`` lines, and what ``read`` makes of each hash.

    Empty lines, lines that begin with ``#``, and what follows a second colon are passed over.
    Raises BadLine for a line that cannot be read, that names somebody again, or whose hash ``read``
    refuses by a ValueError.
    """
    users: dict[str, _Verifier] = {}
    for number, line in enumerate(data.removeprefix(BOM_UTF8).splitlines(), 1):
        if not line.strip() or line.startswith(b"#"):
            continue
        try:
            name, verifier = _parse_line(line, read)
        except ValueError as error:
            raise BadLine(f"Line {number}: {error}") from None
        if name in users:
            raise BadLine(f"Line {number}: an earlier line has the same name.")
        users[name] = verifier
    return users


def _parse_line(line: bytes, read: Callable[[str], _Verifier]) -> tuple[str, _Verifier]:
    try:
        name, colon, rest = line.decode().partition(":")
    except UnicodeDecodeError:
        raise ValueError("it is not in UTF-8.") from None
    if not (name and colon) or _CONTROLS.search(name):
        raise ValueError("it is no 'name:hash'.")
    return normalize("NFC", name), read(rest.split(":")[0].rstrip())


def kind_of(text: str) -> str:
    """Name the kind of a hash as the library does; raises UnknownHash."""
    for start, kind in _KINDS:
        if text.startswith(start):
            return kind
    other = next(kind for start, kind in _OTHERS if text.startswith(start))
    raise UnknownHash(f"the hash is {other}: use bcrypt, as htpasswd -B does.")


def challenge(realm: str) -> Header:
    """Write the field that asks for a name and a password (RFC 7617 §2).

    Raises ValueError for a realm that browsers would not all show alike.
    """
    if _REALM.fullmatch(realm) is None:
        raise ValueError(f"A realm is printable ASCII, not {realm!r}.")
    quoted = re.sub(r'(["\\])', r"\\\1", realm)
    return "WWW-Authenticate", f'Basic realm="{quoted}", charset="UTF-8"'
