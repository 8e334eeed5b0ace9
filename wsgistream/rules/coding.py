"""Coding: the encoders of gzip, Brotli and Zstandard, each as strong and as small as is wanted."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Final, NamedTuple, TypeAlias


class Encoder(NamedTuple):
    """A compression on its way: bytes in, some bytes out, and the rest at the end."""

    feed: Callable[[bytes], bytes]
    flush: Callable[[], bytes]
    """Give whatever was fed and not yet given, and go on."""
    finish: Callable[[], bytes]


#: Makes an encoder that looks back as far as its window (bytes, as a power of two; from LIVE on).
Maker: TypeAlias = Callable[[int], Encoder]


class MissingLibrary(Exception):
    """A coding needs a library that is not installed; the text says which, for a person."""


class Levels(NamedTuple):
    """How hard a coding can try, and how hard it should while a client waits."""

    lowest: int
    highest: int
    usual: int


#: The codings that can be made, the one that shrinks most for its time first.
LEVELS: Final = {"zstd": Levels(1, 19, 3), "br": Levels(0, 11, 5), "gzip": Levels(1, 9, 5)}

#: The window of a stream that is kept for hours: one of gzip holds 25 KiB, one of zstd 60.
LIVE: Final = 12
#: The window of any other stream: one of gzip holds 255 KiB, of zstd 730 KiB, of br 2.1 MiB.
STREAM: Final = 17


def present_codings(codings: Iterable[str] | None = None) -> tuple[str, ...]:
    """Return the codings that are named, or all whose library is there.

    Raises MissingLibrary for one that is named and cannot be made, ValueError for one unknown.
    """
    if codings is None:
        return tuple(coding for coding in LEVELS if _is_present(coding))
    named = tuple(codings)
    for coding in named:
        encoder_maker(coding)
    return named


def _is_present(coding: str) -> bool:
    try:
        encoder_maker(coding)
    except MissingLibrary:
        return False
    return True


def encoder_maker(coding: str, level: int | None = None) -> Maker:
    """Find what makes the encoders of a coding; no level is the usual one.

    Raises MissingLibrary, and ValueError for a coding or a level that there is not.
    """
    if coding not in LEVELS:
        raise ValueError(f"A coding is one of {', '.join(LEVELS)}, not {coding!r}.")
    levels = LEVELS[coding]
    level = levels.usual if level is None else level
    if type(level) is not int or not levels.lowest <= level <= levels.highest:
        span = f"from {levels.lowest} to {levels.highest}"
        raise ValueError(f"A level of {coding} is {span}, not {level!r}.")
    try:
        return _FINDERS[coding](level)
    except ImportError:
        raise MissingLibrary(
            f"The encoding {coding} needs a library: pip install 'wsgistream[compress]'."
        ) from None


def _gzip(level: int) -> Maker:
    def make(window: int) -> Encoder:
        bits = min(window, zlib.MAX_WBITS)
        memory = bits - 7 if bits > LIVE else 3
        # 16: the gzip format; it holds no time, so that equal bytes give equal ones.
        compressor = zlib.compressobj(level, zlib.DEFLATED, 16 + bits, memory)
        flush, mode = compressor.flush, zlib.Z_SYNC_FLUSH
        return Encoder(compressor.compress, lambda: flush(mode), flush)

    return make


def _brotli(level: int) -> Maker:
    library = import_module("brotli")

    def make(window: int) -> Encoder:
        compressor = library.Compressor(quality=level, lgwin=window)
        return Encoder(compressor.process, compressor.flush, compressor.finish)

    return make


def _zstd(level: int) -> Maker:
    try:
        library = import_module("compression.zstd")  # from Python 3.14 on
    except ImportError:
        return _zstandard(level)

    def make(window: int) -> Encoder:
        names = library.CompressionParameter
        options = {names[name]: value for name, value in _parameters(level, window).items()}
        compressor = library.ZstdCompressor(options=options)
        flush, mode = compressor.flush, compressor.FLUSH_BLOCK
        return Encoder(compressor.compress, lambda: flush(mode), flush)

    return make


def _zstandard(level: int) -> Maker:
    library = import_module("zstandard")

    def make(window: int) -> Encoder:
        parameters = library.ZstdCompressionParameters(**_parameters(level, window))
        compressor = library.ZstdCompressor(compression_params=parameters).compressobj()
        flush, mode = compressor.flush, library.COMPRESSOBJ_FLUSH_BLOCK
        return Encoder(compressor.compress, lambda: flush(mode), flush)

    return make


def _parameters(level: int, window: int) -> dict[str, int]:
    parameters = {"compression_level": level, "window_log": window}
    if window <= STREAM:
        # Of themselves, its tables would take as much (800 KiB) as for any window.
        parameters |= {"hash_log": window - 2, "chain_log": window - 2}
    return parameters


_FINDERS: Final = {"zstd": _zstd, "br": _brotli, "gzip": _gzip}
