"""Copying: rows that PostgreSQL writes itself, in the form that our encoders give them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import islice
from typing import Any, Final, NamedTuple

from wsgistream.sources.rows.asking import Form, Question, Table
from wsgistream.sources.rows.postgresql import transaction

# Types by their numbers in pg_type. Of the first ones the text is the same everywhere.
_SAME: Final = frozenset({20, 21, 23, 25, 1042, 1043, 1082, 2950})  # integers, text, date, uuid
_BOOL, _JSON, _TIMESTAMP, _TIMESTAMP_UTC, _DECIMAL = 16, 114, 1114, 1184, 1700
_FLOATS: Final = frozenset({700, 701})
_EXACT: Final = _SAME | _FLOATS | {_BOOL, _TIMESTAMP, _TIMESTAMP_UTC, _DECIMAL}

# A Decimal with more places may be written with an exponent by Python, and never is here.
_MOST_PLACES: Final = 6

# Rows of a piece at most, which may suddenly be much larger than those before them.
_MOST_ROWS: Final = 256

# Our encoders write whole numbers with a point, exponents without a plus or a leading zero, and
# some numbers without one that have one here; NaN and infinities are null. Beyond 2^53, PostgreSQL
# may write the same number with a digit or two more.
_FLOAT: Final = r"""CASE
WHEN strpos({0}::text, 'e') > 0 THEN CASE
  WHEN {0}::text ~ 'e-05$' THEN {0}::text::numeric::text
  WHEN {0}::text ~ 'e[+](0.|1[0-5])$'
    THEN regexp_replace({0}::text::numeric::text, '^([^.]*)$', '\1.0')
  ELSE replace(replace({0}::text, 'e+', 'e'), 'e-0', 'e-') END
