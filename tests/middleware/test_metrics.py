"""What an application answers, counted for Prometheus."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_open
from prometheus_client.parser import text_string_to_metric_families as read_text

from tests.client import Answer, ask, make_environ
from tests.live import fetch, stock_waitress
from tests.middleware.contract import MiddlewareContract, answering, failing, failing_at_once
from tests.processes import children, connection_to
from tests.server.bodies import Feed
from tests.servers import Connection, eventually, process, running
from tests.watched import WatchedBody
from wsgistream import FileApp, MetricsMiddleware
from wsgistream.types import Body, Environ, StartResponse, WSGIApp
from wsgistream.wsgi.bodies import close
from wsgistream.wsgi.waiting import IN_LOOP, WouldBlock

DATA = b"0123456789" * 100_000

PREFIX = "wsgistream_"


class TestContract(MiddlewareContract):
    def make(self, app: WSGIApp) -> WSGIApp:
        return MetricsMiddleware(app, registry=CollectorRegistry())


class TestContractOfTheRegistryOfTheLibrary(MiddlewareContract):
    def make(self, app: WSGIApp) -> WSGIApp:
        return MetricsMiddleware(app)


def counted(app: WSGIApp, **options: Any) -> tuple[MetricsMiddleware, CollectorRegistry]:
    registry = CollectorRegistry()
    return MetricsMiddleware(app, registry=registry, **options), registry


def value(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(PREFIX + name, labels)


def is_over(registry: CollectorRegistry, outcome: str) -> bool:
    """Wait until an answer has ended so, and is counted in full."""

    def counted_in_full() -> bool:
        return value(registry, "requests_in_flight") == 0 and bool(
            value(registry, "answers_total", outcome=outcome)
        )

    return eventually(counted_in_full)


def drained(app: WSGIApp, method: str = "GET") -> bytes:
    body = app(make_environ(method=method), lambda *_: lambda data: None)
    try:
        return b"".join(body)
    finally:
        close(body)


def test_an_answer_is_counted_when_it_is_over() -> None:
    seconds = iter((5.0, 6.25))
    app, registry = counted(answering(WatchedBody([b"some", b"more"])), clock=lambda: next(seconds))
    body = app(make_environ(), lambda *_: lambda data: None)
    assert value(registry, "requests_in_flight") == 1
    assert value(registry, "requests_total", method="GET", status="200") is None
    assert list(body) == [b"some", b"more"]
    assert value(registry, "requests_in_flight") == 1
    close(body)
    close(body)
    assert value(registry, "requests_in_flight") == 0
    assert value(registry, "requests_total", method="GET", status="200") == 1
    assert value(registry, "answers_total", outcome="finished") == 1
    assert value(registry, "sent_bytes_total") == 8
    assert value(registry, "request_duration_seconds_sum") == 1.25
    assert value(registry, "request_duration_seconds_bucket", le="1.0") == 0
    assert value(registry, "request_duration_seconds_bucket", le="2.5") == 1


@pytest.mark.parametrize(
    ("method", "label"),
    [("GET", "GET"), ("HEAD", "HEAD"), ("PATCH", "PATCH"), ("BREW", "other"), ("get", "other")],
)
def test_a_method_that_only_the_client_knows_is_another(method: str, label: str) -> None:
    app, registry = counted(answering([b"some"]))
    drained(app, method)
    assert value(registry, "requests_total", method=label, status="200") == 1
    assert value(registry, "sent_bytes_total") == (0 if method == "HEAD" else 4)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({}, "200", id="the whole"),
        pytest.param({"Range": "bytes=0-1"}, "206", id="a range"),
        pytest.param({"If-None-Match": "*"}, "304", id="what has not changed"),
    ],
)
def test_the_status_tells(tmp_path: Path, headers: dict[str, str], status: str) -> None:
    (tmp_path / "a").write_bytes(b"some")
    app, registry = counted(FileApp(tmp_path / "a"))
    answer = ask(app, headers=headers)
    assert str(answer.status) == status
    assert value(registry, "requests_total", method="GET", status=status) == 1
    assert value(registry, "sent_bytes_total") == len(answer.body)


def raising(environ: Environ, start_response: StartResponse) -> Body:
    raise LookupError


@pytest.mark.parametrize(
    ("make", "status", "sent"),
    [
        pytest.param(lambda: raising, "500", 0, id="before it begins"),
        pytest.param(lambda: answering(failing_at_once()), "500", 0, id="before its first byte"),
        pytest.param(lambda: answering(failing()), "200", 4, id="midway"),
    ],
)
def test_a_failure_is_counted(make: Callable[[], WSGIApp], status: str, sent: int) -> None:
    app, registry = counted(make())
    with pytest.raises(LookupError):
        drained(app)
    assert value(registry, "requests_total", method="GET", status=status) == 1
    assert value(registry, "answers_total", outcome="failed") == 1
    assert value(registry, "requests_in_flight") == 0
    assert value(registry, "sent_bytes_total") == sent


def test_what_is_put_off_is_counted_when_it_is_done() -> None:
    def app(environ: Environ, start_response: StartResponse) -> Body:
        if IN_LOOP in environ:
            raise WouldBlock
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"some"]

    made, registry = counted(app)
    with pytest.raises(WouldBlock):
        made({**make_environ(), IN_LOOP: True}, lambda *_: lambda data: None)
    assert value(registry, "requests_in_flight") == 0
    assert value(registry, "answers_total", outcome="failed") is None
    drained(made)
    assert value(registry, "answers_total", outcome="finished") == 1


# What is shown


@pytest.mark.parametrize(
    ("accept", "content_type", "read"),
    [
        pytest.param("*/*", "text/plain; version=0.0.4", read_text, id="Prometheus's own"),
        pytest.param(
            "application/openmetrics-text; version=1.0.0",
            "application/openmetrics-text; version=1.0.0",
            read_open,
            id="OpenMetrics",
        ),
    ],
)
def test_it_is_shown_in_the_form(accept: str, content_type: str, read: Any) -> None:
    app, _ = counted(answering([b"some"]))
    drained(app)
    answer = ask(app, "/metrics", headers={"Accept": accept})
    assert answer.status == 200
    assert answer["Content-Type"].startswith(content_type)
    assert answer["Content-Length"] == str(len(answer.body))
    assert (answer["Vary"], answer["Cache-Control"]) == ("Accept", "no-store")
    samples = samples_of(answer, read)
    assert samples["requests_total", ("GET", "200")] == 1
    assert samples["requests_in_flight", ()] == 0


def samples_of(answer: Answer, read: Any = read_text) -> dict[tuple[str, tuple[str, ...]], float]:
    return {
        (sample.name.removeprefix(PREFIX), tuple(sample.labels.values())): sample.value
        for family in read(answer.body.decode())
        for sample in family.samples
    }


def test_head_has_no_body_and_is_not_counted() -> None:
    app, registry = counted(answering([b"some"]))
    shown, head = ask(app, "/metrics"), ask(app, "/metrics", method="HEAD")
    assert (head.status, head.headers, head.body) == (200, shown.headers, b"")
    assert value(registry, "answers_total", outcome="finished") is None


@pytest.mark.parametrize("method", ["POST", "OPTIONS", "DELETE"])
def test_they_can_only_be_read(method: str) -> None:
    answer = ask(counted(answering([b"some"]))[0], "/metrics", method=method)
    assert (answer.status, answer["Allow"]) == (405, "GET, HEAD")
    assert answer.body == b"Metrics can only be read: use GET or HEAD.\n"


@pytest.mark.parametrize(
    ("path", "target"),
    [("/metrics", "/metrics/"), ("/-/counts", "/metrics"), (None, "/metrics"), ("/a", "/A")],
)
def test_any_other_path_is_the_application_s(path: str | None, target: str) -> None:
    app, registry = counted(answering([b"some"]), path=path)
    assert ask(app, target).body == b"some"
    assert value(registry, "answers_total", outcome="finished") == 1


def test_they_may_stand_elsewhere() -> None:
    app, _ = counted(answering([b"some"]), path="/-/counts")
    assert b"# TYPE wsgistream_requests_total counter" in ask(app, "/-/counts").body


def test_they_are_shown_by_a_thread() -> None:
    app, _ = counted(answering([b"some"]))
    with pytest.raises(WouldBlock):
        app({**make_environ("/metrics"), IN_LOOP: True}, lambda *_: lambda data: None)


# Registries


def test_two_of_one_registry_count_together() -> None:
    first, registry = counted(answering([b"some"]))
    second = MetricsMiddleware(answering([b"more"]), registry=registry)
    drained(first)
    drained(second)
    assert value(registry, "sent_bytes_total") == 8


def test_two_of_one_registry_have_the_same_buckets() -> None:
    _, registry = counted(answering([b"some"]), buckets=(1, 2))
    with pytest.raises(ValueError, match=r"of this registry have other buckets: \(1, 2\)\."):
        MetricsMiddleware(answering([b"more"]), registry=registry)


def test_a_registry_is_not_kept() -> None:
    app, registry = counted(answering([b"some"]))
    drained(app)
    reference = weakref.ref(registry)
    del app, registry
    gc.collect()
    assert reference() is None


def test_what_others_count_is_shown_too() -> None:
    app, registry = counted(answering([b"some"]))
    Counter("films", "Films that were seen.", registry=registry).inc(3)
    assert b"\nfilms_total 3.0\n" in ask(app, "/metrics").body


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        pytest.param({"path": "metrics"}, "begins with a slash, not 'metrics'", id="a name"),
        pytest.param({"path": ""}, "begins with a slash, not ''", id="no path"),
        pytest.param({"buckets": ()}, r"ascending order, not \(\)", id="no buckets"),
        pytest.param({"buckets": (2, 1)}, r"order, not \(2, 1\)", id="in another order"),
        pytest.param({"buckets": (1, 1)}, r"order, not \(1, 1\)", id="twice the same"),
        pytest.param({"buckets": ("a",)}, r"order, not \('a',\)", id="no numbers"),
        pytest.param({"buckets": (1, float("nan"))}, r"order, not \(1, nan\)", id="not a number"),
    ],
)
def test_an_option_that_cannot_be_is_refused(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        counted(answering([]), **options)


def test_the_library_is_needed_by_the_middleware_alone() -> None:
    program = """
