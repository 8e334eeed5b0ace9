"""Stream: a source of any iterable of bytes, read once and never ahead."""

from __future__ import annotations

from dataclasses import replace

from wsgistream.types import Body, Meta
from wsgistream.wsgi.bodies import OnePass


class Stream(OnePass):
    """``body`` as a source; if ``meta`` has a size (bytes) it has ranges and is read up to them.

    ``pausable``: any thread may go on reading it; see ``wsgistream.Pausable``.
    """

    file = None

    def __init__(self, body: Body, meta: Meta | None = None, *, pausable: bool = True) -> None:
        super().__init__(body)
        self.body = body
        self.pausable = pausable
        self.meta = replace(meta or Meta(None), one_pass=True)
