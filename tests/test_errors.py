"""The table of errors: what was raised, and what a client is told."""

from __future__ import annotations

import errno
import os

import pytest

from wsgistream.errors import MethodNotAllowed, NotFound, answer_to
from wsgistream.sources.folder import NotAcceptable
from wsgistream.wsgi.bodies import Truncated

SECRET = "/srv/secret/path"


@pytest.mark.parametrize(
    ("error", "status", "headers"),
    [
        pytest.param(NotFound(SECRET), 404, {}, id="nothing there"),
        pytest.param(MethodNotAllowed(), 405, {"Allow": "GET, HEAD, OPTIONS"}, id="a method"),
        pytest.param(NotAcceptable(), 406, {"Vary": "Accept-Encoding"}, id="no acceptable coding"),
        pytest.param(FileNotFoundError(2, SECRET), 404, {}, id="no such file"),
        pytest.param(NotADirectoryError(20, SECRET), 404, {}, id="a path below a file"),
        pytest.param(OSError(errno.ELOOP, SECRET), 404, {}, id="links in a circle"),
        pytest.param(OSError(errno.ENAMETOOLONG, SECRET), 404, {}, id="a name too long"),
        pytest.param(PermissionError(13, SECRET), 403, {}, id="a file that may not be read"),
        pytest.param(OSError(errno.EMFILE, SECRET), 503, {"Retry-After": "1"}, id="full table"),
        pytest.param(OSError(errno.EIO, SECRET), 500, {}, id="a broken disk"),
        pytest.param(Truncated(SECRET), 500, {}, id="a file that has shrunk"),
    ],
)
def test_an_error_is_answered_in_one_sentence_without_a_word_from_below(
    error: Exception, status: int, headers: dict[str, str]
) -> None:
    plan = answer_to(error)
    (body,) = plan.pieces
    assert isinstance(body, bytes)
    sent = dict(plan.headers)
    assert plan.status == status
    assert headers.items() <= sent.items()
    assert sent["Content-Length"] == str(len(body))
    assert body.endswith((b".\n", b"again.\n"))
    assert body.count(b".") == 1
    everything = repr(plan)
    assert SECRET not in everything
    assert not {"ETag", "Last-Modified", "Cache-Control"} & sent.keys()


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(KeyError("bug"), id="a fault of the program"),
        pytest.param(OSError(errno.ECHILD, os.strerror(errno.ECHILD)), id="an odd system error"),
    ],
)
def test_what_no_request_can_cause_is_raised_for_the_log(error: Exception) -> None:
    with pytest.raises(type(error)):
        answer_to(error)
