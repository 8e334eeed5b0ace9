"""Bearer: a token that whoever has it may use (RFC 6750)."""

from __future__ import annotations

import hmac
import re
from typing import Final

from wsgistream.types import Header

#: What asks for a token (RFC 6750 §3).
CHALLENGE: Final[Header] = ("WWW-Authenticate", "Bearer")

_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*")


def check_token(token: str) -> str:
    """Return a token as it is; raises ValueError, without the token, for what no field can hold."""
    if not isinstance(token, str) or _TOKEN.fullmatch(token) is None:
        raise ValueError("A bearer token is made of letters, digits and -._~+/ alone.")
    return token


def has_token(field: str, token: str) -> bool:
    """Tell whether an Authorization field has this very token; how long it takes tells nothing."""
    scheme, _, shown = field.partition(" ")
    same = hmac.compare_digest(shown.strip(" ").encode(), token.encode())
    return scheme.lower() == "bearer" and same
