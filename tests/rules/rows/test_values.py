"""Values: the one text of each kind, as msgspec has it too, and as it is documented."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from enum import Enum
from ipaddress import ip_address, ip_network
from pathlib import Path
from types import MappingProxyType
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pyarrow
import pytest
from hypothesis import given

from tests.rules.rows.written import VALUES, one, without, written
from wsgistream.rules.rows import Unencodable
from wsgistream.rules.rows.values import plain

DOCUMENT = Path(__file__).parents[3] / "docs" / "rows.md"


class Colour(Enum):
    RED = "red"
    PAIR = (1, date(2024, 2, 29))


class Text(str):
    __slots__ = ()

    def __str__(self) -> str:
        return "another text"


class Whole(int):
    pass


class Real(float):
    pass


class Money(Decimal):
    pass


class Day(date):
    pass


class Moment(datetime):
    pass


class Span(timedelta):
    pass


class Identifier(UUID):
    pass


class Raw(bytes):
    pass


class Unzoned(tzinfo):
    """A zone that does not know its offset."""

    def utcoffset(self, moment: datetime | None) -> None:
        return None


@dataclass
class Point:
    x: int
    y: Decimal


NAMES: dict[str, Any] = {
    **{each.__name__: each for each in (date, datetime, time, timedelta, timezone)},
    **{each.__name__: each for each in (Decimal, UUID, ZoneInfo, Colour, Text, ip_address)},
}


def documented() -> list[Any]:
    """Read the table of the documentation."""
    text = DOCUMENT.read_text()
    table = text[text.index("| Value | JSON") :].split("\n\n")[0]
    rows = [line.split("|")[1:-1] for line in table.splitlines()[2:]]
    return [
        pytest.param(*(cell.strip(" `") for cell in row), id=row[0].strip(" `")) for row in rows
    ]


@pytest.mark.parametrize(("value", "json", "csv", "arrow"), documented())
def test_a_value_is_written_as_it_is_documented(
    value: str, json: str, csv: str, arrow: str, by: str
) -> None:
    made = eval(value, NAMES)
    assert one("ndjson", made) == json
    assert one("csv", made) == csv
    table = pyarrow.ipc.open_stream(written("arrow", [(made,)], "a")).read_all()
    kind = table.schema.field(0).type
    assert (str(kind) == arrow) or (made is None and arrow == "null")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(Text("a"), '"a"', id="text of a class of its own is the text it holds"),
        pytest.param(Whole(2**70), str(2**70), id="a large integer of a class of its own"),
        pytest.param(Real(0.5), "0.5", id="a float of a class of its own"),
        pytest.param(Money("1.10"), '"1.10"', id="a Decimal of a class of its own"),
        pytest.param(Day(2024, 2, 29), '"2024-02-29"', id="a date of a class of its own"),
        pytest.param(
            Moment(2024, 2, 29, 1, 2, 3, 4, timezone.utc),
            '"2024-02-29T01:02:03.000004Z"',
            id="a moment of a class of its own",
        ),
        pytest.param(Span(days=-2), '"-P2D"', id="a duration of a class of its own"),
        pytest.param(
            Identifier(int=1),
            '"00000000-0000-0000-0000-000000000001"',
            id="a UUID of a class of its own",
        ),
        pytest.param(Raw(b"x"), '"eA=="', id="bytes of a class of their own"),
        pytest.param(Colour.PAIR, '[1,"2024-02-29"]', id="an enumeration is its value"),
        pytest.param(MappingProxyType({"a": 1}), '{"a":1}', id="a mapping that is no dict"),
        pytest.param(range(2), "[0,1]", id="a sequence that is no list"),
        pytest.param({3}, "[3]", id="a set"),
        pytest.param({}.keys(), "[]", id="a view"),
        pytest.param(Point(1, Decimal(2)), '{"x":1,"y":"2"}', id="a dataclass"),
        pytest.param(ip_network("2001:db8::/32"), '"2001:db8::/32"', id="a network"),
        pytest.param({1: 2, Text("b"): 3}, '{"1":2,"b":3}', id="keys that are no text"),
        pytest.param({UUID(int=0): 1}, f'{{"{UUID(int=0)}":1}}', id="a key that has a text"),
        pytest.param(-0.0, "-0.0", id="minus zero"),
        pytest.param(-1.5e-5, "-0.000015", id="the smallest without an exponent"),
        pytest.param(5e-324, "5e-324", id="the smallest float"),
        pytest.param(1.7976931348623157e308, "1.7976931348623157e308", id="the largest float"),
        pytest.param(timedelta(), '"P0D"', id="no time at all"),
        pytest.param(timedelta(microseconds=-1), '"-PT0.000001S"', id="less than no time"),
        pytest.param(
            datetime(2024, 1, 1, tzinfo=Unzoned()), '"2024-01-01T00:00:00"', id="an unknown offset"
        ),
        pytest.param(
            time(1, tzinfo=ZoneInfo("Europe/Berlin")),
            '"01:00:00"',
            id="a time in a zone whose offset hangs on the day",
        ),
        pytest.param(
            datetime(1880, 1, 1, tzinfo=ZoneInfo("America/New_York")),
            '"1880-01-01T00:00:00-04:56"',
            id="seconds in an offset to the west",
        ),
        pytest.param(
            datetime(1880, 1, 1, tzinfo=timezone(timedelta(seconds=-28))),
            '"1880-01-01T00:00:00Z"',
            id="an offset of nothing but seconds",
        ),
    ],
)
def test_a_value_is_written_by_what_it_is_one_of(value: Any, expected: str, by: str) -> None:
    assert one("ndjson", value) == expected
    assert one("ndjson", [value]) == f"[{expected}]"
    bare = expected.strip('"') if expected.startswith('"') else expected
    text = f'"{bare.replace(chr(34), 2 * chr(34))}"' if "," in bare or '"' in bare else bare
    assert one("csv", value) == text


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(object(), id="an object"),
        pytest.param(Point, id="a class"),
        pytest.param(1j, id="a complex number"),
        pytest.param("\ud800", id="text that is no Unicode"),
        pytest.param({None: 1}, id="a key that is nothing"),
        pytest.param({True: 1}, id="a key that is true"),
        pytest.param({(1,): 1}, id="a key that is a pair"),
        pytest.param(10**5000, id="more digits than Python converts"),
    ],
)
@pytest.mark.parametrize("name", ["ndjson", "json", "csv", "tsv", "arrow", "parquet"])
def test_a_value_without_a_form_is_refused(name: str, value: Any, by: str) -> None:
    with pytest.raises(Unencodable, match=f"^A row after the first 0 cannot be {name}: "):
        written(name, [(value,)], "a")


def test_a_value_within_itself_is_refused(by: str) -> None:
    value: list[Any] = []
    value.append(value)
    with pytest.raises(Unencodable):
        one("ndjson", value)


def test_default_gives_a_form_to_what_has_none(by: str) -> None:
    def default(value: Any) -> Any:
        return [value.real, value.imag]

    assert one("ndjson", 1j, default=default) == "[0.0,1.0]"
    assert one("csv", 1j, default=default) == '"[0.0,1.0]"'
    stream = written("arrow", [(1j,)], "a", default=default)
    assert pyarrow.ipc.open_stream(stream).read_all().to_pylist() == [{"a": [0.0, 1.0]}]


def test_a_plain_value_of_an_unknown_kind_says_its_type() -> None:
    with pytest.raises(Unencodable, match="There is no form for a value of the type object"):
        plain(object())


@given(VALUES)
def test_the_standard_library_writes_what_msgspec_writes(value: Any) -> None:
    for name, options in (("ndjson", {}), ("ndjson", {"decimals": "number"}), ("csv", {})):
        quick = one(name, value, **options)
        with without("msgspec"):
            assert one(name, value, **options) == quick
