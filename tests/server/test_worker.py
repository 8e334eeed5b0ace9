"""How one worker is asked to end, however often."""

from __future__ import annotations

import threading
from http.client import IncompleteRead

import pytest

from tests.servers import DEADLINE, running
from wsgistream.server.worker import _Ending
from wsgistream.types import Body, Environ, StartResponse

#: Seconds that no test waits for.
LONG = 1000


class App:
    """An answer that is begun, and ends when it may."""

    def __init__(self) -> None:
        self.entered, self.leave = threading.Event(), threading.Event()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Body:
        self.entered.set()
        assert self.leave.wait(DEADLINE)
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ok"]


def test_who_is_asked_twice_lets_running_answers_finish_all_the_same() -> None:
    app = App()
    with running(app, grace=LONG) as run, run.connect() as client:
        ending = _Ending(run.server)
        client.ask()
        assert app.entered.wait(DEADLINE)
        ending.ask()
        ending.ask()
        app.leave.set()
        assert client.answer().body == b"ok"
        assert run.ended()


def test_who_insists_cuts_them() -> None:
    app = App()
    with running(app, grace=LONG) as run, run.connect() as client:
        client.ask()
        assert app.entered.wait(DEADLINE)
        _Ending(run.server).insist()
        with pytest.raises(IncompleteRead):
            client.answer()
        app.leave.set()
        assert run.ended()
