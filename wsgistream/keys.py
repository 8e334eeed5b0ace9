"""Keys: the file that holds the keys of signed links."""

from __future__ import annotations

import os
import stat

from wsgistream.rules.signing import SHORTEST_KEY


def read_keys(path: str | os.PathLike[str]) -> tuple[bytes, ...]:
    """Read keys, one a line, of which the first signs; empty lines and ``#`` are passed over.

    Raises OSError where it cannot be read, and ValueError for a file that everybody may read or
    change, and for a line that is no key: who knows a key can sign, and the line is not told.
    """
    name = os.fspath(path)
    with open(path, "rb") as file:
        if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & stat.S_IRWXO:
            raise ValueError(f"Every user of this machine can use the keys: chmod o= {name!r}.")
        lines = [line.strip() for line in file]
    found = []
    for number, line in enumerate(lines, 1):
        if not line or line.startswith(b"#"):
            continue
        if len(line) < SHORTEST_KEY:
            raise ValueError(f"Line {number} of {name!r} is shorter than {SHORTEST_KEY} bytes.")
        found.append(line)
    if not found:
        raise ValueError(f"There is no key in {name!r}.")
    return tuple(found)
