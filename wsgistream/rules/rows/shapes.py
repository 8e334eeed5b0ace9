"""Shapes: what can be a row, and the columns and values in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from itertools import chain
from operator import attrgetter, itemgetter
from typing import Any

from wsgistream.rules.rows.encoders import check_columns

#: Gives the values of a row in the order of the columns.
Values = Callable[[Any], Sequence[Any]]


class NotARow(TypeError):
    """What was given cannot be read as a row; the text says why, for the server's log."""


def rows_of(
    rows: Iterable[Any],
    columns: Sequence[str] | None = None,
    convert: Callable[[Any], Any] | None = None,
) -> tuple[tuple[str, ...], Iterator[Sequence[Any]]]:
    """Give the columns of rows of any shape, and their values in that order.

    A row is a mapping, a sequence (for which ``columns`` are named, unless it is a named tuple), a
    dataclass, or has a ``to_dict``, or the attributes that are named; anything else is made into
    one of these by ``convert``. All are of the shape of the first, and what they have beside the
    columns is not written. Without ``columns`` the first is read to learn them, and nothing else
    is ever read ahead. No rows and no ``columns`` are no columns.

    Raises NotARow, and ValueError for columns that cannot be.
    """
    ahead = iter(rows) if convert is None else map(convert, rows)
    if columns is not None:
        names = check_columns(columns)
        return names, _later(names, ahead)
    for first in ahead:
        names = check_columns(columns_of(first))
        return names, _read(values_maker(first, names), chain((first,), ahead))
    return (), iter(())


def _later(names: tuple[str, ...], rows: Iterator[Any]) -> Iterator[Sequence[Any]]:
    """Learn the shape only when the first row is asked for."""
    for first in rows:
        yield from _read(values_maker(first, names), chain((first,), rows))


def _read(make: Values | None, rows: Iterator[Any]) -> Iterator[Sequence[Any]]:
    return rows if make is None else map(make, rows)


def columns_of(row: Any) -> tuple[str, ...]:
    """Name the columns of a row that knows them; raises NotARow."""
    if isinstance(row, Mapping):
        return tuple(row)
    if isinstance(row, Sequence) and hasattr(row, "_fields"):
        return tuple(row._fields)  # a named tuple, or a row of SQLAlchemy
    if is_dataclass(row) and not isinstance(row, type):
        return tuple(each.name for each in fields(row))
    if hasattr(row, "to_dict"):
        return tuple(row.to_dict())
    if hasattr(row, "keys"):
        return tuple(row.keys())  # sqlite3.Row, which is no mapping
    raise NotARow(f"A row of the type {type(row).__name__} has no columns: name them.")


def values_maker(row: Any, columns: tuple[str, ...]) -> Values | None:
    """Make what reads rows of the shape of this one; None: it is its values. Raises NotARow."""
    if isinstance(row, (str, bytes)):
        raise NotARow(f"A row is a mapping, a sequence or an object, not {row!r}.")
    if isinstance(row, Sequence):
        return None
    if isinstance(row, Mapping):
        return _checked(_all(itemgetter, columns))
    if is_dataclass(row) or not hasattr(row, "to_dict"):
        return _checked(_all(attrgetter, columns))
    get = _all(itemgetter, columns)
    return _checked(lambda each: get(each.to_dict()))


def _all(getter: Callable[..., Callable[[Any], Any]], columns: tuple[str, ...]) -> Values:
    get = getter(*columns)
    return get if len(columns) > 1 else lambda row: (get(row),)


def _checked(get: Values) -> Values:
    def values(row: Any) -> Sequence[Any]:
        try:
            return get(row)
        except (LookupError, AttributeError, TypeError) as error:
            raise NotARow(f"A row of the type {type(row).__name__} has not: {error}.") from error

    return values
