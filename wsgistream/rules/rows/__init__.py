"""Rows: how the rows of a database become bytes, in which formats, and who chooses.

The format is chosen, the columns are learnt, and one encoder writes one stream of rows::

    chosen = choose_format(query, accept, ("ndjson", "csv"))   # UnknownFormat, NoAcceptableFormat
    columns, values = rows_of(objects)                         # mappings, tuples, dataclasses
    encoder = row_encoder(chosen.name, columns, RowOptions(bom=True))
    yield encoder.begin()                 # what comes before the rows; it may be empty
    yield from encoder.feed(values)       # pieces of about 128 KiB; as often as there are batches
    yield encoder.finish()                # at the true end only; it may be empty

``encoder.rows`` counts what is written, and ``encoder.feed_batches`` takes the record batches of
Arrow. Every option of every format is in ``RowOptions``, checked when it is made, so that one set
serves whichever format a client chooses.
"""

from wsgistream.rules.rows.choosing import (
    NoAcceptableFormat,
    UnknownFormat,
    check_formats,
    choose_format,
)
from wsgistream.rules.rows.encoders import check_columns, row_encoder
from wsgistream.rules.rows.formats import (
    FORMATS,
    Format,
    RowEncoder,
    RowOptions,
    Unencodable,
)
from wsgistream.rules.rows.shapes import NotARow, rows_of

__all__ = [
    "FORMATS",
    "Format",
    "NoAcceptableFormat",
    "NotARow",
    "RowEncoder",
    "RowOptions",
    "Unencodable",
    "UnknownFormat",
    "check_columns",
    "check_formats",
    "choose_format",
    "row_encoder",
    "rows_of",
]
