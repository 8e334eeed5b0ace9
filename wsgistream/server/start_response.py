"""Start_response: how an application begins its answer, and what it may not say (PEP 3333)."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import chain
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

_STATUS: Final = re.compile(r"[1-9]\d\d\b", re.ASCII)
_DIGITS: Final = re.compile(r"\d+", re.ASCII)


class StartedTask(FramedTask):
    """A task whose answer begins as an application says."""

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: Any = None, /
    ) -> Callable[[bytes], object]:
        if exc_info is not None:
            if self.wrote_header:
                raise exc_info[1].with_traceback(exc_info[2])
            self.content_length = None
        elif self.complete:
            raise AssertionError("start_response was called twice without exc_info (PEP 3333).")
        headers = list(headers)  # some give a view of a dictionary
        names = _check(status, headers)
        if "content-length" in names:
            if names.count("content-length") > 1:
                raise ValueError("The application gives two lengths (RFC 9110 §8.6).")
            self.content_length = _length(headers[names.index("content-length")][1])
        self.complete = True
        self.status = status
        self.response_headers = headers
        return self.write


def _check(status: str, headers: list[tuple[str, str]]) -> list[str]:
    """Give the names in small letters, of headers that can be sent.

    Raises AssertionError for what is no text or not the application's to say, and ValueError for
    what would end its line.
    """
    try:
        texts = "".join([status, *chain.from_iterable(headers)])
    except TypeError:
        raise AssertionError("The status and the headers are strings (PEP 3333).") from None
    if "\n" in texts or "\r" in texts:
        raise ValueError("There is a line end in the status or in a header.")
    if not _STATUS.match(status):
        raise ValueError("The status does not begin with a number of three digits (PEP 3333).")
    names = [name.lower() for name, _ in headers]
    if not hop_by_hop.isdisjoint(names):
        theirs = ", ".join(sorted(hop_by_hop.intersection(names)))
        raise AssertionError(f"These are between servers and clients alone (PEP 3333): {theirs}.")
    return names


def _length(value: str) -> int:
    if not _DIGITS.fullmatch(value.strip()):
        raise ValueError(f"A Content-Length of {value!r} is none.")
    return int(value)
