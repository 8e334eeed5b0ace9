"""A process with few descriptors takes as many clients as it can serve, and the others wait."""

from __future__ import annotations

import resource
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.servers import DEADLINE, ROOT, Connection, eventually, process
from wsgistream.server.limits import connection_limit

FEW = "import resource as r; r.setrlimit(r.RLIMIT_NOFILE, ({soft}, {hard}));"
LIMIT = "from wsgistream.server.limits import connection_limit as c; print(c(), *r.getrlimit(7))"


@pytest.mark.parametrize(
    ("soft", "hard", "expected"),
    [
        pytest.param(64, 64, "16 64 64", id="few, and no more to be had"),
        pytest.param(64, 132, "50 132 132", id="few, and some more to be had"),
        pytest.param(64, 3000, "1484 3000 3000", id="few, and enough to be had"),
        pytest.param(3000, 3000, "1484 3000 3000", id="enough"),
        pytest.param(33, 33, "1 33 33", id="hardly any"),
    ],
)
def test_so_many_connections_fit(soft: int, hard: int, expected: str) -> None:
    code = FEW.format(soft=soft, hard=hard) + LIMIT
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=True,
    )
    assert run.stdout.strip() == expected


@pytest.mark.parametrize("soft", [256, resource.RLIM_INFINITY], ids=["few", "no end"])
def test_where_there_is_no_end_of_them_enough_are_taken(
    soft: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    raised: list[tuple[int, int]] = []
    # A limit that only another system can have.
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, resource.RLIM_INFINITY))
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: raised.append(limits))
    assert connection_limit() == 16384
    assert raised == ([(32800, resource.RLIM_INFINITY)] if soft == 256 else [])


def _get(port: int) -> int:
    with Connection(("127.0.0.1", port)) as client:
        client.ask("/film")
        return len(client.answer().body)


def test_who_finds_the_server_full_is_told_so_and_served_when_others_leave(tmp_path: Path) -> None:
    (tmp_path / "film").write_bytes(bytes(500_000))
    program = "import sys; from wsgistream.cli import main; sys.exit(main(sys.argv[1:]))"
    script = ("-c", FEW.format(soft=64, hard=64) + program)
    with process(tmp_path, "--listen", "127.0.0.1:0", "--quiet", script=script) as run:
        port = run.port()
        with ExitStack() as crowd:
            clients = [crowd.enter_context(Connection(("127.0.0.1", port))) for _ in range(60)]
            for client in clients[:10]:  # there is a descriptor for the file of each
                client.ask("/film")
            assert [len(client.answer().body) for client in clients[:10]] == [500_000] * 10
            clients[-1].ask("/film")
            refusal = clients[-1].answer()
            assert (refusal.status, refusal.get("Retry-After")) == (503, "5")
            for client in clients[:-1]:
                client.__exit__()
            assert eventually(lambda: _get(port) == 500_000)
        assert run.popen.poll() is None
        out, err = run.rest()
        assert (out, len(err)) == ([], 1)
        assert "The server is full" in err[0]
