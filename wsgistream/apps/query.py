"""Query: named queries of a database as a WSGI application."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from wsgistream.errors import ALLOW
from wsgistream.respond import answer_other_method
from wsgistream.rows import RowsResponse, say
from wsgistream.rules.parameters import (
    BadParameter,
    Signature,
    read_query,
    read_signature,
    read_value,
)
from wsgistream.rules.placeholders import names_in
from wsgistream.sources.rows.asking import BATCH, NoSuchColumn
from wsgistream.sources.rows.connections import connections_of
from wsgistream.sources.rows.query import Query
from wsgistream.types import Body, Environ, Header, StartResponse

#: Parameters that every query has.
_OURS: Final = ("format", "limit", "columns")


class _Named(NamedTuple):
    """A query that clients may ask, and the values it takes."""

    signature: Signature
    statement: Any


class QueryApp:
    """Named queries as an application: ``QueryApp("sqlite:///shop.db", {"orders": "SELECT …"})``.

    ``connect``: as of ``Query``. ``queries``: SQL by name, which is the path that it answers at. A
    parameter, ``:first`` in the SQL, is declared with the name, as ``"orders(first: int)"`` or
    ``"orders(first: int = 0, city)"``; the types are text, int, float, decimal, bool, date,
    datetime and uuid. Clients give values in the query string, which are bound and never part of
    the SQL, and choose by ``?format=``, or Accept, one of ``formats``, by ``?limit=`` how many rows
    they get, and by ``?columns=a,b`` which columns.

    ``limit``: rows at most, whatever is asked for; ``timeout``, ``batch`` and ``lane``: as of
    ``Query``. ``headers`` are further fields; ``options`` are those of ``RowOptions``. Raises
    TypeError or ValueError for what cannot be asked.
    """

    def __init__(
        self,
        connect: Any,
        queries: Mapping[str, Any],
        *,
        formats: Sequence[str] = ("ndjson", "json", "csv", "tsv"),
        limit: int | None = None,
        timeout: float | None = None,
        batch: int = BATCH,
        lane: str | None = None,
        headers: Iterable[Header] | Mapping[str, str] = (),
        **options: Any,
    ) -> None:
        self._connections = connections_of(connect)
        self._queries = {
            named.signature.name: named for named in map(_named, queries, queries.values())
        }
        if len(self._queries) < len(queries):
            raise ValueError("Two queries have one name.")
        self._limit = limit
        self._asked: dict[str, Any] = {"timeout": timeout, "batch": batch, "lane": lane}
        fields = tuple(headers.items() if isinstance(headers, Mapping) else headers)
        self._sent = {"format": tuple(formats), "headers": fields, **options}
        # What cannot be is told now, and not to the first client.
        RowsResponse(Query(self._connections, "", limit=limit, **self._asked), **self._sent)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Body:
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            if environ["REQUEST_METHOD"] == "OPTIONS":
                return answer_other_method(environ, start_response)
            text = "A query can only be read: use GET or HEAD."
            return say(405, text, environ, start_response, (ALLOW,))
        named = self._queries.get(environ.get("PATH_INFO", "").removeprefix("/"))
        if named is None:
            return say(404, "There is no such query here.", environ, start_response)
        try:
            query = self._query(named, read_query(environ.get("QUERY_STRING", "")))
            response = RowsResponse(query, filename=named.signature.name, **self._sent)
            return response(environ, start_response)
        except (BadParameter, NoSuchColumn) as error:
            return say(400, error, environ, start_response)

    def _query(self, named: _Named, given: Mapping[str, str]) -> Query:
        values = {name: value for name, value in given.items() if name not in _OURS}
        return Query(
            self._connections,
            named.statement,
            named.signature.read(values),
            limit=_limit(given, self._limit),
            columns=_columns(given),
            **self._asked,
        )


def _named(text: str, statement: Any) -> _Named:
    signature = read_signature(text)
    for name in signature.kinds:
        if name in _OURS:
            raise ValueError(f"A parameter of a query cannot be called {name}, which is ours.")
    if isinstance(statement, str):
        names = names_in(statement)
        if set(names) != set(signature.kinds):
            raise ValueError(
                f"The query {signature.name} declares the parameters {sorted(signature.kinds)}, "
                f"and has {sorted(names)}."
            )
    return _Named(signature, statement)


def _limit(given: Mapping[str, str], most: int | None) -> int | None:
    if "limit" not in given:
        return most
    limit: int = read_value("limit", "int", given["limit"])
    if limit < 0:
        raise BadParameter("The parameter limit is 0 or more.")
    return limit if most is None else min(limit, most)


def _columns(given: Mapping[str, str]) -> Sequence[str] | None:
    if "columns" not in given:
        return None
    columns = given["columns"].split(",")
    if len(set(columns)) < len(columns):
        raise BadParameter("The parameter columns names one twice.")
    return columns
