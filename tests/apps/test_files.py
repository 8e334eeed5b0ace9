"""One file, and a folder of them, as applications."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.client import ask
from wsgistream import DirectoryApp, FileApp, Folder
from wsgistream.types import Body, Environ, StartResponse


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    for name in ("sub", "plain", "sp ace", "evil.example", ".git"):
        (root / name).mkdir(parents=True)
    for name, content in {
        "index.html": "<h1>root</h1>",
        "sub/index.html": "<h1>sub</h1>",
        "evil.example/index.html": "<h1>evil</h1>",
        "sp ace/index.html": "<h1>space</h1>",
        "plain/a.txt": "a",
        "video.mp4": "0123456789",
        ".git/config": "secret",
    }.items():
        (root / name).write_text(content)
    return root


def inner(environ: Environ, start_response: StartResponse) -> Body:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"inner {environ['REQUEST_METHOD']} {environ['PATH_INFO']}".encode()]


# --- one file ------------------------------------------------------------------------------------


def test_a_file_app_answers_every_path_with_its_file(root: Path) -> None:
    app = FileApp(root / "video.mp4")
    for path in ("/", "/any/where", ""):
        answer = ask(app, path, headers={"Range": "bytes=2-4"})
        assert (answer.status, answer.body) == (206, b"234")


@pytest.mark.parametrize(
    "app", [pytest.param(FileApp, id="file"), pytest.param(DirectoryApp, id="folder")]
)
class TestOtherMethods:
    @pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE"])
    def test_are_refused_with_what_is_allowed(self, app: Any, root: Path, method: str) -> None:
        made = app(root if app is DirectoryApp else root / "video.mp4")
        answer = ask(made, "/video.mp4", method=method)
        assert (answer.status, answer["allow"]) == (405, "GET, HEAD, OPTIONS")
        assert answer.body == b"A file can only be read: use GET or HEAD.\n"

    def test_but_options_says_what_is_allowed(self, app: Any, root: Path) -> None:
        made = app(root if app is DirectoryApp else root / "video.mp4")
        answer = ask(made, "/video.mp4", method="OPTIONS")
        assert (answer.status, answer["allow"], answer.body) == (204, "GET, HEAD, OPTIONS", b"")
        assert "content-length" not in answer


# --- a folder ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        pytest.param("/video.mp4", 200, b"0123456789", id="a file"),
        pytest.param("/", 200, b"<h1>root</h1>", id="the index of the root"),
        pytest.param("", 200, b"<h1>root</h1>", id="the empty path of a server's root"),
        pytest.param("/sub/", 200, b"<h1>sub</h1>", id="the index of a folder"),
        pytest.param("/missing", 404, None, id="what is not there"),
        pytest.param("/plain/", 404, None, id="a folder without an index"),
        pytest.param("/plain", 404, None, id="such a folder without its slash"),
        pytest.param("/video.mp4/", 404, None, id="a file with a slash after it"),
        pytest.param("/video.mp4/x", 404, None, id="a path below a file"),
        pytest.param("/../video.mp4", 404, None, id="dots"),
        pytest.param("//video.mp4", 404, None, id="two slashes"),
        pytest.param("/sub//index.html", 404, None, id="an empty segment"),
        pytest.param("/a%00b", 404, None, id="a NUL"),
        pytest.param("/%ff", 404, None, id="bytes that are not UTF-8"),
        pytest.param("/" + "x" * 5000, 404, None, id="a name too long"),
        pytest.param("/.git/config", 404, None, id="a dot-folder"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_folder_answers(
    root: Path, path: str, status: int, body: bytes | None, method: str
) -> None:
    answer = ask(DirectoryApp(root), path, method=method)
    assert answer.status == status
    expected = body or b"There is no such file here.\n"
    assert answer["content-length"] == str(len(expected))
    assert answer.body == (expected if method == "GET" else b"")


@pytest.mark.parametrize(
    ("path", "script_name", "location"),
    [
        pytest.param("/sub", "", "/sub/", id="at the root"),
        pytest.param("/sub?a=1&b=%2F", "", "/sub/?a=1&b=%2F", id="with a query"),
        pytest.param("/sub", "/files", "/files/sub/", id="below a mount"),
        pytest.param("/sp%20ace", "/caf\xc3\xa9", "/caf%C3%A9/sp%20ace/", id="with escapes"),
        pytest.param("", "/files", "/files/", id="the mount itself"),
        pytest.param("/evil.example", "/", "/evil.example/", id="never to another host"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_folder_without_its_slash_is_redirected(
    root: Path, path: str, script_name: str, location: str, method: str
) -> None:
    environ = {"script_name": "" if script_name == "/" else script_name, "method": method}
    answer = ask(DirectoryApp(root), path, **environ)
    assert (answer.status, answer["location"]) == (301, location)
    assert bool(answer.body) == (method == "GET")


def test_a_path_that_names_another_host_is_not_redirected_to(root: Path) -> None:
    answer = ask(DirectoryApp(root), "//evil.example")
    assert (answer.status, "location" in answer) == (404, False)


def test_a_folder_works_below_any_mount(root: Path) -> None:
    answer = ask(DirectoryApp(root), "/video.mp4", script_name="/media/files")
    assert answer.body == b"0123456789"


def test_the_first_index_there_is_answers(root: Path) -> None:
    app = DirectoryApp(root, index=("index.txt", "a.txt", "index.html"))
    assert [ask(app, path).body for path in ("/plain/", "/sub/")] == [b"a", b"<h1>sub</h1>"]
    assert ask(DirectoryApp(root, index=()), "/sub/").status == 404


def test_headers_go_with_every_file(root: Path) -> None:
    app = DirectoryApp(root, cache_control="max-age=60", headers=[("X-Custom", "1")])
    for path, headers in (("/video.mp4", {}), ("/video.mp4", {"If-None-Match": "*"}), ("/", {})):
        answer = ask(app, path, headers=headers)
        assert (answer["cache-control"], answer["x-custom"]) == ("max-age=60", "1")
    assert "cache-control" not in ask(app, "/missing")


@pytest.mark.parametrize(
    ("download", "path", "expected"),
    [
        pytest.param(False, "/video.mp4", None, id="none"),
        pytest.param(True, "/video.mp4", 'attachment; filename="video.mp4"', id="all"),
        pytest.param(
            lambda name: name.endswith(".mp4"),
            "/video.mp4",
            'attachment; filename="video.mp4"',
            id="those it says yes to",
        ),
        pytest.param(lambda name: False, "/video.mp4", None, id="not those it says no to"),
        pytest.param(True, "/sub/", None, id="never an index"),
    ],
)
def test_downloads_are(root: Path, download: Any, path: str, expected: str | None) -> None:
    answer = ask(DirectoryApp(root, download=download), path)
    assert answer.status == 200
    assert answer.get("content-disposition") == expected


def test_a_choice_of_downloads_that_fails_leaves_nothing_open(root: Path) -> None:
    def fail(name: str) -> bool:
        raise LookupError

    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(LookupError):
        ask(DirectoryApp(root, download=fail), "/video.mp4")
    assert len(os.listdir("/proc/self/fd")) == before


def test_tags_can_be_of_the_callers_making(root: Path) -> None:
    app = DirectoryApp(root, etag=lambda file, status: f'"{status.st_size}"')
    assert ask(app, "/video.mp4")["etag"] == '"10"'
    assert "etag" not in ask(DirectoryApp(root, etag=None), "/video.mp4")


def test_links_and_dot_files_are_given_if_asked(root: Path, tmp_path: Path) -> None:
    (tmp_path / "outside.txt").write_text("outside")
    (root / "link.txt").symlink_to("../outside.txt")
    closed, opened = DirectoryApp(root), DirectoryApp(root, hidden=True, follow_symlinks=True)
    assert [ask(closed, path).status for path in ("/link.txt", "/.git/config")] == [404, 404]
    assert [ask(opened, path).body for path in ("/link.txt", "/.git/config")] == [
        b"outside",
        b"secret",
    ]


def test_a_file_changed_on_disk_is_seen_at_once(root: Path) -> None:
    app = DirectoryApp(root)
    first = ask(app, "/plain/a.txt")
    (root / "plain/a.txt").write_text("another")
    second = ask(app, "/plain/a.txt", headers={"If-None-Match": first["etag"]})
    assert (second.status, second.body) == (200, b"another")
    (root / "plain/a.txt").unlink()
    assert ask(app, "/plain/a.txt").status == 404


def test_a_precompressed_sibling_is_a_representation_of_its_own(root: Path) -> None:
    plain = b"body { color: red }" * 10
    (root / "style.css").write_bytes(plain)
    (root / "style.css.gz").write_bytes(gzip.compress(plain))
    app = DirectoryApp(root)
    packed = {"Accept-Encoding": "gzip, deflate;q=0.5"}
    whole = ask(app, "/style.css", headers=packed)
    assert (whole["content-encoding"], whole["vary"]) == ("gzip", "Accept-Encoding")
    assert whole["content-type"] == "text/css; charset=utf-8"
    ranged = {**packed, "Range": "bytes=2-9", "If-Range": whole["etag"]}
    part = ask(app, "/style.css", headers=ranged)
    assert (part.status, part.body) == (206, whole.body[2:10])
    again = ask(app, "/style.css", headers={**packed, "If-None-Match": whole["etag"]})
    assert (again.status, again["vary"]) == (304, "Accept-Encoding")
    other = ask(app, "/style.css", headers={"If-None-Match": whole["etag"]})
    assert (other.status, other.body, other["vary"]) == (200, plain, "Accept-Encoding")
    none = ask(app, "/style.css", headers={"Accept-Encoding": "identity;q=0, br"})
    assert (none.status, none["vary"]) == (406, "Accept-Encoding")


# --- what is missing -----------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["app", "fallback"])
def test_an_inner_application_answers_for_what_is_missing(root: Path, option: str) -> None:
    app = DirectoryApp(root, **{option: inner})
    for path, method, expected in (
        ("/video.mp4", "GET", b"0123456789"),
        ("/", "GET", b"<h1>root</h1>"),
        ("/api", "GET", b"inner GET /api"),
        ("/plain/", "GET", b"inner GET /plain/"),
        ("/a//b", "GET", b"inner GET /a//b"),
        ("/video.mp4", "POST", b"inner POST /video.mp4"),
        ("/video.mp4", "OPTIONS", b"inner OPTIONS /video.mp4"),
    ):
        assert ask(app, path, method=method).body == expected


def test_a_file_answers_for_what_is_missing(root: Path) -> None:
    app = DirectoryApp(root, fallback="index.html", cache_control="no-cache")
    for path in ("/route/of/the/page", "/plain/", "/%00"):
        answer = ask(app, path)
        assert (answer.status, answer.body) == (200, b"<h1>root</h1>")
        assert answer["cache-control"] == "no-cache"
    assert ask(app, "/x", method="POST").status == 405


def test_how_long_a_file_may_be_kept_is_found_by_its_name(root: Path) -> None:
    names: list[str] = []

    def keep(name: str) -> str | None:
        names.append(name)
        return "max-age=5" if name.endswith(".mp4") else None

    app = DirectoryApp(
        root, cache_control=keep, headers=[("X-Custom", "1")], fallback="plain/a.txt"
    )
    for path, name, expected in (
        ("/video.mp4", "video.mp4", "max-age=5"),
        ("/sub/", "index.html", None),
        ("/nowhere", "a.txt", None),
    ):
        answer = ask(app, path)
        assert (answer.get("cache-control"), answer["x-custom"]) == (expected, "1")
        assert names.pop() == name
    assert not app.quick  # what others wrote may take its time


@pytest.mark.parametrize(
    ("found", "error"),
    [
        pytest.param(lambda name: "a\nb", ValueError, id="two lines"),
        pytest.param(lambda name: {}[name], KeyError, id="a failure"),
    ],
)
def test_what_cannot_be_said_of_a_file_closes_it(
    root: Path, found: Any, error: type[Exception]
) -> None:
    sources: list[Any] = []

    class Watched(Folder):
        def find(self, path: Any, encodings: Any = ()) -> Any:
            sources.append(super().find(path, encodings))
            return sources[-1]

    with pytest.raises(error):
        ask(DirectoryApp(Watched(root), cache_control=found), "/video.mp4")
    assert sources[-1].file.closed


def test_a_missing_fallback_is_a_404(root: Path) -> None:
    assert ask(DirectoryApp(root, fallback="nowhere.html"), "/x").status == 404


# --- what cannot be ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param({"index": "index.html"}, "list of names", id="an index that is text"),
        pytest.param({"app": inner, "fallback": "x"}, "one of them", id="two fallbacks"),
        pytest.param({"headers": [("ETag", "x")]}, "made from the file", id="a header of ours"),
        pytest.param({"cache_control": "a\nb"}, "Cache-Control", id="a line break"),
    ],
)
def test_options_that_cannot_be_are_refused_at_once(
    root: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        DirectoryApp(root, **options)


def test_there_must_be_a_folder(root: Path) -> None:
    with pytest.raises(ValueError, match="There is no folder"):
        DirectoryApp(root / "nowhere")


def test_a_system_without_descriptors_is_busy_not_broken(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object) -> int:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr("wsgistream.sources.file.os.open", full)
    answer = ask(DirectoryApp(root), "/video.mp4")
    assert (answer.status, answer["retry-after"]) == (503, "1")


def test_a_file_that_shrinks_before_its_first_byte_is_a_clean_error(root: Path) -> None:
    def shrink(file: object, status: object) -> None:
        os.truncate(root / "video.mp4", 0)

    assert ask(DirectoryApp(root, etag=shrink), "/video.mp4").status == 500


# --- listing -------------------------------------------------------------------------------------


def hrefs(body: bytes) -> Iterable[str]:
    return [part.split('"')[0] for part in body.decode().split('<td><a href="')[1:]]


def test_a_folder_without_an_index_is_listed_if_asked(root: Path) -> None:
    (root / "plain/b:c.txt").write_text("x" * 1500)
    app = DirectoryApp(root, listing=True, headers=[("X-Custom", "1")], cache_control="max-age=9")
    answer = ask(app, "/plain/")
    assert answer["cache-control"] == "no-cache"
    assert (answer.status, answer["content-type"]) == (200, "text/html; charset=utf-8")
    assert (answer["vary"], answer["x-custom"]) == ("Accept", "1")
    assert hrefs(answer.body) == ["./a.txt", "./b:c.txt"]
    assert b"1.5 KB" in answer.body
    assert ask(app, "/plain")["location"] == "/plain/"
    assert ask(app, "/sub/").body == b"<h1>sub</h1>"
    assert ask(app, "/missing/").status == 404


def test_a_listing_is_json_for_those_who_prefer_it(root: Path) -> None:
    os.utime(root / "plain/a.txt", (1_000_000, 1_000_000))
    app = DirectoryApp(root, listing=True)
    answer = ask(app, "/plain/", headers={"Accept": "application/json"})
    assert answer["content-type"] == "application/json"
    assert json.loads(answer.body) == {
        "path": "/plain/",
        "entries": [
            {"name": "a.txt", "kind": "file", "size": 1, "mtime": 1_000_000, "href": "./a.txt"}
        ],
    }


def test_a_listing_has_no_body_for_head(root: Path) -> None:
    answer = ask(DirectoryApp(root, listing=True), "/plain/", method="HEAD")
    assert (answer.status, answer.body) == (200, b"")


def test_a_long_listing_is_streamed_in_chunks(root: Path) -> None:
    for number in range(500):
        (root / f"plain/{number}").touch()
    answer = ask(DirectoryApp(root, listing=True), "/plain/")
    assert len(list(hrefs(answer.body))) == 501
    assert 2 < len(answer.chunks) < 20


def test_a_listing_escapes_what_names_may_hold(root: Path) -> None:
    hostile = "<script>alert(1)<" + '"&\n%.txt'
    (root / "plain" / hostile).touch()
    (root / "plain" / os.fsdecode(b"caf\xe9")).touch()
    app = DirectoryApp(root, listing=True)
    body = ask(app, "/plain/").body
    assert b"<script>" not in body
    for href in hrefs(body):
        assert ask(app, f"/plain/{href[2:]}".replace("&amp;", "&")).status == 200
    listing = json.loads(ask(app, "/plain/", headers={"Accept": "application/json"}).body)
    assert {entry["name"] for entry in listing["entries"]} == {hostile, "a.txt", "caf\ufffd"}