import sys
sys.modules["prometheus_client"] = None
import wsgistream
try:
    wsgistream.MetricsMiddleware(print)
except ImportError as error:
    print(error)
"""
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert run.stdout == "Metrics need prometheus_client: pip install 'wsgistream[metrics]'.\n"


def test_a_folder_that_is_not_there_is_told_at_once(tmp_path: Path) -> None:
    program = """
import wsgistream
try:
    wsgistream.MetricsMiddleware(print)
except ValueError as error:
    print(error)
"""
    folder = str(tmp_path / "nothing")
    environ = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": folder}
    run = subprocess.run(
        [sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=True
    )
    expected = f"PROMETHEUS_MULTIPROC_DIR names a folder that is there, not {folder!r}.\n"
    assert run.stdout == expected


# Under servers


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "digits"
    file.write_bytes(DATA)
    return file


def test_under_our_server_it_counts_what_the_client_gets(path: Path) -> None:
    app, registry = counted(FileApp(path))
    with running(app) as run, run.connect() as client:
        client.ask("/", "GET", "Range: bytes=5-900000")
        size = len(client.answer().body)
        client.ask("/", "GET", "Range: bytes=0-1,500000-900000")
        size += len(client.answer().body)
        client.ask("/", "HEAD")
        client.answer("HEAD")
        assert run.access().sent + run.access().sent + run.access().sent == size
    assert value(registry, "sent_bytes_total") == size
    assert value(registry, "requests_total", method="GET", status="206") == 2
    assert value(registry, "requests_total", method="HEAD", status="200") == 1
    assert value(registry, "answers_total", outcome="finished") == 3
    assert value(registry, "request_duration_seconds_count") == 3


def test_under_our_server_a_client_that_leaves_is_counted(path: Path) -> None:
    path.write_bytes(DATA * 50)
    app, registry = counted(FileApp(path))
    with running(app) as run:
        with run.connect(window=8192) as client:
            client.ask()
            client.read(100_000)
            assert value(registry, "requests_in_flight") == 1
            client.reset()
        sent = run.access().sent
        assert is_over(registry, "aborted")
    assert 90_000 < (value(registry, "sent_bytes_total") or 0) <= sent < len(DATA) * 50


def test_under_our_server_a_stream_is_in_flight_until_it_is_closed() -> None:
    feed = Feed(b"some")
    app, registry = counted(answering(feed))
    with running(app) as run:
        with run.connect() as client:
            client.ask("/metrics")
            assert samples_of(client.answer())["requests_in_flight", ()] == 0
            client.ask()
            assert eventually(lambda: feed.takes > 1)
            assert value(registry, "requests_in_flight") == 1
            shown = fetch(run.addresses[0][1], "/metrics")
            assert samples_of(shown)["requests_in_flight", ()] == 1
            client.reset()
        assert feed.ended()
        assert eventually(lambda: value(registry, "requests_in_flight") == 0)
    assert value(registry, "answers_total", outcome="aborted") == 1


def test_under_waitress_it_counts_what_the_client_gets(path: Path) -> None:
    app, registry = counted(FileApp(path))
    with stock_waitress(app) as port, Connection(("127.0.0.1", int(port))) as client:
        client.ask("/", "GET", "Range: bytes=5-900000")
        size = len(client.answer().body)
        assert is_over(registry, "finished")
    assert value(registry, "sent_bytes_total") == size == 899_996
    assert value(registry, "requests_total", method="GET", status="206") == 1


def test_under_waitress_a_client_that_leaves_is_counted(path: Path) -> None:
    path.write_bytes(DATA * 50)
    app, registry = counted(FileApp(path))
    with stock_waitress(app) as port:
        with Connection(("127.0.0.1", int(port)), window=8192) as client:
            client.ask()
            client.read(100_000)
            client.reset()
        assert is_over(registry, "aborted")
    assert 90_000 < (value(registry, "sent_bytes_total") or 0) < len(DATA) * 50


# Several processes

PROGRAM = """
import os
import logging
from tests.server.bodies import Feed
from wsgistream import MetricsMiddleware, serve

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return Feed(b"some") if environ["PATH_INFO"] == "/stream" else [str(os.getpid()).encode()]

