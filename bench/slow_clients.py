"""Measure the peak memory of ``serve.py`` while slow clients read a large file.

Run it from the checkout: ``python -m bench.slow_clients --clients 50 --seconds 15``.
"""

from __future__ import annotations

import argparse
import re
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

GIB = 1024**3
BLOCK = 16 * 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--clients", type=int, default=50, help="slow clients (default: 50)")
    parser.add_argument("--gibibytes", type=int, default=5, help="of the file (default: 5)")
    parser.add_argument("--rate", type=int, default=256, help="KiB/s of a client (default: 256)")
    parser.add_argument("--seconds", type=float, default=15, help="to read (default: 15)")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        with open(Path(folder) / "sparse.bin", "wb") as file:
            file.truncate(chosen.gibibytes * GIB)
        before, peak, taken = measure(folder, chosen)
    print(
        f"{chosen.clients} clients took {taken / 1024**2:.0f} MiB in {chosen.seconds:g} s: "
        f"peak RSS {peak / 1024:.1f} MiB, {before / 1024:.1f} MiB before the first request"
    )


def measure(folder: str, chosen: argparse.Namespace) -> tuple[int, int, int]:
    """Run the server and the clients; gives KiB before, KiB at the peak, and bytes taken."""
    command = [
        sys.executable,
        "serve.py",
        folder,
        "--listen",
        "127.0.0.1:0",
        "--quiet",
        "--grace=0",
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stderr is not None
            port = int(re.findall(r":(\d+)/", server.stderr.readline())[0])
            before = peak_of(server.pid)
            taken = read_slowly(port, chosen)
            return before, peak_of(server.pid), taken
        finally:
            server.terminate()


def peak_of(pid: int) -> int:
    """Read the largest resident size of a process so far, in KiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+)", status)[0])


def read_slowly(port: int, chosen: argparse.Namespace) -> int:
    clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(chosen.clients)]
    for client in clients:
        client.sendall(b"GET /sparse.bin HTTP/1.1\r\nHost: bench\r\n\r\n")
    taken, end = 0, time.monotonic() + chosen.seconds
    pause = BLOCK / (chosen.rate * 1024)
    while (turn := time.monotonic()) < end:
        taken += sum(len(client.recv(BLOCK)) for client in clients)
        time.sleep(max(0.0, turn + pause - time.monotonic()))
    for client in clients:
        client.close()
    return taken


if __name__ == "__main__":
    main()
