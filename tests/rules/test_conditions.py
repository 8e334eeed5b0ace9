"""Preconditions, each alone and in the order of RFC 9110 §13.2.2."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rules.steps import steps_of
from wsgistream.rules.conditions import Outcome, evaluate, is_entity_tag, range_applies
from wsgistream.rules.fields import format_http_date
from wsgistream.types import Meta

PROCEED, NOT_MODIFIED, FAILED = Outcome.PROCEED, Outcome.NOT_MODIFIED, Outcome.FAILED

NOW = 1_700_000_000
MODIFIED = 784_111_777
SAME = "Sun, 06 Nov 1994 08:49:37 GMT"
BEFORE = "Sun, 06 Nov 1994 08:49:36 GMT"
AFTER = "Sun, 06 Nov 1994 08:49:38 GMT"

STRONG = Meta(1000, etag='"a"', modified=MODIFIED)
WEAK = Meta(1000, etag='W/"a"', modified=MODIFIED)
BARE = Meta(1000)


def environ(**fields: str) -> dict[str, str]:
    """The fields of a request as an environ has them: ``if_match`` is ``HTTP_IF_MATCH``."""
    return {f"HTTP_{name.upper()}": value for name, value in fields.items()}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param('"a"', True, id="strong"),
        pytest.param('W/"a"', True, id="weak"),
        pytest.param('""', True, id="empty between its quotes"),
        pytest.param('"!#~\x80\xff"', True, id="marks, and bytes beyond ASCII"),
        pytest.param('"W/"', True, id="an opaque tag that looks weak"),
        pytest.param("a", False, id="no quotes"),
        pytest.param('"a', False, id="no closing quote"),
        pytest.param("'a'", False, id="the wrong quotes"),
        pytest.param('w/"a"', False, id="a small w"),
        pytest.param('W/ "a"', False, id="a space after W/"),
        pytest.param('"a b"', False, id="a space within"),
        pytest.param('"a"b"', False, id="a quote within"),
        pytest.param('"a\x7f"', False, id="a DEL within"),
        pytest.param('"a"\n', False, id="a line feed after it"),
        pytest.param('"\u20ac"', False, id="a character beyond latin-1"),
        pytest.param("", False, id="nothing"),
        pytest.param("*", False, id="a star"),
    ],
)
def test_an_entity_tag_is_told_from_other_text(text: str, expected: bool) -> None:
    assert is_entity_tag(text) is expected


@pytest.mark.parametrize(
    ("field", "meta", "expected"),
    [
        pytest.param('"a"', STRONG, PROCEED, id="the tag"),
        pytest.param('"b"', STRONG, FAILED, id="another tag"),
        pytest.param('"A"', STRONG, FAILED, id="the tag in other letters"),
        pytest.param("a", STRONG, FAILED, id="the tag without its quotes"),
        pytest.param('"b", "a", "c"', STRONG, PROCEED, id="a list with the tag"),
        pytest.param('"b", "c"', STRONG, FAILED, id="a list without the tag"),
        pytest.param("*", STRONG, PROCEED, id="a star"),
        pytest.param("\t* ", STRONG, PROCEED, id="a star in white space"),
        pytest.param("*", BARE, PROCEED, id="a star, and no tag of ours"),
        pytest.param('"*"', STRONG, FAILED, id="a star in quotes is a tag"),
        pytest.param('*, "b"', STRONG, FAILED, id="a star in a list is none"),
        pytest.param('W/"a"', STRONG, FAILED, id="weak on their side: compared strongly"),
        pytest.param('"a"', WEAK, FAILED, id="weak on our side: compared strongly"),
        pytest.param('W/"a"', WEAK, FAILED, id="weak on both sides: compared strongly"),
        pytest.param('"a"', BARE, FAILED, id="a tag, and none of ours"),
        pytest.param("", STRONG, PROCEED, id="an empty field is no condition"),
        pytest.param(" \t", STRONG, PROCEED, id="white space is no condition"),
        pytest.param(",", STRONG, FAILED, id="a list of nothing"),
    ],
)
def test_if_match(field: str, meta: Meta, expected: Outcome) -> None:
    assert evaluate(environ(if_match=field), meta, NOW) is expected


@pytest.mark.parametrize(
    ("field", "meta", "expected"),
    [
        pytest.param('"a"', STRONG, NOT_MODIFIED, id="the tag"),
        pytest.param('"b"', STRONG, PROCEED, id="another tag"),
        pytest.param("a", STRONG, PROCEED, id="the tag without its quotes"),
        pytest.param('"a', STRONG, PROCEED, id="the tag with half its quotes"),
        pytest.param('"aa"', STRONG, PROCEED, id="the tag within a longer one"),
        pytest.param('W/"a"', STRONG, NOT_MODIFIED, id="weak on their side: compared weakly"),
        pytest.param('"a"', WEAK, NOT_MODIFIED, id="weak on our side: compared weakly"),
        pytest.param('W/"a"', WEAK, NOT_MODIFIED, id="weak on both sides: compared weakly"),
        pytest.param("*", STRONG, NOT_MODIFIED, id="a star"),
        pytest.param("*", BARE, NOT_MODIFIED, id="a star, and no tag of ours"),
        pytest.param('"a"', BARE, PROCEED, id="a tag, and none of ours"),
        pytest.param('"b","a"', STRONG, NOT_MODIFIED, id="a list without white space"),
        pytest.param('"b" ,\tW/"a" , "c"', STRONG, NOT_MODIFIED, id="a list with white space"),
        pytest.param(', ,"b",,"a",', STRONG, NOT_MODIFIED, id="a list with empty elements"),
        pytest.param('"b,"a"', STRONG, PROCEED, id="a tag that swallows the comma"),
        pytest.param('"b" "a"', STRONG, PROCEED, id="no comma between two tags"),
        pytest.param('"a" x', STRONG, PROCEED, id="the tag and then no comma"),
        pytest.param('"a", x', STRONG, NOT_MODIFIED, id="the tag before what is none"),
        pytest.param('x, "a"', STRONG, PROCEED, id="the tag after what is none"),
        pytest.param('""', Meta(1, etag='""'), NOT_MODIFIED, id="the empty tag"),
        pytest.param('"b,c"', Meta(1, etag='"b,c"'), NOT_MODIFIED, id="a tag with a comma"),
        pytest.param('"' * 7000, STRONG, PROCEED, id="thousands of quotes"),
        pytest.param("", STRONG, PROCEED, id="an empty field is no condition"),
    ],
)
def test_if_none_match(field: str, meta: Meta, expected: Outcome) -> None:
    assert evaluate(environ(if_none_match=field), meta, NOW) is expected


@pytest.mark.parametrize(
    ("date", "unmodified", "modified"),
    [
        pytest.param(SAME, PROCEED, NOT_MODIFIED, id="the very date"),
        pytest.param(AFTER, PROCEED, NOT_MODIFIED, id="a later date"),
        pytest.param(BEFORE, FAILED, PROCEED, id="an earlier date"),
        pytest.param("Sunday, 06-Nov-94 08:49:37 GMT", PROCEED, NOT_MODIFIED, id="in RFC 850 form"),
        pytest.param("Saturday, 05-Nov-94 08:49:37 GMT", FAILED, PROCEED, id="earlier, RFC 850"),
        pytest.param("Sun Nov  6 08:49:37 1994", PROCEED, NOT_MODIFIED, id="in asctime form"),
        pytest.param("Sat Nov  5 08:49:37 1994", FAILED, PROCEED, id="earlier, asctime"),
        pytest.param("Thu, 31 Feb 1994 08:49:37 GMT", PROCEED, PROCEED, id="an impossible date"),
        pytest.param("foobar", PROCEED, PROCEED, id="no date"),
        pytest.param("", PROCEED, PROCEED, id="an empty field"),
        pytest.param("0", PROCEED, PROCEED, id="a number"),
    ],
)
def test_dates(date: str, unmodified: Outcome, modified: Outcome) -> None:
    assert evaluate(environ(if_unmodified_since=date), STRONG, NOW) is unmodified
    assert evaluate(environ(if_modified_since=date), STRONG, NOW) is modified
    # §13.1.3, §13.1.4: without a date of our own there is nothing to compare.
    assert evaluate(environ(if_unmodified_since=date), BARE, NOW) is PROCEED
    assert evaluate(environ(if_modified_since=date), BARE, NOW) is PROCEED


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({}, PROCEED, id="no condition at all"),
        # Step 1 and 2: If-Unmodified-Since counts only where there is no If-Match.
        pytest.param(
            {"if_match": '"a"', "if_unmodified_since": BEFORE},
            PROCEED,
            id="a true If-Match outranks a false If-Unmodified-Since",
        ),
        pytest.param(
            {"if_match": '"b"', "if_unmodified_since": SAME},
            FAILED,
            id="a false If-Match outranks a true If-Unmodified-Since",
        ),
        # Step 3 and 4: If-Modified-Since counts only where there is no If-None-Match.
        pytest.param(
            {"if_none_match": '"b"', "if_modified_since": AFTER},
            PROCEED,
            id="another tag outranks a date that has not changed",
        ),
        pytest.param(
            {"if_none_match": '"a"', "if_modified_since": BEFORE},
            NOT_MODIFIED,
            id="the tag outranks a date that has changed",
        ),
        pytest.param(
            {"if_none_match": '"a"', "if_modified_since": "foobar"},
            NOT_MODIFIED,
            id="the tag, and what is no date",
        ),
        pytest.param(
            {"if_none_match": "x", "if_modified_since": SAME},
            PROCEED,
            id="a malformed If-None-Match still outranks a date",
        ),
        # The first two stand before the last two.
        pytest.param(
            {"if_match": '"b"', "if_none_match": '"a"'}, FAILED, id="If-Match fails before a 304"
        ),
        pytest.param(
            {"if_unmodified_since": BEFORE, "if_none_match": '"a"'},
            FAILED,
            id="If-Unmodified-Since fails before a 304",
        ),
        pytest.param(
            {"if_match": "*", "if_none_match": '"a"'},
            NOT_MODIFIED,
            id="If-Match holds, and the tag is the same",
        ),
        pytest.param(
            {"if_unmodified_since": SAME, "if_modified_since": SAME},
            NOT_MODIFIED,
            id="unmodified by either date",
        ),
        pytest.param(
            {"if_match": '"a"', "if_none_match": '"b"', "if_modified_since": SAME},
            PROCEED,
            id="every condition holds",
        ),
    ],
)
def test_precedence(fields: dict[str, str], expected: Outcome) -> None:
    assert evaluate(environ(**fields), STRONG, NOW) is expected


@pytest.mark.parametrize(
    ("fields", "meta", "expected"),
    [
        pytest.param({}, STRONG, True, id="no If-Range"),
        pytest.param({"if_range": '"a"'}, STRONG, True, id="the very tag"),
        pytest.param({"if_range": '\t"a" '}, STRONG, True, id="the very tag in white space"),
        pytest.param({"if_range": '"b"'}, STRONG, False, id="another tag"),
        pytest.param({"if_range": "a"}, STRONG, False, id="the tag without its quotes"),
        pytest.param({"if_range": '"b", "a"'}, STRONG, False, id="a list is no validator"),
        pytest.param({"if_range": "*"}, STRONG, False, id="a star is no validator"),
        pytest.param({"if_range": 'W/"a"'}, STRONG, False, id="weak on their side"),
        pytest.param({"if_range": '"a"'}, WEAK, False, id="weak on our side"),
        pytest.param({"if_range": 'W/"a"'}, WEAK, False, id="weak on both sides"),
        pytest.param({"if_range": '"a"'}, BARE, False, id="a tag, and none of ours"),
        pytest.param({"if_range": SAME}, STRONG, True, id="the very date"),
        pytest.param(
            {"if_range": "Sun Nov  6 08:49:37 1994"}, STRONG, True, id="the date in another form"
        ),
        pytest.param({"if_range": BEFORE}, STRONG, False, id="an earlier date"),
        pytest.param({"if_range": AFTER}, STRONG, False, id="a later date"),
        pytest.param({"if_range": "foobar"}, STRONG, False, id="neither a tag nor a date"),
        pytest.param({"if_range": "foobar"}, BARE, False, id="no date, and none of ours"),
        pytest.param({"if_range": SAME}, BARE, False, id="a date, and none of ours"),
        pytest.param({"if_range": ""}, STRONG, False, id="an empty If-Range"),
    ],
)
def test_if_range(fields: dict[str, str], meta: Meta, expected: bool) -> None:
    assert range_applies(environ(**fields), meta, NOW) is expected


# What follows holds for every value, and is tried with many.

opaque = st.text(alphabet='!#azAZ,~/W\x80\xff"', max_size=4)
tags = st.builds(
    '{}"{}"'.format, st.sampled_from(["", "W/"]), opaque.map(lambda t: t.replace('"', ""))
)
separators = st.sampled_from([",", ", ", " ,", "\t,\t", ",,", ", ,"])
anything = st.text(alphabet='W/", \tab*\x7f', max_size=30)


@given(st.lists(tags, max_size=6), tags, separators, separators)
def test_a_list_names_the_tags_that_stand_in_it(
    listed: list[str], ours: str, comma: str, around: str
) -> None:
    meta = Meta(1, etag=ours)
    field = around + comma.join(listed) + around
    strong = ours in listed and not ours.startswith("W/")
    weak = any(tag.removeprefix("W/") == ours.removeprefix("W/") for tag in listed)
    assert evaluate(environ(if_match=field), meta, NOW) is (PROCEED if strong else FAILED)
    assert evaluate(environ(if_none_match=field), meta, NOW) is (NOT_MODIFIED if weak else PROCEED)


@given(anything, anything, anything)
def test_any_text_has_an_outcome(match: str, none_match: str, if_range: str) -> None:
    fields = environ(if_match=match, if_none_match=none_match, if_range=if_range)
    for meta in (STRONG, WEAK, BARE):
        outcome = evaluate(fields, meta, NOW)
        # A tag that does not stand in a field in its own letters is never found there.
        if '"a"' not in none_match and "*" not in none_match:
            assert outcome is not NOT_MODIFIED
        if '"a"' not in match and "*" not in match and match.strip(" \t"):
            assert outcome is FAILED
        assert range_applies(fields, meta, NOW) is (if_range.strip(" \t") == '"a"' == meta.etag)


@given(st.integers(-(2**31), 2**31), st.integers(-2, 2))
def test_dates_are_compared_to_the_second(modified: int, later: int) -> None:
    meta = Meta(1, modified=modified)
    date = format_http_date(modified + later)
    unmodified = evaluate(environ(if_unmodified_since=date), meta, NOW)
    assert unmodified is (FAILED if later < 0 else PROCEED)
    since = evaluate(environ(if_modified_since=date), meta, NOW)
    assert since is (PROCEED if later < 0 else NOT_MODIFIED)
    assert range_applies(environ(if_range=date), meta, NOW) is (later == 0)


@pytest.mark.parametrize(
    "element",
    [
        pytest.param('"b", ', id="tags"),
        pytest.param('W/"b"\t,', id="weak tags"),
        pytest.param(", ", id="empty elements"),
        pytest.param('""', id="quotes without a comma"),
    ],
)
def test_reading_a_list_twice_as_long_takes_at_most_twice_the_steps(element: str) -> None:
    short, long = (
        steps_of(evaluate, environ(if_none_match=element * n), STRONG, NOW) for n in (1000, 2000)
    )
    assert 0 < short <= long <= 2 * short
