"""What is said of the fronts is what they were asked with, and what is known of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fronts.deviations import CHANGED, DEVIATIONS
from tests.fronts.fronts import DEPLOY, program
from tests.fronts.proxies import PROXIES, Proxy
from tests.matrix.__main__ import deviations

DOCUMENT = (DEPLOY / "README.md").read_text("utf-8")


def between(mark: str) -> list[str]:
    """The lines of a table."""
    return (
        DOCUMENT.partition(f"<!-- {mark} -->\n")[2]
        .partition(f"<!-- end of {mark} -->")[0]
        .split("\n")
    )


@pytest.mark.parametrize("proxy", PROXIES, ids=lambda proxy: proxy.name)
def test_the_first_line_of_a_configuration_starts_it(proxy: Proxy) -> None:
    assert f"| {proxy.name} | [{proxy.file}]({proxy.file}) |" in DOCUMENT
    first = (DEPLOY / proxy.file).read_text("utf-8").partition("\n")[0]
    assert first.startswith("# ")
    assert program(first.split()[1])
    assert f"/{proxy.file}" in first


def test_the_document_tells_every_deviation_and_no_other() -> None:
    assert [line for line in between("deviations") if line] == list(deviations(DEVIATIONS))


def test_the_document_tells_every_field_that_is_changed_and_no_other() -> None:
    def told() -> Iterator[tuple[str, set[str]]]:
        for row in between("fields")[3:-2]:
            _, front, fields, _ = row.split("|")
            yield front.strip(), set(fields.lower().split("`")[1::2])

    assert dict(told()) == CHANGED


def test_every_file_beside_it_is_in_the_document() -> None:
    for path in DEPLOY.iterdir():
        assert path.is_dir() or path.name == "README.md" or f"({path.name})" in DOCUMENT
