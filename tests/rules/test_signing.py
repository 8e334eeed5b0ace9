"""Links that hold for a time: what is signed, and that nothing else is let through."""

from __future__ import annotations

import string
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.client import make_environ
from wsgistream.rules.signing import Claim, Refused, check, check_keys, sign_url, signature_of
from wsgistream.types import Environ

KEY = b"a key of 16 byte"
NOW = 1_000_000
LATER = NOW + 60


def sign(
    url: str,
    *,
    key: bytes = KEY,
    expires: int = LATER,
    method: str = "GET",
    prefix: bool | str = False,
    mount: str = "",
) -> str:
    return sign_url(url, key, expires=expires, method=method, prefix=prefix, mount=mount)


def request(url: str, method: str = "GET", **more: Any) -> Environ:
    return make_environ(url.partition("#")[0], method=method, **more)


def seen(environ: Environ, now: float = NOW) -> Environ:
    """What the application sees of a request; raises Refused."""
    return {**environ, **check(environ, [KEY], now)}


def where(environ: Environ) -> tuple[str, str]:
    return environ["SCRIPT_NAME"] + environ["PATH_INFO"], environ["QUERY_STRING"]


def holds(url: str, method: str = "GET", now: float = NOW, **more: Any) -> bool:
    try:
        return bool(check(request(url, method, **more), [KEY], now))
    except Refused:
        return False


@pytest.mark.parametrize(
    ("url", "before", "after"),
    [
        pytest.param("/v/a.mp4", "/v/a.mp4?", "", id="a path"),
        pytest.param("/", "/?", "", id="the root"),
        pytest.param("/v/", "/v/?", "", id="a folder itself"),
        pytest.param("//a", None, None, id="what could name another host"),
        pytest.param("https://h.example//a", "https://h.example//a?", "", id="two slashes"),
        pytest.param("/a?b=c", "/a?b=c&", "", id="a query"),
        pytest.param("/a?", "/a?", "", id="an empty query"),
        pytest.param("/a?signature=1", "/a?signature=1&", "", id="a query with that name"),
        pytest.param("/a#t=9,10", "/a?", "#t=9,10", id="a part of a video"),
        pytest.param("/a?b#c d", "/a?b&", "#c%20d", id="a fragment with a space"),
        pytest.param("https://h.example:8/a", "https://h.example:8/a?", "", id="a host"),
        pytest.param("HTTP://[::1]/a", "HTTP://[::1]/a?", "", id="an address"),
        pytest.param("/é b'", "/%C3%A9%20b%27?", "", id="what must be escaped"),
        pytest.param("/%41%2fb%zz", "/A/b%25zz?", "", id="what needs no escape, or is none"),
        pytest.param("/a?é 'b'%41", "/a?%C3%A9%20%27b%27%41&", "", id="a query is left escaped"),
        pytest.param("/\udce9", "/%E9?", "", id="bytes that are no text"),
        pytest.param("/a\nb?\n", "/a%0Ab?%0A&", "", id="an end of line"),
    ],
)
def test_a_signed_url_is_the_url_with_a_signature(
    url: str, before: str | None, after: str | None
) -> None:
    if before is None:
        with pytest.raises(ValueError, match="A URL to sign is a path, or begins with https://"):
            sign(url)
        return
    signed = sign(url)
    assert signed.startswith(f"{before}signature={LATER}.")
    assert len(signed) == len(f"{before}signature={LATER}.{'x' * 43}{after}")
    assert signed.endswith(after or "")
    assert signed.isascii()


