"""The options: from the command line, from the environment, and as settings."""

from __future__ import annotations

import os
from typing import Any

import pytest

from wsgistream.arguments import PREFIX, BadOption
from wsgistream.options import (
    OF_THE_APP,
    OF_THE_SERVER,
    from_environment,
    from_texts,
    of_the_app,
    parse,
)

DEFAULTS = {**OF_THE_APP, **OF_THE_SERVER}

#: The arguments, the same in the environment, and what they set.
OPTIONS = [
    pytest.param(["media"], ("ROOT", "media"), {"root": "media"}, id="the folder"),
    pytest.param(["--", "-x"], ("ROOT", "-x"), {"root": "-x"}, id="a folder with a dash"),
    pytest.param(["--prefix", "/a/b/"], ("PREFIX", "/a/b/"), {"prefix": "/a/b"}, id="prefix"),
    pytest.param(["--prefix", "/"], ("PREFIX", "/"), {"prefix": ""}, id="no prefix"),
    pytest.param(["--listing"], ("LISTING", "1"), {"listing": True}, id="listing"),
    pytest.param(["--no-listing"], ("LISTING", "Off"), {"listing": False}, id="no listing"),
    pytest.param(["--live"], ("LIVE", "1"), {"live": True}, id="live"),
    pytest.param(["--hls"], ("HLS", "yes"), {"hls": True}, id="a broadcast"),
    pytest.param(["--hidden"], ("HIDDEN", "true"), {"hidden": True}, id="hidden"),
    pytest.param([], ("HIDDEN", "0"), {"hidden": False}, id="not hidden"),
    pytest.param(
        ["--follow-symlinks"], ("FOLLOW_SYMLINKS", "YES"), {"follow_symlinks": True}, id="symlinks"
    ),
    pytest.param(
        ["--cache-control", "no-store, private"],
        ("CACHE_CONTROL", "no-store, private"),
        {"cache_control": "no-store, private"},
        id="cache control",
    ),
    pytest.param(
        ["--header", "X-A: 1", "--header=X-B:two words"],
        ("HEADER", "X-A: 1\n\nX-B: two words\n"),
        {"headers": [("X-A", "1"), ("X-B", "two words")]},
        id="headers",
    ),
    pytest.param(
        ["--header", "X-A: -1"],
        ("HEADERS", "X-A: -1"),
        {"headers": [("X-A", "-1")]},
        id="headers, as the setting is called",
    ),
    pytest.param(
        ["--index", "a.html", "--index", "b.html"],
        ("INDEX", "a.html b.html"),
        {"index": ["a.html", "b.html"]},
        id="index",
    ),
    pytest.param(["--spa"], ("SPA", "on"), {"spa": True}, id="spa"),
    pytest.param(
        ["--db", "sqlite:///a b"], ("DB", "sqlite:///a b"), {"db": "sqlite:///a b"}, id="db"
    ),
    pytest.param(
        ["--query", "a=select 1", "--query", "b(c: int = 2) = select :c"],
        ("QUERY", "a=select 1\nb(c: int = 2) = select :c"),
        {"queries": [("a", "select 1"), ("b(c: int = 2)", " select :c")]},
        id="queries",
    ),
    pytest.param(["--metrics"], ("METRICS", "1"), {"metrics": True}, id="metrics"),
    pytest.param(
        ["--auth-file", "a b"], ("AUTH_FILE", "a b"), {"auth_file": "a b"}, id="the users"
    ),
    pytest.param(
        ["--sign-key-file", "k"], ("SIGN_KEY_FILE", "k"), {"sign_key_file": "k"}, id="the keys"
    ),
    pytest.param(["--throttle", "2M"], ("THROTTLE", "2M"), {"throttle": 2097152}, id="throttle"),
    pytest.param(
        ["--offload", "nginx:/a/"], ("OFFLOAD", "nginx:/a/"), {"offload": "nginx:/a/"}, id="offload"
    ),
    pytest.param(["--compress"], ("COMPRESS", "1"), {"compress": True}, id="compress"),
    pytest.param(
        ["--listen", "localhost:80", "--listen", "[::1]:0", "--listen", ":8000"],
        ("LISTEN", "localhost:80 [::1]:0  :8000"),
        {"listen": [("localhost", 80), ("::1", 0), ("", 8000)]},
        id="listen",
    ),
    pytest.param(
        ["--unix-socket", "/run/a b"],
        ("UNIX_SOCKET", "/run/a b"),
        {"unix_socket": "/run/a b"},
        id="u",
    ),
    pytest.param(
        ["--trusted-proxy", "127.0.0.1"],
        ("TRUSTED_PROXY", "127.0.0.1"),
        {"trusted_proxy": "127.0.0.1"},
        id="a trusted proxy",
    ),
    pytest.param(["--threads", "1"], ("THREADS", "1"), {"threads": 1}, id="threads"),
    pytest.param(["--workers", "3"], ("WORKERS", "3"), {"workers": 3}, id="workers"),
    pytest.param(["--grace", "0.5"], ("GRACE", "0.5"), {"grace": 0.5}, id="grace"),
    pytest.param(["--grace", "0"], ("GRACE", "0"), {"grace": 0.0}, id="no grace"),
    pytest.param(
        ["--log-format", "{status} {sent}"],
        ("LOG_FORMAT", "{status} {sent}"),
        {"log_format": "{status} {sent}"},
        id="log format",
    ),
    pytest.param(["--health"], ("HEALTH", "on"), {"health": True}, id="health"),
    pytest.param(["--quiet"], ("QUIET", "1"), {"quiet": True}, id="quiet"),
    pytest.param(["--open"], ("OPEN", "1"), {"open": True}, id="open"),
    pytest.param(["--check"], ("CHECK", "1"), {"check": True}, id="check"),
]


