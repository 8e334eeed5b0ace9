"""Parser: waitress's reading of a request, which does not wait for a body that is not to come."""

from __future__ import annotations

from typing import Any, Final

from waitress.parser import HTTPRequestParser

#: What is used of waitress beyond its documentation; a test looks for each.
INTERNALS: Final[dict[Any, tuple[str, ...]]] = {
    HTTPRequestParser: ("completed", "expect_continue", "received"),
}


class Parser(HTTPRequestParser):  # type: ignore[misc]
    """A request as it arrives."""

    def received(self, data: bytes) -> int:
        consumed = int(super().received(data))
        if self.completed:
            # RFC 9110 §10.1.1: there is nothing to continue with. waitress would say "100 Continue"
            # all the same, to a request without a body or one that it refuses, and wait for ever.
            self.expect_continue = False
        return consumed
