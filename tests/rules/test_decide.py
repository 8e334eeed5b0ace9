"""The whole answer to a request, as data."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsgistream.rules.decide import NOSNIFF, decide, give_whole, sentence
from wsgistream.rules.fields import EARLIEST, format_http_date, parse_http_date
from wsgistream.types import UNKNOWN, Header, Meta, Plan, Slice

NOW = 1_700_000_000.5
MODIFIED = 784_111_777
SAME = "Sun, 06 Nov 1994 08:49:37 GMT"
BEFORE = "Sun, 06 Nov 1994 08:49:36 GMT"
AFTER = "Sun, 06 Nov 1994 08:49:38 GMT"

SIZE = 1000
WHOLE = (Slice(0, SIZE),)

#: What a cache keeps of an answer, and what is only of these bytes.
KEPT = (
    ("Cache-Control", "max-age=60"),
    ("Vary", "Accept-Encoding"),
    ("Content-Location", "/film.en.mp4"),
    ("Expires", AFTER),
    ("X-Own", "1"),
)
OF_CONTENT = (
    ("Content-Disposition", 'inline; filename="film.mp4"'),
    ("Content-Language", "en"),
    NOSNIFF,
)
META = Meta(SIZE, "video/mp4", etag='"a"', modified=MODIFIED)
FULL = replace(META, encoding="gzip", extra=(*KEPT, *OF_CONTENT))
WEAK = replace(META, etag='W/"a"')
TAGLESS = replace(META, etag=None)
DATELESS = replace(META, modified=None)
EMPTY = replace(META, size=0)
ENDLESS = replace(META, size=None)
IN_ORDER = replace(META, one_pass=True)


def answer(fields: dict[str, str], meta: Meta, method: str = "GET", now: float = NOW) -> Plan:
    """Decide about a request whose fields are written as ``if_range`` for ``HTTP_IF_RANGE``."""
    environ = {f"HTTP_{name.upper()}": value for name, value in fields.items()}
    return decide({"REQUEST_METHOD": method, **environ}, meta, now, lambda: "B")


def length_of(plan: Plan) -> int:
    return sum(
        len(piece) if isinstance(piece, bytes) else piece.stop - piece.start
        for piece in plan.pieces
    )


def slices_of(plan: Plan) -> tuple[Slice, ...]:
    return tuple(piece for piece in plan.pieces if isinstance(piece, Slice))


class Case(NamedTuple):
    fields: dict[str, str]
    status: int
    slices: tuple[Slice, ...] = ()
    meta: Meta = META


CASES = [
    # No condition and no range.
    pytest.param(Case({}, 200, WHOLE), id="a plain request"),
    pytest.param(Case({}, 200, (), EMPTY), id="an empty file has no pieces"),
    pytest.param(Case({}, 200, (Slice(0, UNKNOWN),), ENDLESS), id="a length that nobody knows"),
    # Ranges, RFC 9110 §14.2.
    pytest.param(Case({"range": "bytes=0-499"}, 206, (Slice(0, 500),)), id="a range"),
    pytest.param(Case({"range": "bytes=990-"}, 206, (Slice(990, 1000),)), id="an open range"),
    pytest.param(Case({"range": "bytes=-10"}, 206, (Slice(990, 1000),)), id="a suffix"),
    pytest.param(Case({"range": "bytes=0-"}, 206, WHOLE), id="the whole asked for as a range"),
    pytest.param(
        Case({"range": "bytes=0-9,500-509"}, 206, (Slice(0, 10), Slice(500, 510))),
        id="two ranges",
    ),
    pytest.param(
        Case({"range": "bytes=500-509,0-9"}, 206, (Slice(500, 510), Slice(0, 10))),
        id="two ranges in descending order",
    ),
    pytest.param(
        Case({"range": "bytes=0-9,20-29"}, 206, (Slice(0, 30),)), id="near ranges become one"
    ),
    pytest.param(
        Case({"range": "bytes=0-9,1000-"}, 206, (Slice(0, 10),)), id="one of two is satisfiable"
    ),
    pytest.param(Case({"range": "bytes=1000-"}, 416), id="a range past the end"),
    pytest.param(Case({"range": "bytes=-0"}, 416), id="a suffix of zero bytes"),
    pytest.param(Case({"range": "bytes=5-4"}, 200, WHOLE), id="a malformed range is ignored"),
    pytest.param(Case({"range": "items=0-4"}, 200, WHOLE), id="an unknown unit is ignored"),
    pytest.param(Case({"range": ""}, 200, WHOLE), id="an empty Range is ignored"),
    pytest.param(
        Case({"range": "bytes=0-0" + ",0-0" * 64}, 200, WHOLE), id="more ranges than we give"
    ),
    pytest.param(Case({"range": "bytes=0-,0-0"}, 200, WHOLE), id="more bytes than the whole"),
    pytest.param(Case({"range": "bytes=0-"}, 200, (), EMPTY), id="a range of an empty file"),
    pytest.param(
        Case({"range": "bytes=0-0"}, 200, (Slice(0, UNKNOWN),), ENDLESS),
        id="no ranges without a length",
    ),
    # Bytes that come once and in order.
    pytest.param(
        Case({"range": "bytes=0-9,500-509"}, 206, (Slice(0, 10), Slice(500, 510)), IN_ORDER),
        id="ascending ranges in one pass",
    ),
    pytest.param(
        Case({"range": "bytes=500-509,0-9"}, 200, WHOLE, IN_ORDER),
        id="descending ranges in one pass are the whole",
    ),
    pytest.param(
        Case({"range": "bytes=20-29,0-9"}, 206, (Slice(0, 30),), IN_ORDER),
        id="descending ranges in one pass that become one",
    ),
    pytest.param(Case({"range": "bytes=1000-"}, 416, (), IN_ORDER), id="past the end in one pass"),
    # Bytes in an encoding.
    pytest.param(
        Case({"range": "bytes=0-9"}, 206, (Slice(0, 10),), FULL), id="a range of encoded bytes"
    ),
    pytest.param(
        Case({"range": "bytes=0-9,500-509"}, 200, WHOLE, FULL),
        id="several ranges of encoded bytes are the whole",
    ),
    # If-Range, RFC 9110 §13.1.5.
    pytest.param(
        Case({"range": "bytes=0-4", "if_range": '"a"'}, 206, (Slice(0, 5),)),
        id="if-range with the tag",
    ),
    pytest.param(
        Case({"range": "bytes=0-4", "if_range": '"b"'}, 200, WHOLE), id="if-range with another tag"
    ),
    pytest.param(
        Case({"range": "bytes=0-4", "if_range": 'W/"a"'}, 200, WHOLE, WEAK),
        id="if-range with a weak tag",
    ),
    pytest.param(
        Case({"range": "bytes=0-4", "if_range": SAME}, 206, (Slice(0, 5),)),
        id="if-range with the date",
    ),
    pytest.param(
        Case({"range": "bytes=0-4", "if_range": AFTER}, 200, WHOLE),
        id="if-range with a later date",
    ),
    pytest.param(
        Case({"range": "bytes=0-4", "if_range": BEFORE}, 200, WHOLE),
        id="if-range with an earlier date",
    ),
    pytest.param(
        Case({"range": "bytes=2000-", "if_range": '"b"'}, 200, WHOLE),
        id="if-range spares a stale range its 416",
    ),
    pytest.param(
        Case({"range": "bytes=2000-", "if_range": '"a"'}, 416), id="if-range keeps a true 416"
    ),
    pytest.param(Case({"if_range": '"b"'}, 200, WHOLE), id="if-range without a range"),
    # Preconditions, each alone.
    pytest.param(Case({"if_match": '"a"'}, 200, WHOLE), id="if-match with the tag"),
    pytest.param(Case({"if_match": '"b"'}, 412), id="if-match with another tag"),
    pytest.param(Case({"if_match": 'W/"a"'}, 412, (), WEAK), id="if-match is strong"),
    pytest.param(Case({"if_match": "*"}, 200, WHOLE, TAGLESS), id="if-match with a star"),
    pytest.param(Case({"if_none_match": '"a"'}, 304), id="if-none-match with the tag"),
    pytest.param(Case({"if_none_match": '"b", W/"a"'}, 304), id="if-none-match is weak"),
    pytest.param(Case({"if_none_match": '"b"'}, 200, WHOLE), id="if-none-match with another tag"),
    pytest.param(Case({"if_none_match": "*"}, 304, (), ENDLESS), id="if-none-match with a star"),
    pytest.param(Case({"if_none_match": '"a"'}, 304, (), EMPTY), id="a 304 of an empty file"),
    pytest.param(Case({"if_modified_since": SAME}, 304), id="not modified since its date"),
    pytest.param(Case({"if_modified_since": BEFORE}, 200, WHOLE), id="modified since"),
    pytest.param(Case({"if_modified_since": SAME}, 200, WHOLE, DATELESS), id="no date to compare"),
    pytest.param(Case({"if_unmodified_since": SAME}, 200, WHOLE), id="unmodified since its date"),
    pytest.param(Case({"if_unmodified_since": BEFORE}, 412), id="not unmodified since"),
    pytest.param(
        Case({"if_unmodified_since": "Thu, 31 Feb 1994 08:49:37 GMT"}, 200, WHOLE),
        id="an impossible date is ignored",
    ),
    # Their order, RFC 9110 §13.2.2.
    pytest.param(
        Case({"if_match": '"b"', "if_none_match": '"a"', "range": "bytes=0-4"}, 412),
        id="if-match comes first",
    ),
    pytest.param(
        Case({"if_unmodified_since": BEFORE, "if_modified_since": SAME}, 412),
        id="if-unmodified-since comes before if-modified-since",
    ),
    pytest.param(
        Case({"if_match": "*", "if_unmodified_since": BEFORE}, 200, WHOLE),
        id="if-match outranks if-unmodified-since",
    ),
    pytest.param(
        Case({"if_none_match": '"b"', "if_modified_since": SAME}, 200, WHOLE),
        id="if-none-match outranks if-modified-since",
    ),
    pytest.param(
        Case({"if_none_match": '"a"', "range": "bytes=2000-"}, 304),
        id="a 304 comes before a 416",
    ),
    pytest.param(
        Case({"if_match": '"b"', "range": "bytes=2000-"}, 412), id="a 412 comes before a 416"
    ),
    pytest.param(
        Case({"if_none_match": '"a"', "range": "bytes=0-4", "if_range": '"b"'}, 304),
        id="a 304 comes before if-range",
    ),
    pytest.param(
        Case(
            {"if_none_match": '"b"', "range": "bytes=0-4", "if_range": '"a"'}, 206, (Slice(0, 5),)
        ),
        id="every condition holds, and a range",
    ),
]


@pytest.mark.parametrize("case", CASES)
def test_get(case: Case) -> None:
    plan = answer(case.fields, case.meta)
    assert (plan.status, slices_of(plan)) == (case.status, case.slices)
    length = dict(plan.headers).get("Content-Length")
    if plan.status == 304 or case.meta.size is None:
        assert length is None
    else:
        assert length == str(length_of(plan))


@pytest.mark.parametrize("case", CASES)
def test_head(case: Case) -> None:
    plan = answer(case.fields, case.meta, "HEAD")
    rangeless = {name: value for name, value in case.fields.items() if name != "range"}
    get = answer(rangeless, case.meta)
    assert (plan.status, plan.headers) == (get.status, get.headers)
    assert plan.pieces == ()


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("method", ["POST", "PUT", "OPTIONS", "get"])
def test_other_methods_have_the_whole(case: Case, method: str) -> None:
    assert answer(case.fields, case.meta, method) == answer({}, case.meta)


# Headers, one status after the other.


def test_a_200_says_everything() -> None:
    assert answer({}, FULL).headers == (
        ("Content-Type", "video/mp4"),
        ("Content-Encoding", "gzip"),
        ("ETag", '"a"'),
        ("Last-Modified", SAME),
        *KEPT,
        *OF_CONTENT,
        ("Content-Length", "1000"),
        ("Accept-Ranges", "bytes"),
    )


def test_a_200_says_no_more_than_is_known() -> None:
    assert answer({}, Meta(None)).headers == (("Content-Type", "application/octet-stream"),)


def test_a_206_is_the_200_and_its_range() -> None:
    assert answer({"range": "bytes=500-"}, FULL).headers == (
        ("Content-Type", "video/mp4"),
        ("Content-Encoding", "gzip"),
        ("ETag", '"a"'),
        ("Last-Modified", SAME),
        *KEPT,
        *OF_CONTENT,
        ("Content-Range", "bytes 500-999/1000"),
        ("Content-Length", "500"),
        ("Accept-Ranges", "bytes"),
    )


def parts_of(body: bytes, boundary: str) -> list[tuple[list[bytes], bytes]]:
    """Take a multipart body apart, strictly: its parts' head lines and contents (RFC 2046 §5.1)."""
    delimiter = b"\r\n--" + boundary.encode()
    before, *parts, after = (b"\r\n" + body).split(delimiter)
    assert before == b""
    assert after == b"--\r\n"
    found = []
    for part in parts:
        assert part.startswith(b"\r\n")
        head, _, content = part[2:].partition(b"\r\n\r\n")
        found.append((head.split(b"\r\n"), content))
    return found


