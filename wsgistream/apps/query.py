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
from wsgistream.sources.rows.asking import BATCH
from wsgistream.sources.rows.connections import connections_of
from wsgistream.sources.rows.failures import NoSuchColumn
from wsgistream.sources.rows.keyset import check_key
from wsgistream.sources.rows.query import Query
from wsgistream.types import Body, Environ, Header, StartResponse

#: Parameters that every query has.
_OURS: Final = ("format", "limit", "columns")


class _Named(NamedTuple):
    """A query that clients may ask, and the values it takes."""

    signature: Signature
    statement: Any
    key: tuple[str, str] | None
    """A column by which it goes on, and its type."""


class QueryApp:
    """Named queries as an application: ``QueryApp("sqlite:///shop.db", {"orders": "SELECT …"})``.

    ``connect``: as of ``Query``. ``queries``: SQL by name, which is the path that it answers at. A
    parameter, ``:first`` in the SQL, is declared with the name, as ``"orders(first: int)"`` or
    ``"orders(first: int = 0, city)"``; the types are text, int, float, decimal, bool, date,
    datetime and uuid. Clients give values in the query string, which are bound and never part of
    the SQL, and choose by ``?format=``, or Accept, one of ``formats``, by ``?limit=`` how many rows
    they get, and by ``?columns=a,b`` which columns.

    ``keys``: of queries by name, a column of unique values with its type, as ``"id: int"``: they
    come in its order, hold no connection while a client is slow, and go on behind ``?after=``.
    ``limit``: rows at most, whatever is asked for; ``timeout``, ``batch``, ``lane``, ``estimate``
    and ``kinds``, which are of the columns of all queries: as of ``Query``. ``headers`` are further
    fields; ``options`` are those of ``RowOptions``. Raises TypeError or ValueError for what cannot
    be asked.
    """

    def __init__(
        self,
        connect: Any,
        queries: Mapping[str, Any],
        *,
        keys: Mapping[str, str] | None = None,
        formats: Sequence[str] = ("ndjson", "json", "csv", "tsv"),
        limit: int | None = None,
        timeout: float | None = None,
        batch: int = BATCH,
        lane: str | None = None,
        estimate: bool = False,
        kinds: Mapping[str, str] | None = None,
        headers: Iterable[Header] | Mapping[str, str] = (),
        **options: Any,
    ) -> None:
        self._connections = connections_of(connect)
        self._queries: dict[str, _Named] = {}
        for text, statement in queries.items():
            named = _named(text, statement, keys or {})
            if named.signature.name in self._queries:
                raise ValueError(f"Two queries are called {named.signature.name}.")
            self._queries[named.signature.name] = named
        for name in keys or ():
            if name not in self._queries:
                raise ValueError(f"There is a key of {name!r}, and no such query.")
        self._limit = limit
        self._asked: dict[str, Any] = {"timeout": timeout, "batch": batch, "lane": lane}
        self._asked |= {"estimate": estimate, "kinds": kinds}
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
        ours = (*_OURS, "after") if named.key else _OURS
        values = {name: value for name, value in given.items() if name not in ours}
        key, kind = named.key or (None, "")
        after = given.get("after") if key else None
        return Query(
            self._connections,
            named.statement,
            named.signature.read(values),
            limit=_limit(given, self._limit),
            columns=_columns(given),
            key=key,
            after=None if after is None else read_value("after", kind, after),
            **self._asked,
        )


def _named(text: str, statement: Any, keys: Mapping[str, str]) -> _Named:
    signature = read_signature(text)
    for name in signature.kinds:
        if name in (*_OURS, "after"):
            raise ValueError(f"A parameter of a query cannot be called {name}, which is ours.")
    if isinstance(statement, str):
        names = names_in(statement)
        if set(names) != set(signature.kinds):
            raise ValueError(
                f"The query {signature.name} declares the parameters {sorted(signature.kinds)}, "
                f"and has {sorted(names)}."
            )
    if signature.name not in keys:
        return _Named(signature, statement, None)
    ((key, kind),) = read_signature(f"key({keys[signature.name]})").kinds.items()
    check_key(key, statement)
    return _Named(signature, statement, (key, kind))


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
