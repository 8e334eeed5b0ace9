"""What PasteDeploy calls: factories of applications, filters and the server."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from configparser import ConfigParser
from functools import wraps
from importlib.metadata import EntryPoint
from inspect import Parameter
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

import wsgistream
from tests.client import ask
from tests.servers import ROOT
from wsgistream import serving
from wsgistream.paste.kinds import kind_of
from wsgistream.paste.settings import options_of
from wsgistream.types import Body, Environ, StartResponse, WSGIApp

#: What PasteDeploy always says, and whatever else stands in [DEFAULT]: settings of nobody.
DEFAULTS = {"here": "/", "__file__": "/site.ini", "listing": "maybe", "prefix": "none"}

SETUP = ConfigParser()
SETUP.read(ROOT / "setup.cfg")


def entry_points(group: str) -> dict[str, str]:
    lines = SETUP["options.entry_points"][group].split("\n")
    return dict(line.split(" = ") for line in lines if line)


def load(group: str, name: str) -> Callable[..., Any]:
    found: Callable[..., Any] = EntryPoint(name, entry_points(group)[name], group).load()
    return found


@pytest.fixture
def media(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("WSGISTREAM_")]:
        monkeypatch.delenv(name)
    (tmp_path / "media").mkdir()
    (tmp_path / "media" / "clip.mp4").write_text("video")
    return tmp_path / "media"


MIDDLEWARES = sorted(name for name in wsgistream.__all__ if name.endswith("Middleware"))


@pytest.mark.parametrize("name", MIDDLEWARES)
def test_every_middleware_is_a_filter_whose_options_can_all_be_set(name: str) -> None:
    middleware = getattr(wsgistream, name)
    short = middleware.__module__.rpartition(".")[2]
    value = f"wsgistream.paste:filters.{name}"
    assert entry_points("paste.filter_factory")[short] == value
    first, *options = options_of(middleware).values()
    assert first.name == "app"
    for option in options:
        assert option.annotation is not Parameter.empty, option
        assert option.kind is Parameter.KEYWORD_ONLY, option
        assert kind_of(option.annotation).expected, option


@pytest.mark.parametrize(
    "group", [name for name in SETUP["options.entry_points"] if "paste" in name]
)
def test_every_entry_point_is_called_as_its_protocol_says(group: str) -> None:
    for name in entry_points(group):
        assert callable(load(group, name))


def where(environ: Environ, start_response: StartResponse) -> Body:
    """Tells where it is mounted, and what it is asked for there."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "7")])
    return [f"{environ['SCRIPT_NAME']}|{environ['PATH_INFO']}".encode("latin-1")[:7]]


def test_a_folder_is_an_application(media: Path) -> None:
    make = load("paste.app_factory", "directory")
    app = make(DEFAULTS, root=str(media), listing="yes", headers="\nX-A: 1\nX-B: 2")
    answer = ask(app, "/clip.mp4", headers={"Range": "bytes=1-3"})
    assert (answer.status, answer.body, answer["x-b"]) == (206, b"ide", "2")
    assert b"clip.mp4" in ask(app, "/").body
    assert ask(make(DEFAULTS, root=str(media)), "/").status == 404


def test_a_file_is_an_application(media: Path) -> None:
    make = load("paste.app_factory", "file")
    app = make(DEFAULTS, path=str(media / "clip.mp4"), download="1", filename="")
    answer = ask(app, "/any")
    assert (answer.body, answer["content-disposition"]) == (
        b"video",
        'attachment; filename="clip.mp4"',
    )


