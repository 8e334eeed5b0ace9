"""What a front server is told, without one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.client import Answer, ask
from wsgistream import DirectoryApp, FileApp, Memory, Meta, XAccelRedirect, XSendfile
from wsgistream.types import Body, Environ, Responder, Source, StartResponse


@pytest.fixture
def media(tmp_path: Path) -> Path:
    (tmp_path / "media" / "sub").mkdir(parents=True)
    (tmp_path / "media" / "a.txt").write_bytes(b"some")
    (tmp_path / "media" / "sub" / "b.txt").write_bytes(b"more")
    (tmp_path / "other.txt").write_bytes(b"other")
    return tmp_path / "media"


def asked(root: Path, responder: Responder, path: str, **options: Any) -> Answer:
    return ask(DirectoryApp(root, responder=responder, follow_symlinks=True), path, **options)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_nginx_is_told_the_location(media: Path, method: str) -> None:
    answer = asked(media, XAccelRedirect({media: "/internal/"}), "/sub/b.txt", method=method)
    assert (answer.status, answer.body, answer["content-length"]) == (200, b"", "0")
    assert answer["x-accel-redirect"] == "/internal/sub/b.txt"
    assert "accept-ranges" not in answer


def test_the_longest_folder_counts(media: Path) -> None:
    mapping = {media: "/whole/", str(media / "sub"): "/part/"}
    for folders in (mapping, dict(reversed(mapping.items()))):
        answer = asked(media, XAccelRedirect(folders), "/sub/b.txt")
        assert answer["x-accel-redirect"] == "/part/b.txt"


def test_a_folder_may_become_another_after_a_release(media: Path, tmp_path: Path) -> None:
    current = tmp_path / "current"
    current.symlink_to(media)
    responder = XAccelRedirect({current: "/internal/"})
    assert asked(current, responder, "/a.txt")["x-accel-redirect"] == "/internal/a.txt"
    current.unlink()
    current.symlink_to(media / "sub")
    assert asked(current, responder, "/b.txt")["x-accel-redirect"] == "/internal/b.txt"


def test_a_link_is_told_as_what_it_leads_to(media: Path) -> None:
    (media / "link.txt").symlink_to(media / "a.txt")
    answer = asked(media, XAccelRedirect({media: "/internal/"}), "/link.txt")
    assert answer["x-accel-redirect"] == "/internal/a.txt"


def test_what_lies_elsewhere_is_answered_as_without(media: Path) -> None:
    (media / "link.txt").symlink_to(media.parent / "other.txt")
    answer = asked(
        media, XAccelRedirect({media: "/internal/"}), "/link.txt", headers={"Range": "bytes=1-2"}
    )
    assert (answer.status, answer.body) == (206, b"th")


def test_apache_is_told_the_path_as_it_is_and_lighttpd_with_escapes(media: Path) -> None:
    name = "100% é.txt"
    (media / name).write_bytes(b"some")
    path = "/100%25%20%C3%A9.txt"
    raw = asked(media, XSendfile(), path)["x-sendfile"]
    assert raw.encode("latin-1").decode() == f"{media}/{name}"
    assert asked(media, XSendfile(quoted=True), path)["x-sendfile"] == f"{media}{path}"


@pytest.mark.parametrize(
    ("quoted", "name", "path"),
    [
        pytest.param(False, "a\nb", "/a%0Ab", id="a line end, Apache"),
        pytest.param(True, "a\nb", "/a%0Ab", id="a line end, lighttpd"),
        pytest.param(False, "end ", "/end%20", id="a space at the end, Apache"),
        pytest.param(True, "\udcff", "/%FF", id="what is no text, lighttpd"),
        pytest.param(False, "a.svgz", "/a.svgz", id="what is encoded, Apache"),
    ],
)
def test_what_would_be_taken_for_another_is_answered_as_without(
    media: Path, quoted: bool, name: str, path: str
) -> None:
    (media / name).write_bytes(b"content")
    answer = asked(media, XSendfile(quoted=quoted), path)
    assert (answer.status, answer.body) == (200, b"content")


@pytest.mark.parametrize("quoted", [False, True])
@pytest.mark.parametrize(
    ("headers", "status"), [({"If-None-Match": "*"}, 304), ({"If-Match": '"x"'}, 412)]
)
def test_preconditions_are_tried_here_where_the_tag_is_ours(
    media: Path, quoted: bool, headers: dict[str, str], status: int
) -> None:
    answer = asked(media, XSendfile(quoted=quoted), "/a.txt", headers=headers)
    assert (answer.status, "x-sendfile" in answer) == (status, False)


@pytest.mark.parametrize("responder", [XSendfile(), XSendfile(quoted=True)])
def test_what_is_no_local_file_is_answered_as_without(responder: Responder) -> None:
    def app(environ: Environ, start_response: StartResponse) -> Body:
        return responder(environ, start_response, Memory(b"some", Meta(None, "text/plain")))

    assert ask(app).body == b"some"


@pytest.mark.parametrize("replaced", [False, True])
def test_a_file_that_has_gone_since_it_was_opened_is_answered_as_without(
    media: Path, replaced: bool
) -> None:
    def responder(environ: Environ, start_response: StartResponse, source: Source) -> Body:
        (media / "a.txt").unlink()
        if replaced:
            (media / "a.txt").symlink_to(media.parent / "other.txt")
        return XSendfile()(environ, start_response, source)

    answer = asked(media, responder, "/a.txt")
    assert (answer.status, answer.body) == (200, b"some")


def test_nginx_is_told_nothing_of_what_is_no_local_file(media: Path) -> None:
    responder = XAccelRedirect({media: "/internal/"})

    def app(environ: Environ, start_response: StartResponse) -> Body:
        return responder(environ, start_response, Memory(b"some", Meta(None, "text/plain")))

    assert ask(app).body == b"some"
    assert ask(FileApp(media / "a.txt")).body == b"some"


@pytest.mark.parametrize(
    ("mapping", "sentence"),
    [
        pytest.param({}, "Nothing is mapped", id="nothing"),
        pytest.param({"/no/such/folder": "/internal/"}, "There is no folder", id="no folder"),
        pytest.param({"/tmp": "internal/"}, "A location is a path", id="no path"),
        pytest.param({"/tmp": "/internal"}, "A location is a path", id="no slash at the end"),
    ],
)
def test_a_mapping_that_cannot_be_is_refused(mapping: dict[str, str], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        XAccelRedirect(mapping)
