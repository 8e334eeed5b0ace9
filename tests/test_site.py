"""The application that settings describe, for the command line and for other servers."""

from __future__ import annotations

import gzip
import http.client
import os
import re
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.client import ask, make_environ
from tests.servers import DEADLINE, process
from wsgistream import create_app, sign
from wsgistream.wsgi.bodies import close
from wsgistream.wsgi.waiting import is_quick

TEXT = {"Accept-Encoding": "identity"}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("WSGISTREAM_")]:
        monkeypatch.delenv(name)
    folder = tmp_path / "root"
    (folder / "sub").mkdir(parents=True)
    for name in ("a.txt", ".hidden", "home.html", "sub/b.txt"):
        (folder / name).write_text(name)
    (tmp_path / "outside").write_text("outside")
    (folder / "link").symlink_to(tmp_path / "outside")
    return folder


@pytest.mark.parametrize(
    ("settings", "path", "status", "body"),
    [
        pytest.param({}, "/a.txt", 200, b"a.txt", id="a file"),
        pytest.param({}, "/none", 404, None, id="a missing file"),
        pytest.param({}, "/.hidden", 404, None, id="a hidden file"),
        pytest.param({"hidden": True}, "/.hidden", 200, b".hidden", id="hidden files, asked for"),
        pytest.param({}, "/link", 404, None, id="a link that leads out"),
        pytest.param({"follow_symlinks": True}, "/link", 200, b"outside", id="links, asked for"),
        pytest.param({}, "/sub/", 200, None, id="a listing"),
        pytest.param({"listing": False}, "/sub/", 404, None, id="no listing"),
        pytest.param({"index": ["home.html"]}, "/", 200, b"home.html", id="an index"),
        pytest.param({"prefix": "/x"}, "/x/a.txt", 200, b"a.txt", id="below a prefix"),
        pytest.param({"prefix": "/x"}, "/a.txt", 404, None, id="beside a prefix"),
        pytest.param({"prefix": ""}, "/a.txt", 200, b"a.txt", id="no prefix"),
    ],
)
def test_a_folder_is_served_with(
    root: Path, settings: dict[str, Any], path: str, status: int, body: bytes | None
) -> None:
    answer = ask(create_app(root=root, **settings), path)
    assert answer.status == status
    assert body is None or answer.body == body


@pytest.mark.parametrize("spa", [True, False])
def test_a_single_page_answers_for_what_is_missing(root: Path, spa: bool) -> None:
    (root / "index.html").write_text("the page")
    answer = ask(create_app(root=root, spa=spa), "/some/route")
    assert (answer.status, answer.body == b"the page") == ((200, True) if spa else (404, False))


@pytest.mark.parametrize("name", ["", "a.txt"], ids=["a folder", "a file"])
def test_headers_go_with_what_is_served(root: Path, name: str) -> None:
    app = create_app(root=root / name, cache_control="no-cache", headers=[("X-A", "1")])
    answer = ask(app, "/a.txt")
    assert (answer["cache-control"], answer["x-a"], answer.body) == ("no-cache", "1", b"a.txt")


def test_one_file_is_served_at_the_root_and_at_its_name(root: Path) -> None:
    app = create_app(root=str(root / "a.txt"))
    assert [ask(app, path).body for path in ("/", "/a.txt")] == [b"a.txt"] * 2
    assert [ask(app, path).status for path in ("/favicon.ico", "/a.txt/", "/b")] == [404] * 3


@pytest.mark.parametrize("name", ["", "a.txt"], ids=["a folder", "a file"])
@pytest.mark.parametrize("prefix", ["", "/x"], ids=["at the root", "below a prefix"])
def test_what_is_served_may_be_tried_in_a_loop(root: Path, name: str, prefix: str) -> None:
    assert is_quick(create_app(root=root / name, prefix=prefix))


KEY = b"a key that is long enough"
#: The password is pw.
USER = "ann:{SHA}GpHWL3ymc5liWkNopqtdSjuqYHM=\n"
AUTHORIZATION = {"Authorization": "Basic YW5uOnB3"}


