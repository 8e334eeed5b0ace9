"""Binding: obstore, as far as sources need it, with failures of our own for those it has."""

from __future__ import annotations

import errno
import re
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final, TypeVar
from urllib.parse import quote

from wsgistream.sources.objects.failures import (
    Replaced,
    StoreBusy,
    StoreFailure,
    StoreRefusal,
    StoreTimeout,
)

_Result = TypeVar("_Result")

# Its text is all that the library tells of most of its failures.
_STATUS: Final = re.compile(r"status code: (\d{3})")

# How S3 names what is wrong, and others after it.
_CODE: Final = re.compile(r"<Code>(\w+)</Code>")

_FORBIDDEN: Final = (401, 403)

# A list is asked of a server of files by a method that most of them do not know.
_MISSING: Final = (404, 405, 501)

_SIGNING: Final = frozenset({"GCSStore", "S3Store"})


def library() -> Any:
    """Import obstore; raises ImportError with a sentence for a person where it is not there."""
    try:
        return import_module("obstore")
    except ImportError:
        raise ImportError(
            "Object stores need a library: pip install 'wsgistream[objects]'."
        ) from None


def attempt(function: Callable[..., _Result], *arguments: Any, **options: Any) -> _Result:
    """Call what asks the store something.

    Raises FileNotFoundError, PermissionError or a StoreFailure for what the library raises.
    """
    try:
        return function(*arguments, **options)
    except ValueError as error:  # a key that the library cannot name
        raise FileNotFoundError(errno.ENOENT, str(error)) from None
    except Exception as error:
        raise _failure(error) from None


def can_sign(store: Any, key: str) -> bool:
    """Tell whether the library can make links to an object of a store."""
    kind = type(store).__name__
    if kind == "AzureStore":
        # It signs the name with its escapes, where Azure expects the name as it is.
        name = f"{store.prefix or ''}/{key}"
        return quote(name) == name
    return kind in _SIGNING


def _failure(error: Exception) -> OSError:
    """Say in our words what the library says in its own."""
    if isinstance(error, FileNotFoundError):
        return error
    text, kind = str(error), type(error).__name__
    found = _STATUS.search(text)
    status = None if found is None else int(found[1])
    if status in _FORBIDDEN or kind in ("PermissionDeniedError", "UnauthenticatedError"):
        return PermissionError(errno.EACCES, reason(error))
    if status in _MISSING:
        return FileNotFoundError(errno.ENOENT, reason(error))
    return _failure_class(kind, status, text)(reason(error))


def _failure_class(kind: str, status: int | None, text: str) -> type[StoreFailure]:
    if kind == "PreconditionError":
        return Replaced
    if status in (429, 503):
        return StoreBusy
    if status in (408, 504) or "TimedOut" in text:
        return StoreTimeout
    if status == 416 or (status is None and "HTTP error" not in text):
        return StoreRefusal
    return StoreFailure


def reason(error: Exception) -> str:
    """Shorten the library's text, which may go on for pages: to the store's own word for it."""
    text = str(error)
    status, code = _STATUS.search(text), _CODE.search(text)
    if status is not None and code is not None:
        return f"the store answers {status[1]} {code[1]}"
    return text.partition("\n")[0].rstrip(" .")