def test_a_multipart_206_can_be_taken_apart() -> None:
    content = bytes(n % 251 for n in range(SIZE))
    plan = answer({"range": "bytes=900-909,-0,0-9,5000-,-1"}, replace(FULL, encoding=None))
    headers = dict(plan.headers)
    assert plan.status == 206
    # RFC 9110 §15.3.7.2: no Content-Range but in the parts.
    assert "Content-Range" not in headers
    assert headers["Content-Type"] == "multipart/byteranges; boundary=B"
    assert headers["ETag"] == '"a"'
    assert set(KEPT) <= set(plan.headers)
    body = b"".join(
        piece if isinstance(piece, bytes) else content[piece.start : piece.stop]
        for piece in plan.pieces
    )
    assert headers["Content-Length"] == str(len(body))
    assert parts_of(body, "B") == [
        ([b"Content-Type: video/mp4", b"Content-Range: bytes 900-909/1000"], content[900:910]),
        ([b"Content-Type: video/mp4", b"Content-Range: bytes 0-9/1000"], content[0:10]),
        ([b"Content-Type: video/mp4", b"Content-Range: bytes 999-999/1000"], content[999:]),
    ]


def test_a_boundary_is_made_for_each_answer() -> None:
    request = {"REQUEST_METHOD": "GET", "HTTP_RANGE": "bytes=0-9,500-509"}
    first, second = (dict(decide(request, META, NOW).headers)["Content-Type"] for _ in range(2))
    assert re.fullmatch(r"multipart/byteranges; boundary=[0-9a-f]{32}", first)
    assert first != second


