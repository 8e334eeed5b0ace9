"""What fails in a store: the client gets the right bytes, a clean answer, or a cut it can see."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from http.client import IncompleteRead

import pytest

from tests.ceph import Ceph
from tests.client import ask
from tests.servers import DEADLINE, Connection, eventually, running
from tests.sources.objects.proxy import BUSY, RUBBISH, Fault, Proxy
from wsgistream import DirectoryApp, FileApp
from wsgistream.sources.objects.failures import StoreFailure
from wsgistream.types import WSGIApp

DATA = b"".join(b"%07d\n" % number for number in range(524288))  # 4 MiB
LARGE = DATA * 8  # 32 MiB: more than all buffers on the way hold


@pytest.fixture(scope="module")
def bucket(ceph: Ceph) -> str:
    bucket = ceph.make_bucket()
    ceph.put(bucket, "film.mp4", DATA)
    ceph.put(bucket, "large.mp4", LARGE)
    return bucket


@pytest.fixture
def app(ceph: Ceph, store: Proxy, bucket: str) -> WSGIApp:
    return DirectoryApp(ceph.store(bucket, endpoint=store.endpoint, timeout=0.5), listing=True)


@pytest.fixture
def impatient(ceph: Ceph, store: Proxy, bucket: str) -> WSGIApp:
    made = ceph.store(bucket, endpoint=store.endpoint, timeout=0.2, patience=0)
    return DirectoryApp(made, listing=True)


# --- before the first byte -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        pytest.param(Fault(answer=BUSY), 503, id="it asks to slow down"),
        pytest.param(Fault(answer=b""), 502, id="it closes the connection"),
        pytest.param(Fault(answer=RUBBISH), 502, id="it speaks no HTTP"),
        pytest.param(Fault(answer=b"", silent=True), 504, id="it does not answer"),
    ],
)
@pytest.mark.parametrize(
    ("path", "headers"),
    [
        pytest.param("/film.mp4", {}, id="for an object"),
        pytest.param("/film.mp4", {"Range": "bytes=0-9"}, id="for a range"),
        pytest.param("/", {}, id="for a folder"),
    ],
)
def test_a_store_in_trouble_is_a_clean_answer_that_tells_nothing_of_it(
    impatient: WSGIApp,
    store: Proxy,
    fault: Fault,
    status: int,
    path: str,
    headers: dict[str, str],
) -> None:
    store.always = fault
    answer = ask(impatient, path, headers=headers)
    assert (answer.status, answer["retry-after"]) == (status, "5")
    assert answer.body.startswith(b"The files ")
    assert answer.body.count(b"\n") == 1
    assert "cache-control" not in answer


def test_trouble_after_the_head_was_asked_for_is_a_clean_answer_too(
    impatient: WSGIApp, store: Proxy
) -> None:
    store.faults.extend([Fault(), Fault(answer=BUSY)])
    answer = ask(impatient, "/film.mp4", headers={"If-None-Match": '"x"'})
    assert (answer.status, store.requests) == (503, ["HEAD", "GET if-match"])


def test_a_store_that_is_not_there_is_a_502(ceph: Ceph, bucket: str) -> None:
    away = ceph.store(bucket, endpoint="http://127.0.0.1:1", patience=0)
    for app in (DirectoryApp(away), DirectoryApp(away, listing=True)):
        assert ask(app, "/").status == 502


def test_what_fails_for_a_while_is_tried_again(app: WSGIApp, store: Proxy) -> None:
    store.faults.extend([Fault(answer=BUSY), Fault(answer=b""), Fault(answer=BUSY)])
    answer = ask(app, "/film.mp4")
    assert (answer.status, answer.body) == (200, DATA)


@pytest.mark.parametrize(
    ("options", "status"),
    [
        pytest.param({}, 403, id="is forbidden"),
        pytest.param({"tell_forbidden": False}, 404, id="seems missing, if that is wanted"),
    ],
)
@pytest.mark.parametrize(
    "access",
    [
        pytest.param({"config": {"access_key_id": "x", "secret_access_key": "x"}}, id="no user"),
        pytest.param(
            {"config": {"access_key_id": "test", "secret_access_key": "x"}}, id="a wrong secret"
        ),
        pytest.param({"config": {}, "anonymous": True}, id="nobody"),
    ],
)
def test_what_the_store_refuses(
    ceph: Ceph, bucket: str, options: dict[str, bool], access: dict[str, object], status: int
) -> None:
    app = DirectoryApp(ceph.store(bucket, **access, **options), listing=True)
    for path, headers in (("/film.mp4", {}), ("/film.mp4", {"If-None-Match": "*"}), ("/", {})):
        answer = ask(app, path, headers=headers)
        assert answer.status == status
        assert b"test" not in answer.body


def test_a_bucket_that_is_not_there_is_a_404(ceph: Ceph) -> None:
    for app in (DirectoryApp(ceph.store("nowhere")), DirectoryApp(ceph.store("x"), listing=True)):
        assert [ask(app, path).status for path in ("/", "/film.mp4")] == [404, 404]


# --- in the middle -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Fault(stop=1_000_000), id="breaks off"),
        pytest.param(Fault(stop=1_000_000, silent=True), id="falls silent"),
        pytest.param(Fault(stop=0), id="breaks off at once"),
    ],
)
def test_an_answer_that_is_gone_on_with_at_the_right_byte(
    app: WSGIApp, store: Proxy, fault: Fault
) -> None:
    store.faults.extend([fault, fault])
    answer = ask(app, "/film.mp4", headers={"Range": "bytes=8-"})
    assert (answer.status, answer.body) == (206, DATA[8:])
    first, *others = store.requests
    assert first == "GET 8-"
    assert len(others) >= 2
    assert all(other.endswith(f"-{len(DATA) - 1}") or "if-match" in other for other in others)


def test_one_that_breaks_off_again_and_again_is_cut(impatient: WSGIApp, store: Proxy) -> None:
    store.faults.append(Fault(stop=1_000_000))
    store.always = Fault(stop=0)
    with pytest.raises(StoreFailure):
        ask(impatient, "/film.mp4")
    assert len(store.requests) < 10


def body_after(app: WSGIApp, path: str, middle: Callable[[], object]) -> bytes:
    """Have a client read the head of an answer, do something, and read its body.

    Raises IncompleteRead where that is cut.
    """
    with running(app, threads=1) as run, Connection(run.addresses[0], window=8192) as client:
        client.ask(path)
        assert client.socket.recv(1, socket.MSG_PEEK) == b"H"
        middle()
        return client.answer().body


def test_a_store_that_is_killed_and_started_again_in_mid_download(ceph: Ceph, bucket: str) -> None:
    app = DirectoryApp(ceph.store(bucket, patience=DEADLINE))

    def restart() -> None:
        ceph.stop_gateway()
        threading.Thread(target=ceph.start_gateway).start()

    try:
        assert body_after(app, "/large.mp4", restart) == LARGE
    finally:
        assert eventually(ceph.answers)


def test_a_store_that_is_killed_for_good_is_a_cut(ceph: Ceph, bucket: str) -> None:
    app = DirectoryApp(ceph.store(bucket, patience=0))
    try:
        with pytest.raises(IncompleteRead):
            body_after(app, "/large.mp4", ceph.stop_gateway)
    finally:
        ceph.start_gateway()


@pytest.mark.parametrize("after", ["replaced", "deleted"])
def test_an_object_that_changes_in_mid_download_is_a_cut(
    ceph: Ceph, store: Proxy, after: str
) -> None:
    bucket = ceph.make_bucket()
    ceph.put(bucket, "film.mp4", LARGE)
    # What is on its way is of one version in any case; here it breaks off.
    store.faults.append(Fault(stop=len(LARGE) // 2))

    def change() -> None:
        if after == "replaced":
            ceph.put(bucket, "film.mp4", LARGE.replace(b"1", b"2"))
        else:
            ceph.ask("DELETE", f"/{bucket}/film.mp4")

    app = DirectoryApp(ceph.store(bucket, endpoint=store.endpoint))
    with pytest.raises(IncompleteRead) as cut:
        body_after(app, "/film.mp4", change)
    assert LARGE.startswith(cut.value.partial)
    assert store.requests[0] == "GET"
    assert len(store.requests) > 1


def test_an_object_that_is_replaced_after_its_head_was_asked_for(ceph: Ceph, store: Proxy) -> None:
    bucket = ceph.make_bucket()
    ceph.put(bucket, "film.mp4", DATA)
    source = ceph.store(bucket, endpoint=store.endpoint).find(("film.mp4",))
    assert source is not None
    ceph.put(bucket, "film.mp4", DATA[::-1])
    with pytest.raises(OSError, match="412"):
        b"".join(source.read(0, 10))
    source.close()


# --- slow clients, and those that go away --------------------------------------------------------


def test_slow_clients_hold_no_thread_and_little_of_the_object(
    ceph: Ceph, store: Proxy, bucket: str
) -> None:
    app = DirectoryApp(ceph.store(bucket, endpoint=store.endpoint))
    with running(app, threads=1) as run:
        slow = [Connection(run.addresses[0], window=8192) for _ in range(4)]
        for client in slow:
            client.ask("/large.mp4")
            assert client.socket.recv(1, socket.MSG_PEEK) == b"H"
        with run.connect() as quick:
            quick.ask("/film.mp4", "GET", "Range: bytes=0-9")
            assert quick.answer().body == DATA[:10]
        assert store.sent < 4 * len(LARGE) // 2
        for client in slow:
            assert client.answer().body == LARGE
            client.__exit__()


def test_a_client_that_goes_away_ends_the_request_to_the_store(
    ceph: Ceph, store: Proxy, bucket: str
) -> None:
    app = DirectoryApp(ceph.store(bucket, endpoint=store.endpoint))
    with running(app) as run:
        client = Connection(run.addresses[0], window=8192)
        client.ask("/large.mp4")
        assert client.socket.recv(1, socket.MSG_PEEK) == b"H"
        client.reset()
        assert store.given_up.acquire(timeout=DEADLINE)
    assert store.sent < len(LARGE)


def test_an_object_app_is_as_good(ceph: Ceph, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ceph.environ.items():
        monkeypatch.setenv(name, value)
    app = FileApp(f"s3://{bucket}/film.mp4")
    assert ask(app, "/any", headers={"Range": "bytes=8-15"}).body == b"0000001\n"