@pytest.mark.parametrize(
    ("url", "options", "before", "after"),
    [
        pytest.param("/h/m/i.m3u8", {"prefix": True}, ".2.", "/h/m/i.m3u8", id="its folder"),
        pytest.param("/h/m/", {"prefix": True}, ".2.", "/h/m/", id="the folder itself"),
        pytest.param("/h/m/i?x", {"prefix": "/h/"}, ".1.", "/h/m/i?x", id="a folder above"),
        pytest.param("/h/m/i", {"prefix": "/"}, ".0.", "/h/m/i", id="the root"),
        pytest.param("/i", {"prefix": True}, ".0.", "/i", id="a file in the root"),
        pytest.param("/é b/i", {"prefix": "/%c3%a9 b/"}, ".1.", "/%C3%A9%20b/i", id="escapes"),
    ],
)
def test_the_signature_of_a_folder_stands_in_the_path(
    url: str, options: dict[str, Any], before: str, after: str
) -> None:
    for origin in ("", "https://h.example"):
        signed = sign(origin + url, **options)
        assert signed.startswith(f"{origin}/~{LATER}{before}")
        assert signed.endswith(after)
        assert len(signed) == len(f"{origin}/~{LATER}{before}{'x' * 43}{after}")
    mounted = sign(f"/at%20it{url}", mount="/at it/", **{**options, "prefix": True})
    assert mounted.startswith(f"/at%20it/~{LATER}.")
    assert mounted.endswith(after)


@pytest.mark.parametrize(
    ("url", "options", "sentence"),
    [
        pytest.param("", {}, "A URL to sign is a path", id="nothing"),
        pytest.param("v/a", {}, "A URL to sign is a path", id="a relative path"),
        pytest.param("https://h.example", {}, "A URL to sign is a path", id="no path"),
        pytest.param("https://h\x1b[2J/", {}, "A URL to sign is a path", id="no host"),
        pytest.param("/\ud800", {}, "This is no text that a URL could have", id="no character"),
        pytest.param("/a/../b", {}, "Clients resolve the dots", id="dots"),
        pytest.param("/a/%2e/b", {}, "Clients resolve the dots", id="an escaped dot"),
        pytest.param("/a", {"method": "get"}, "A method to sign is GET", id="small letters"),
        pytest.param("/a", {"method": "HEAD"}, "A method to sign is GET", id="HEAD"),
        pytest.param("/a", {"method": "OPTIONS"}, "A method to sign is GET", id="OPTIONS"),
        pytest.param("/a", {"method": "A B"}, "A method to sign is GET", id="no method"),
        pytest.param("/a", {"expires": 0}, "A link expires after 1970", id="the epoch"),
        pytest.param("/a", {"expires": 10**12}, "A link expires after 1970", id="too late"),
        pytest.param("/a/b", {"prefix": "/b/"}, "A prefix is a folder", id="another folder"),
        pytest.param("/ab/c", {"prefix": "/a/"}, "A prefix is a folder", id="a similar folder"),
        pytest.param("/a/b", {"prefix": "/a"}, "A prefix is a folder", id="no slash after it"),
        pytest.param("/a/b", {"prefix": "a/"}, "A prefix is a folder", id="no slash before it"),
        pytest.param("/a/b", {"prefix": ""}, "A prefix is a folder", id="an empty prefix"),
        pytest.param("/a//b", {"prefix": True}, "A prefix is a folder", id="two slashes"),
        pytest.param("/a/b", {"prefix": "/A/"}, "A prefix is a folder", id="other letters"),
        pytest.param("/a/%00", {"prefix": True}, "A prefix is a folder", id="NUL"),
        pytest.param("/a" * 1000 + "/", {"prefix": True}, "A prefix is a folder", id="too deep"),
        pytest.param("/a", {"prefix": True, "mount": "/b"}, "not below '/b'", id="another mount"),
        pytest.param("/ab", {"prefix": True, "mount": "/a"}, "not below '/a'", id="a similar one"),
    ],
)
def test_what_cannot_be_signed_is_refused(url: str, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        sign(url, **options)


texts = st.text(st.characters(codec="utf-8"), max_size=12)
names = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=8)


@given(path=texts.map("/".__add__), query=texts, method=st.sampled_from(["GET", "PUT"]))
def test_what_is_signed_is_asked_for_and_nothing_is_lost(
    path: str, query: str, method: str
) -> None:
    for url in (f"https://h.example{quote(path)}?{quote(query, safe='&=')}", f"/x{quote(path)}"):
        try:
            signed = sign(url, method=method)
        except ValueError:
            assert {".", ".."}.intersection(path.split("/"))
            continue
        _, _, target = signed.removeprefix("https:").rpartition("//h.example")
        plain = request(url.removeprefix("https://h.example"), method)
        assert where(seen(request(target, method))) == where(plain)


