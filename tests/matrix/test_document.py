"""What is said of the servers is what they were asked with, and what is known of them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.matrix.__main__ import COLUMNS, DOCUMENT, deviations
from tests.matrix.cases import FAILURES, FILES, LEAVING, OLD, POSTS, STREAMS, Case
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


def told() -> list[str]:
    """What the document tells of the answers, line by line."""
    text = DOCUMENT.read_text("utf-8").partition("<!-- answered -->")[2]
    return text.partition("<!-- end of answered -->")[0].splitlines()


def named(cases: Sequence[Case], prefix: str = "") -> tuple[str, ...]:
    return tuple(prefix + case.name for case in cases)


def test_the_document_tells_every_deviation_and_no_other() -> None:
    assert [line for line in told() if line.startswith("- ")] == list(deviations())


#: What is asked of each server, by the test; a case that is answered to HEAD too is named twice.
ASKED = {
    "test_files": (*named(FILES), *named(FILES, "HEAD of ")),
    "test_streams": (*named(STREAMS), *named(STREAMS, "HEAD of ")),
    "test_client_of_http_1_0": named(OLD),
    "test_failure_is_seen": named(FAILURES),
    "test_client_gone": 2 * named(LEAVING),
    "test_what_is_not_read": named(POSTS),
}


@pytest.mark.parametrize("served", SERVERS, ids=lambda served: served.name)
def test_the_table_tells_what_was_answered(served: Served) -> None:
    """And so has every case that there is, of every server."""
    (row,) = (line for line in told() if line.startswith(f"| {served.name} |"))
    cells = dict(zip(COLUMNS, row.split(" | ")[2:], strict=False))
    for test in COLUMNS:
        asked = ASKED.get(test, ("at once",))
        held = [case for case in asked if (served.name, case) not in DEVIATIONS]
        assert cells[test] == f"{len(held)}/{len(asked)}", test


def test_no_server_is_known_for_a_wrong_byte_or_for_what_it_leaves_open() -> None:
    cases = {case for _, case in DEVIATIONS}
    assert cases.isdisjoint(ASKED["test_files"] + ASKED["test_client_gone"])
    # What is wrong with streams is only what is said of them, or how those end that fail.
    assert cases.isdisjoint(named(STREAMS) + named(OLD[:2]))
    assert cases.isdisjoint(
        {"a failure of known length", "fewer bytes than announced", "more bytes than announced"}
    )


def test_a_deviation_is_of_a_case_and_of_a_server_that_there_are() -> None:
    cases = {case.name for case in ALL}
    for server, case in DEVIATIONS:
        assert server in {served.name for served in SERVERS}
        assert case.removeprefix("HEAD of ") in cases
