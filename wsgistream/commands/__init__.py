"""Commands: what each word after ``wsgistream`` does, a module each."""

from __future__ import annotations

import sys


def say(text: str) -> None:
    """Write one line for a person; what could end it or command a terminal is escaped."""
    safe = (char if char.isprintable() else ascii(char)[1:-1] for char in text)
    print("".join(safe), file=sys.stderr, flush=True)  # noqa: T201
