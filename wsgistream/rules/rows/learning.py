"""Learning: of which Arrow type a column is, from the values in it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple

from wsgistream.rules.rows.formats import REFUSALS, Unencodable

# Of these the type alone says what they are.
_SIMPLE: Final = frozenset({bool, int, float, Decimal, str, bytes, date, timedelta})
_LISTS: Final = (list, tuple, set, frozenset)


class Column(NamedTuple):
    """What a column was found to be."""

    type: Any
    """A ``pyarrow.DataType``."""
    kinds: frozenset[Hashable] | None = None
    """What it may hold, as ``kinds_of`` tells; None: whatever pyarrow makes of that type."""


def kinds_of(values: Sequence[Any]) -> set[Hashable]:
    """Tell the kinds of values: a type, or for a moment and a list what it takes to know it."""
    kinds: set[Hashable] = set(map(type, values))
    kinds.discard(type(None))
    if kinds <= _SIMPLE:
        return kinds
    return {kind for value in values for kind in _kinds(value)}


def _kinds(value: Any) -> Iterator[Hashable]:
    if isinstance(value, (datetime, time)):
        yield (type(value), value.tzinfo is not None)
    elif isinstance(value, _LISTS):
        yield from ((list, kind) for item in value for kind in _kinds(item))
    elif value is not None:
        kind: type = type(value)
        yield kind


def _decimal(library: Any, values: Sequence[Any]) -> Any:
    learnt = library.infer_type(values)
    # As large as it can be: what comes later may have more digits, but hardly more after the point.
    if learnt.precision > 38:
        return library.decimal256(76, learnt.scale)
    return library.decimal128(38, learnt.scale)


def _named(name: str, *arguments: str) -> Callable[[Any, Sequence[Any]], Any]:
    return lambda library, values: getattr(library, name)(*arguments)


def _list_of(name: str) -> Callable[[Any, Sequence[Any]], Any]:
    return lambda library, values: library.list_(getattr(library, name)())


# The first that has all kinds of a column is its type.
_TYPES: Final[tuple[tuple[frozenset[Hashable], Callable[[Any, Sequence[Any]], Any]], ...]] = (
    (frozenset({bool}), _named("bool_")),
    (frozenset({int}), _named("int64")),
    (frozenset({int, float}), _named("float64")),
    (frozenset({int, Decimal}), _decimal),
    (frozenset({str}), _named("string")),
    (frozenset({bytes, bytearray, memoryview}), _named("binary")),
    (frozenset({date}), _named("date32")),
    (frozenset({(datetime, False)}), _named("timestamp", "us")),
    (frozenset({(datetime, True)}), _named("timestamp", "us", "UTC")),
    (frozenset({(time, False)}), _named("time64", "us")),
    (frozenset({timedelta}), _named("duration", "us")),
    (frozenset({(list, bool)}), _list_of("bool_")),
    (frozenset({(list, int)}), _list_of("int64")),
    (frozenset({(list, float)}), _list_of("float64")),
    (frozenset({(list, str)}), _list_of("string")),
)


def learn(library: Any, values: Sequence[Any]) -> Column:
    """Find the type that holds these values exactly; where there is none, it is their text."""
    kinds = kinds_of(values)
    for held, make in _TYPES:
        if kinds and kinds <= held:
            try:
                made = make(library, values)
                library.array(values, made)
            except REFUSALS:
                break  # an integer of more than 64 bits, a Decimal that is no number
            return Column(made, held)
    return Column(library.string())


def check_kinds(name: str, column: Column, values: Sequence[Any]) -> None:
    """Check that values are what the column was found to be; raises Unencodable."""
    others = kinds_of(values) - column.kinds if column.kinds is not None else None
    if others:
        found = ", ".join(sorted(_name(kind) for kind in others))
        raise Unencodable(
            f"the column {name!r} was {column.type} in the first rows, and now has {found}: "
            "name its type in types."
        )


def _name(kind: Any) -> str:
    name: str = (kind[0] if isinstance(kind, tuple) else kind).__name__
    return name
