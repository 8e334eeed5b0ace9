"""The contract of every source: a test class inherits it and says how to make one."""

from __future__ import annotations

import pytest

from tests.client import ask
from wsgistream.respond import respond
from wsgistream.types import Body, Environ, Source, StartResponse

DATA = bytes(range(256)) * 4


class SourceContract:
    """Subclasses give ``make``: a source of DATA, with a size unless ``sized`` is False."""

    def make(self) -> Source:
        raise NotImplementedError

    @pytest.mark.parametrize(
        ("start", "stop"),
        [
            pytest.param(0, 1024, id="the whole"),
            pytest.param(0, 1, id="the first byte"),
            pytest.param(1023, 1024, id="the last byte"),
            pytest.param(100, 900, id="the middle"),
        ],
    )
    def test_a_slice_is_its_bytes(self, start: int, stop: int) -> None:
        source = self.make()
        assert b"".join(source.read(start, stop)) == DATA[start:stop]
        source.close()

    def test_slices_that_ascend_are_read_one_after_the_other(self) -> None:
        source = self.make()
        assert [b"".join(source.read(*cut)) for cut in ((1, 3), (3, 5), (900, 1000))] == [
            DATA[1:3],
            DATA[3:5],
            DATA[900:1000],
        ]
        source.close()

    def test_it_can_be_closed_unread_and_twice(self) -> None:
        source = self.make()
        source.close()
        assert source.close() is None

    def test_it_knows_its_size(self) -> None:
        source = self.make()
        assert source.meta.size == len(DATA)
        source.close()

    def test_a_file_is_of_exactly_these_bytes(self) -> None:
        source = self.make()
        if source.file is not None:
            source.file.seek(0)
            assert source.file.read() == DATA
        source.close()

    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    @pytest.mark.parametrize(
        ("value", "status", "expected"),
        [
            pytest.param(None, 200, DATA, id="no range"),
            pytest.param("bytes=10-19", 206, DATA[10:20], id="a range"),
            pytest.param("bytes=-5", 206, DATA[-5:], id="a suffix"),
            pytest.param("bytes=5000-", 416, None, id="a range beyond the end"),
        ],
    )
    def test_it_is_answered_with(
        self, method: str, value: str | None, status: int, expected: bytes | None
    ) -> None:
        def app(environ: Environ, start_response: StartResponse) -> Body:
            return respond(environ, start_response, self.make())

        answer = ask(app, method=method, headers={} if value is None else {"Range": value})
        if method == "HEAD":
            assert (answer.status, answer["content-length"], answer.body) == (200, "1024", b"")
        else:
            assert answer.status == status
            assert expected is None or answer.body == expected
            assert answer["content-length"] == str(len(answer.body))
