"""Bytes in memory as a source."""

from __future__ import annotations

from tests.sources.contract import DATA, SourceContract
from wsgistream.sources.memory import Memory
from wsgistream.types import Meta, Source


class TestMemory(SourceContract):
    def make(self) -> Source:
        return Memory(DATA)

    def test_its_size_is_that_of_the_data_whatever_meta_says(self) -> None:
        meta = Memory(b"abc", Meta(99, "text/plain", etag='"x"')).meta
        assert (meta.size, meta.content_type, meta.etag) == (3, "text/plain", '"x"')
