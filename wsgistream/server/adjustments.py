"""Adjustments: what waitress lets one choose and we leave to its user."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from waitress.adjustments import Adjustments

# Where to listen is said otherwise, and the loop is ours.
_OURS: Final = frozenset(
    {
        "asyncore_loop_timeout",
        "asyncore_use_poll",
        "host",
        "ipv4",
        "ipv6",
        "listen",
        "port",
        "sockets",
        "unix_socket",
        "unix_socket_perms",
    }
)

#: What is used of waitress beyond its documentation; a test looks for each.
INTERNALS: Final = {Adjustments: ("_param_map",)}

#: What may be chosen, and of which type it is; text where waitress reads it by a rule of its own.
ADJUSTMENTS: Final[Mapping[str, type]] = {
    name: kind if (kind := type(getattr(Adjustments, name))) in (bool, int) else str
    for name in Adjustments._param_map
    if name not in _OURS
}


def check_adjustments(chosen: Mapping[str, Any]) -> None:
    """Raise ValueError for a name that there is none of, or a value that cannot be."""
    for name in sorted(_OURS & chosen.keys()):
        raise ValueError(f"There is no option {name!r}.")
    try:
        Adjustments(**chosen)
    except (TypeError, ValueError) as error:
        raise ValueError(f"These options cannot be: {error}") from None
