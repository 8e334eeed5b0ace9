"""Access: one answered request as one line of a log, safe to read in a terminal."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime, timezone
from string import Formatter
from typing import Final, NamedTuple

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


def log_format(name: str) -> Callable[[Access], str]:
    """Find a format: ``combined``, ``common``, ``json``, or a template such as ``{status} {sent}``.

    Raises ValueError for a template that is malformed or asks for what is not known.
    """
    if name == "json":
        return _json
    template = {"combined": COMBINED, "common": COMMON}.get(name, name)
    known = _fields(Access("-", 0.0, "-", 0, 0, 0.0, False))
    try:
        asked = {field for _, field, _, _ in Formatter().parse(template) if field is not None}
    except ValueError:
        asked = {name}
    if not asked or not asked <= known.keys():
        raise ValueError(
            f"A log format is combined, common, json or a template of {{{'}, {'.join(known)}}}."
        )
    return lambda access: template.format_map(_fields(access))


def escaped(text: str) -> str:
    r"""Write what could end a quote or command a terminal as ``\xHH``."""
    return _UNSAFE.sub(lambda match: _hex(match[0]), text)


def _hex(character: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogateescape"))


def _fields(access: Access) -> dict[str, str]:
    moment = datetime.fromtimestamp(access.began, timezone.utc)
    return {
        "client": escaped(access.client),
        "time": f"{moment:%d/%b/%Y:%H:%M:%S +0000}",
        "request": escaped(access.request),
        "status": str(access.status),
        "sent": str(access.sent),
        "duration": f"{access.duration:.3f}",
        "end": "aborted" if access.aborted else "complete",
        "referer": escaped(access.referer),
        "agent": escaped(access.agent),
    }


def _json(access: Access) -> str:
    moment = datetime.fromtimestamp(access.began, timezone.utc)
    return json.dumps({**access._asdict(), "began": moment.isoformat(timespec="milliseconds")})
