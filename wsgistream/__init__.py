"""wsgistream: streaming over HTTP for every WSGI stack."""

from wsgistream.apps.events import EventsApp
from wsgistream.apps.files import DirectoryApp, FileApp
from wsgistream.apps.multipart import MultipartStream
from wsgistream.apps.query import QueryApp
from wsgistream.apps.recording import RecordingApp
from wsgistream.hosts import as_webob, reply_to
from wsgistream.keys import read_keys
from wsgistream.middleware.accesslog import AccessLogMiddleware
from wsgistream.middleware.auth import BasicAuthMiddleware
from wsgistream.middleware.compress import CompressMiddleware
from wsgistream.middleware.concurrency import ConcurrencyLimitMiddleware
from wsgistream.middleware.headers import HeadersMiddleware
from wsgistream.middleware.metrics import MetricsMiddleware
from wsgistream.middleware.prefix import PrefixMiddleware
from wsgistream.middleware.ranges import RangeMiddleware
from wsgistream.middleware.signed import SignedURLMiddleware, sign
from wsgistream.middleware.streaming import StreamingMiddleware
from wsgistream.middleware.throttle import ThrottleMiddleware
from wsgistream.offload import XAccelRedirect, XSendfile
from wsgistream.redirect import StoreRedirect
from wsgistream.respond import FileResponse, respond
from wsgistream.rows import RowsResponse
from wsgistream.rules.decide import decide
from wsgistream.rules.playlists import cache_segments
from wsgistream.server.sockets import CannotListen
from wsgistream.server.workers import CannotStart
from wsgistream.serving import serve
from wsgistream.site import create_app
from wsgistream.sources.file import File, etag_of_content, etag_of_status
from wsgistream.sources.folder import Folder
from wsgistream.sources.live.broadcast import Broadcast
from wsgistream.sources.live.follow import follow
from wsgistream.sources.live.hub import Hub, HubAway
from wsgistream.sources.live.memory import MemoryHub
from wsgistream.sources.live.redis import RedisHub
from wsgistream.sources.memory import Memory
from wsgistream.sources.objects.bucket import Bucket
from wsgistream.sources.restartable import Restartable
from wsgistream.sources.rows.query import Query
from wsgistream.sources.stream import Stream
from wsgistream.streaming import StreamingResponse
from wsgistream.types import Entry, Meta, Plan, Slice, Source, Store
from wsgistream.wsgi import stack
from wsgistream.wsgi.chunks import chunked_iter
from wsgistream.wsgi.waiting import Pausable, Wakeable
from wsgistream.wsgi.watching import Transfer

__all__ = [
    "AccessLogMiddleware",
    "BasicAuthMiddleware",
    "Broadcast",
    "Bucket",
    "CannotListen",
    "CannotStart",
    "CompressMiddleware",
    "ConcurrencyLimitMiddleware",
    "DirectoryApp",
    "Entry",
    "EventsApp",
    "File",
    "FileApp",
    "FileResponse",
    "Folder",
    "HeadersMiddleware",
    "Hub",
    "HubAway",
    "Memory",
    "MemoryHub",
    "Meta",
    "MetricsMiddleware",
    "MultipartStream",
    "Pausable",
    "Plan",
    "PrefixMiddleware",
    "Query",
    "QueryApp",
    "RangeMiddleware",
    "RecordingApp",
    "RedisHub",
    "Restartable",
    "RowsResponse",
    "SignedURLMiddleware",
    "Slice",
    "Source",
    "Store",
    "StoreRedirect",
    "Stream",
    "StreamingMiddleware",
    "StreamingResponse",
    "ThrottleMiddleware",
    "Transfer",
    "Wakeable",
    "XAccelRedirect",
    "XSendfile",
    "as_webob",
    "cache_segments",
    "chunked_iter",
    "create_app",
    "decide",
    "etag_of_content",
    "etag_of_status",
    "follow",
    "read_keys",
    "reply_to",
    "respond",
    "serve",
    "sign",
    "stack",
]
