"""wsgistream: streaming over HTTP for every WSGI stack."""

from importlib import import_module
from typing import Any, Final

# It has the name of its module, which would else stand in its place once that is imported.
from wsgistream.respond import respond as respond

# Where each name comes from. It is fetched when somebody asks for it: who streams files pays
# neither time nor memory for rows, stores of objects and live events (PEP 562).
_NAMES: Final = {
    "apps.events": "EventsApp",
    "apps.files": "DirectoryApp FileApp",
    "respond": "FileResponse",
    "apps.multipart": "MultipartStream",
    "apps.query": "QueryApp",
    "apps.recording": "RecordingApp",
    "hosts": "as_django as_webob reply_to",
    "keys": "read_keys",
    "middleware.accesslog": "AccessLogMiddleware",
    "middleware.auth": "BasicAuthMiddleware",
    "middleware.compress": "CompressMiddleware",
    "middleware.concurrency": "ConcurrencyLimitMiddleware",
    "middleware.headers": "HeadersMiddleware",
    "middleware.metrics": "MetricsMiddleware",
    "middleware.prefix": "PrefixMiddleware",
    "middleware.ranges": "RangeMiddleware",
    "middleware.signed": "SignedURLMiddleware sign",
    "middleware.streaming": "StreamingMiddleware",
    "middleware.throttle": "ThrottleMiddleware",
    "offload": "XAccelRedirect XSendfile",
    "redirect": "StoreRedirect",
    "rows": "RowsResponse",
    "rules.decide": "decide",
    "rules.playlists": "cache_segments",
    "server.sockets": "CannotListen",
    "server.workers": "CannotStart",
    "serving": "serve",
    "site": "create_app",
    "sources.file": "File etag_of_content etag_of_status",
    "sources.folder": "Folder",
    "sources.live.broadcast": "Broadcast",
    "sources.live.follow": "follow",
    "sources.live.hub": "Hub HubAway",
    "sources.live.memory": "MemoryHub",
    "sources.live.redis": "RedisHub",
    "sources.memory": "Memory",
    "sources.objects.bucket": "Bucket",
    "sources.restartable": "Restartable",
    "sources.rows.query": "Query",
    "sources.stream": "Stream",
    "streaming": "StreamingResponse",
    "types": "Entry Meta Plan Slice Source Store",
    "wsgi": "stack",
    "wsgi.chunks": "chunked_iter",
    "wsgi.waiting": "Pausable Wakeable",
    "wsgi.watching": "Transfer",
}
_HOMES: Final = {name: module for module, names in _NAMES.items() for name in names.split()}

__all__ = sorted((*_HOMES, "respond"))  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
