"""Values: reading the text of one option, with a sentence where it cannot be."""

from __future__ import annotations

import argparse
import functools
import os
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address
from typing import Final, TypeVar

from wsgistream.rules.access import log_format
from wsgistream.rules.fields import check_header

_ADDRESS: Final = re.compile(r"(?:\[(?P<ipv6>[^]]*)]|(?P<host>[^:]*)):(?P<port>\d{1,5})", re.ASCII)
_NAMED_QUERY: Final = re.compile(r"(?P<name>[^(=]+(\([^)]*\))?)\s*=(?P<sql>.*\S.*)", re.DOTALL)
_LARGEST_PORT: Final = 65535
_DURATION: Final = re.compile(r"(?P<count>\d{1,9})(?P<unit>[smhdw]?)", re.ASCII)
_SECONDS: Final = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
# More threads, or processes, no machine is quicker with, and many cannot start.
_MOST: Final = 1000

_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_FALSE: Final = frozenset({"0", "false", "no", "off"})

# As the GNU programs have it: M is MiB, 1024 twice, and MB is 1000 twice.
_SIZE: Final = re.compile(
    r"(?P<number>\d{1,18}(?:\.\d{1,9}(?= ?[KMGT]))?) ?(?:(?P<unit>[KMGT])(?P<base>i?B)?|B)?",
    re.ASCII | re.IGNORECASE,
)
_UNITS: Final = " KMGT"

_Value = TypeVar("_Value")


class BadValue(argparse.ArgumentTypeError, ValueError):
    """A text that cannot be read; argparse shows its sentence as it stands."""


def _sentence(read: Callable[[str], _Value]) -> Callable[[str], _Value]:
    """Make the ValueError of a reader a BadValue."""

    @functools.wraps(read)
    def checked(text: str) -> _Value:
        try:
            return read(text)
        except ValueError as error:
            raise BadValue(str(error)) from None

    return checked


@_sentence
def read_address(text: str) -> tuple[str, int]:
    """Read ``HOST:PORT``, ``[IPV6]:PORT``, or ``:PORT`` for every address."""
    match = _ADDRESS.fullmatch(text)
    if match is None or int(match["port"]) > _LARGEST_PORT:
        raise ValueError(f"An address is HOST:PORT, such as 127.0.0.1:8080, not {text!r}.")
    return match["ipv6"] or match["host"] or "", int(match["port"])


@_sentence
def read_header(text: str) -> tuple[str, str]:
    """Read ``NAME: VALUE``."""
    name, colon, value = text.partition(":")
    if not colon:
        raise ValueError(f"A header is 'NAME: VALUE', not {text!r}.")
    return check_header(name.strip(), value.strip())


@_sentence
def read_named_query(text: str) -> tuple[str, str]:
    """Read ``NAME=SQL``; the name may declare parameters, as in ``orders(first: int = 0)=…``."""
    match = _NAMED_QUERY.fullmatch(text)
    if match is None:
        raise ValueError(f"A query is NAME=SQL, such as 'orders=select …', not {text!r}.")
    from wsgistream.rules.parameters import read_signature  # noqa: PLC0415 - few need it

    read_signature(match["name"])
    return match["name"].strip(), match["sql"]


@_sentence
def read_prefix(text: str) -> str:
    """Read the path below which to serve, and drop the slash after it."""
    path = text.rstrip("/")
    if path and (not path.startswith("/") or "//" in path):
        raise ValueError(f"A prefix is a path such as /files, not {text!r}.")
    return path


@_sentence
def read_switch(text: str) -> bool:
    """Read ``1``, ``true``, ``yes`` or ``on``, or the opposite of one, in any letter case."""
    word = text.lower()
    if word not in _TRUE | _FALSE:
        raise ValueError(f"A switch is 1 or 0, not {text!r}.")
    return word in _TRUE


@_sentence
def read_size(text: str) -> int:
    """Read a number of bytes, or of bytes a second: ``65536``, ``512K``, ``2MB``, ``1.5 MiB``."""
    match = _SIZE.fullmatch(text)
    size = 0
    if match is not None:
        base = 1000 if (match["base"] or "").lower() == "b" else 1024
        exponent = _UNITS.index((match["unit"] or " ").upper())
        whole, _, part = match["number"].partition(".")
        size = int(whole + part) * base**exponent // 10 ** len(part)
    if not 0 < size <= sys.maxsize:
        raise ValueError(f"A size is above zero, such as 65536, 512K, 2M or 1.5 MiB, not {text!r}.")
    return size


@_sentence
def read_socket_path(text: str) -> str:
    """Read the path of a Unix socket."""
    if not text:
        # The system would take it for leave to choose a name of its own.
        raise ValueError("The path of a Unix socket is not empty.")
    return text


@_sentence
def read_proxy(text: str) -> str:
    """Read the address of a front server; ``localhost``: what comes by a Unix socket."""
    with suppress(ValueError):
        return "localhost" if text == "localhost" else str(ip_address(text))
    raise ValueError(
        f"A proxy is an address such as 127.0.0.1, or localhost behind a Unix socket, not {text!r}."
    )


@_sentence
def read_log_format(text: str) -> str:
    """Read the name of a log format, or a template of one."""
    log_format(text)
    return text


@_sentence
def read_offload(text: str) -> str:
    """Read which front server sends the files, and for nginx at which internal location."""
    front, _, location = text.partition(":")
    is_path = location.startswith("/") and location.endswith("/")
    if not (is_path if front == "nginx" else text in ("apache", "lighttpd")):
        raise ValueError(
            f"Files are sent by nginx:/internal/, by apache or by lighttpd, not by {text!r}."
        )
    return text


def number(
    kind: type[int] | type[float], least: int, most: float = sys.float_info.max
) -> Callable[[str], float]:
    """Make a reader of numbers from ``least`` to ``most``."""
    what = "a whole number" if kind is int else "a number"
    bounds = f"of {least} or more" if most == sys.float_info.max else f"from {least} to {most}"

    def read(text: str) -> float:
        with suppress(ValueError):
            value = kind(text)
            if least <= value <= most:
                return value
        raise ValueError(f"This is {what} {bounds}, not {text!r}.")

    return _sentence(read)


#: Read the number of threads that answer.
read_threads: Final = number(int, 1, _MOST)

#: Read how many seconds running answers may go on after a stop.
read_grace: Final = number(float, 0)


@_sentence
def read_duration(text: str) -> int:
    """Read seconds, or minutes, hours, days or weeks with their letter."""
    match = _DURATION.fullmatch(text)
    if match is None or not int(match["count"]):
        raise ValueError(
            f"A duration is a number of seconds, or such as 30m, 1h, 7d, not {text!r}."
        )
    return int(match["count"]) * _SECONDS[match["unit"]]


@_sentence
def read_workers(text: str) -> int:
    """Read a number of processes; ``auto`` is that of the processors which this one may use."""
    if text == "auto":
        return _processors()
    with suppress(ValueError):
        return int(number(int, 1, _MOST)(text))
    raise ValueError(f"This is a whole number from 1 to {_MOST}, or auto, not {text!r}.")


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