@pytest.mark.parametrize(
    ("meta", "validator"),
    [
        pytest.param(FULL, ("ETag", '"a"'), id="with a tag"),
        pytest.param(replace(FULL, etag='W/"a"'), ("ETag", 'W/"a"'), id="with a weak tag"),
        pytest.param(replace(FULL, etag=None), ("Last-Modified", SAME), id="with a date alone"),
    ],
)
def test_a_304_carries_what_a_cache_updates(meta: Meta, validator: Header) -> None:
    # RFC 9110 §15.4.5: nothing of the content that is not there.
    plan = answer({"if_modified_since": SAME}, meta)
    assert plan == Plan(304, (validator, *KEPT), ())


def test_a_304_of_what_has_no_validator() -> None:
    bare = replace(FULL, etag=None, modified=None)
    assert answer({"if_none_match": "*"}, bare) == Plan(304, KEPT, ())


@pytest.mark.parametrize(
    ("fields", "status", "added"),
    [
        pytest.param({"if_match": '"b"'}, 412, [], id="412"),
        # RFC 9110 §15.5.17: the length that a range could have had.
        pytest.param({"range": "bytes=1000-"}, 416, [("Content-Range", "bytes */1000")], id="416"),
    ],
)
def test_an_error_is_a_sentence_that_is_not_taken_for_the_file(
    fields: dict[str, str], status: int, added: list[Header]
) -> None:
    plan = answer(fields, FULL)
    (body,) = plan.pieces
    assert isinstance(body, bytes)
    assert re.fullmatch(rb"[A-Z][a-z ]+\.\n", body)
    assert plan.status == status
    assert plan.headers == (
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Length", str(len(body))),
        ("X-Content-Type-Options", "nosniff"),
        *added,
        ("Vary", "Accept-Encoding"),
        ("X-Own", "1"),
    )