@pytest.fixture
def auth_file(tmp_path: Path) -> Path:
    path = tmp_path / "users"
    path.write_text(USER)
    return path


@pytest.fixture
def sign_key_file(tmp_path: Path) -> Path:
    path = tmp_path / "keys"
    path.write_bytes(KEY)
    path.chmod(0o600)
    return path


def test_a_password_is_asked_for(root: Path, auth_file: Path) -> None:
    app = create_app(root=root, auth_file=auth_file)
    assert ask(app, "/a.txt").status == 401
    assert ask(app, "/a.txt", headers=AUTHORIZATION).body == b"a.txt"


def test_links_are_signed_with_the_prefix_that_their_client_sees(
    root: Path, sign_key_file: Path
) -> None:
    app = create_app(root=root, sign_key_file=sign_key_file, prefix="/x")
    assert ask(app, "/x/a.txt").status == 403
    assert ask(app, sign("/x/a.txt", KEY, expires=60)).body == b"a.txt"
    assert ask(app, sign("/a.txt", KEY, expires=60)).status == 404


@pytest.mark.parametrize("throttle", [1000, "1000"])
def test_what_is_large_is_sent_piece_by_piece(root: Path, throttle: int | str) -> None:
    (root / "large").write_bytes(bytes(60_000))
    app = create_app(root=root, throttle=throttle)
    body = app(make_environ("/large"), lambda *_: lambda data: None)
    assert 0 < len(next(iter(body))) < 60_000
    close(body)
    assert ask(app, "/a.txt").body == b"a.txt"


def test_text_is_compressed_where_it_is_liked(root: Path) -> None:
    (root / "large.txt").write_bytes(b"the same again " * 1000)
    for compress, coding in ((True, "gzip"), (False, None)):
        app = create_app(root=root, compress=compress)
        answer = ask(app, "/large.txt", headers={"Accept-Encoding": "gzip"})
        assert answer.get("content-encoding") == coding


def test_what_is_answered_is_counted_and_told(root: Path) -> None:
    app = create_app(root=root, metrics=True, prefix="/x")
    assert ask(app, "/x/a.txt").status == 200
    assert b'wsgistream_requests_total{method="GET",status="200"}' in ask(app, "/metrics").body


def test_nothing_is_told_without_a_password_and_the_counts_need_no_signature(
    root: Path, auth_file: Path, sign_key_file: Path
) -> None:
    (root / "large.txt").write_bytes(b"the same again " * 1000)
    files = {"auth_file": auth_file, "sign_key_file": sign_key_file}
    app = create_app(root=root, throttle="1M", compress=True, metrics=True, prefix="/x", **files)
    link = sign("/x/large.txt", KEY, expires=60)
    for path in ("/metrics", "/x/large.txt", link):
        assert ask(app, path).status == 401
    assert ask(app, "/x/large.txt", headers=AUTHORIZATION).status == 403
    answer = ask(app, link, headers={"Accept-Encoding": "gzip", **AUTHORIZATION})
    assert (answer.status, answer["content-encoding"]) == (200, "gzip")
    assert len(gzip.decompress(answer.body)) == 15000
    assert b'status="403"' in ask(app, "/metrics", headers=AUTHORIZATION).body


