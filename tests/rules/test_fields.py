"""Names, values and dates: the grammar that fields share."""

from __future__ import annotations

import string
from datetime import datetime, timedelta, timezone
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsgistream.rules.fields import (
    EARLIEST,
    check_header,
    format_http_date,
    is_token,
    parse_http_date,
    whole_seconds,
)

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def seconds(*parts: int) -> int:
    """Seconds since 1970 of a year, month, day, hour, minute and second."""
    return round((datetime(*parts, tzinfo=timezone.utc) - EPOCH).total_seconds())  # type: ignore[arg-type,misc]


NOW = seconds(2024, 2, 29, 12, 0, 0)
LATEST = seconds(9999, 12, 31, 23, 59, 59)
#: The moment of RFC 9110's own example.
EXAMPLE = seconds(1994, 11, 6, 8, 49, 37)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("Content-Type", True, id="a field name"),
        pytest.param("M-SEARCH", True, id="a method"),
        pytest.param("!#$%&'*+-.^_`|~09azAZ", True, id="every kind of mark"),
        pytest.param("", False, id="nothing"),
        pytest.param("Content Type", False, id="a space"),
        pytest.param("Content-Type:", False, id="a colon"),
        pytest.param("X-A\n", False, id="a line feed at the end"),
        pytest.param("X-\u00e9", False, id="a letter beyond ASCII"),
        pytest.param("X\0", False, id="a NUL"),
    ],
)
def test_a_token_is_told_from_other_text(text: str, expected: bool) -> None:
    assert is_token(text) is expected