@given(
    path=st.lists(names, max_size=3).map("/".join).filter(lambda path: "." not in path),
    below=names.filter(lambda name: name not in (".", "..")),
    query=texts.map(quote),
)
def test_a_signed_folder_is_asked_for_with_all_that_is_below_it(
    path: str, below: str, query: str
) -> None:
    folder = f"/{quote(path)}/".replace("//", "/")
    signed = sign(f"{folder}index", prefix=True)
    mark = "/" + signed.split("/")[1]
    target = f"{folder}{quote(below)}?{query}"
    environ, plain = seen(request(mark + target)), request(target)
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == (mark, plain["PATH_INFO"])
    assert environ["QUERY_STRING"] == query


def changed(text: str, stop: int | None = None) -> Iterator[str]:
    """Every text that is one character away."""
    for index in range(len(text) if stop is None else stop):
        yield text[:index] + text[index + 1 :]
        for character in string.printable + "é":
            yield text[:index] + character + text[index + 1 :]
            yield text[:index] + character + text[index:]
    if stop is None:
        yield from (text + character for character in string.printable)


@pytest.mark.parametrize("url", ["/v/a.mp4", "/v/a%20b?c=d&e=%41"])
def test_a_change_of_one_character_is_refused(url: str) -> None:
    signed = sign(url)
    asked = where(request(signed))
    tried = 0
    for other in changed(signed):
        environ = request(other)
        if where(environ) != asked:  # as where an escape is written in small letters
            tried += 1
            with pytest.raises(Refused):
                seen(environ)
    assert tried > 10_000


def test_a_change_of_one_character_of_a_folder_is_refused() -> None:
    signed = sign("/hls/movie/index.m3u8", prefix=True)
    asked = request(signed)
    tried = 0
    for other in changed(signed, signed.index("index.m3u8")):
        environ = request(other)
        inside = environ["PATH_INFO"].startswith(asked["PATH_INFO"].removesuffix("index.m3u8"))
        if not inside:
            tried += 1
            with pytest.raises(Refused):
                seen(environ)
    assert tried > 10_000


@pytest.mark.parametrize(
    "rest",
    [
        pytest.param("", id="the folder itself"),
        pytest.param("a.ts", id="a file"),
        pytest.param("720/a.ts", id="a file further below"),
        pytest.param("720/", id="a folder"),
        pytest.param("a.ts?_HLS_msn=1", id="a query"),
        pytest.param("...", id="a name of dots"),
        pytest.param("%252e%252e/b", id="a name with a sign of percent"),
        pytest.param("A.TS", id="capital letters"),
    ],
)
def test_a_folder_holds_all_that_is_below_it(rest: str) -> None:
    signed = sign("/hls/movie/index.m3u8", prefix=True).removesuffix("index.m3u8")
    assert holds(signed + rest)


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/hls/movie", id="the folder without its slash"),
        pytest.param("/hls/", id="the folder above"),
        pytest.param("/hls/movies/a", id="a folder that begins alike"),
        pytest.param("/hls/other/a", id="a folder beside it"),
        pytest.param("/hls/MOVIE/a", id="capital letters"),
        pytest.param("/hls/movie/../secret", id="dots"),
        pytest.param("/hls/movie/%2e%2e/secret", id="escaped dots"),
        pytest.param("/hls/movie/a/..", id="dots that stay below"),
        pytest.param("/hls/movie/./a", id="one dot"),
        pytest.param("/hls/movie//a", id="two slashes"),
        pytest.param("//hls/movie/a", id="two slashes before it"),
        pytest.param("/hls//movie/a", id="two slashes in it"),
        pytest.param("/hls/movie%2F..%2Fsecret", id="escaped slashes"),
        pytest.param("/hls/movie/a%00", id="NUL"),
        pytest.param("/x/hls/movie/a", id="the folder below another"),
        pytest.param("", id="nothing"),
    ],
)
def test_a_folder_holds_nothing_else(path: str) -> None:
    signed = sign("/hls/movie/index.m3u8", prefix=True)
    assert not holds(signed.removesuffix("/hls/movie/index.m3u8") + path)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        pytest.param("{url}&{signature}", True, id="as it was signed"),
        pytest.param("{url}&c=d&{signature}", False, id="a parameter more"),
        pytest.param("{url}&{signature}&c=d", False, id="a parameter after it"),
        pytest.param("{url}&&{signature}", False, id="an empty parameter"),
        pytest.param("{signature}&a=b", False, id="another order"),
        pytest.param("{path}?{signature}", False, id="a parameter less"),
        pytest.param("{path}?a=%62&{signature}", False, id="another escape"),
        pytest.param("{url}&{signature}&{signature}", False, id="two signatures"),
        pytest.param("{url}", False, id="no signature"),
        pytest.param("{url}x{signature}", False, id="another name"),
        pytest.param("{other}?a=b&{signature}", False, id="another path"),
    ],
)
def test_a_query_is_signed_as_it_is_written(target: str, expected: bool) -> None:
    path, other = "/v/a.mp4", "/v/b.mp4"
    url = f"{path}?a=b"
    signature = sign(url).removeprefix(f"{url}&")
    asked = target.format(url=url, path=path, other=other, signature=signature)
    assert holds(asked) is expected


