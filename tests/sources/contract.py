"""The contracts of every source and every store: a test class says how to make one."""

from __future__ import annotations

import gzip
from collections.abc import Sequence

import pytest

from tests.client import ask
from wsgistream.respond import respond
from wsgistream.sources.folder import NotAcceptable
from wsgistream.types import Body, Entry, Environ, Source, StartResponse, Store

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


PLAIN = b"body { color: red }"
PACKED = {"br": b"brotli", "gzip": gzip.compress(PLAIN, mtime=0)}

#: What every store under test holds. In this order, so that no sibling is older than its file.
FILES = {
    "a.txt": b"a",
    "data.bin": DATA,
    "sub/b.txt": b"of sub",
    "sub/deep/c.txt": b"of deep",
    ".env": b"hidden",
    ".git/config": b"hidden",
    ".well-known/d.txt": b"well known",
    "..e": b"two dots",
    "...": b"three dots",
    "sp ace/per%20cent.txt": b"a space",
    "caf\u00e9.txt": b"an accent",
    "que?stion#hash&and+plus.txt": b"marks",
    "back\\slash": b"no separator",
    "style.css": PLAIN,
    "style.css.br": PACKED["br"],
    "style.css.gz": PACKED["gzip"],
    "logo.svgz": gzip.compress(b"<svg/>", mtime=0),
    "logo.svgz.br": b"brotli",
}


class StoreContract:
    """Subclasses give ``store`` (of FILES), and ``store_with_hidden``, which hides none of them."""

    store: Store
    store_with_hidden: Store

    def content(self, path: str, encodings: Sequence[str] = ()) -> bytes | None:
        source = self.store.find(path.split("/") if path else (), encodings)
        return None if source is None else content_of(source)

    @pytest.mark.parametrize(
        "path",
        [
            pytest.param("a.txt", id="a file"),
            pytest.param("sub/b.txt", id="a file in a folder"),
            pytest.param("sub/deep/c.txt", id="a file in a folder of a folder"),
            pytest.param(".well-known/d.txt", id="a well-known file"),
            pytest.param("..e", id="a name of two dots and a letter"),
            pytest.param("...", id="a name of three dots"),
            pytest.param("sp ace/per%20cent.txt", id="a name with a space, and one with an escape"),
            pytest.param("caf\u00e9.txt", id="a name with an accent"),
            pytest.param("que?stion#hash&and+plus.txt", id="a name with marks of URLs"),
            pytest.param("back\\slash", id="a name with a backslash"),
        ],
    )
    def test_it_gives(self, path: str) -> None:
        assert self.content(path) == FILES[path]

    @pytest.mark.parametrize(
        "path",
        [
            pytest.param("", id="the root itself"),
            pytest.param("sub", id="a folder"),
            pytest.param("missing", id="what is not there"),
            pytest.param("a.txt/x", id="what is below a file"),
            pytest.param(".env", id="a dot-file"),
            pytest.param(".git/config", id="a file in a dot-folder"),
            pytest.param("sub/.well-known/x", id="well-known elsewhere than at the root"),
            pytest.param("caf\udce9.txt", id="a name that is not UTF-8"),
            pytest.param("new\nline", id="a name with a line break"),
        ],
    )
    def test_it_does_not_give(self, path: str) -> None:
        assert self.content(path) is None

    def test_it_gives_hidden_files_if_asked(self) -> None:
        for path in (".env", ".git/config"):
            source = self.store_with_hidden.find(path.split("/"))
            assert source is not None
            assert content_of(source) == b"hidden"

    @pytest.mark.parametrize(
        ("encodings", "expected"),
        [
            pytest.param((), None, id="nothing said"),
            pytest.param(("identity",), None, id="identity alone"),
            pytest.param(("br", "gzip", "identity"), "br", id="the first there is"),
            pytest.param(("zstd", "gzip", "identity"), "gzip", id="the second"),
            pytest.param(("identity", "gzip"), None, id="identity before gzip"),
            pytest.param(("zstd", "identity"), None, id="none that there is"),
        ],
    )
    def test_a_sibling_is_chosen(self, encodings: Sequence[str], expected: str | None) -> None:
        source = self.store.find(("style.css",), encodings)
        assert source is not None
        assert source.meta.encoding == expected
        assert content_of(source) == ({None: PLAIN} | PACKED)[expected]

    def test_each_coding_has_the_type_of_the_plain_file_and_a_tag_of_its_own(self) -> None:
        metas = []
        for coding in ("identity", *PACKED):
            source = self.store.find(("style.css",), (coding,))
            assert source is not None
            source.close()
            metas.append(source.meta)
        assert {meta.content_type for meta in metas} == {"text/css; charset=utf-8"}
        assert len({meta.etag for meta in metas}) == 3
        assert all(("Vary", "Accept-Encoding") in meta.extra for meta in metas)
        assert [meta.size for meta in metas] == [len(PLAIN), *map(len, PACKED.values())]

    def test_what_has_no_siblings_does_not_vary(self) -> None:
        source = self.store.find(("data.bin",), ("gzip", "identity"))
        assert source is not None
        source.close()
        assert ("Vary", "Accept-Encoding") not in source.meta.extra

    @pytest.mark.parametrize("name", ["style.css", "data.bin", "logo.svgz"])
    def test_a_client_that_accepts_no_form_there_is_gets_none(self, name: str) -> None:
        with pytest.raises(NotAcceptable):
            self.store.find((name,), ("zstd",))

    def test_a_client_that_accepts_no_form_of_what_is_missing_is_told_so(self) -> None:
        for name in ("missing.css", "missing.bin"):
            assert self.store.find((name,), ("zstd",)) is None

    def test_what_is_stored_in_a_coding_is_not_encoded_twice(self) -> None:
        source = self.store.find(("logo.svgz",), ("br", "identity"))
        assert source is not None
        assert source.meta.encoding == "gzip"
        assert gzip.decompress(content_of(source)) == b"<svg/>"

    def names(self, *path: str) -> list[str] | None:
        entries = self.store.list(path)
        return None if entries is None else [entry.name for entry in entries]

    def test_it_lists_folders_and_then_files_and_only_what_it_gives(self) -> None:
        folders = [".well-known", "sp ace", "sub"]
        hidden = [".env", ".git"]
        files = sorted(name for name in FILES if "/" not in name and name not in hidden)
        assert self.names() == [*folders, *files]
        assert self.names("sub") == ["deep", "b.txt"]
        assert self.names("sub", "deep") == ["c.txt"]

    @pytest.mark.parametrize(
        "path",
        [
            pytest.param(("a.txt",), id="a file"),
            pytest.param(("missing",), id="what is not there"),
            pytest.param((".git",), id="a dot-folder"),
        ],
    )
    def test_there_is_no_list_of(self, path: tuple[str, ...]) -> None:
        assert self.names(*path) is None

    def test_it_lists_hidden_files_if_asked(self) -> None:
        entries = self.store_with_hidden.list(())
        assert entries is not None
        assert {".env", ".git"} <= {entry.name for entry in entries}

    def test_an_entry_says_what_there_is(self) -> None:
        source = self.store.find(("sub", "b.txt"))
        assert source is not None
        source.close()
        folder, file = self.store.list(("sub",)) or ()
        assert (folder.kind, folder.size) == ("folder", None)
        assert file == Entry("b.txt", "file", 6, source.meta.modified)


def content_of(source: Source) -> bytes:
    try:
        return b"".join(source.read(0, source.meta.size or 0))
    finally:
        source.close()
