"""A client that calls an application directly, dressed in ``wsgiref.validate`` on both sides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_to_bytes
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

from wsgistream.types import Environ, Header, WSGIApp


@dataclass
class Answer:
    """What an application answered, drained and closed."""

    status: int
    headers: list[Header]
    body: bytes
    chunks: list[bytes] = field(repr=False, default_factory=list)

    def __getitem__(self, name: str) -> str:
        """The one value of a header; a header that stands twice is a failure."""
        (value,) = [value for key, value in self.headers if key.lower() == name.lower()]
        return value

    def get(self, name: str) -> str | None:
        """The one value of a header, or None where it does not stand."""
        return self[name] if self.__contains__(name) else None

    def __contains__(self, name: str) -> bool:
        return any(key.lower() == name.lower() for key, _ in self.headers)


def make_environ(
    path: str = "/",
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    script_name: str = "",
    **more: Any,
) -> Environ:
    """Make an environ as a server would from a target such as ``/a%20b?c=d`` (PEP 3333)."""
    raw_path, _, query = path.partition("?")
    environ: Environ = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": script_name,
        "PATH_INFO": unquote_to_bytes(raw_path).decode("latin-1"),
        "QUERY_STRING": query,
    }
    setup_testing_defaults(environ)
    for name, value in (headers or {}).items():
        environ[f"HTTP_{name.upper().replace('-', '_')}"] = value
    return {**environ, **more}


def ask(app: WSGIApp, path: str = "/", **options: Any) -> Answer:
    """Ask an application once; both it and this client are held to PEP 3333."""
    environ = make_environ(path, **options)
    begun: list[tuple[str, list[Header]]] = []

    def start_response(status: str, headers: Iterable[Header], exc_info: Any = None) -> Any:
        begun.append((status, list(headers)))
        return lambda data: None

    body = validator(app)(environ, start_response)
    try:
        chunks = list(body)
    finally:
        body.close()  # type: ignore[attr-defined]
    ((status, headers),) = begun
    return Answer(int(status[:3]), headers, b"".join(chunks), chunks)
