"""Tables: rows as an Arrow stream or a Parquet file, by pyarrow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final
from uuid import UUID

from wsgistream.rules.coding import MissingLibrary
from wsgistream.rules.rows.formats import Format, RowOptions, Unencodable
from wsgistream.rules.rows.learning import Column, check_kinds, learn
from wsgistream.rules.rows.pieces import PieceEncoder
from wsgistream.rules.rows.sink import Sink
from wsgistream.rules.rows.texts import PlainText
from wsgistream.rules.rows.values import plain

# Bytes of a row group, about, and so of what is held: each adds to the end of the file.
_GROUP: Final = 8 * 1024 * 1024

#: The formats that need pyarrow.
OF_LIBRARY: Final = frozenset({"arrow", "parquet"})

_KNOWN: Final = frozenset(
    {type(None), bool, int, float, Decimal, str, bytes, bytearray, memoryview}
    | {date, datetime, time, timedelta, dict, list, tuple, set, frozenset}
)


class ArrowEncoder(PieceEncoder):
    """The Arrow IPC stream: each piece is a record batch; the end has a mark of its own.

    The type of a column is learnt from its first values, or named in the options. Raises
    MissingLibrary where there is no pyarrow.
    """

    # The more rows there are, the better is what is learnt, and the smaller what is written.
    _most = 1024

    def __init__(self, kind: Format, columns: Sequence[str], options: RowOptions) -> None:
        super().__init__(kind, columns, options)
        self._library = find_library(kind.name)
        # Of the arrays of a row group, pyarrow's own would keep several times their size.
        self._pool = self._library.system_memory_pool()
        self._default = options.default
        self._text = PlainText(options.default)
        self._types = {
            name: Column(self._type(given))
            for name, given in options.types.items()
            if name in self._columns
        }
        if len(self._types) < len(self._columns):
            self._count = self._most
        self._sink = Sink()
        self._writer: Any = None

    def feed_batches(self, batches: Iterable[Any]) -> Iterator[bytes]:
        """Write each record batch whole; a reader's schema is that of the stream."""
        if self._writer is None and hasattr(batches, "schema"):
            self._writer = self._open(batches.schema)
        yield from self._pieces(self._write_batch, batches)

    def finish(self) -> bytes:
        """Give the mark of the end; without rows, the columns that are unknown are text."""
        if self._writer is None:
            text = Column(self._library.string())
            self._writer = self._open(
                self._schema([self._types.get(name, text) for name in self._columns])
            )
        self._writer.close()
        return self._sink.take()

    def _type(self, given: Any) -> Any:
        return self._library.type_for_alias(given) if isinstance(given, str) else given

    def _schema(self, columns: Iterable[Column]) -> Any:
        types = (column.type for column in columns)
        return self._library.schema(list(zip(self._columns, types, strict=True)))

    def _write_columns(self, columns: Sequence[Sequence[Any]]) -> bytes:
        arrays = list(map(self._array, self._columns, columns))
        return self._write_batch(self._library.record_batch(arrays, names=list(self._columns)))

    def _array(self, name: str, values: Sequence[Any]) -> Any:
        if not _KNOWN.issuperset(map(type, values)):
            values = [self._known(value) for value in values]
        column = self._types.get(name)
        if column is None:
            column = self._types[name] = learn(self._library, values)
        check_kinds(name, column, values)
        if column.type == self._library.string() and column.kinds is None:
            values = list(map(self._text, values))
        return self._library.array(values, column.type, memory_pool=self._pool)

    def _known(self, value: Any) -> Any:
        while type(value) not in _KNOWN:
            value = str(value) if isinstance(value, UUID) else plain(value, self._default)
        return value

    def _write_batch(self, batch: Any) -> bytes:
        if self._writer is None:
            self._writer = self._open(batch.schema)
        self._put(batch)
        return self._sink.take()

    def _open(self, schema: Any) -> Any:
        return self._library.ipc.new_stream(self._sink, schema)

    def _put(self, batch: Any) -> None:
        self._writer.write_batch(batch)


class ParquetEncoder(ArrowEncoder):
    """Parquet: batches are gathered into row groups; the end of the file tells where each is."""

    def __init__(self, kind: Format, columns: Sequence[str], options: RowOptions) -> None:
        super().__init__(kind, columns, options)
        self._group: list[Any] = []
        self._held = 0

    def finish(self) -> bytes:
        """Give the last row group, and the end of the file."""
        self._write_group()
        return super().finish()

    def _open(self, schema: Any) -> Any:
        return import_module("pyarrow.parquet").ParquetWriter(self._sink, schema)

    def _put(self, batch: Any) -> None:
        if batch.schema != self._writer.schema:
            raise Unencodable("A batch is of another schema than those before it.")
        self._group.append(batch)
        self._held += batch.nbytes
        if self._held >= _GROUP:
            self._write_group()

    def _write_group(self) -> None:
        if self._group:
            self._writer.write_table(self._library.Table.from_batches(self._group))
            self._group.clear()
            self._held = 0


def find_library(name: str) -> Any:
    """Import pyarrow for the format of this name; raises MissingLibrary."""
    try:
        return import_module("pyarrow")
    except ImportError:
        raise MissingLibrary(
            f"The format {name} needs a library: pip install 'wsgistream[arrow]'."
        ) from None


def is_present() -> bool:
    """Tell whether pyarrow is installed, without the time it takes to import it."""
    return find_spec("pyarrow") is not None
