"""Metrics: what an application answers, counted for Prometheus."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from glob import glob
from math import isfinite
from threading import Lock
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from wsgistream.respond import begin, plan_body
from wsgistream.rules.decide import sentence
from wsgistream.types import Body, Environ, Plan, StartResponse, WSGIApp
from wsgistream.wsgi.waiting import IN_LOOP, WouldBlock, is_quick
from wsgistream.wsgi.watching import Transfer, watched

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

#: Seconds: from a small file to a long download.
BUCKETS: Final = (0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)

# Any other name of a method is the client's own invention, and could be endlessly many.
_METHODS: Final = frozenset(
    {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"}
)
_NOT_ALLOWED: Final = sentence(
    405, "Metrics can only be read: use GET or HEAD.", (("Allow", "GET, HEAD"),)
)
# Where the processes of a server share what they count; the library's own variable.
_SHARED: Final = "PROMETHEUS_MULTIPROC_DIR"


class MetricsMiddleware:
    """Count the answers of ``app`` for Prometheus, and show the counts at ``path``.

    ``wsgistream_requests_total`` by method and status (206: ranges; 304: not modified),
    ``wsgistream_answers_total`` by outcome (finished, aborted, failed), the counter
    ``wsgistream_sent_bytes_total``, the gauge ``wsgistream_requests_in_flight``, in which a stream
    is until it is closed, and the histogram ``wsgistream_request_duration_seconds``. No label is
    the client's to choose. What is asked of ``path`` is not counted; it is open to whoever may
    ask, and None shows nothing.

    ``registry`` is that of prometheus_client, its own by default; middlewares of one registry
    count together, and have the same ``buckets`` (seconds, ascending). Several processes count
    together where PROMETHEUS_MULTIPROC_DIR names an empty folder when the program begins.
    ``clock`` (seconds) times the answers.

    Raises ImportError without prometheus_client, and ValueError for an option that cannot be.
    """

    def __init__(
        self,
        app: WSGIApp,
        *,
        path: str | None = "/metrics",
        registry: CollectorRegistry | None = None,
        buckets: Sequence[float] = BUCKETS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if path is not None and not path.startswith("/"):
            raise ValueError(f"The path of the metrics begins with a slash, not {path!r}.")
        self.app = app
        self.quick = is_quick(app)
        self._path = path
        self._registry = _library().REGISTRY if registry is None else registry
        folder = _shared_folder()
        if folder is not None and not os.path.isdir(folder):
            raise ValueError(f"{_SHARED} names a folder that is there, not {folder!r}.")
        self._meters = _meters_of(self._registry, tuple(buckets))
        self._clock = clock

    def __call__(self, environ: Environ, start_response: StartResponse) -> Body:
        if self._path is not None and environ.get("PATH_INFO") == self._path:
            return self._show(environ, start_response)
        self._meters.in_flight.inc()
        return watched(self.app, environ, start_response, self._meters.count, clock=self._clock)

    def _show(self, environ: Environ, start_response: StartResponse) -> Body:
        if IN_LOOP in environ:
            raise WouldBlock  # what others have put into the registry may take its time
        plan = _NOT_ALLOWED
        if environ["REQUEST_METHOD"] in ("GET", "HEAD"):
            plan = _exposition(self._registry, environ.get("HTTP_ACCEPT", ""))
        begin(plan, start_response)
        return plan_body(plan, environ)


class _Meters:
    """What is counted in one registry."""

    def __init__(self, registry: CollectorRegistry, buckets: tuple[float, ...]) -> None:
        library = _library()
        self.buckets = buckets
        # The first that can refuse its arguments: of what is registered nothing is taken back.
        self._duration = library.Histogram(
            "wsgistream_request_duration_seconds",
            "Seconds from a request until the body of its answer was closed.",
            buckets=buckets,
            registry=registry,
        )
        self._requests = library.Counter(
            "wsgistream_requests",
            "Requests that were answered.",
            ("method", "status"),
            registry=registry,
        )
        self._answers = library.Counter(
            "wsgistream_answers",
            "Answers by what became of them.",
            ("outcome",),
            registry=registry,
        )
        self._sent = library.Counter(
            "wsgistream_sent_bytes",
            "Bytes of bodies that the server has taken.",
            registry=registry,
        )
        self.in_flight = library.Gauge(
            "wsgistream_requests_in_flight",
            "Requests whose answer is not over.",
            registry=registry,
            multiprocess_mode="livesum",
        )

    def count(self, transfer: Transfer) -> None:
        """Count an answer that is over."""
        if not transfer.is_put_off:
            self._count(transfer)
        self.in_flight.dec()

    def _count(self, transfer: Transfer) -> None:
        method = transfer.method if transfer.method in _METHODS else "other"
        self._requests.labels(method, transfer.code).inc()
        self._answers.labels(transfer.outcome).inc()
        self._sent.inc(transfer.sent)
        self._duration.observe(transfer.seconds)


_LOCK: Final = Lock()
_METERS: Final[WeakKeyDictionary[CollectorRegistry, _Meters]] = WeakKeyDictionary()


def _meters_of(registry: CollectorRegistry, buckets: tuple[float, ...]) -> _Meters:
    """Find the meters of a registry, which can have each of them once."""
    numbers = all(isinstance(each, (int, float)) and isfinite(each) for each in buckets)
    if not (buckets and numbers and list(buckets) == sorted(set(buckets))):
        raise ValueError(f"Buckets are seconds in ascending order, not {buckets!r}.")
    with _LOCK:
        meters = _METERS.get(registry)
        if meters is None:
            meters = _METERS[registry] = _Meters(registry, buckets)
    if meters.buckets != buckets:
        raise ValueError(f"The metrics of this registry have other buckets: {meters.buckets!r}.")
    return meters


def _exposition(registry: CollectorRegistry, accept: str) -> Plan:
    """Write the counts in the form that is asked for: that of Prometheus, or OpenMetrics."""
    encode, content_type = _library().exposition.choose_encoder(accept)
    content = encode(_shared_by_processes() or registry)
    headers = (
        ("Content-Type", content_type),
        ("Content-Length", str(len(content))),
        ("Cache-Control", "no-store"),
        ("Vary", "Accept"),
    )
    return Plan(200, headers, (content,))


def _shared_by_processes() -> CollectorRegistry | None:
    """Collect what all processes have counted; None: there is no folder where they would."""
    folder = _shared_folder()
    if folder is None:
        return None
    library = _library()
    # A process that was killed cannot take back what it had in flight.
    for process in {name.rpartition("_")[2][:-3] for name in glob(f"{folder}/gauge_live*_*.db")}:
        if process.isdigit() and not _is_alive(int(process)):
            with suppress(FileNotFoundError):  # another process was sooner
                library.multiprocess.mark_process_dead(process)
    together: CollectorRegistry = library.CollectorRegistry()
    library.multiprocess.MultiProcessCollector(together)
    return together


def _shared_folder() -> str | None:
    """Find the folder where processes share their counts; the library looks when imported."""
    values = _library().values
    return None if values.ValueClass is values.MutexValue else os.environ.get(_SHARED)


def _is_alive(process: int) -> bool:
    try:
        with suppress(PermissionError):  # it is another user's
            os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def _library() -> Any:
    try:
        import prometheus_client.multiprocess  # noqa: PLC0415
    except ImportError:
        raise ImportError(
            "Metrics need prometheus_client: pip install 'wsgistream[metrics]'."
        ) from None
    return prometheus_client
