"""Limits: how many connections the descriptors of this process are enough for."""

from __future__ import annotations

import resource
from typing import Final

# Connections that one loop looks after well.
_MOST: Final = 16 * 1024

# Descriptors for all else: the program's own, its listeners, a folder that is being listed.
_OTHERS: Final = 32

# A connection, and the file that it is sent.
_EACH: Final = 2


def connection_limit() -> int:
    """Raise the limit of descriptors as far as is useful and allowed; returns how many fit.

    Below that, new clients wait in the system's queue until others leave. Beyond it, every turn
    of the loop would try to accept one, and fail.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST * _EACH + _OTHERS
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return max(1, (wanted - _OTHERS) // _EACH)