logging.basicConfig(level=logging.INFO)
serve(MetricsMiddleware(app), listen="127.0.0.1:0", workers=2, log_format=None, grace=0)
"""


@pytest.fixture
def shared(tmp_path: Path) -> dict[str, str]:
    return {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}


def test_processes_count_together(shared: dict[str, str]) -> None:
    with process(script=("-c", PROGRAM), environ=shared) as run:
        address = ("127.0.0.1", run.port())
        first, second = sorted(children(run.popen.pid))
        with connection_to(address, first) as one, connection_to(address, second) as other:

            def shown(client: Connection) -> dict[tuple[str, tuple[str, ...]], float]:
                client.ask("/metrics")
                return samples_of(client.answer())

            def total(client: Connection) -> float:
                return shown(client)["requests_total", ("GET", "200")]

            assert eventually(lambda: shown(one)["requests_in_flight", ()] == 0)
            before = total(one)
            assert total(other) == before
            for client, process_id in ((one, first), (other, second)):
                for _ in range(3):
                    client.ask("/")
                    assert client.answer().body == str(process_id).encode()
            assert eventually(lambda: total(one) == total(other) == before + 6)
            samples = shown(one)
            assert samples["answers_total", ("finished",)] == before + 6
            assert samples["request_duration_seconds_count", ()] == before + 6
        run.signal(signal.SIGTERM)
        assert run.end() == 0


def test_what_a_killed_process_had_in_flight_is_forgotten(shared: dict[str, str]) -> None:
    with process(script=("-c", PROGRAM), environ=shared) as run:
        address = ("127.0.0.1", run.port())
        first, second = sorted(children(run.popen.pid))
        with connection_to(address, first) as client, connection_to(address, second) as other:
            client.ask("/stream")
            assert client.read(8) == b"HTTP/1.1"

            def in_flight() -> float:
                other.ask("/metrics")
                return samples_of(other.answer())["requests_in_flight", ()]

            assert eventually(lambda: in_flight() == 1)
            os.kill(first, signal.SIGKILL)
            assert eventually(lambda: in_flight() == 0)
        run.signal(signal.SIGTERM)
        assert run.end() == 0
