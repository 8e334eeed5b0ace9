"""The command line: from a word to its command, and from what it raises to an exit status."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Final

from wsgistream.commands import say
from wsgistream.rules.coding import MissingLibrary
from wsgistream.server.sockets import CannotListen
from wsgistream.server.workers import CannotStart

#: The exit status for arguments that cannot be.
MISUSED: Final = 2
#: And for Ctrl+C in the middle of what has no better end.
INTERRUPTED: Final = 130

# Each is imported by who uses it: a server has no use for what writes files.
_COMMANDS: Final = {"compress", "query", "serve", "sign"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``wsgistream [serve|compress|query|sign] …`` and return its exit status."""
    rest = list(sys.argv[1:] if arguments is None else arguments)
    name = rest.pop(0) if rest and rest[0] in _COMMANDS else "serve"
    try:
        status: int = import_module(f"wsgistream.commands.{name}").main(rest)
        return status
    except (ValueError, CannotListen, CannotStart, MissingLibrary) as error:
        say(f"wsgistream: {error}")
    except OSError as error:
        where = "" if error.filename is None else f"{error.filename}: "
        say(f"wsgistream: {where}{(error.strerror or str(error)).lower()}")
    except KeyboardInterrupt:
        return INTERRUPTED
    return MISUSED
