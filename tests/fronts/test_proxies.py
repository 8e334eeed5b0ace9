"""Behind each proxy the answers are those of the server, and it knows whose requests they are."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
from html import unescape
from typing import Final
from urllib.parse import quote, unquote_to_bytes, urljoin, urlsplit

import pytest

from tests.client import Answer
from tests.fronts.deviations import CHANGED
from tests.fronts.files import NAMES, STYLE
from tests.fronts.fronts import program
from tests.fronts.proxies import CLIENT, PREFIX, Front, ask
from tests.live import fetch
from tests.matrix.cases import BIG, Case
from tests.matrix.test_servers import (  # noqa: F401
    each,
    test_client_gone,
    test_client_of_http_1_0,
    test_clients_at_once,
    test_clients_gone,
    test_failure_is_seen,
    test_files,
    test_nothing_was_closed_twice_or_never,
    test_streams,
    test_what_is_not_read,
)
from tests.servers import DEADLINE

CURLE_PARTIAL_FILE: Final = 18
CURLE_HTTP2_STREAM: Final = 92

FILE: Final = f"{PREFIX}/big.bin"


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        pytest.param("/big.bin", {}, id="a file"),
        pytest.param("/big.bin", {"Range": "bytes=5-9"}, id="a range"),
        pytest.param("/sub/style.css", {"Accept-Encoding": "gzip"}, id="a sibling"),
        pytest.param("/kept/sub/style.css", {}, id="what may be kept"),
        pytest.param("/unknown", {}, id="a stream"),
        pytest.param("/small.txt", {"If-None-Match": "*"}, id="not modified"),
        pytest.param("/small.txt", {"If-Match": '"x"'}, id="a failed precondition"),
        pytest.param("/big.bin", {"Range": "bytes=9999999-"}, id="a range of nothing"),
        pytest.param("/missing", {}, id="what is not there"),
    ],
)
def test_an_answer_is_as_without_the_proxy(
    matrix: Front, target: str, headers: dict[str, str]
) -> None:
    behind = fetch(matrix.port, PREFIX + target, headers=headers)
    alone = fetch(matrix.backend, PREFIX + target, headers=headers)
    assert behind.status == alone.status
    assert behind.body == alone.body
    changed = {name for name, _ in fields(behind).items() ^ fields(alone).items()}
    assert changed <= CHANGED[matrix.name]
    assert changed == CHANGED[matrix.name] or "kept" not in target


def fields(answer: Answer) -> dict[str, str]:
    """The fields of an answer, without those of the connection and of the moment."""
    own = {"connection", "date", "keep-alive", "transfer-encoding"}
    return {key.lower(): value for key, value in answer.headers if key.lower() not in own}


def test_a_tag_is_that_of_the_server_and_good_for_all_that_tags_are_for(matrix: Front) -> None:
    alone = fetch(matrix.backend, FILE, method="HEAD")
    tag, date = matrix.get(FILE, "HEAD")["etag"], alone["last-modified"]
    assert tag == alone["etag"]
    same = matrix.get(FILE, **{"If-None-Match": tag})
    assert (same.status, same["etag"]) == (304, tag)
    assert matrix.get(FILE, **{"If-Modified-Since": date}).status == 304
    assert matrix.get(FILE, **{"If-Match": tag}).status == 200
    for validator in (tag, date):
        part = matrix.get(FILE, **{"If-Range": validator, "Range": "bytes=5-9"})
        assert (part.status, part["content-range"], part.body) == (
            206,
            f"bytes 5-9/{len(BIG)}",
            BIG[5:10],
        )
    for stale in ('"x"', f"W/{tag}", "Sat, 01 Jan 2000 00:00:00 GMT"):
        whole = matrix.get(FILE, **{"If-Range": stale, "Range": "bytes=5-9"})
        assert (whole.status, whole.body) == (200, BIG)


@pytest.mark.parametrize("folder", ["", "/kept"], ids=["not kept", "kept"])
def test_each_client_has_the_coding_that_it_takes(matrix: Front, folder: str) -> None:
    path = f"{PREFIX}{folder}/sub/style.css"
    for _ in range(2):
        packed = matrix.get(path, **{"Accept-Encoding": "gzip"})
        assert (gzip.decompress(packed.body), packed["content-encoding"]) == (STYLE, "gzip")
        for plain in (matrix.get(path, **{"Accept-Encoding": "identity"}), bare(matrix, path)):
            assert (plain.body, plain["content-length"]) == (STYLE, str(len(STYLE)))
            assert plain["etag"] != packed["etag"]
        part = matrix.get(path, **{"Range": "bytes=5-9", "Accept-Encoding": "identity"})
        assert (part.status, part.body) == (206, STYLE[5:10])


def bare(matrix: Front, path: str) -> Answer:
    """Ask without any field but those that a request must have."""
    with matrix.connect() as client:
        client.ask(path, "GET", "Connection: close")
        return client.answer()


@pytest.mark.parametrize("path", NAMES.values(), ids=NAMES)
def test_a_name_arrives_as_it_was_asked_for(matrix: Front, path: bytes) -> None:
    answer = matrix.get(f"{PREFIX}/{quote(path)}")
    assert (answer.status, answer.body) == (200, b"This is " + path)


def test_a_connection_is_kept(matrix: Front) -> None:
    with matrix.connect() as client:
        for target in ("big.bin", "unknown", "small.txt"):
            client.ask(f"{PREFIX}/{target}")
            assert client.answer().status == 200


@pytest.mark.parametrize("path", ["events", "lines", "unknown", "known"])
def test_the_first_event_arrives_before_there_is_a_second(
    matrix: Front, path: str, name: str
) -> None:
    def tell(news: str) -> None:
        assert fetch(matrix.backend, f"{PREFIX}/live/tell?{name}&{news}").body == b"told"

    with matrix.connect() as client:
        client.ask(f"{PREFIX}/live/{path}?{name}")
        matrix.log.opened(name)
        tell("first")
        client.until(b"first")
        tell("second")
        client.until(b"second")
        tell(".")
        tell("")
        client.until(b".")
    assert matrix.log.closed_once(name)


@pytest.mark.parametrize("path", ["events", "lines"])
def test_who_leaves_a_silent_stream_is_missed(matrix: Front, path: str, name: str) -> None:
    with matrix.connect() as client:
        client.ask(f"{PREFIX}/live/{path}?{name}")
        matrix.log.opened(name)
    assert matrix.log.closed_once(name)


def curl(matrix: Front, target: str, *options: str) -> subprocess.CompletedProcess[bytes]:
    """Ask by HTTP/2."""
    command = [program("curl"), "-sk", "--http2", "-w", "%{stderr}%{http_version} %{http_code}"]
    command += [*options, f"https://localhost:{matrix.secure}{PREFIX}{target}"]
    return subprocess.run(command, check=False, capture_output=True, timeout=DEADLINE)


@each(Case("a range by HTTP/2", "/big.bin", 206, BIG[500_000:2_500_001]))
def test_a_range_by_http_2(matrix: Front, case: Case) -> None:
    asked = curl(matrix, case.target, "--range", "500000-2500000")
    assert (asked.stderr, asked.stdout) == (b"2 206", case.body)


@each(
    Case("a failure of unknown length by HTTP/2", "/failing"),
    Case("a failure of known length by HTTP/2", "/failing-known"),
)
def test_a_failure_is_seen_by_http_2(matrix: Front, case: Case) -> None:
    asked = curl(matrix, case.target)
    assert asked.returncode in (CURLE_PARTIAL_FILE, CURLE_HTTP2_STREAM)


@pytest.mark.parametrize("end", ["whole", "cut"])
def test_the_end_of_a_stream_tells_that_it_is_whole(matrix: Front, end: str) -> None:
    with matrix.connect() as client:
        client.ask(f"{PREFIX}/live/{end}", "GET", "Connection: close")
        assert (b"# end\n" in client.rest()) is (end == "whole")


class TestPrefix:
    @pytest.mark.parametrize("path", ["", "/kept/sub"])
    @pytest.mark.parametrize("scheme", ["http", "https"])
    def test_a_folder_leads_to_itself_with_a_slash(
        self, matrix: Front, scheme: str, path: str
    ) -> None:
        answer = matrix.ask(f"{PREFIX}{path}", scheme, {"Host": "media.example:8888"})
        assert answer.status in (301, 308)
        asked = f"{scheme}://media.example:8888{PREFIX}{path}"
        assert urljoin(asked, answer["location"]) == f"{asked}/"

    def test_the_links_of_a_listing_lead_where_they_say(self, matrix: Front) -> None:
        top = f"{PREFIX}/kept/"
        links = re.findall(r'<td><a href="([^"]*)"', matrix.get(top).body.decode())
        assert len(links) == len(NAMES) + len(
            ["small.txt", "empty", "big.bin", "sparse.bin", "sub/"]
        )
        listed = {unquote_to_bytes(urlsplit(urljoin(top, unescape(link))).path) for link in links}
        assert {top.encode() + name for name in NAMES.values()} < listed
        (style,) = re.findall(r'<td><a href="([^"]*css)"', matrix.get(f"{top}sub/").body.decode())
        assert matrix.get(urljoin(f"{top}sub/", style)).body == STYLE

    @pytest.mark.parametrize("target", ["/", "/other", "/mediaeval", f"{PREFIX}/../other"])
    def test_what_is_beside_it_is_not_for_us(self, matrix: Front, target: str) -> None:
        assert bare(matrix, target).status in (400, 404)


SPOOFED: Final = {
    "X-Forwarded-For": "6.6.6.6",
    "X-Forwarded-Proto": "gopher",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Port": "666",
    "X_Forwarded_For": "6.6.6.6",
    "Forwarded": "for=6.6.6.6;proto=gopher;host=evil.example",
    "X-Real-IP": "6.6.6.6",
}


class TestForwarded:
    @pytest.mark.parametrize("spoofed", [{}, SPOOFED], ids=["an honest client", "one who lies"])
    @pytest.mark.parametrize("scheme", ["http", "https"])
    def test_the_application_knows_who_asks_and_for_what(
        self, matrix: Front, scheme: str, spoofed: dict[str, str]
    ) -> None:
        answer = matrix.ask(f"{PREFIX}/live/who", scheme, {"Host": "media.example", **spoofed})
        seen = json.loads(answer.body)
        expected = {
            "wsgi.url_scheme": scheme,
            "HTTP_HOST": "media.example",
            "SERVER_PORT": {"http": "80", "https": "443"}[scheme],
            "REMOTE_ADDR": CLIENT,
            "SCRIPT_NAME": f"{PREFIX}/live",
            "PATH_INFO": "/who",
        }
        assert {key: seen[key] for key in expected} == expected
        # Nobody vouches for what servers have no common meaning for.
        believed = {key: value for key, value in seen.items() if key != "HTTP_X_REAL_IP"}
        assert not re.search(r"6\.6\.6\.6|evil|gopher", json.dumps(believed))

    def test_no_second_request_is_passed_on_unread(self, matrix: Front) -> None:
        second = f"GET {PREFIX}/live/who HTTP/1.1\r\nHost: test\r\nX-Forwarded-For: 6.6.6.6"
        with matrix.connect() as client:
            client.ask(f"{PREFIX}/live/who", "GET", "", second, "Connection: close")
            answers = client.rest()
        assert answers.count(b'"/who"') == (1 if matrix.name == "Varnish" else 2)
        assert b"6.6.6.6" not in answers

    def test_who_comes_around_the_proxy_is_not_believed(self, matrix: Front) -> None:
        answer = ask(matrix.backend, f"{PREFIX}/live/who", SPOOFED)
        seen = json.loads(answer.body)
        assert (seen["REMOTE_ADDR"], seen["wsgi.url_scheme"]) == (CLIENT, "http")
        assert not [key for key in seen if "FORWARDED" in key]