def test_what_was_signed_for_a_file_is_not_for_a_folder_nor_the_other_way() -> None:
    _, _, of_file = sign("/hls/").rpartition("=")
    moment, code = of_file.split(".")
    assert not holds(f"/~{moment}.1.{code}/hls/a")
    _, mark, *_ = sign("/hls/a", prefix=True).split("/")
    moment, _, code = mark.removeprefix("~").split(".")
    assert not holds(f"/hls/?signature={moment}.{code}")


@pytest.mark.parametrize(
    ("signed", "method", "asked_for", "expected"),
    [
        pytest.param("GET", "GET", None, True, id="GET"),
        pytest.param("GET", "HEAD", None, True, id="the head of what may be had"),
        pytest.param("GET", "OPTIONS", None, True, id="the options of what may be had"),
        pytest.param("GET", "OPTIONS", "GET", True, id="a preflight of GET"),
        pytest.param("GET", "OPTIONS", "HEAD", True, id="a preflight of HEAD"),
        pytest.param("GET", "OPTIONS", "PUT", False, id="a preflight of another method"),
        pytest.param("GET", "POST", None, False, id="another method"),
        pytest.param("GET", "get", None, False, id="small letters"),
        pytest.param("PUT", "PUT", None, True, id="PUT"),
        pytest.param("PUT", "OPTIONS", "PUT", True, id="a preflight of PUT"),
        pytest.param("PUT", "OPTIONS", None, False, id="the options of what may not be had"),
        pytest.param("PUT", "GET", None, False, id="GET of what may be put"),
    ],
)
@pytest.mark.parametrize("prefix", [False, True])
def test_a_method_is_signed(
    signed: str, method: str, asked_for: str | None, expected: bool, prefix: bool
) -> None:
    headers = {"Access-Control-Request-Method": asked_for} if asked_for else {}
    url = sign("/v/a", method=signed, prefix=prefix)
    assert holds(url, method, headers=headers) is expected


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        pytest.param(LATER - 0.001, True, id="a moment before"),
        pytest.param(LATER, False, id="the moment itself"),
        pytest.param(LATER + 1, False, id="afterwards"),
    ],
)
@pytest.mark.parametrize("prefix", [False, True])
def test_a_link_ends(now: float, expected: bool, prefix: bool) -> None:
    assert holds(sign("/v/a", prefix=prefix), now=now) is expected


@pytest.mark.parametrize(
    ("script_name", "path", "expected"),
    [
        pytest.param("/files", "/hls/a", True, id="where it was signed for"),
        pytest.param("", "/files/hls/a", True, id="the same path from the root"),
        pytest.param("", "/hls/a", False, id="another mount"),
        pytest.param("/other", "/hls/a", False, id="a mount of another name"),
    ],
)
def test_the_path_is_signed_from_the_root(script_name: str, path: str, expected: bool) -> None:
    _, _, query = sign("/files/hls/a").partition("?")
    assert holds(f"{path}?{query}", script_name=script_name) is expected
    signed = sign("/files/hls/a", prefix=True, mount="/files")
    mark = signed.removeprefix("/files").removesuffix("/hls/a")
    assert holds(mark + path, script_name=script_name) is expected


