"""What is said of the servers is what they were asked with, and what is known of them."""

from __future__ import annotations

import pytest

from tests.matrix.__main__ import DOCUMENT, deviations
from tests.matrix.cases import FAILURES, FILES, LEAVING, OLD, POSTS, STREAMS
from tests.matrix.deviations import DEVIATIONS
from tests.matrix.servers import CONFIGURATIONS, SERVERS, Served

ALL = (*FILES, *STREAMS, *OLD, *FAILURES, *LEAVING, *POSTS)


@pytest.mark.parametrize("served", SERVERS, ids=lambda served: served.identity)
def test_the_command_stands_in_the_configuration_and_in_the_document(served: Served) -> None:
    assert f"# {served.command}\n" in (CONFIGURATIONS / served.file).read_text("utf-8")
    document = DOCUMENT.read_text("utf-8")
    assert served.command in document
    assert f"(deploy/servers/{served.file})" in document


def test_every_configuration_is_used() -> None:
    assert {path.name for path in CONFIGURATIONS.iterdir()} - {
        served.file for served in SERVERS
    } == {"media.py"}


def test_the_document_tells_every_deviation_and_no_other() -> None:
    told = DOCUMENT.read_text("utf-8").partition("<!-- answered -->")[2]
    told = told.partition("<!-- end of answered -->")[0]
    assert [line for line in told.splitlines() if line.startswith("- ")] == list(deviations())


def test_a_deviation_is_of_a_case_and_of_a_server_that_there_are() -> None:
    cases = {case.name for case in ALL}
    for server, case in DEVIATIONS:
        assert server in {served.name for served in SERVERS}
        assert case.removeprefix("HEAD of ") in cases
