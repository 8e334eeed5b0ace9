"""Signing: links that hold for a time, to one file or to all that is below a folder."""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import quote, unquote_to_bytes

from wsgistream.rules.fields import is_token
from wsgistream.rules.paths import parse_path

#: Bytes that a key has at least.
SHORTEST_KEY: Final = 16

# A claim of another form, some day, begins with another name, and is never taken for one of these.
_FILE: Final = "wsgistream file 1"
_FOLDER: Final = "wsgistream folder 1"

# Nothing has two spellings: a link that is changed in any way is another link.
_EXPIRES: Final = r"(?P<expires>[1-9]\d{0,11})"
_SIGNATURE: Final = r"(?P<signature>[A-Za-z0-9_-]{43})"
_IN_PATH: Final = re.compile(
    rf"(?P<mark>/~{_EXPIRES}\.(?P<depth>0|[1-9]\d{{0,2}})\.{_SIGNATURE})(?P<path>/.*)", re.S | re.A
)
_IN_QUERY: Final = re.compile(rf"((?P<query>.+)&)?signature={_EXPIRES}\.{_SIGNATURE}", re.S | re.A)
_LATEST: Final = 10**12 - 1
_DEEPEST: Final = 999

_URL: Final = re.compile(
    r"(?P<origin>[a-z][a-z0-9+.-]*://[\w.~:@%\[\]-]*)?(?P<path>/[^?#]*)(\?(?P<query>[^#]*))?"
    r"(?P<fragment>#.*)?",
    re.I | re.S,
)
# RFC 3986 §3.3 and §3.4, but for the apostrophe, which browsers escape in a query.
_PATH_MARKS: Final = "/!$&()*+,;=:@"
_QUERY_MARKS: Final = _PATH_MARKS + "?%#"


class Refused(Exception):
    """A request shows no signature that allows it; nobody is told why."""


class Claim(NamedTuple):
    """What a signature allows. The strings are those of WSGI, where a character is a byte."""

    form: str
    path: str
    """That of a file, or of a folder with the slash after it, from the root of the host."""
    query: str
    method: str
    expires: int
    """The second since 1970 from which on it is refused."""


def check_keys(keys: Iterable[bytes | str]) -> tuple[bytes, ...]:
    """Return keys as bytes; raises ValueError where there is none, or one is too short."""
    if isinstance(keys, (bytes, str)):
        raise TypeError("The keys are a list: the first signs, and each of them verifies.")
    found = tuple(key.encode() if isinstance(key, str) else key for key in keys)
    if not all(isinstance(key, bytes) for key in found):
        raise TypeError("A key is bytes, or text.")
    if not found:
        raise ValueError("Signing needs at least one key.")
    if min(map(len, found)) < SHORTEST_KEY:
        raise ValueError(f"A key has {SHORTEST_KEY} bytes or more, which nobody can guess.")
    return found


def signature_of(claim: Claim, key: bytes) -> str:
    """Sign a claim by HMAC-SHA-256; as each field has its length, no two are written alike."""
    fields = [str(field).encode("latin-1") for field in claim]
    message = b"".join(len(field).to_bytes(8, "big") + field for field in fields)
    return urlsafe_b64encode(hmac.digest(key, message, "sha256")).decode().rstrip("=")


def check(request: Mapping[str, Any], keys: Sequence[bytes], now: float) -> dict[str, str]:
    """Give what changes in the environ of a request when its signature is taken from it.

    ``request`` is a WSGI environ, ``now`` seconds since 1970. Raises Refused. Whatever is wrong,
    the work is the same: every key is tried, and compared in constant time.
    """
    try:
        claim, signature, changes = _read(request)
        signed = [hmac.compare_digest(signature_of(claim, key), signature) for key in keys]
    except UnicodeEncodeError:  # it is no string of WSGI (PEP 3333)
        raise Refused from None
    if not any(signed) or now >= claim.expires:
        raise Refused
    return changes


class _Shown(NamedTuple):
    """What a request claims, the signature that it shows for it, and what changes without that."""

    claim: Claim
    signature: str
    changes: dict[str, str]


_NOTHING: Final = _Shown(Claim("", "", "", "", 0), "", {})