def test_the_names_of_fields_are_known_in_any_letters() -> None:
    extra = (("CONTENT-LANGUAGE", "en"), ("cache-control", "no-cache"), ("vary", "Accept"))
    meta = replace(META, extra=extra)
    kept = answer({"if_none_match": "*"}, meta).headers
    assert kept == (("ETag", '"a"'), ("cache-control", "no-cache"), ("vary", "Accept"))
    assert answer({"if_match": '"b"'}, meta).headers[3:] == (("vary", "Accept"),)


def test_what_a_caller_says_of_the_content_goes_with_the_content() -> None:
    extra = (
        ("Accept-Ranges", "none"),
        ("Content-Encoding", "br"),
        ("Content-Length", "7"),
        ("Content-Type", "image/png"),
    )
    validators = (("ETag", '"x"'), ("Last-Modified", BEFORE))
    meta = Meta(SIZE, extra=(*extra, *validators))
    assert answer({"if_none_match": "*"}, meta) == Plan(304, validators, ())
    headers = answer({"if_match": '"b"'}, meta).headers
    assert not {*extra, *validators} & set(headers)


def test_a_sentence_is_written_as_utf_8_and_measured_in_bytes() -> None:
    plan = sentence(404, "Où est-ce?", (("Allow", "GET"),))
    assert plan.status == 404
    assert plan.pieces == ("Où est-ce?\n".encode(),)
    assert dict(plan.headers)["Content-Length"] == "12"
    assert plan.headers[-1] == ("Allow", "GET")


