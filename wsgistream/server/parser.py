"""Parser: waitress's reading of a request, quicker for what is plain, with an answer to each."""

from __future__ import annotations

import time
from typing import Any, Final

from waitress.parser import HTTPRequestParser, ParsingError

from wsgistream.rules.request import read_plain

#: Seconds for the head of a request to arrive, however its client drips it.
HEAD_TIMEOUT: Final = 30.0

#: What is used of waitress beyond its documentation; a test looks for each.
INTERNALS: Final[dict[Any, tuple[str, ...]]] = {
    HTTPRequestParser: (
        "adj",
        "command",
        "completed",
        "connection_close",
        "expect_continue",
        "first_line",
        "fragment",
        "headers",
        "headers_finished",
        "parse_header",
        "path",
        "proxy_netloc",
        "proxy_scheme",
        "query",
        "received",
        "request_uri",
        "url_scheme",
        "version",
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
        plain = read_plain(header_plus)
        if plain is None:
            self._parse_closely(header_plus)
            return
        self.first_line = header_plus[: header_plus.index(b"\r\n")]
        self.command, self.request_uri, self.path, self.query, self.headers = plain
        self.version = "1.1"
        self.url_scheme = self.adj.url_scheme
        self.proxy_scheme = self.proxy_netloc = self.fragment = ""
        self.connection_close = self.headers.get("CONNECTION", "").lower() == "close"

    def _parse_closely(self, header_plus: bytes) -> None:
        try:
            super().parse_header(header_plus)
        except ValueError:
            # An address such as http://[/, on which waitress would close without a word.
            raise ParsingError("Bad URI") from None
