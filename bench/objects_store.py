"""Objects, store: a Ceph of one node, in memory, with the large file as an object."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from bench.model import Place, Settings

#: Where a contestant finds the bucket, beside what any client of S3 is told.
BUCKET: Final = "BENCH_BUCKET"


def missing_store() -> str | None:
    """Say why there can be no store here; None: there can."""
    try:
        program = _tests().missing_program()
    except ImportError as error:
        return f"{error.name} not installed"
    return None if program is None else f"{program} not installed"


@contextmanager
def store(place: Place, settings: Settings) -> Iterator[None]:
    """Have a store; where there can be none, its contestants are left out."""
    if missing_store() is not None:
        yield
        return
    folder = place.temporary / "store"
    folder.mkdir()
    with _tests().one_node(folder) as ceph:
        bucket = ceph.make_bucket()
        put = import_module("obstore").put
        put(ceph.store(bucket).store, place.big[1:], place.path(place.big))
        told = json.dumps({**ceph.environ, BUCKET: bucket})
        _file(place.temporary).write_text(told, encoding="utf-8")
        yield
    shutil.rmtree(folder)


def environ_of(folder: Path) -> Mapping[str, str]:
    """What a contestant finds in its environment."""
    told: Mapping[str, str] = json.loads(_file(folder).read_text("utf-8"))
    return told


def _file(folder: Path) -> Path:
    return folder / "store.json"


def _tests() -> Any:
    """The store is that of the tests."""
    return import_module("tests.ceph")
