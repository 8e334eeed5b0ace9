"""Media: the Content-Type of a file from its name, the same on every machine."""

from __future__ import annotations

import mimetypes
import re
from functools import lru_cache
from typing import Final, NamedTuple

DEFAULT: Final = "application/octet-stream"


class Media(NamedTuple):
    """A content type, and the Content-Encoding that files of that name are stored in."""

    content_type: str
    encoding: str | None = None


# What the standard library does not know, names differently from one version to the next, or
# takes for an encoding where people expect the archive itself.
_OURS: Final = {
    "7z": "application/x-7z-compressed",
    "aac": "audio/aac",
    "apk": "application/vnd.android.package-archive",
    "apng": "image/apng",
    "avif": "image/avif",
    "br": DEFAULT,
    "bz2": "application/x-bzip2",
    "cbor": "application/cbor",
    "cjs": "text/javascript",
    "cmfa": "audio/mp4",
    "cmfv": "video/mp4",
    "conf": "text/plain",
    "css": "text/css",
    "csv": "text/csv",
    "deb": "application/vnd.debian.binary-package",
    "dmg": "application/x-apple-diskimage",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "epub": "application/epub+zip",
    "f4v": "video/mp4",
    "flac": "audio/flac",
    "flv": "video/x-flv",
    "geojson": "application/geo+json",
    "glb": "model/gltf-binary",
    "gltf": "model/gltf+json",
    "gz": "application/gzip",
    "heic": "image/heic",
    "heif": "image/heif",
    "htm": "text/html",
    "html": "text/html",
    "ico": "image/x-icon",
    "ics": "text/calendar",
    "iso": "application/x-iso9660-image",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "js": "text/javascript",
    "json": "application/json",
    "jsonld": "application/ld+json",
    "jxl": "image/jxl",
    "log": "text/plain",
    "m3u": "application/vnd.apple.mpegurl",
    "m3u8": "application/vnd.apple.mpegurl",
    "m4a": "audio/mp4",
    "m4s": "video/iso.segment",
    "m4v": "video/mp4",
    "map": "application/json",
    "md": "text/markdown",
    "mjs": "text/javascript",
    "mkv": "video/matroska",
    "mov": "video/quicktime",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "mpd": "application/dash+xml",
    "ndjson": "application/x-ndjson",
    "odp": "application/vnd.oasis.opendocument.presentation",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
    "odt": "application/vnd.oasis.opendocument.text",
    "oga": "audio/ogg",
    "ogg": "audio/ogg",
    "ogv": "video/ogg",
    "opus": "audio/ogg",
    "otf": "font/otf",
    "parquet": "application/vnd.apache.parquet",
    "pdf": "application/pdf",
    "png": "image/png",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "py": "text/x-python",
    "rar": "application/vnd.rar",
    "rst": "text/x-rst",
    "rtf": "application/rtf",
    "sqlite": "application/vnd.sqlite3",
    "svg": "image/svg+xml",
    "tar": "application/x-tar",
    "tgz": "application/gzip",
    "toml": "application/toml",
    "ts": "video/mp2t",
    "ttf": "font/ttf",
    "txt": "text/plain",
    "vtt": "text/vtt",
    "wasm": "application/wasm",
    "wav": "audio/wav",
    "weba": "audio/webm",
    "webm": "video/webm",
    "webmanifest": "application/manifest+json",
    "webp": "image/webp",
    "woff": "font/woff",
    "woff2": "font/woff2",
    "xhtml": "application/xhtml+xml",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "xml": "application/xml",
    "xz": "application/x-xz",
    "yaml": "application/yaml",
    "yml": "application/yaml",
    "z": "application/x-compress",
    "zip": "application/zip",
    "zst": "application/zstd",
}

# Formats whose own compression is a Content-Encoding: a viewer needs the type of what is inside.
_ENCODED: Final = {"svgz": Media("image/svg+xml", "gzip")}

_COMPRESSIBLE: Final = frozenset(
    {
        "application/javascript",
        "application/json",
        "application/rtf",
        "application/toml",
        "application/vnd.apple.mpegurl",
        "application/wasm",
        "application/x-ndjson",
        "application/xml",
        "application/yaml",
        "font/otf",
        "font/ttf",
        "image/bmp",
        "image/x-icon",
    }
)

_CHARSET: Final = re.compile(r';[ \t]*charset=(?:"([^"]*)"|([^\s;"]+))', re.IGNORECASE)

# An instance starts from the library's own table; the module's functions add the machine's files.
_LIBRARY: Final = mimetypes.MimeTypes().types_map[True]


@lru_cache(maxsize=1024)
def guess_media(name: str) -> Media:
    """Guess the media of a file name; text is utf-8, an unknown suffix is bytes."""
    suffix = name.rpartition(".")[2].lower() if "." in name.lstrip(".") else ""
    if suffix in _ENCODED:
        return _ENCODED[suffix]
    content_type = _OURS.get(suffix) or _LIBRARY.get(f".{suffix}", DEFAULT)
    return Media(with_charset(content_type))


def with_charset(content_type: str) -> str:
    """Add ``charset=utf-8`` to a text type that names no charset."""
    lowered = content_type.lower()
    if lowered.startswith("text/") and "charset=" not in lowered:
        return f"{content_type}; charset=utf-8"
    return content_type


@lru_cache(maxsize=1024)
def charset_of(content_type: str) -> str:
    """Name the charset of a content type; ``utf-8`` where it names none."""
    found = _CHARSET.search(content_type)
    return "utf-8" if found is None else found[1] or found[2] or "utf-8"


def is_compressible(content_type: str) -> bool:
    """Tell whether files of this type usually shrink: text, and what is text in all but name."""
    kind = content_type.partition(";")[0]
    return kind.startswith("text/") or kind.endswith(("+json", "+xml")) or kind in _COMPRESSIBLE