# Last-Modified, RFC 9110 §8.8.2.1.


@pytest.mark.parametrize(
    ("modified", "expected"),
    [
        pytest.param(MODIFIED, SAME, id="in the past"),
        pytest.param(0, "Thu, 01 Jan 1970 00:00:00 GMT", id="at the beginning of 1970"),
        pytest.param(-1, "Wed, 31 Dec 1969 23:59:59 GMT", id="before 1970"),
        pytest.param(EARLIEST, "Mon, 01 Jan 0001 00:00:00 GMT", id="on the first day"),
        pytest.param(EARLIEST - 1, None, id="before any date"),
        pytest.param(-(10**14), None, id="three million years ago"),
        pytest.param(int(NOW), format_http_date(int(NOW)), id="in this very second"),
        pytest.param(int(NOW) + 1, format_http_date(int(NOW)), id="a moment ahead"),
        pytest.param(10**14, format_http_date(int(NOW)), id="three million years ahead"),
        pytest.param(None, None, id="unknown"),
    ],
)
def test_a_last_modified_is_a_date_and_never_in_the_future(
    modified: int | None, expected: str | None
) -> None:
    plan = answer({}, replace(META, modified=modified))
    assert dict(plan.headers).get("Last-Modified") == expected


def test_the_date_that_was_sent_for_the_future_is_no_proof_of_anything_later() -> None:
    ahead = replace(TAGLESS, modified=int(NOW) + 1000)
    sent = dict(answer({}, ahead).headers)["Last-Modified"]
    later = NOW + 10
    assert answer({"if_modified_since": sent}, ahead, now=later).status == 200
    assert answer({"range": "bytes=0-4", "if_range": sent}, ahead, now=later).status == 200


# What follows holds for every request, and is tried with many.

