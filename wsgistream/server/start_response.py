"""Start_response: how an application begins its answer, and what it may not say (PEP 3333)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from waitress.task import Task, hop_by_hop

from wsgistream.server.framing import FramedTask

#: What is overridden or read of waitress beyond its documentation; a test looks for each.
INTERNALS: Final = {
    Task: (
        "complete",
        "content_length",
        "response_headers",
        "status",
        "write",
        "wrote_header",
    ),
}


class StartedTask(FramedTask):
    """A task whose answer begins as an application says."""

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: Any = None, /
    ) -> Callable[[bytes], object]:
        if exc_info is not None:
            if self.wrote_header:
                raise exc_info[1].with_traceback(exc_info[2])
            self.response_headers = []
            self.content_length = None
        elif self.complete:
            raise AssertionError("start_response was called twice without exc_info (PEP 3333).")
        _check(status, headers)
        for name, value in headers:
            key = name.lower()
            if key == "content-length":
                if self.content_length is not None:
                    raise ValueError("The application gives two lengths (RFC 9110 §8.6).")
                self.content_length = _length(value)
            elif key in hop_by_hop:
                raise AssertionError(f"{name} is between servers and clients alone (PEP 3333).")
        self.complete = True
        self.status = status
        self.response_headers.extend(headers)
        return self.write


def _check(status: str, headers: list[tuple[str, str]]) -> None:
    """Raise AssertionError for what is no text, and ValueError for what would end its line."""
    try:
        texts = "".join([status, *[text for header in headers for text in header]])
    except TypeError:
        raise AssertionError("The status and the headers are strings (PEP 3333).") from None
    if "\n" in texts or "\r" in texts:
        raise ValueError("There is a line end in the status or in a header.")
    if not re.match(r"[1-9]\d\d\b", status, re.ASCII):
        raise ValueError("The status does not begin with a number of three digits (PEP 3333).")


def _length(value: str) -> int:
    if not re.fullmatch(r"\d+", value.strip(), re.ASCII):
        raise ValueError(f"A Content-Length of {value!r} is none.")
    return int(value)
