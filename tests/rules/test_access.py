"""One answered request as one line of a log."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsgistream.rules.access import Access, escaped, log_format

ACCESS = Access(
    client="192.0.2.1",
    began=784_111_777.25,
    request="GET /film.mp4 HTTP/1.1",
    status=206,
    sent=1000,
    duration=1.23456,
    aborted=False,
    referer="https://example.org/",
    agent="curl/8",
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param(
            "combined",
            '192.0.2.1 - - [06/Nov/1994:08:49:37 +0000] "GET /film.mp4 HTTP/1.1" 206 1000 '
            '"https://example.org/" "curl/8" 1.235 complete',
            id="the combined format, with duration and end",
        ),
        pytest.param(
            "common",
            '192.0.2.1 - - [06/Nov/1994:08:49:37 +0000] "GET /film.mp4 HTTP/1.1" 206 1000',
            id="the common format",
        ),
        pytest.param("{status} {sent}", "206 1000", id="a template"),
        pytest.param("{end}: {duration} s", "complete: 1.235 s", id="a template with text"),
        pytest.param("{rows}", "-", id="no rows, where it was no stream of them"),
        pytest.param("{{{client}}} {client}", "{192.0.2.1} 192.0.2.1", id="braces, and twice"),
    ],
)
def test_a_format_writes_a_line(name: str, expected: str) -> None:
    assert log_format(name)(ACCESS) == expected


def test_rows_are_told_where_there_were_some() -> None:
    access = ACCESS._replace(rows=7)
    assert log_format("{rows}")(access) == "7"
    assert json.loads(log_format("json")(access))["rows"] == 7


def test_json_writes_every_field() -> None:
    assert json.loads(log_format("json")(ACCESS)) == {
        "client": "192.0.2.1",
        "began": "1994-11-06T08:49:37.250+00:00",
        "request": "GET /film.mp4 HTTP/1.1",
        "status": 206,
        "sent": 1000,
        "duration": 1.23456,
        "aborted": False,
        "referer": "https://example.org/",
        "agent": "curl/8",
        "rows": None,
    }


def test_an_answer_that_was_cut_off_says_so() -> None:
    assert log_format("{end}")(ACCESS._replace(aborted=True)) == "aborted"


def test_what_the_request_did_not_say_is_a_dash() -> None:
    silent = Access("192.0.2.1", 0.0, "-", 200, 0, 0.0, False)
    assert log_format("combined")(silent) == (
        '192.0.2.1 - - [01/Jan/1970:00:00:00 +0000] "-" 200 0 "-" "-" 0.000 complete'
    )


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("", id="nothing"),
        pytest.param("combine", id="a misspelt name"),
        pytest.param("no fields", id="text alone"),
        pytest.param("{{status}}", id="doubled braces are text"),
        pytest.param("{bytes}", id="an unknown field"),
        pytest.param("{status} {bytes}", id="one unknown field"),
        pytest.param("{}", id="a field without a name"),
        pytest.param("{0}", id="a field by its number"),
        pytest.param("{status", id="an open brace"),
        pytest.param("status}", id="a closing brace"),
        pytest.param("{status.real}", id="an attribute"),
        pytest.param("{status[0]}", id="an index"),
        pytest.param("{client.__class__.__mro__}", id="a way into the interpreter"),
        pytest.param("{status!x}", id="a conversion that there is not"),
        pytest.param("{status!r}", id="a conversion"),
        pytest.param("{status:d}", id="a kind of number, of what is text by then"),
        pytest.param("{status:999999999}", id="a width that fills the memory"),
        pytest.param("{status:{sent}}", id="a width that the client chooses"),
        pytest.param("{status:{bytes}}", id="an unknown field within a field"),
    ],
)
def test_a_template_that_could_fail_later_is_refused_at_once(name: str) -> None:
    with pytest.raises(ValueError, match=r"combined, common, json or .* \{client\},.* \{rows\}\.$"):
        log_format(name)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("GET /~a%20b HTTP/1.1", "GET /~a%20b HTTP/1.1", id="a plain request"),
        pytest.param('a" 200 0', r"a\x22 200 0", id="a quote that would end the field"),
        pytest.param("a\\x22", r"a\x5cx22", id="a backslash that would look like our own"),
        pytest.param("a\r\nb", r"a\x0d\x0ab", id="a line that would look like another request"),
        pytest.param("\x1b[2J", r"\x1b[2J", id="a command to the terminal"),
        pytest.param("\x00\x7f\x9b", r"\x00\x7f\x9b", id="other control characters"),
        pytest.param(b"/\xc3\xa9".decode("latin-1"), r"/\xc3\xa9", id="UTF-8 byte by byte"),
        pytest.param("\u0100", r"\xc4\x80", id="the first character that is no byte"),
        pytest.param("\u202e", r"\xe2\x80\xae", id="a turn of text"),
        pytest.param("\ud800", r"\xed\xa0\x80", id="half of a pair"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_what_could_do_harm_is_escaped(text: str, expected: str) -> None:
    assert escaped(text) == expected


@pytest.mark.parametrize("field", ["client", "request", "referer", "agent"])
def test_every_word_of_the_client_is_escaped(field: str) -> None:
    access = ACCESS._replace(**{field: 'a"\x1b\n'})
    assert log_format("{" + field + "}")(access) == r"a\x22\x1b\x0a"
    assert json.loads(log_format("json")(access))[field] == 'a"\x1b\n'


# What follows holds for every request and every template, and is tried with many.

accesses = st.builds(
    Access,
    client=st.text(),
    began=st.floats(0, 4e9),
    request=st.text(),
    status=st.integers(100, 599),
    sent=st.integers(min_value=0),
    duration=st.floats(0, 1e6),
    aborted=st.booleans(),
    referer=st.text(),
    agent=st.text(st.characters()),
)


@given(accesses, st.sampled_from(["combined", "common", "json"]))
def test_a_line_is_one_line_that_a_terminal_can_show(access: Access, name: str) -> None:
    assert re.fullmatch(r"[\x20-\x7e]+", log_format(name)(access))


@given(accesses)
def test_a_combined_line_has_nine_fields_after_the_client(access: Access) -> None:
    line = log_format("combined")(access).removeprefix(escaped(access.client))
    found = re.fullmatch(
        r' - - \[\d\d/[A-Z][a-z]{2}/\d{4}(?::\d\d){3} \+0000\] "([^"]*)" (\d{3}) (\d+) '
        r'"([^"]*)" "([^"]*)" \d+\.\d{3} (aborted|complete)',
        line,
    )
    assert found is not None
    request, status, sent, referer, agent, _ = found.groups()
    assert (int(status), int(sent)) == (access.status, access.sent)
    assert [request, referer, agent] == [
        escaped(access.request),
        escaped(access.referer),
        escaped(access.agent),
    ]


@given(st.text(st.characters(max_codepoint=255)))
def test_the_bytes_of_an_escaped_text_can_be_read_back(text: str) -> None:
    def byte(match: re.Match[str]) -> str:
        return chr(int(match[1], 16))

    assert re.sub(r"\\x([0-9a-f]{2})", byte, escaped(text)) == text


fragments = ["{", "}", "{{", "}}", "status", "sent", "{client}", "!r", ":", ".", "[0]", ">9", " "]
templates = st.one_of(st.text(), st.lists(st.sampled_from(fragments)).map("".join))


@given(templates, accesses)
def test_any_template_is_refused_or_is_the_sum_of_its_fields(name: str, access: Access) -> None:
    try:
        line = log_format(name)
    except ValueError:
        return

    def written(match: re.Match[str]) -> str:
        return log_format(f"{{{match[1]}}}")(access) if match[1] else match[0][0]

    assert line(access) == re.sub(r"\{\{|\}\}|\{([a-z]+):?\}", written, name)
