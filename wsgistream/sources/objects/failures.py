"""Failures: what can be wrong with an object store; the texts are for a log, never for a client."""

from __future__ import annotations


class StoreFailure(OSError):
    """The store cannot be reached, or answers something that nobody can use."""


class StoreRefusal(StoreFailure):
    """The store answers, and not with what was asked for: there may be no such range."""


class StoreBusy(StoreFailure):
    """The store asks for fewer requests."""


class StoreTimeout(StoreFailure):
    """The store does not answer in time."""


class Replaced(StoreFailure):
    """The object is not the one any more that the answer is about."""
