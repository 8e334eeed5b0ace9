"""Fields: the grammar that HTTP fields share: names, values and dates."""

from __future__ import annotations

import math
import re
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import Final

#: Optional white space (RFC 9110 §5.6.3).
OWS: Final = " \t"

#: The first second that a date can name: the beginning of the year 1.
EARLIEST: Final = -62135596800

# The first second after those that a date can name: the beginning of the year 10000.
_LATEST: Final = 253402300800

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# WSGI strings are latin-1 (PEP 3333); a field value has no control character but a tab.
_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=timezone.utc)

_TIME: Final = r"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)"
_IMF_FIXDATE: Final = (
    r"(?:mon|tue|wed|thu|fri|sat|sun), "
    rf"(?P<day>\d\d) (?P<month>[a-z]{{3}}) (?P<year>\d{{4}}) {_TIME} gmt"
)
_RFC850_DATE: Final = (
    r"(?:mon|tues|wednes|thurs|fri|satur|sun)day, "
    rf"(?P<day>\d\d)-(?P<month>[a-z]{{3}})-(?P<year>\d\d) {_TIME} gmt"
)
_ASCTIME_DATE: Final = (
    r"(?:mon|tue|wed|thu|fri|sat|sun) "
    rf"(?P<month>[a-z]{{3}}) (?P<day>[ \d]\d) {_TIME} (?P<year>\d{{4}})"
)
_DATES: Final = tuple(
    re.compile(form, re.ASCII | re.IGNORECASE)
    for form in (_IMF_FIXDATE, _RFC850_DATE, _ASCTIME_DATE)
)


def is_token(text: str) -> bool:
    """Tell whether ``text`` can be a field name or a method (RFC 9110 §5.6.2)."""
    return _TOKEN.fullmatch(text) is not None


def check_header(name: str, value: str) -> tuple[str, str]:
    """Return the field as it is.

    Raises TypeError where it is no text, and ValueError where it could break the answer's head.
    """
    if not (isinstance(name, str) and isinstance(value, str)):
        raise TypeError(f"A header is a name and a value in text, not {name!r} and {value!r}.")
    if not is_token(name):
        raise ValueError(f"A header name is made of letters, digits and dashes, not {name!r}.")
    if _VALUE.fullmatch(value) is None:
        raise ValueError(f"The value of the header {name} has a character that no header may have.")
    return name, value.strip(OWS)


def whole_seconds(moment: datetime | float) -> int:
    """Turn a datetime with a time zone, or seconds since 1970, into whole seconds since 1970, UTC.

    Raises TypeError for anything else, and ValueError for what no HTTP date can name.
    """
    if isinstance(moment, datetime):
        if moment.utcoffset() is None:
            raise ValueError("A datetime needs a time zone, such as timezone.utc, to be a moment.")
        seconds: float = (moment - _EPOCH) // timedelta(seconds=1)
    elif isinstance(moment, bool) or not isinstance(moment, (int, float)):
        raise TypeError(f"A moment is a datetime or seconds since 1970, not {moment!r}.")
    else:
        seconds = moment
    if not EARLIEST <= seconds < _LATEST:
        raise ValueError(f"A moment lies in the years 1 to 9999, unlike {moment!r}.")
    return math.floor(seconds)


@lru_cache(maxsize=1024)
def format_http_date(seconds: int) -> str:
    """Write seconds since 1970, UTC, as an IMF-fixdate (RFC 9110 §5.6.7).

    Raises OverflowError outside of the years 1 to 9999.
    """
    moment = _EPOCH + timedelta(seconds=seconds)
    return (
        f"{_DAYS[moment.weekday()]}, {moment.day:02} {_MONTHS[moment.month - 1]} {moment.year:04} "
        f"{moment.hour:02}:{moment.minute:02}:{moment.second:02} GMT"
    )


def parse_http_date(text: str, now: float) -> int | None:
    """Read any of the three date forms into seconds since 1970; None where it is no date.

    ``now`` (seconds since 1970) settles the century of a two-digit year: what seems more than
    50 years ahead is in the past (RFC 9110 §5.6.7).
    """
    found = next((match for form in _DATES if (match := form.fullmatch(text.strip(OWS)))), None)
    if found is None:
        return None
    part = found.groupdict()
    year = int(part["year"])
    if len(part["year"]) == 2:
        this_year = (_EPOCH + timedelta(seconds=now)).year
        year += this_year - this_year % 100
        if year > this_year + 50:
            year -= 100
    try:
        month = _MONTHS.index(part["month"].title()) + 1
        day = datetime(year, month, int(part["day"]), tzinfo=timezone.utc)
    except ValueError:
        return None
    hour, minute, second = int(part["hour"]), int(part["minute"]), int(part["second"])
    if hour > 23 or minute > 59 or second > 60:  # 60: a leap second
        return None
    return (day - _EPOCH) // timedelta(seconds=1) + hour * 3600 + minute * 60 + second
