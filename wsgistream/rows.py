"""Rows: what a database, or anything else with rows, answers a request with."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from wsgistream.respond import begin, enact, extra_fields, plan_body, refuse
from wsgistream.rules.decide import NOSNIFF, decide, sentence
from wsgistream.rules.disposition import content_disposition
from wsgistream.rules.parameters import BadParameter, read_query
from wsgistream.rules.rows import (
    Format,
    NoAcceptableFormat,
    RowOptions,
    UnknownFormat,
    check_formats,
    choose_format,
)
from wsgistream.sources.rows.asking import Form
from wsgistream.sources.rows.failures import NoConnection
from wsgistream.sources.rows.given import rows_from
from wsgistream.sources.rows.writing import Writing
from wsgistream.sources.stream import Stream
from wsgistream.types import Body, Environ, Header, Meta, Plan, StartResponse
from wsgistream.wsgi.notes import note_rows
from wsgistream.wsgi.waiting import IN_LOOP, WouldBlock

_VARY: Final = ("Vary", "Accept")


class RowsResponse:
    """Rows as a WSGI callable, for a view to return, or to be mounted as an application.

    ``rows``: a ``Query``; a cursor; an iterable of mappings, tuples, dataclasses or objects with a
    ``to_dict``; a reader or a table of Arrow; or a function that makes one of these for each
    request. What can be read only once is sent only once. ``columns`` names those of tuples, or
    chooses some; ``convert`` makes a row of what is none.

    ``format``: ndjson, json, csv, tsv, arrow or parquet; several are offered, the most wanted
    first, and a client chooses by ``?format=`` or by Accept. ``filename`` (without its suffix) and
    ``download`` make the Content-Disposition, ``headers`` are further fields. ``options`` are those
    of ``RowOptions``: ``bom=True``, ``complete=True``.

    The query is asked when the answer begins, and for GET alone; what it comes by is let go with
    the last row, with a failure, or when the client has gone. A failure after the first rows cuts
    the connection. Raises TypeError or ValueError for what cannot be sent.
    """

    def __init__(
        self,
        rows: Any,
        *,
        format: str | Sequence[str] = "ndjson",  # noqa: A002
        columns: Sequence[str] | None = None,
        convert: Callable[[Any], Any] | None = None,
        filename: str | None = None,
        download: bool = False,
        headers: Iterable[Header] | Mapping[str, str] = (),
        **options: Any,
    ) -> None:
        self._rows = rows_from(rows, columns, convert)
        self._formats = check_formats([format] if isinstance(format, str) else format)
        self._options = RowOptions(**options)
        self._extra = (NOSNIFF, *extra_fields(None, headers))
        self._filename = filename
        self._download = download

    def __call__(self, environ: Environ, start_response: StartResponse) -> Body:
        if IN_LOOP in environ:
            raise WouldBlock
        try:
            chosen = self._choose(environ)
        except (BadParameter, UnknownFormat) as error:
            return say(400, error, environ, start_response)
        except NoAcceptableFormat as error:
            return say(406, error, environ, start_response, (_VARY,))
        meta = Meta(None, chosen.content_type, extra=self._fields(chosen))
        plan = decide(environ, meta, time.time())
        if not plan.pieces or plan.status != 200:
            self._rows.leave()
            begin(plan, start_response)
            return plan_body(plan, environ)
        return self._give(chosen, plan, meta, environ, start_response)

    def _choose(self, environ: Environ) -> Format:
        if len(self._formats) == 1:
            return choose_format(None, None, self._formats)
        query = read_query(environ.get("QUERY_STRING", ""))
        return choose_format(query.get("format"), environ.get("HTTP_ACCEPT"), self._formats)

    def _give(
        self,
        chosen: Format,
        plan: Plan,
        meta: Meta,
        environ: Environ,
        start_response: StartResponse,
    ) -> Body:
        writing = Writing(self._rows, Form(chosen.name, self._options))
        try:
            writing.begin()
        except NoConnection as error:
            return refuse(error, environ, start_response)
        note_rows(environ, lambda: writing.count)
        if writing.estimate is not None:
            field = ("X-Estimated-Rows", str(writing.estimate))
            plan = plan._replace(headers=(*plan.headers, field))
        source = Stream(writing, meta, pausable=writing.pausable)
        return enact(plan, environ, start_response, source)

    def _fields(self, chosen: Format) -> tuple[Header, ...]:
        vary = (_VARY,) if len(self._formats) > 1 else ()
        if self._filename is None:
            disposition = (("Content-Disposition", "attachment"),) if self._download else ()
        else:
            name = self._filename.removesuffix(chosen.suffix) + chosen.suffix
            disposition = (
                ("Content-Disposition", content_disposition(name, download=self._download)),
            )
        return (*vary, *disposition, *self._extra)


def say(
    status: int,
    text: object,
    environ: Environ,
    start_response: StartResponse,
    headers: tuple[Header, ...] = (),
) -> Body:
    """Answer with one sentence."""
    plan = sentence(status, str(text), headers)
    begin(plan, start_response)
    return plan_body(plan, environ)
