"""Access: who asks a store, where it is, and for how long it is waited for."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import timedelta
from importlib import import_module
from typing import Any, Final, NamedTuple

from wsgistream.sources.objects.binding import library, reason

# Where a store is, if not where its maker has it; the last one found is the one that counts.
_ENDPOINTS: Final = {
    "az": ("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"),
    "s3": ("AWS_ENDPOINT", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"),
}

# How long one answer may take in all: a slow client may take its time.
_WHOLE_ANSWER: Final = timedelta(days=7)


class Access(NamedTuple):
    """How a store is reached, and for how long it is waited for."""

    endpoint: str | None
    region: str | None
    anonymous: bool
    credentials: Callable[[], Any] | None
    """Asks for keys; one of the library's providers."""
    config: Mapping[str, Any]
    timeout: float
    """Seconds of silence after which a request, or an answer, is taken for lost."""
    patience: float
    """Seconds for which a request that fails is tried again."""


def open_store(url: str, access: Access) -> Any:
    """Make the library's store for a URL; nothing is asked of it yet.

    Raises ValueError for a URL or an option that cannot be, and ImportError without the library, or
    without boto3 where a profile says who asks.
    """
    make = import_module(f"{library().__name__}.store").from_url
    options: dict[str, Any] = {}
    if not url.startswith("memory:"):
        options["client_options"] = _client_options(url, access)
        options["retry_config"] = _retry_config(access)
    credentials = _credentials(url, access)
    if credentials is not None:
        options["credential_provider"] = credentials
    given = {"endpoint": access.endpoint, "region": access.region}
    config: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if access.anonymous:
        config["skip_signature"] = True
    config.update(access.config)
    try:
        return make(url, config=config, **options) if config else make(url, **options)
    except Exception as error:
        raise ValueError(f"There can be no object store {url!r}: {reason(error)}.") from None


def _credentials(url: str, access: Access) -> Callable[[], Any] | None:
    """Say what asks for keys: what is given, or AWS_PROFILE where nothing else says who asks."""
    others = access.credentials or access.anonymous or "access_key_id" in access.config
    if others or not url.startswith("s3") or os.environ.get("AWS_ACCESS_KEY_ID"):
        return access.credentials
    return _keys_of_profile() if os.environ.get("AWS_PROFILE") else None


def _keys_of_profile() -> Callable[[], Any]:
    try:
        module = import_module("obstore.auth.boto3")
    except ImportError:
        raise ImportError("AWS_PROFILE needs a library: pip install boto3.") from None
    try:
        provider: Callable[[], Any] = module.Boto3CredentialProvider()
    except Exception as error:
        raise ValueError(f"AWS_PROFILE: {reason(error)}.") from None
    return provider


def _client_options(url: str, access: Access) -> dict[str, Any]:
    names = _ENDPOINTS.get(url[:2], ())
    found = [os.environ[name] for name in names if os.environ.get(name)]
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