WHEN strpos({0}::text, '.') > 0 THEN {0}::text
WHEN {0}::text IN ('NaN', 'Infinity', '-Infinity') THEN NULL
ELSE {0}::text || '.0' END"""

# There, a fraction has six digits.
_MOMENT: Final = """CASE WHEN strpos({0}::text, '.') > 0
THEN rpad(replace({0}::text, ' ', 'T'), 26, '0') ELSE replace({0}::text, ' ', 'T') END"""

# No row of JSON has one of these: every control character in it is escaped.
_AS_LINES: Final = r"DELIMITER E'\x02', QUOTE E'\x01'"


def can_copy(form: Form) -> bool:
    """Tell whether PostgreSQL has a way to write this form."""
    if form.options.default is not None:
        return False
    return form.format == "ndjson" or (form.format in ("csv", "tsv") and not form.options.guard)


def is_quicker(form: Form) -> bool:
    """Tell whether it takes less time than our encoders: msgspec writes JSON twice as fast."""
    return form.format != "ndjson" or find_spec("msgspec") is None


class Copy(NamedTuple):
    """A statement that has rows written, and the columns that they have."""

    statement: str
    columns: Sequence[str]


def copy_of(connection: Any, question: Question, form: Form, exact: bool) -> Copy | None:
    """Make the COPY that answers a question, after a look at the types; nothing is run.

    ``exact``: write what our encoders do, and give None where a byte could differ; otherwise the
    text of each type is the database's own. Raises NoSuchColumn.
    """
    with transaction(connection, question), connection.cursor() as cursor:
        cursor.execute(*question.bound("pyformat", f"SELECT * FROM {question.within} AS q LIMIT 0"))
        found = list(cursor.description)
    places = question.places([column.name for column in found])
    if exact and not _is_exact(connection, [found[place] for place in places], form):
        return None
    express = _expression if exact else _own
    values = [
        f"{express(found[place], f'q.c{place}', form)} AS {_quoted(found[place].name)}"
        for place in places
    ]
    # Numbered, for two columns of a query may have one name.
    columns = ", ".join(f"c{place}" for place in range(len(found)))
    limit = "" if question.limit is None else f" LIMIT {question.limit:d}"
    rows = f"SELECT {', '.join(values)} FROM {question.within} AS q({columns}){limit}"
    if form.format == "ndjson":
        rows = f"SELECT row_to_json(r) FROM ({rows}) AS r"
    statement = f"COPY ({rows}) TO STDOUT (FORMAT csv, ENCODING 'UTF8', {_marks(form)})"
    return Copy(statement, [found[place].name for place in places])


@contextmanager
def ask(connection: Any, question: Question, form: Form, copy: Copy) -> Iterator[Table]:
    """Have a connection of psycopg write the rows; who leaves in the middle cancels the query."""
    # Without parameters nothing is merged, and a percent sign is one.
    bound = question.bound("pyformat", copy.statement) if question.parameters else (copy.statement,)
    newline = b"\n" if form.format == "ndjson" else form.options.newline.encode()
    with (
        transaction(connection, question),
        connection.cursor() as cursor,
        cursor.copy(*bound) as rows,
    ):
        yield Table(copy.columns, lines=_pieces(rows, form.options.size, newline))
        rows.finish(GeneratorExit())  # which cancels what has not come to its end


def _is_exact(connection: Any, columns: Sequence[Any], form: Form) -> bool:
    if form.options.decimals != "text" or form.options.quote != '"':
        return False
    # Of one column, nothing and empty text are told apart in another way.
    if form.format != "ndjson" and len(columns) == 1:
        return False
    told = connection.info.parameter_status
    is_iso = (told("DateStyle") or "").startswith("ISO")
    is_utc = told("TimeZone") in ("UTC", "Etc/UTC")
    return is_iso and all(_is_exact_type(column, is_utc) for column in columns)


def _is_exact_type(column: Any, is_utc: bool) -> bool:
    if column.type_code == _DECIMAL:
        return column.scale is not None and 0 <= column.scale <= _MOST_PLACES
    return column.type_code in _EXACT and (is_utc or column.type_code != _TIMESTAMP_UTC)


def _expression(column: Any, name: str, form: Form) -> str:
    """Write in SQL what gives the text of a column as our encoders have it."""
    kind = column.type_code
    in_json = form.format == "ndjson"
    if kind in _FLOATS:
        return f"({_FLOAT.format(name)})" + ("::json" if in_json else "")
    if kind == _TIMESTAMP:
        return _MOMENT.format(name)
    if kind == _TIMESTAMP_UTC:
        moment = _MOMENT.format(f"({name} AT TIME ZONE 'UTC')")
        return f"({moment}) || 'Z'"
    return f"{name}::text" if kind == (_DECIMAL if in_json else _BOOL) else name


def _own(column: Any, name: str, form: Form) -> str:
    """Take the text that a type has in the database; of JSON each row is one line."""
    if column.type_code != _JSON or form.format != "ndjson":
        return name
    text = f"{name}::text"
    return rf"""CASE WHEN strpos({text}, E'\n') + strpos({text}, E'\r') = 0 THEN {name}
ELSE translate({text}, E'\r\n', '  ')::json END"""


def _marks(form: Form) -> str:
    if form.format == "ndjson":
        return _AS_LINES
    delimiter = "\t" if form.format == "tsv" else form.options.delimiter
    quote = form.options.quote.replace("'", "''")
    return f"DELIMITER '{delimiter}', QUOTE '{quote}'"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _pieces(copied: Iterable[Any], size: int, newline: bytes) -> Iterator[tuple[bytes, int]]:
    """Join rows, each with a newline at its end, to pieces of about ``size`` bytes.

    The first has but one row, and those behind it are soon as large as is wanted.
    """
    ahead, count = iter(copied), 1
    while rows := list(islice(ahead, count)):
        piece = _joined(rows, newline)
        yield piece, len(rows)
        count = max(1, min(2 * count, size * count // len(piece), _MOST_ROWS))


def _joined(rows: Sequence[Any], newline: bytes) -> bytes:
    if newline == b"\n":
        return b"".join(rows)
    return newline.join([row[:-1] for row in rows]) + newline