def _read(request: Mapping[str, Any]) -> _Shown:
    mount, path = request.get("SCRIPT_NAME", ""), request.get("PATH_INFO", "")
    method = _method(request)
    if match := _IN_PATH.fullmatch(path):
        folder = _folder_above(mount + match["path"], int(match["depth"]))
        claim = Claim(_FOLDER, folder, "", method, int(match["expires"]))
        # Left in the path that leads to the application, the mark is in each address that the
        # application makes.
        changes = {"SCRIPT_NAME": mount + match["mark"], "PATH_INFO": match["path"]}
    elif match := _IN_QUERY.fullmatch(request.get("QUERY_STRING", "")):
        query = match["query"] or ""
        claim = Claim(_FILE, mount + path, query, method, int(match["expires"]))
        changes = {"QUERY_STRING": query}
    else:
        return _NOTHING
    return _Shown(claim, match["signature"], changes)


def _method(request: Mapping[str, Any]) -> str:
    """Name the method that a request needs leave for.

    Who may GET may ask for the head alone; OPTIONS is asked on behalf of another method.
    """
    method: str = request["REQUEST_METHOD"]
    if method == "OPTIONS":
        method = request.get("HTTP_ACCESS_CONTROL_REQUEST_METHOD", "GET")
    return "GET" if method == "HEAD" else method


def _folder_above(path: str, depth: int) -> str:
    """Find the folder, so many names deep, that a path is in; an empty string: it is in none.

    Nor is a path with empty or dot segments, which an application might take to lead out of it.
    """
    folder = "/".join([*path.split("/")[: depth + 1], ""])
    return folder if parse_path(path) is not None and path.startswith(folder) else ""


def sign_url(
    url: str, key: bytes, *, expires: int, method: str, prefix: bool | str, mount: str
) -> str:
    """Sign a URL as ``wsgistream.sign`` does; ``expires``: seconds since 1970."""
    match = _URL.fullmatch(url)
    if match is None or url.startswith("//"):
        raise ValueError(f"A URL to sign is a path, or begins with https:// and a host: {url!r}.")
    if not is_token(method) or method != method.upper() or method in ("HEAD", "OPTIONS"):
        raise ValueError(f"A method to sign is GET, which allows HEAD too, or PUT: {method!r}.")
    if not 0 < expires <= _LATEST:
        raise ValueError("A link expires after 1970, and within 30,000 years.")
    path = _decode(match["path"])
    if {".", ".."}.intersection(path.split("/")):
        raise ValueError(f"Clients resolve the dots of a path before they ask for it: {url!r}.")
    query, fragment = (_escape(match[part] or "") for part in ("query", "fragment"))
    if prefix is False:
        claim = Claim(_FILE, path, query, method, expires)
        queries = [*filter(None, [query]), f"signature={expires}.{signature_of(claim, key)}"]
        target = _quote(path) + "?" + "&".join(queries)
    else:
        base, folder = _mount(path, mount), _folder(path, prefix)
        claim = Claim(_FOLDER, folder, "", method, expires)
        mark = f"/~{expires}.{folder.count('/') - 1}.{signature_of(claim, key)}"
        target = _quote(base) + mark + _quote(path[len(base) :]) + (query and f"?{query}")
    return (match["origin"] or "") + target + fragment


def _mount(path: str, mount: str) -> str:
    base = _decode(mount).rstrip("/")
    if not path.startswith(f"{base}/"):
        raise ValueError(f"The URL is not below {mount!r}, where the application is.")
    return base


def _folder(path: str, prefix: bool | str) -> str:
    folder = _decode(prefix) if isinstance(prefix, str) else path[: path.rindex("/") + 1]
    depth = folder.count("/") - 1
    if depth > _DEEPEST or not folder or _folder_above(path, depth) != folder:
        raise ValueError(f"A prefix is a folder that the URL is in, such as /hls/, not {prefix!r}.")
    return folder


def _bytes(text: str) -> bytes:
    """Encode a text, in which file names that are not UTF-8 are as the system gives them."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise ValueError(f"This is no text that a URL could have: {text!r}.") from None


def _decode(text: str) -> str:
    return unquote_to_bytes(_bytes(text)).decode("latin-1")


def _escape(text: str) -> str:
    """Escape what is escaped in part already, such as a query."""
    return quote(_bytes(text), safe=_QUERY_MARKS)


def _quote(path: str) -> str:
    return quote(path.encode("latin-1"), safe=_PATH_MARKS)
