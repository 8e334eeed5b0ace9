"""SQL: rows of every database that SQLAlchemy knows, by cursors of the server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any, Final, NamedTuple

from wsgistream.sources.rows.asking import Question, Table, connecting


class _Dialect(NamedTuple):
    """How a database is told what may be done, and for how many milliseconds; and then forgets."""

    read_only: str = ""
    timeout: str = ""
    after: str = ""
    drains: bool = False
    """A cursor that is closed before its end reads all that is left."""


_MYSQL: Final = _Dialect(
    "START TRANSACTION READ ONLY",
    "SET SESSION max_execution_time = {}",
    "SET SESSION max_execution_time = DEFAULT",
    drains=True,
)
_DIALECTS: Final[Mapping[str, _Dialect]] = {
    "postgresql": _Dialect("SET TRANSACTION READ ONLY", "SET LOCAL statement_timeout = {}"),
    "sqlite": _Dialect("PRAGMA query_only = 1", after="PRAGMA query_only = 0"),
    "mysql": _MYSQL,
    "mariadb": _MYSQL._replace(
        timeout="SET SESSION max_statement_time = {} / 1000",
        after="SET SESSION max_statement_time = DEFAULT",
    ),
}


@contextmanager
def ask(connection: Any, question: Question) -> Iterator[Table]:
    """Ask a connection of SQLAlchemy; the rows stay with the server where its driver can do so."""
    dialect = _DIALECTS.get(connection.dialect.name, _Dialect())
    with connecting():  # the pool may have one that the server has ended meanwhile
        for setting in _settings(dialect, question):
            connection.exec_driver_sql(setting)
    result: Any = None
    whole = False

    def batches() -> Iterator[Sequence[Any]]:
        nonlocal whole
        # With a size of its own: without one, all the rows of a text are fetched at once.
        yield from result.partitions(question.batch)
        whole = True

    try:
        result = _execute(connection, question)
        yield Table(list(map(str, result.keys())), chain.from_iterable(batches()))
    finally:
        if dialect.drains and not whole:
            _leave(connection, result)
        else:
            _forget(connection, result, dialect)


def _leave(connection: Any, result: Any) -> None:
    """End a connection whose driver would read all that is left before it lets go."""
    rest = getattr(getattr(result, "cursor", None), "_result", None)
    if rest is not None:
        rest.unbuffered_active = False  # PyMySQL would read on, from what is closed by then
    connection.invalidate()


def _forget(connection: Any, result: Any, dialect: _Dialect) -> None:
    """Leave nothing behind with a connection that others will have."""
    if result is not None:
        result.close()
    if dialect.after:
        connection.rollback()
        connection.exec_driver_sql(dialect.after)


def _settings(dialect: _Dialect, question: Question) -> Iterator[str]:
    if question.timeout is not None and dialect.timeout:
        yield dialect.timeout.format(question.milliseconds)
    if question.read_only and dialect.read_only:
        yield dialect.read_only


def _execute(connection: Any, question: Question) -> Any:
    options = {"stream_results": True, "max_row_buffer": question.batch}
    if not isinstance(question.statement, str):
        parameters = dict(question.parameters)
        return connection.execute(question.statement, parameters, execution_options=options)
    statement, parameters = question.bound(connection.dialect.paramstyle)
    return connection.exec_driver_sql(statement, parameters, execution_options=options)
