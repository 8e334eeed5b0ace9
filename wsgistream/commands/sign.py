"""Sign: a link that holds for a time."""

from __future__ import annotations

from collections.abc import Sequence

from wsgistream.arguments import Parser
from wsgistream.keys import read_keys
from wsgistream.middleware.signed import sign
from wsgistream.values import read_duration


def main(arguments: Sequence[str]) -> int:
    """Write a signed link to the standard output."""
    parser = Parser(
        "sign", "Write a link that holds for a time, where wsgistream has the same key."
    )
    parser.add_argument("url", metavar="URL|PATH", help="what to link to, from the host's root")
    parser.add_argument(
        "--key-file", metavar="FILE", required=True, help="the keys, one a line; the first signs"
    )
    parser.add_argument(
        "--expires",
        type=read_duration,
        default=3600,
        metavar="DURATION",
        help="how long it holds: seconds, or such as 30m, 1h, 7d (default: 1h)",
    )
    parser.add_argument("--method", default="GET", help="the method it allows (default: GET)")
    parser.add_argument(
        "--prefix",
        nargs="?",
        default=False,
        const=True,
        metavar="/FOLDER/",
        help="link to all below this folder (default: that of the URL), as a playlist needs it",
    )
    parser.add_argument(
        "--mount", default="", metavar="/PATH", help="where the application is, if not at the root"
    )
    chosen = vars(parser.parse_args(arguments))
    key, *_ = read_keys(chosen.pop("key_file"))
    print(sign(chosen.pop("url"), key, **chosen))  # noqa: T201
    return 0
