"""Access: one answered request as one line of a log, safe to read in a terminal."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Container
from datetime import datetime, timezone
from functools import lru_cache
from string import Formatter
from typing import Final, NamedTuple

from wsgistream.rules.fields import format_http_date

_UNSAFE: Final = re.compile(r'[^\x20-\x7e]|["\\]')

COMBINED: Final = (
    '{client} - - [{time}] "{request}" {status} {sent} "{referer}" "{agent}" {duration} {end}'
)
COMMON: Final = '{client} - - [{time}] "{request}" {status} {sent}'


class Access(NamedTuple):
    """What a request asked for and what it got."""

    client: str
    began: float
    """Seconds since 1970."""
    request: str
    """The request line, as latin-1."""
    status: int
    sent: int
    """Bytes of the body that the client's side of the connection has taken."""
    duration: float
    """Seconds from the request to the last byte sent."""
    aborted: bool
    """The answer was cut off, by either side."""
    referer: str = "-"
    agent: str = "-"
    rows: int | None = None
    """Rows that were made for a stream of rows, as of ``RowsResponse``; None: it was none."""


def log_format(name: str) -> Callable[[Access], str]:
    """Find a format: ``combined``, ``common``, ``json``, or a template such as ``{status} {sent}``.

    Raises ValueError for a template that is malformed or asks for what is not known.
    """
    if name == "json":
        return _json
    template = {"combined": COMBINED, "common": COMMON}.get(name, name)
    known = _fields(Access("-", 0.0, "-", 0, 0, 0.0, False))
    if not _asks_only_for(known, template):
        raise ValueError(
            f"A log format is combined, common, json or a template of {{{'}, {'.join(known)}}}."
        )
    return lambda access: template.format_map(_fields(access))


def _asks_only_for(known: Container[str], template: str) -> bool:
    """Tell whether a template has fields, and each is a known name and nothing more.

    A width or a conversion could fail, or grow without bound, in the middle of a log.
    """
    try:
        fields = [part[1:] for part in Formatter().parse(template) if part[1] is not None]
    except ValueError:
        return False
    plain = all(
        field in known and not spec and conversion is None for field, spec, conversion in fields
    )
    return bool(fields) and plain


def escaped(text: str) -> str:
    r"""Write what could end a quote or command a terminal as ``\xHH``."""
    return _UNSAFE.sub(lambda match: _hex(match[0]), text)


def _hex(character: str) -> str:
    # A character of a WSGI string stands for one byte (PEP 3333); beyond those it is text.
    code = ord(character)
    raw = bytes((code,)) if code < 256 else character.encode("utf-8", "surrogatepass")
    return "".join(f"\\x{byte:02x}" for byte in raw)


@lru_cache(maxsize=16)
def _time(seconds: int) -> str:
    # Not strftime, whose names of months are those of the machine's language.
    _, day, month, year, time, _ = format_http_date(seconds).split()
    return f"{day}/{month}/{year}:{time} +0000"


def _fields(access: Access) -> dict[str, str]:
    return {
        "client": escaped(access.client),
        "time": _time(int(access.began)),
        "request": escaped(access.request),
        "status": str(access.status),
        "sent": str(access.sent),
        "duration": f"{access.duration:.3f}",
        "end": "aborted" if access.aborted else "complete",
        "referer": escaped(access.referer),
        "agent": escaped(access.agent),
        "rows": "-" if access.rows is None else str(access.rows),
    }


def _json(access: Access) -> str:
    moment = datetime.fromtimestamp(access.began, timezone.utc)
    return json.dumps({**access._asdict(), "began": moment.isoformat(timespec="milliseconds")})