class Watched(list[bytes]):
    """Keys that tell how many of them were used."""

    used = 0

    def __iter__(self) -> Iterator[bytes]:
        for key in super().__iter__():
            self.used += 1
            yield key


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        pytest.param(sign("/a"), True, id="the first key"),
        pytest.param(sign("/a", key=b"another key long"), True, id="the last key"),
        pytest.param(sign("/a", key=b"a key nobody has"), False, id="no key"),
        pytest.param(sign("/a", expires=NOW), False, id="an old link"),
        pytest.param("/a", False, id="no signature"),
        pytest.param("/~1.0.x/a", False, id="what is no signature"),
    ],
)
def test_every_key_is_tried_whatever_the_outcome(target: str, expected: bool) -> None:
    keys = Watched([KEY, b"a key in between", b"another key long"])
    try:
        allowed = bool(check(request(target), keys, NOW))
    except Refused:
        allowed = False
    assert (allowed, keys.used) == (expected, 3)


@given(
    claims=st.tuples(
        *[st.builds(Claim, *[st.text("abc\0", max_size=3)] * 4, st.integers(0, 99))] * 2
    )
)
def test_two_claims_have_two_signatures(claims: tuple[Claim, Claim]) -> None:
    one, other = (signature_of(claim, KEY) for claim in claims)
    assert (one == other) is (claims[0] == claims[1])


@given(
    path=st.text()
    | st.from_regex(r"\A/~[1-9][0-9]{0,12}\.[0-9]{1,4}\.[\w-]{43}(/[a.]{0,3}){0,4}\Z"),
    query=st.text() | st.from_regex(r"\A(a=b&)?signature=[0-9]{1,13}\.[\w-]{43}\Z"),
    method=st.text(),
    mount=st.text(),
)
def test_any_request_is_refused_and_nothing_fails(
    path: str, query: str, method: str, mount: str
) -> None:
    environ = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": mount,
        "PATH_INFO": path,
        "QUERY_STRING": query,
    }
    with pytest.raises(Refused):
        check(environ, [KEY], NOW)


@given(url=st.text(), prefix=st.booleans() | st.text(), mount=st.text())
def test_any_text_is_signed_or_refused_in_a_sentence(
    url: str, prefix: bool | str, mount: str
) -> None:
    try:
        assert sign(f"/{url}", prefix=prefix, mount=mount).isascii()
    except ValueError as error:
        assert str(error).endswith(".")  # noqa: PT017


@pytest.mark.parametrize(
    ("path", "query"),
    [
        pytest.param(f"/~{LATER}.0.{'x' * 43}/€", "", id="in the path of a folder"),
        pytest.param("/€", f"signature={LATER}.{'x' * 43}", id="in the path of a file"),
    ],
)
def test_a_character_that_is_no_byte_is_refused(path: str, query: str) -> None:
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": query}
    with pytest.raises(Refused):
        check(environ, [KEY], NOW)


def test_an_environ_without_what_may_be_empty_is_refused() -> None:
    with pytest.raises(Refused):
        check({"REQUEST_METHOD": "GET"}, [KEY], NOW)


@pytest.mark.parametrize(
    ("keys", "kind", "sentence"),
    [
        pytest.param([], ValueError, "at least one key", id="no key"),
        pytest.param([b"x" * 15], ValueError, "16 bytes or more", id="a short key"),
        pytest.param([KEY, ""], ValueError, "16 bytes or more", id="an empty key"),
        pytest.param(KEY, TypeError, "The keys are a list", id="a key alone"),
        pytest.param(KEY.decode(), TypeError, "The keys are a list", id="a text alone"),
        pytest.param([KEY, 16], TypeError, "A key is bytes, or text", id="a number"),
    ],
)
def test_keys_that_are_none_are_refused(keys: Any, kind: type[Exception], sentence: str) -> None:
    with pytest.raises(kind, match=sentence):
        check_keys(keys)


def test_keys_are_bytes_or_text() -> None:
    assert check_keys([KEY, "é" * 8]) == (KEY, "é".encode() * 8)
