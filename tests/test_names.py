"""The names that the package gives: where each is found, and what is not loaded for them."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import wsgistream

STUB = Path(wsgistream.__file__).with_suffix(".pyi")


def declared() -> dict[str, str]:
    """Give each name that the stub tells type checkers, and the module it is to come from."""
    found = {}
    for node in ast.parse(STUB.read_text()).body:
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                assert alias.asname == alias.name, "a stub gives on only what is named twice"
                found[alias.name] = str(node.module)
    return found


def test_what_the_stub_declares_is_what_there_is() -> None:
    assert sorted(declared()) == wsgistream.__all__
    assert set(wsgistream.__all__) <= set(dir(wsgistream))


@pytest.mark.parametrize(("name", "module"), sorted(declared().items()))
def test_a_name_is_that_of_the_module_which_the_stub_says(name: str, module: str) -> None:
    assert getattr(wsgistream, name) is getattr(import_module(module), name)


def test_a_name_that_there_is_not_is_said_to_be_missing() -> None:
    with pytest.raises(AttributeError, match="'wsgistream' has no attribute 'Nothing'"):
        wsgistream.Nothing  # noqa: B018


def test_a_function_stays_one_when_the_module_of_its_name_is_loaded() -> None:
    code = "import wsgistream, wsgistream.respond, wsgistream.site; print(wsgistream.respond)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.startswith("<function respond ")


def test_who_serves_files_loads_neither_rows_nor_live_events() -> None:
    code = (
        "import sys\n"
        "before = set(sys.modules)\n"  # whoever measures what is covered has loaded much himself
        "import wsgistream.commands.serve\n"
        "wsgistream.serve, wsgistream.DirectoryApp, wsgistream.StreamingResponse\n"
        "print(*(set(sys.modules) - before), sep='\\n')"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(said.stdout.split())
    assert "wsgistream.apps.files" in loaded
    rooms = ("rules.rows", "rules.sse", "sources.rows.", "sources.live", "apps.events", "export")
    unwanted = {name for name in loaded for room in rooms if name.startswith(f"wsgistream.{room}")}
    assert unwanted == {"wsgistream.sources.rows.failures"}
    # Some megabytes each, and in each process.
    assert not loaded & {"webob", "hashlib", "zipfile", "wsgistream.middleware.auth"}