def test_settings_are_also_taken_from_the_environment(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WSGISTREAM_ROOT", str(root))
    monkeypatch.setenv("WSGISTREAM_PREFIX", "/x/")
    monkeypatch.setenv("WSGISTREAM_HEADER", "X-A: from the environment")
    app = create_app()
    assert ask(app, "/x/a.txt")["x-a"] == "from the environment"
    assert ask(app, "/a.txt").status == 404
    assert ask(create_app(prefix="/y"), "/y/a.txt").body == b"a.txt"


def test_without_a_setting_the_current_folder_is_served(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    assert ask(create_app(), "/a.txt").body == b"a.txt"


@pytest.mark.parametrize(
    ("settings", "error", "sentence"),
    [
        pytest.param({"root": "none"}, ValueError, "no file or folder 'none'", id="no root"),
        pytest.param({"root": "\0"}, ValueError, "There is no file or folder", id="no path"),
        pytest.param({"colour": 1}, TypeError, "There is no setting colour", id="no setting"),
        pytest.param({"prefix": "x"}, ValueError, "A prefix is a path", id="a bad prefix"),
        pytest.param({"index": "a.html"}, ValueError, "index is a list", id="one index"),
        pytest.param(
            {"headers": [("Content-Length", "5")]},
            ValueError,
            "cannot be set",
            id="a header of ours",
        ),
        pytest.param({"cache_control": "a\nb"}, ValueError, "Cache-Control", id="a bad header"),
        pytest.param(
            {"auth_file": "none"},
            ValueError,
            "'none' cannot be used: No such file or directory.",
            id="no file of users",
        ),
        pytest.param(
            {"auth_file": __file__}, ValueError, "is no file of users: ", id="another file"
        ),
        pytest.param(
            {"sign_key_file": "none"}, ValueError, "'none' cannot be used: ", id="no file of keys"
        ),
        pytest.param(
            {"sign_key_file": os.devnull},
            ValueError,
            "Every user of this machine",
            id="keys for all",
        ),
        pytest.param({"throttle": 0}, ValueError, "A size is above zero", id="no bytes at all"),
        pytest.param({"throttle": "fast"}, ValueError, "not 'fast'", id="a word for a size"),
    ],
)
def test_what_cannot_be_is_refused_at_once(
    root: Path, settings: dict[str, Any], error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        create_app(**{"root": root, **settings})


def test_a_library_that_is_not_there_is_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(ValueError, match=r"prometheus_client: pip install 'wsgistream\[metrics\]'"):
        create_app(root=root, metrics=True)


def test_a_special_file_is_not_served(root: Path) -> None:
    os.mkfifo(root / "pipe")
    with pytest.raises(ValueError, match="There is no file or folder"):
        create_app(root=root / "pipe")


def test_waitress_serves_it_by_its_name(root: Path) -> None:
    environ = {"WSGISTREAM_ROOT": str(root), "WSGISTREAM_NO": "option"}
    script = ("-m", "waitress", "--listen=127.0.0.1:0", "--call", "wsgistream:create_app")
    with process(script=script, environ=environ) as run:
        port = re.search(r"http://127\.0\.0\.1:(\d+)", run.said())
        assert port is not None
        connection = http.client.HTTPConnection("127.0.0.1", int(port[1]), timeout=DEADLINE)
        connection.request("GET", "/a.txt", headers={"Range": "bytes=0-0"})
        response = connection.getresponse()
        assert (response.status, response.read()) == (206, b"a")
        connection.close()
        run.signal(signal.SIGTERM)
        assert run.end() == -signal.SIGTERM


@pytest.mark.parametrize("name", ["", "a.txt"], ids=["a folder", "a file"])
@pytest.mark.parametrize(
    ("offload", "header", "value"),
    [
        pytest.param("nginx:/internal/", "x-accel-redirect", "/internal/a.txt", id="nginx"),
        pytest.param("apache", "x-sendfile", "{root}/a.txt", id="apache"),
        pytest.param("lighttpd", "x-sendfile", "{root}/a.txt", id="lighttpd"),
    ],
)
def test_the_server_in_front_is_told_what_to_send(
    root: Path, name: str, offload: str, header: str, value: str
) -> None:
    answer = ask(create_app(root=root / name, offload=offload, compress=True), "/a.txt")
    assert (answer.body, answer[header]) == (b"", value.format(root=root))


def test_a_front_server_of_another_kind_is_refused(root: Path) -> None:
    with pytest.raises(ValueError, match="not by 'iis'"):
        create_app(root=root, offload="iis")