def test_a_site_has_the_settings_of_create_app_as_in_the_environment(
    media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = load("paste.app_factory", "main")
    monkeypatch.setenv("WSGISTREAM_CACHE_CONTROL", "no-cache")
    texts = {"root": str(media), "prefix": "/x/", "headers": "X-A: 1\nX-B: 2", "listing": "off"}
    app = make(DEFAULTS, **texts)
    answer = ask(app, "/x/clip.mp4")
    assert (answer.body, answer["x-b"], answer["cache-control"]) == (b"video", "2", "no-cache")
    assert ask(app, "/x/").status == 404
    assert ask(make(DEFAULTS, root=str(media), prefix=""), "/clip.mp4").status == 200


def test_a_middleware_is_a_filter() -> None:
    prefixed = load("paste.filter_factory", "prefix")(DEFAULTS, prefix="/x")(where)
    assert isinstance(prefixed, wsgistream.PrefixMiddleware)
    assert ask(prefixed, "/x/abcd").body == b"/x|/abc"
    ranged = load("paste.filter_factory", "ranges")(DEFAULTS)(where)
    assert ask(ranged, "/12345678", headers={"Range": "bytes=1-1"}).body == b"/"


#: For an option that is given by its name.
REGISTRY = CollectorRegistry()


@pytest.mark.parametrize(
    ("name", "texts", "headers", "status"),
    [
        pytest.param(
            "accesslog",
            {"format": "{status}", "logger": "other", "clock": "time:monotonic"},
            *({}, 200),
            id="accesslog",
        ),
        pytest.param(
            "auth",
            {"users": "\nann = {SHA}GpHWL3ymc5liWkNopqtdSjuqYHM=", "realm": "A place"},
            *({"Authorization": "Basic YW5uOnB3"}, 200),
            id="auth",
        ),
        pytest.param(
            "compress",
            {"codings": "gzip", "minimum": "1K", "types": "text/* a/b", "level": "\ngzip = 9"},
            *({"Accept-Encoding": "gzip"}, 200),
            id="compress",
        ),
        pytest.param(
            "concurrency", {"total": "1", "per_address": "", "retry_after": "5"}, {}, 200, id="c"
        ),
        pytest.param(
            "headers",
            {"cors": "https://a.example https://b.example", "headers": "\nX-A: 1\nX-B: 2"},
            *({"Origin": "https://b.example"}, 200),
            id="headers",
        ),
        pytest.param(
            "metrics",
            {"registry": f"{__name__}:REGISTRY", "buckets": "0.5 1 10", "path": "/counts"},
            *({}, 200),
            id="metrics",
        ),
        pytest.param(
            "signed", {"keys": "\n0123456789abcdef\nfedcba9876543210"}, {}, 403, id="signed"
        ),
        pytest.param(
            "streaming", {"finish": "builtins:print", "when": "all"}, {}, 200, id="streaming"
        ),
        pytest.param(
            "throttle", {"per_connection": "2M", "total": "1.5 MB", "burst": ""}, {}, 200, id="t"
        ),
    ],
)
def test_the_settings_of_a_middleware_are_texts(
    name: str, texts: dict[str, str], headers: dict[str, str], status: int
) -> None:
    app = load("paste.filter_factory", name)(DEFAULTS, **texts)(where)
    answer = ask(app, "/123456", headers=headers)
    assert answer.status == status
    assert answer.get("x-b") == ("2" if name == "headers" else None)


def test_a_folder_is_a_filter_too_and_the_rest_is_the_applications(media: Path) -> None:
    app = load("paste.filter_factory", "directory")(DEFAULTS, root=str(media))(where)
    assert ask(app, "/clip.mp4").body == b"video"
    assert ask(app, "/missing").body == b"|/missi"


class Loader:
    """Loads as PasteDeploy does, of what a test gives it."""

    def __init__(self, apps: Mapping[str, WSGIApp]) -> None:
        self.apps = apps

    def get_app(self, name: str, global_conf: Mapping[str, str]) -> WSGIApp:
        assert global_conf is DEFAULTS
        if name not in self.apps:
            raise LookupError(f"No section {name!r} found in config site.ini")
        return self.apps[name]


def test_applications_are_mounted_below_paths() -> None:
    make = load("paste.composite_factory", "mount")
    app = make(Loader({"a": where, "b": where}), DEFAULTS, **{"/a/": "a", "/": "b"})
    assert ask(app, "/a/bcde").body == b"/a|/bcd"
    assert ask(app, "/bcdefg").body == b"|/bcdef"


@pytest.mark.parametrize(
    ("group", "name", "texts", "sentence"),
    [
        pytest.param(
            *("app", "directory", {"root": ".", "colour": "red"}),
            "There is no setting colour of DirectoryApp; there are root, index, listing, ",
            id="of a folder, a name",
        ),
        pytest.param(
            *("app", "directory", {}), "DirectoryApp needs the setting root.", id="no folder"
        ),
        pytest.param(
            *("app", "directory", {"root": ".", "hidden": "perhaps"}),
            "hidden of DirectoryApp is 1 or 0, not 'perhaps'.",
            id="of a folder, a value",
        ),
        pytest.param(
            *("app", "directory", {"root": ".", "headers": "X A: 1"}),
            "A header name is made of",
            id="of a folder, what it refuses itself",
        ),
        pytest.param(
            *("app", "file", {"root": "."}), "no setting root of FileApp; there are path, ", id="f"
        ),
        pytest.param(
            *("app", "main", {"colour": "red", "threads": "1"}),
            "There is no setting colour, threads of create_app; there are root, prefix, ",
            id="of a site, names",
        ),
        pytest.param(
            *("app", "main", {"spa": "perhaps"}), "spa: A switch is 1 or 0", id="of a site, a value"
        ),
        pytest.param(
            *("app", "main", {"prefix": "x"}), "prefix: .* A prefix is a path", id="a prefix"
        ),
        pytest.param(
            *("app", "main", {"root": "/none"}), "no file or folder '/none'", id="nothing there"
        ),
        pytest.param(
            *("filter", "prefix", {}), "PrefixMiddleware needs the setting prefix.", id="a filter"
        ),
        pytest.param(
            *("filter", "ranges", {"app": "x"}),
            "There is no setting app of RangeMiddleware; there are none.",
            id="of a filter, its application",
        ),
        pytest.param(
            *("filter", "prefix", {"prefx": "/x"}),
            "There is no setting prefx of PrefixMiddleware; there are prefix.",
            id="of a filter, a name",
        ),
    ],
)
def test_a_setting_that_cannot_be_is_a_sentence(
    group: str, name: str, texts: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        load(f"paste.{group}_factory", name)(DEFAULTS, **texts)


@pytest.mark.parametrize(
    ("texts", "error", "sentence"),
    [
        pytest.param({}, ValueError, "mount needs a path and the name of an app", id="nothing"),
        pytest.param({"media": "a"}, ValueError, "is a path such as /files, not 'media'", id="no"),
        pytest.param(
            {"/a": "a", "/a/": "a"}, ValueError, "There are two applications at /a/.", id="two"
        ),
        pytest.param(
            {"/b": "none"},
            LookupError,
            "^/b = none: No section 'none' found in config site.ini$",
            id="a section that is not there",
        ),
    ],
)
def test_what_cannot_be_mounted_is_a_sentence(
    texts: dict[str, str], error: type[Exception], sentence: str
) -> None:
    make = load("paste.composite_factory", "mount")
    with pytest.raises(error, match=sentence):
        make(Loader({"a": where}), DEFAULTS, **texts)


@pytest.mark.parametrize(
    ("texts", "options"),
    [
        pytest.param({}, {}, id="nothing"),
        pytest.param({"listen": "a:1 [::1]:2"}, {"listen": ("a:1", "[::1]:2")}, id="addresses"),
        pytest.param({"host": "", "port": "80"}, {"listen": ":80"}, id="any host, and a port"),
        pytest.param({"port": "80"}, {"listen": "127.0.0.1:80"}, id="a port"),
        pytest.param({"host": "a"}, {"listen": "a:8080"}, id="a host"),
        pytest.param({"host": "::1"}, {"listen": "[::1]:8080"}, id="a host in IPv6"),
        pytest.param({"unix_socket": "/a b"}, {"unix_socket": "/a b"}, id="a Unix socket"),
        pytest.param({"workers": "auto"}, {"workers": "auto"}, id="workers"),
        pytest.param({"workers": "2", "threads": "8"}, {"workers": 2, "threads": 8}, id="numbers"),
        pytest.param({"grace": "0.5"}, {"grace": 0.5}, id="grace"),
        pytest.param({"log_format": ""}, {"log_format": None}, id="no log"),
        pytest.param(
            {"health": "on", "pausable": "no", "stream_buffer": "64K"},
            {"health": True, "pausable": False, "stream_buffer": 65536},
            id="what a server has of its own",
        ),
        pytest.param(
            {"max_request_body_size": "1M", "expose_tracebacks": "1", "trusted_proxy": "*"},
            {"max_request_body_size": 1048576, "expose_tracebacks": True, "trusted_proxy": "*"},
            id="adjustments of waitress",
        ),
    ],
)
def test_the_server_is_run_with_what_is_set(
    monkeypatch: pytest.MonkeyPatch, texts: dict[str, str], options: dict[str, Any]
) -> None:
    served: list[object] = []

    @wraps(serving.serve)
    def serve(app: WSGIApp, **chosen: Any) -> None:
        served.extend([app, chosen])

    monkeypatch.setattr(serving, "serve", serve)
    load("paste.server_runner", "main")(where, DEFAULTS, **texts)
    assert served == [where, options]


@pytest.mark.parametrize(
    ("texts", "sentence"),
    [
        pytest.param(
            {"thread": "1"},
            "There is no setting thread of serve; there are listen, unix_socket, threads, "
            "workers, grace, log_format, health, pausable, stream_buffer, host, port, .*url_prefix",
            id="a name",
        ),
        pytest.param({"options": "1"}, "no setting options of serve", id="what is open"),
        pytest.param({"app": "1"}, "no setting app of serve", id="the application"),
        pytest.param({"sockets": "1"}, "no setting sockets of serve", id="what is the server's"),
        pytest.param({"threads": "many"}, "threads of serve is a whole number", id="threads"),
        pytest.param({"threads": "0"}, "threads: This is a whole number from 1", id="too few"),
        pytest.param({"backlog": "x"}, "backlog of serve is a whole number", id="an adjustment"),
        pytest.param({"port": "x"}, "port of serve is a whole number", id="a port"),
        pytest.param({"port": "70000"}, "listen: An address is HOST:PORT", id="a large port"),
        pytest.param(
            {"listen": ":1", "port": "1"}, "serve needs either listen, or host and port.", id="both"
        ),
    ],
)
def test_a_server_that_cannot_be_is_a_sentence(texts: dict[str, str], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        load("paste.server_runner", "main")(where, DEFAULTS, **texts)


def test_pastedeploy_is_imported_by_none_of_ours() -> None:
    for path in (ROOT / "wsgistream" / "paste").glob("*.py"):
        text = path.read_text()
        assert "paste.deploy" not in text
        assert "pkg_resources" not in text
