"""Parser: waitress's reading of a request, with an answer to each that it would leave without."""

from __future__ import annotations

import time
from typing import Any, Final

from waitress.parser import HTTPRequestParser, ParsingError

#: Seconds for the head of a request to arrive, however its client drips it.
HEAD_TIMEOUT: Final = 30.0

#: What is used of waitress beyond its documentation; a test looks for each.
INTERNALS: Final[dict[Any, tuple[str, ...]]] = {
    HTTPRequestParser: (
        "completed",
        "expect_continue",
        "headers_finished",
        "parse_header",
        "received",
    ),
}


class Parser(HTTPRequestParser):  # type: ignore[misc]
    """A request as it arrives."""

    def __init__(self, *arguments: Any) -> None:
        self.began = time.time()
        super().__init__(*arguments)

    def is_late(self, now: float) -> bool:
        """Tell whether the head has had its time and is not here yet."""
        return not self.headers_finished and now - self.began > HEAD_TIMEOUT

    def received(self, data: bytes) -> int:
        consumed = int(super().received(data))
        if self.completed:
            # RFC 9110 §10.1.1: there is nothing to continue with. waitress would say "100 Continue"
            # all the same, to a request without a body or one that it refuses, and wait for ever.
            self.expect_continue = False
        return consumed

    def parse_header(self, header_plus: bytes) -> None:
        try:
            super().parse_header(header_plus)
        except ValueError:
            # An address such as http://[/, on which waitress would close without a word.
            raise ParsingError("Bad URI") from None