@given(st.characters())
def test_a_token_has_letters_digits_and_fifteen_marks(character: str) -> None:
    marks = "!#$%&'*+-.^_`|~"
    allowed = character in string.ascii_letters + string.digits + marks
    assert is_token(character) is allowed


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        pytest.param("no-store", "no-store", id="a plain value"),
        pytest.param("", "", id="an empty value"),
        pytest.param(" \tno-store\t ", "no-store", id="white space around it is taken off"),
        pytest.param("a\tb", "a\tb", id="a tab within"),
        pytest.param("\u00e9\u00ff", "\u00e9\u00ff", id="bytes beyond ASCII, as latin-1"),
        pytest.param("\u00a0x\u00a0", "\u00a0x\u00a0", id="a hard space is no white space"),
    ],
)
def test_a_header_is_kept(value: str, kept: str) -> None:
    assert check_header("X-Name", value) == ("X-Name", kept)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        pytest.param("X-Name", "a\r\nX-Evil: b", "value of the header X-Name", id="a line break"),
        pytest.param("X-Name", "a\n", "value of the header X-Name", id="a line feed at the end"),
        pytest.param("X-Name", "\ra", "value of the header X-Name", id="a return at the start"),
        pytest.param("X-Name", "a\0", "value of the header X-Name", id="a NUL"),
        pytest.param("X-Name", "a\x7f", "value of the header X-Name", id="a DEL"),
        pytest.param("X-Name", "\u20ac", "value of the header X-Name", id="beyond latin-1"),
        pytest.param("X Name", "a", "not 'X Name'", id="a name with a space"),
        pytest.param("", "a", "not ''", id="no name"),
        pytest.param("X:", "a", "not 'X:'", id="a name with its colon"),
        pytest.param("X\r\nY", "a", "not 'X\\\\r\\\\nY'", id="a name with a line break"),
    ],
)
def test_a_header_that_could_break_the_head_is_refused(
    name: str, value: str, sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        check_header(name, value)


@pytest.mark.parametrize(("name", "value"), [("X", 5), ("X", None), (b"X", "a"), ("X", b"a")])
def test_a_header_that_is_no_text_is_refused(name: object, value: object) -> None:
    with pytest.raises(TypeError, match="in text"):
        check_header(name, value)  # type: ignore[arg-type]


@given(st.text(), st.text())
def test_a_header_that_is_kept_is_one_line_of_the_head(name: str, value: str) -> None:
    try:
        header = check_header(name, value)
    except ValueError:
        return
    line = ": ".join(header).encode("latin-1")
    assert not set(line) & {0, 10, 13, 127}
    assert line.split(b":")[0].isascii()


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        pytest.param(EXAMPLE, "Sun, 06 Nov 1994 08:49:37 GMT", id="the example of RFC 9110"),
        pytest.param(0, "Thu, 01 Jan 1970 00:00:00 GMT", id="the beginning of 1970"),
        pytest.param(-1, "Wed, 31 Dec 1969 23:59:59 GMT", id="a second before 1970"),
        pytest.param(EARLIEST, "Mon, 01 Jan 0001 00:00:00 GMT", id="the first date"),
        pytest.param(LATEST, "Fri, 31 Dec 9999 23:59:59 GMT", id="the last date"),
        pytest.param(NOW, "Thu, 29 Feb 2024 12:00:00 GMT", id="a leap day"),
    ],
)
def test_a_date_is_written(moment: int, expected: str) -> None:
    assert format_http_date(moment) == expected


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param(EARLIEST - 1, id="before the year 1"),
        pytest.param(LATEST + 1, id="after the year 9999"),
        pytest.param(-(10**17), id="more than three thousand million years ago"),
        pytest.param(10**30, id="beyond any number of days"),
    ],
)
def test_a_moment_outside_of_the_calendar_is_no_date(moment: int) -> None:
    with pytest.raises(OverflowError):
        format_http_date(moment)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("Sun, 06 Nov 1994 08:49:37 GMT", EXAMPLE, id="an IMF-fixdate"),
        pytest.param("Sunday, 06-Nov-94 08:49:37 GMT", EXAMPLE, id="an RFC 850 date"),
        pytest.param("Sun Nov  6 08:49:37 1994", EXAMPLE, id="an asctime date"),
        pytest.param("Sun Nov 06 08:49:37 1994", EXAMPLE, id="an asctime date with a zero"),
        pytest.param(
            "Sun Nov 16 08:49:37 1994", EXAMPLE + 864000, id="an asctime date with two digits"
        ),
        pytest.param(" \tSun, 06 Nov 1994 08:49:37 GMT\t", EXAMPLE, id="white space around it"),
        pytest.param("sun, 06 NOV 1994 08:49:37 gmt", EXAMPLE, id="letters in any case"),
        pytest.param("Mon, 06 Nov 1994 08:49:37 GMT", EXAMPLE, id="another day of the week"),
        pytest.param("Thu, 29 Feb 2024 12:00:00 GMT", NOW, id="a leap day"),
        pytest.param(
            "Sat, 31 Dec 2016 23:59:60 GMT", seconds(2017, 1, 1, 0, 0, 0), id="a leap second"
        ),
        pytest.param("Mon, 01 Jan 0001 00:00:00 GMT", EARLIEST, id="the first date"),
        pytest.param("Fri, 31 Dec 9999 23:59:59 GMT", LATEST, id="the last date"),
        pytest.param("Thu, 01 Jan 1970 23:00:00 GMT", 82800, id="the last hour of a day"),
        pytest.param("Thu, 01 Jan 1970 00:59:00 GMT", 3540, id="the last minute of an hour"),
        pytest.param("", None, id="nothing"),
        pytest.param("tomorrow", None, id="a word"),
        pytest.param("0", None, id="a number"),
        pytest.param("784111777", None, id="seconds since 1970"),
        pytest.param("Sun, 06 Nov 1994 08:49:37", None, id="no time zone"),
        pytest.param("Sun, 06 Nov 1994 08:49:37 UTC", None, id="another name of the time zone"),
        pytest.param("Sun, 06 Nov 1994 08:49:37 +0000", None, id="a time zone as an offset"),
        pytest.param("06 Nov 1994 08:49:37 GMT", None, id="no day of the week"),
        pytest.param("Sun, 6 Nov 1994 08:49:37 GMT", None, id="a day of one digit"),
        pytest.param("Sun, 06 Nov 94 08:49:37 GMT", None, id="a year of two digits in a fixdate"),
        pytest.param("Sun, 06-Nov-1994 08:49:37 GMT", None, id="dashes in a fixdate"),
        pytest.param("Sun, 06 Nov 1994  08:49:37 GMT", None, id="two spaces"),
        pytest.param("Sun, 06 Nov 1994 08:49:37 GMT; length=9", None, id="a parameter after it"),
        pytest.param("Sun, 06 Nov 1994 08:49:37 GMT\n", None, id="a line feed after it"),
        pytest.param("Xyz, 06 Nov 1994 08:49:37 GMT", None, id="an unknown day of the week"),
        pytest.param("Sun, 06 Foo 1994 08:49:37 GMT", None, id="an unknown month"),
        pytest.param("Sun, 00 Nov 1994 08:49:37 GMT", None, id="the day 0"),
        pytest.param("Sun, 31 Nov 1994 08:49:37 GMT", None, id="a 31st of November"),
        pytest.param("Sun, 29 Feb 2023 08:49:37 GMT", None, id="a leap day of a common year"),
        pytest.param("Sun, 06 Nov 0000 08:49:37 GMT", None, id="the year 0"),
        pytest.param("Sun, 06 Nov 1994 24:00:00 GMT", None, id="the hour 24"),
        pytest.param("Sun, 06 Nov 1994 08:60:00 GMT", None, id="the minute 60"),
        pytest.param("Sun, 06 Nov 1994 08:49:61 GMT", None, id="the second 61"),
        pytest.param("Sun, 06 Nov 1994 -8:49:37 GMT", None, id="a negative hour"),
        pytest.param("Sun, 0\u0666 Nov 1994 08:49:37 GMT", None, id="an Arabic digit"),
        pytest.param("Sun, 06 Nov 1994 08:49:37 GMT" * 9000, None, id="a quarter of a megabyte"),
    ],
)
def test_a_date_is_read(text: str, expected: int | None) -> None:
    assert parse_http_date(text, NOW) == expected


