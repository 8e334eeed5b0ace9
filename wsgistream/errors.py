"""Errors: the one table that turns what was raised into an answer, without a word from below."""

from __future__ import annotations

import errno
from typing import Final

from wsgistream.rules.decide import sentence
from wsgistream.sources.folder import BeingWritten, NotAcceptable
from wsgistream.sources.objects.failures import Replaced, StoreBusy, StoreFailure, StoreTimeout
from wsgistream.sources.rows.failures import NoConnection
from wsgistream.types import Plan
from wsgistream.wsgi.bodies import Truncated


class NotFound(Exception):
    """Nothing is at the path, or nothing that may be given."""


class MethodNotAllowed(Exception):
    """The method is neither GET, HEAD nor OPTIONS."""


#: What a file answers to (RFC 9110 §9.1).
ALLOW: Final = ("Allow", "GET, HEAD, OPTIONS")

_NOT_FOUND: Final = sentence(404, "There is no such file here.")
_FORBIDDEN: Final = sentence(403, "This file may not be read.")
_NOT_ALLOWED: Final = sentence(405, "A file can only be read: use GET or HEAD.", (ALLOW,))
_NOT_ACCEPTABLE: Final = sentence(
    406,
    "The file is not stored in any encoding that the request accepts.",
    (("Vary", "Accept-Encoding"),),
)
_BUSY: Final = sentence(
    503, "The server has too many files open; please try again.", (("Retry-After", "1"),)
)
_UNAVAILABLE: Final = sentence(
    503, "The database cannot be asked now; please try again.", (("Retry-After", "1"),)
)
_SOON: Final = (("Retry-After", "5"),)
_STORE_FAILED: Final = sentence(502, "The files cannot be had at the moment; try again.", _SOON)
_STORE_BUSY: Final = sentence(503, "The files are asked for too often; try again.", _SOON)
_STORE_SLOW: Final = sentence(504, "The files take too long to come; try again.", _SOON)
_REPLACED: Final = sentence(
    503, "The file was replaced a moment ago; try again.", (("Retry-After", "1"),)
)
_BEING_WRITTEN: Final = sentence(
    503, "The file is just being written; please try again.", (("Retry-After", "1"),)
)
_UNREADABLE: Final = sentence(500, "The file could not be read.")

# The first row that fits counts, so the narrower exception stands above the wider.
_BY_TYPE: Final[tuple[tuple[type[Exception], Plan], ...]] = (
    (NotFound, _NOT_FOUND),
    (MethodNotAllowed, _NOT_ALLOWED),
    (NotAcceptable, _NOT_ACCEPTABLE),
    (FileNotFoundError, _NOT_FOUND),
    (NotADirectoryError, _NOT_FOUND),
    (PermissionError, _FORBIDDEN),
    (BeingWritten, _BEING_WRITTEN),
    (Replaced, _REPLACED),
    (StoreBusy, _STORE_BUSY),
    (StoreTimeout, _STORE_SLOW),
    (StoreFailure, _STORE_FAILED),
    (Truncated, _UNREADABLE),
    (NoConnection, _UNAVAILABLE),
)
_BY_NUMBER: Final = {
    errno.ELOOP: _NOT_FOUND,
    errno.ENAMETOOLONG: _NOT_FOUND,
    errno.EIO: _UNREADABLE,
    errno.EMFILE: _BUSY,
    errno.ENFILE: _BUSY,
    errno.ENOMEM: _BUSY,
}


def answer_to(error: Exception) -> Plan:
    """Plan the answer to what was raised before the first byte.

    Raises ``error`` again where it is none that a request can cause: that is for the server's log.
    """
    for kind, plan in _BY_TYPE:
        if isinstance(error, kind):
            return plan
    if isinstance(error, OSError) and error.errno in _BY_NUMBER:
        return _BY_NUMBER[error.errno]
    raise error