def test_what_is_not_set_has_its_default() -> None:
    assert parse([], {}) == DEFAULTS
    assert parse([], {f"{PREFIX}{name.upper()}": "" for name in DEFAULTS}) == DEFAULTS


@pytest.mark.parametrize(("arguments", "variable", "expected"), OPTIONS)
def test_an_option_is_read_from_the_command_line_and_from_the_environment(
    arguments: list[str], variable: tuple[str, str], expected: dict[str, Any]
) -> None:
    environ = {PREFIX + variable[0]: variable[1]}
    assert parse(arguments, {}) == {**DEFAULTS, **expected}
    assert parse([], environ) == {**DEFAULTS, **expected}


def test_auto_is_a_worker_for_each_processor_that_may_be_used() -> None:
    available = len(os.sched_getaffinity(0))
    assert parse(["--workers", "auto"], {})["workers"] == available
    assert parse([], {"WSGISTREAM_WORKERS": "auto"})["workers"] == available


def test_every_option_is_in_the_table() -> None:
    told = {name for option in OPTIONS for name in option.values[2]}  # type: ignore[union-attr]
    assert told == DEFAULTS.keys()


def test_the_command_line_beats_the_environment() -> None:
    environ = {"WSGISTREAM_THREADS": "8", "WSGISTREAM_LISTEN": ":1 :2", "WSGISTREAM_LISTING": "1"}
    chosen = parse(["--threads=2", "--listen=:3", "--no-listing"], environ)
    assert (chosen["threads"], chosen["listen"], chosen["listing"]) == (2, [("", 3)], False)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        pytest.param(["--threads", "0"], "1 to 1000, not '0'", id="no threads"),
        pytest.param(["--threads", "1001"], "1 to 1000, not '1001'", id="too many threads"),
        pytest.param(["--threads", "2.5"], "a whole number from 1", id="half a thread"),
        pytest.param(["--threads", "9" * 5000], "a whole number from 1", id="no number at all"),
        pytest.param(["--workers", "0"], "1 to 1000, or auto, not '0'", id="no workers"),
        pytest.param(["--workers", "Auto"], "or auto, not 'Auto'", id="too many words"),
        pytest.param(["--grace", "-1"], "a number of 0 or more, not '-1'", id="a negative grace"),
        pytest.param(["--grace", "nan"], "not 'nan'", id="a grace that is no number"),
        pytest.param(["--grace", "inf"], "not 'inf'", id="an endless grace"),
        pytest.param(["--listen", "8080"], "HOST:PORT", id="no host"),
        pytest.param(["--listen", "localhost:"], "not 'localhost:'", id="no port"),
        pytest.param(["--listen", "localhost:65536"], "HOST:PORT", id="a port too large"),
        pytest.param(["--listen", "localhost:-1"], "HOST:PORT", id="a negative port"),
        pytest.param(["--listen", "::1:80"], "HOST:PORT", id="IPv6 without brackets"),
        pytest.param(["--listen", "a:\u0661"], "HOST:PORT", id="a port in other digits"),
        pytest.param(["--unix-socket", ""], "is not empty", id="an empty path"),
        pytest.param(["--trusted-proxy", "*"], "not '*'", id="everybody as a proxy"),
        pytest.param(["--prefix", "files"], "A prefix is a path", id="a prefix without a slash"),
        pytest.param(["--prefix", "/a//b"], "A prefix is a path", id="a prefix with two slashes"),
        pytest.param(["--header", "X-A"], "NAME: VALUE", id="a header without a colon"),
        pytest.param(["--header", "X A: b"], "A header name", id="a header name with a space"),
        pytest.param(
            ["--header", "X-A: b\nX-B: c"], "X-A has a character", id="two headers in one"
        ),
        pytest.param(["--offload", "iis"], "not by 'iis'", id="a front server of another kind"),
        pytest.param(["--throttle", "0"], "A size is above zero, such as", id="no bytes at all"),
        pytest.param(["--throttle", "-1M"], "expected one argument", id="less than no bytes"),
        pytest.param(["--throttle=-1M"], "1.5 MiB, not '-1M'", id="less than none, said so"),
        pytest.param(["--throttle", "fast"], "1.5 MiB, not 'fast'", id="a word for a size"),
        pytest.param(["--log-format", "{nothing}"], "A log format is", id="an unknown field"),
        pytest.param(["--log-format", "{status"], "A log format is", id="a malformed template"),
        pytest.param(["--log-format", ""], "A log format is", id="an empty template"),
        pytest.param(["--thread", "4"], "unrecognized arguments: --thread", id="an abbreviation"),
        pytest.param(["a", "b"], "unrecognized arguments: b", id="two folders"),
        pytest.param(["--listen"], "expected one argument", id="a missing value"),
    ],
)
def test_a_bad_option_is_refused_with_a_sentence(arguments: list[str], sentence: str) -> None:
    with pytest.raises(BadOption) as refused:
        parse(arguments, {})
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        pytest.param("THREADS", "many", "a whole number from 1 to 1000, not 'many'", id="threads"),
        pytest.param("HIDDEN", "maybe", "A switch is 1 or 0, not 'maybe'", id="a switch"),
        pytest.param("LISTEN", ":1 nowhere", "not 'nowhere'", id="one address of two"),
        pytest.param("HEADER", "X-A: 1\nX-B", "not 'X-B'", id="one header of two"),
    ],
)
def test_a_bad_variable_is_refused_and_named(variable: str, value: str, sentence: str) -> None:
    with pytest.raises(BadOption) as refused:
        from_environment({PREFIX + variable: value})
    assert str(refused.value).startswith(f"{PREFIX}{variable} in the environment: ")
    assert sentence in str(refused.value)


