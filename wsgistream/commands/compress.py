"""Compress: a folder's files, once, for all who will ask for them."""

from __future__ import annotations

import os
from collections.abc import Sequence

from wsgistream.arguments import Parser
from wsgistream.commands import say
from wsgistream.compress import CODINGS, compress_tree


def main(arguments: Sequence[str]) -> int:
    """Write the precompressed siblings of a folder's files."""
    parser = Parser(
        "compress", "Write .gz, .br and .zst siblings, which the folder is then served from."
    )
    parser.add_argument("root", metavar="DIR", help="the folder")
    parser.add_argument(
        "--encoding",
        action="append",
        choices=CODINGS,
        help="one to write (default: each whose library is installed); may be repeated",
    )
    chosen = parser.parse_args(arguments)
    if not os.path.isdir(chosen.root):
        raise ValueError(f"There is no folder {chosen.root!r}.")
    count = saved = 0
    for written in compress_tree(chosen.root, chosen.encoding):
        count += 1
        saved += written.plain_size - written.size
        say(f"{written.path}: {written.plain_size:,} to {written.size:,} bytes")
    say(f"{count} files written, {saved:,} bytes saved where they are served")
    return 0
