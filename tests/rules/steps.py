"""Work counted in steps, so that a test of its growth needs no clock."""

from __future__ import annotations

import sys
from collections.abc import Callable


def steps_of(function: Callable[..., object], *arguments: object) -> int:
    """Count the calls that a function makes, those into the interpreter's own included."""
    count = 0

    def profile(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        function(*arguments)
    finally:
        sys.setprofile(before)
    return count
