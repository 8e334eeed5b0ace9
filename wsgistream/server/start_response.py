"""Start_response: how an application begins its answer (PEP 3333)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from waitress.task import Task

from wsgistream.server.framing import FramedTask
from wsgistream.wsgi.starting import check_start

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
        elif self.complete:
            raise AssertionError("start_response was called twice without exc_info (PEP 3333).")
        headers = list(headers)  # some give a view of a dictionary
        self.content_length = check_start(status, headers)
        self.complete = True
        self.status = status
        self.response_headers = headers
        return self.write