def test_variables_of_others_are_not_read() -> None:
    others = {"THREADS": "x", "WSGISTREAM": "x", "WSGISTREAM_HELP": "1", "wsgistream_grace": "x"}
    assert from_environment(others) == {}


def test_the_settings_of_an_app_beat_the_environment_and_that_the_defaults() -> None:
    environ = {"WSGISTREAM_ROOT": "there", "WSGISTREAM_SPA": "1", "WSGISTREAM_THREADS": "8"}
    assert of_the_app({"root": "here"}, environ) == {**OF_THE_APP, "root": "here", "spa": True}


def test_texts_are_read_as_variables_are() -> None:
    texts = {"headers": "X-A: 1\nX-B: 2", "spa": "yes", "prefix": "", "throttle": "1K"}
    headers = [("X-A", "1"), ("X-B", "2")]
    assert from_texts(texts) == {"headers": headers, "spa": True, "throttle": 1024}


def test_a_bad_text_is_refused_and_named() -> None:
    with pytest.raises(BadOption, match=r"^spa: A switch is 1 or 0, not 'maybe'\.$"):
        from_texts({"spa": "maybe"})


@pytest.mark.parametrize("name", ["threads", "roots"])
def test_a_setting_that_there_is_none_of_is_a_mistake(name: str) -> None:
    with pytest.raises(TypeError, match=f"There is no setting {name}; there are root, prefix"):
        of_the_app({"root": ".", name: 1}, {})
