"""What is used of waitress beyond its documentation is there, in the version that is pinned."""

from __future__ import annotations

import inspect
import re
from configparser import ConfigParser
from importlib.metadata import version
from typing import Any

import pytest
from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import BaseWSGIServer
from waitress.task import ErrorTask, Task, ThreadedTaskDispatcher, WSGITask

from tests.servers import ROOT, eventually, running
from wsgistream.server import (
    accounts,
    adjustments,
    channel,
    environ,
    framing,
    listeners,
    loop,
    parser,
    run,
    sending,
    start_response,
    tasks,
    watching,
)

MODULES = (
    accounts,
    adjustments,
    channel,
    environ,
    framing,
    listeners,
    loop,
    parser,
    run,
    sending,
    start_response,
    tasks,
    watching,
)

NAMES = sorted(
    {
        (owner, name)
        for internals in (each.INTERNALS for each in MODULES)
        for owner, names in internals.items()
        for name in names
    },
    key=lambda pair: (pair[0].__name__, pair[1]),
)


@pytest.fixture(scope="module")
def living() -> dict[Any, Any]:
    """One of each kind, since some names are given to it as it is made."""
    with running(lambda *_: []) as started, started.connect():
        assert eventually(started.server._channels)
        (connection,) = started.server._channels()
        request = HTTPRequestParser(connection.adj)
        request.received(b"GET / HTTP/1.1\r\n\r\n")
        return {
            Adjustments: connection.adj,
            HTTPChannel: connection,
            HTTPRequestParser: request,
            Task: Task(connection, request),
            WSGITask: WSGITask(connection, request),
            ErrorTask: ErrorTask(connection, request),
            BaseWSGIServer: connection.server,
            wasyncore.dispatcher: connection,
            ThreadedTaskDispatcher: ThreadedTaskDispatcher(),
            wasyncore: wasyncore,
        }


@pytest.mark.parametrize(
    ("owner", "name"), [pytest.param(*pair, id=f"{pair[0].__name__}.{pair[1]}") for pair in NAMES]
)
def test_waitress_has(living: dict[Any, Any], owner: Any, name: str) -> None:
    assert hasattr(living[owner], name)


@pytest.mark.parametrize(
    "name", ["application", "map", "_start", "_sock", "dispatcher", "adj", "sockinfo"]
)
def test_a_waitress_server_is_made_with(name: str) -> None:
    assert name in inspect.signature(BaseWSGIServer).parameters


def test_the_installed_waitress_is_of_the_version_that_is_pinned() -> None:
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg")
    required = setup["options"]["install_requires"]
    pinned = re.search(r"^waitress >= (\d+)\.\d+, < (\d+)$", required, re.MULTILINE)
    assert pinned is not None
    least, below = int(pinned[1]), int(pinned[2])
    assert least <= int(version("waitress").split(".")[0]) < below == least + 1
