"""The law of imports: a room imports only from rooms below it, and knows what it may know."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "wsgistream"

#: Each room, and the rooms it may import from beside itself.
BELOW = {
    "types": set(),
    "rules": {"types"},
    "wsgi": {"types"},
    "sources": {"types", "rules", "wsgi"},
    "errors": {"types", "rules", "wsgi", "sources"},
    "respond": {"types", "rules", "wsgi", "sources", "errors"},
    "offload": {"types", "rules", "respond"},
    "redirect": {"types", "rules", "respond"},
    "streaming": {"types", "rules", "wsgi", "sources", "respond"},
    "rows": {"types", "rules", "wsgi", "sources", "errors", "respond"},
    "middleware": {"types", "rules", "wsgi", "errors", "respond"},
    "asgi": {"types", "rules", "wsgi"},
    "apps": {"types", "rules", "wsgi", "sources", "errors", "respond", "rows"},
    "hosts": {"types", "wsgi", "respond"},
    "compress": {"rules"},
    "export": {"rules", "sources"},
    "keys": {"rules"},
    "values": {"rules"},
    "arguments": {"values"},
    "options": {"arguments", "values"},
    "server": {"types", "wsgi", "rules"},
    "serving": {"types", "rules", "values", "server"},
    "site": {"types", "wsgi", "errors", "respond", "apps", "middleware", "values", "options"}
    | {"keys", "offload", "rules", "sources"},
    "paste": {"types", "wsgi", "errors", "respond", "middleware", "values", "options", "server"}
    | {"serving", "site"},
    "commands": {"rules", "server", "serving", "site", "arguments", "options", "compress"}
    | {"export", "keys", "middleware", "values"},
    "cli": {"rules", "server", "commands"},
    "__main__": {"cli"},
    "__init__": {"wsgi", "types", "rules", "sources", "respond", "apps", "middleware"}
    | {"server", "serving", "site", "keys", "streaming", "hosts", "offload", "redirect"}
    | {"rows"},
}

#: What a rule may not touch: files, sockets, clocks, sleep and threads.
IMPURE = {"asyncio", "io", "pathlib", "select", "shutil", "socket", "subprocess", "tempfile"} | {
    "threading",
    "time",
}


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


MODULES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_from_below(path: Path) -> None:
    room = room_of(path)
    used = {name.split(".")[1] for name in imports(path) if name.startswith("wsgistream.")}
    assert used - {room} <= BELOW[room]


@pytest.mark.parametrize(
    "path", sorted((PACKAGE / "rules").rglob("*.py")), ids=lambda path: str(path.name)
)
def test_a_rule_is_pure(path: Path) -> None:
    assert not {name.split(".")[0] for name in imports(path)} & IMPURE
    # Of the system's module only names and bytes are of use to a rule.
    tree = ast.parse(path.read_text())
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "os"
    }
    assert used <= {"fsdecode", "fsencode", "name", "urandom"}


def test_every_room_is_spoken_of_and_there_are_no_circles() -> None:
    assert {room_of(path) for path in MODULES} == set(BELOW)
    seen: list[str] = []

    def visit(room: str, above: tuple[str, ...]) -> None:
        assert room not in above, f"a circle: {' '.join((*above, room))}"
        if room not in seen:
            seen.append(room)
            for below in BELOW[room]:
                visit(below, (*above, room))

    for room in BELOW:
        visit(room, ())
    assert set(seen) == set(BELOW)


def test_every_module_says_what_it_is_in_one_sentence() -> None:
    for path in MODULES:
        documentation = ast.get_docstring(ast.parse(path.read_text()))
        assert documentation is not None, path
        assert documentation.split("\n\n")[0].endswith("."), path
