"""Library: obstore, as far as sources need it, with failures of our own for those it has."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from importlib import import_module
from typing import Any, Final, NamedTuple, TypeVar

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

_SIGNING: Final = frozenset({"AzureStore", "GCSStore", "S3Store"})

# Where S3 is, if not at Amazon; the last one found is the one that counts.
_ENDPOINTS: Final = ("AWS_ENDPOINT", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3")

# How long one answer may take in all: a slow client may take its time.
_WHOLE_ANSWER: Final = timedelta(days=7)


class Access(NamedTuple):
    """How a store is reached, and for how long it is waited for."""

    endpoint: str | None
    region: str | None
    anonymous: bool
    config: Mapping[str, Any]
    timeout: float
    """Seconds of silence after which a request, or an answer, is taken for lost."""
    patience: float
    """Seconds for which a request that fails is tried again."""


def library() -> Any:
    """Import obstore; raises ImportError with a sentence for a person where it is not there."""
    try:
        return import_module("obstore")
    except ImportError:
        raise ImportError(
            "Object stores need a library: pip install 'wsgistream[objects]'."
        ) from None


def open_store(url: str, access: Access) -> Any:
    """Make the library's store for a URL; nothing is asked of it yet.

    Raises ValueError for a URL or an option that cannot be, and ImportError without the library.
    """
    make = import_module(f"{library().__name__}.store").from_url
    options: dict[str, Any] = {}
    if not url.startswith("memory:"):
        options["client_options"] = _client_options(url, access)
        options["retry_config"] = _retry_config(access)
    given = {"endpoint": access.endpoint, "region": access.region}
    config: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if access.anonymous:
        config["skip_signature"] = True
    config.update(access.config)
    try:
        return make(url, config=config, **options) if config else make(url, **options)
    except Exception as error:
        raise ValueError(f"There can be no object store {url!r}: {_reason(error)}.") from None


def _client_options(url: str, access: Access) -> dict[str, Any]:
    found = [os.environ[name] for name in _ENDPOINTS if os.environ.get(name)]
    endpoint = access.endpoint or access.config.get("endpoint") or [None, *found][-1] or url
    silence = timedelta(seconds=access.timeout)
    return {
        # Who writes http:// means it.
        "allow_http": str(endpoint).startswith("http://"),
        "connect_timeout": min(silence, timedelta(seconds=5)),
        "read_timeout": silence,
        "timeout": _WHOLE_ANSWER,
    }


def _retry_config(access: Access) -> dict[str, Any]:
    pauses = {"init_backoff": timedelta(seconds=0.1), "max_backoff": timedelta(seconds=1)}
    retries = 1000 if access.patience else 0  # the time ends them
    patience = timedelta(seconds=access.patience)
    return {"backoff": pauses, "max_retries": retries, "retry_timeout": patience}


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


def can_sign(store: Any) -> bool:
    """Tell whether the library can make links to what is in a store."""
    return type(store).__name__ in _SIGNING


def _failure(error: Exception) -> OSError:
    """Say in our words what the library says in its own."""
    if isinstance(error, FileNotFoundError):
        return error
    text, kind = str(error), type(error).__name__
    found = _STATUS.search(text)
    status = None if found is None else int(found[1])
    if status in _FORBIDDEN or kind in ("PermissionDeniedError", "UnauthenticatedError"):
        return PermissionError(errno.EACCES, _reason(error))
    if status == 404:
        return FileNotFoundError(errno.ENOENT, _reason(error))
    return _failure_class(kind, status, text)(_reason(error))


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


def _reason(error: Exception) -> str:
    """Shorten the library's text, which may go on for pages: to the store's own word for it."""
    text = str(error)
    status, code = _STATUS.search(text), _CODE.search(text)
    if status is not None and code is not None:
        return f"the store answers {status[1]} {code[1]}"
    return text.partition("\n")[0].rstrip(" .")