dates = st.integers(MODIFIED - 2, MODIFIED + 2).map(format_http_date)
tag_lists = st.sampled_from(['"a"', 'W/"a"', '"b"', '"b", "a"', "*", "", "x", ","])
positions = st.one_of(st.just(""), st.integers(0, 1200).map(str))
ranges = st.lists(st.builds("{}-{}".format, positions, positions), max_size=5).map(
    lambda elements: "bytes=" + ", ".join(elements)
)
requests = st.fixed_dictionaries(
    {},
    optional={
        "if_match": tag_lists,
        "if_none_match": tag_lists,
        "if_unmodified_since": dates | st.text(max_size=5),
        "if_modified_since": dates | st.text(max_size=5),
        "if_range": tag_lists | dates,
        "range": ranges | st.text(max_size=5),
    },
)
metas = st.builds(
    Meta,
    size=st.none() | st.sampled_from([0, 1, 100, SIZE]),
    content_type=st.just("text/html; charset=utf-8"),
    etag=st.none() | st.sampled_from(['"a"', 'W/"a"']),
    modified=st.none() | st.integers(MODIFIED - 2, MODIFIED + 2) | st.integers(),
    encoding=st.none() | st.just("gzip"),
    extra=st.just(()) | st.just((*KEPT, *OF_CONTENT)),
    one_pass=st.booleans(),
)


@given(requests, metas)
def test_every_answer_is_sound(fields: dict[str, str], meta: Meta) -> None:
    plan = answer(fields, meta)
    headers: dict[str, Any] = dict(plan.headers)
    assert len(headers) == len(plan.headers)
    assert plan.status in {200, 206, 304, 412, 416}
    if plan.status == 304 or (plan.status == 200 and meta.size is None):
        assert "Content-Length" not in headers
    else:
        assert headers["Content-Length"] == str(length_of(plan))
    if plan.status != 206:
        assert slices_of(plan) in ((), (Slice(0, meta.size or UNKNOWN),))
    if plan.status in {206, 416}:
        assert fields["range"].startswith("bytes=")
        assert meta.size
        assert all(0 <= start < stop <= meta.size for start, stop in slices_of(plan))
        assert sum(stop - start for start, stop in slices_of(plan)) <= meta.size
        multipart = headers["Content-Type"].startswith("multipart/byteranges")
        assert multipart is (len(slices_of(plan)) > 1)
        assert ("Content-Range" in headers) is not multipart
        assert not meta.one_pass or list(slices_of(plan)) == sorted(slices_of(plan))
    if "Last-Modified" in headers:
        shown = parse_http_date(headers["Last-Modified"], NOW)
        assert shown is not None
        assert shown <= NOW


@given(requests, metas)
def test_head_is_get_without_a_range_and_without_a_body(fields: dict[str, str], meta: Meta) -> None:
    rangeless = {name: value for name, value in fields.items() if name != "range"}
    assert answer(fields, meta, "HEAD") == answer(rangeless, meta)._replace(pieces=())


@pytest.mark.parametrize("fields", [{}, {"HTTP_RANGE": "bytes=0-4"}, {"HTTP_IF_NONE_MATCH": "*"}])
@pytest.mark.parametrize("meta", [META, ENDLESS], ids=["a size", "no size"])
def test_another_status_is_the_whole_whatever_is_asked(fields: dict[str, str], meta: Meta) -> None:
    plan = give_whole({"REQUEST_METHOD": "GET", **fields}, 404, meta, NOW)
    whole = answer({}, meta)
    assert (plan.status, plan.pieces) == (404, whole.pieces)
    assert plan.headers == tuple(h for h in whole.headers if h[0] != "Accept-Ranges")
    assert give_whole({"REQUEST_METHOD": "HEAD"}, 404, meta, NOW) == plan._replace(pieces=())


def test_another_status_has_no_date_in_the_future() -> None:
    plan = give_whole({"REQUEST_METHOD": "GET"}, 500, replace(META, modified=2**33), NOW)
    assert dict(plan.headers)["Last-Modified"] == format_http_date(int(NOW))


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_without_a_body_says_nothing_of_one(status: int) -> None:
    plan = give_whole({"REQUEST_METHOD": "GET"}, status, replace(FULL, size=0), NOW)
    assert plan == Plan(status, (("ETag", '"a"'), *KEPT), ())