@pytest.mark.parametrize(
    ("two_digits", "this_year", "year"),
    [
        pytest.param("94", 2024, 1994, id="almost 70 years ahead is in the past"),
        pytest.param("74", 2024, 2074, id="almost 50 years ahead is ahead"),
        pytest.param("75", 2024, 1975, id="more than 50 years ahead is in the past"),
        pytest.param("24", 2024, 2024, id="this year"),
        pytest.param("00", 2024, 2000, id="the first year of the century"),
        pytest.param("99", 1994, 1999, id="a few years ahead"),
        pytest.param("99", 2060, 2099, id="in a later century"),
    ],
)
def test_the_century_of_two_digits_is_settled_by_the_clock(
    two_digits: str, this_year: int, year: int
) -> None:
    now = seconds(this_year, 7, 1, 0, 0, 0)
    found = parse_http_date(f"Sunday, 06-Jan-{two_digits} 08:49:37 GMT", now)
    assert found == seconds(year, 1, 6, 8, 49, 37)


# What follows holds for every value, and is tried with many.

moments = st.integers(EARLIEST, LATEST)


@given(moments)
def test_a_date_that_is_written_is_read_back(moment: int) -> None:
    assert parse_http_date(format_http_date(moment), NOW) == moment


@given(st.integers(0, seconds(2100, 1, 1, 0, 0, 0)))
def test_a_date_is_written_as_mail_writes_it(moment: int) -> None:
    assert format_http_date(moment) == formatdate(moment, usegmt=True)


@given(moments, st.integers(-50, 49))
def test_all_three_forms_are_the_same_moment(moment: int, years_ahead: int) -> None:
    date = EPOCH + timedelta(seconds=moment)
    fixdate = format_http_date(moment)
    day, month, time = fixdate[5:7], fixdate[8:11], fixdate[17:25]
    asctime = f"{fixdate[:3]} {month} {date.day:2} {time} {date.year:04}"
    assert parse_http_date(asctime, NOW) == moment
    rfc850 = f"Monday, {day}-{month}-{date.year % 100:02} {time} GMT"
    # Any clock of the same century that is at most 50 years behind gives the century back.
    this_year = min(max(date.year - years_ahead, date.year - date.year % 100, 1), 9999)
    if this_year // 100 == date.year // 100:
        assert parse_http_date(rfc850, seconds(this_year, 1, 1, 0, 0, 0)) == moment


@given(st.text())
def test_any_text_is_a_date_or_none(text: str) -> None:
    found = parse_http_date(text, NOW)
    assert found is None or found >= EARLIEST


two = st.integers(0, 99).map("{:02}".format)
four = st.integers(0, 9999).map("{:04}".format)
months = st.sampled_from(["Jan", "Feb", "Mar", "Apr", "Jun", "Dec", "Foo"])
looks_like_a_date = st.one_of(
    st.builds("Sun, {} {} {} {}:{}:{} GMT".format, two, months, four, two, two, two),
    st.builds("Sunday, {}-{}-{} {}:{}:{} GMT".format, two, months, two, two, two, two),
    st.builds("Sun {} {} {}:{}:{} {}".format, months, two, two, two, two, four),
)


@given(looks_like_a_date, moments)
def test_what_looks_like_a_date_is_one_or_none(text: str, now: int) -> None:
    found = parse_http_date(text, now)
    # A leap second can follow even the last second of the calendar.
    assert found is None or EARLIEST <= found <= LATEST + 1


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        pytest.param(0, 0, id="seconds"),
        pytest.param(1.9, 1, id="a part of a second"),
        pytest.param(-0.5, -1, id="a moment before 1970"),
        pytest.param(datetime(1970, 1, 2, tzinfo=timezone.utc), 86_400, id="a datetime"),
        pytest.param(
            datetime(1970, 1, 1, 2, 0, 0, 999_999, timezone(timedelta(hours=2))), 0, id="a zone"
        ),
    ],
)
def test_a_moment_is_whole_seconds(moment: datetime | float, expected: int) -> None:
    assert whole_seconds(moment) == expected


@pytest.mark.parametrize(
    ("moment", "error"),
    [
        pytest.param(datetime(2020, 1, 1), ValueError, id="no zone"),
        pytest.param(float("nan"), ValueError, id="no number"),
        pytest.param(float("inf"), ValueError, id="never"),
        pytest.param(10**30, ValueError, id="a year that has no date"),
        pytest.param("now", TypeError, id="text"),
        pytest.param(True, TypeError, id="a yes"),
        pytest.param(None, TypeError, id="nothing"),
    ],
)
def test_what_is_no_moment_is_refused(moment: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        whole_seconds(moment)  # type: ignore[arg-type]


@given(st.floats() | st.datetimes(timezones=st.sampled_from([timezone.utc, timezone.min])))
def test_any_moment_can_be_written_or_is_refused(moment: datetime | float) -> None:
    try:
        seconds = whole_seconds(moment)
    except ValueError:
        return
    assert parse_http_date(format_http_date(seconds), 0.0) == seconds
