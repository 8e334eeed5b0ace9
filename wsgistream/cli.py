"""The command line: from arguments to an application to a server, and to an exit status."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from tempfile import TemporaryDirectory
from typing import Any, Final
from urllib.parse import quote

from wsgistream import options
from wsgistream.arguments import BadOption, Parser
from wsgistream.compress import CODINGS, MissingLibrary, compress_tree
from wsgistream.export import export
from wsgistream.keys import read_keys
from wsgistream.middleware.signed import sign as sign_link
from wsgistream.rules.access import log_format
from wsgistream.rules.rows import FORMATS
from wsgistream.server.sockets import CannotListen, url_of
from wsgistream.server.workers import CannotStart
from wsgistream.serving import listening, run
from wsgistream.site import create_checked_app, place_of
from wsgistream.values import read_duration

#: The exit status for arguments that cannot be.
MISUSED: Final = 2
#: And for Ctrl+C in the middle of what has no better end.
INTERRUPTED: Final = 130

# Where prometheus_client counts for all processes; it looks as it is imported, in each of them.
_COUNTS: Final = "PROMETHEUS_MULTIPROC_DIR"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``wsgistream [serve|compress|query|sign] …`` and return its exit status."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    command = _COMMANDS.get(arguments[0]) if arguments else None
    try:
        return command(arguments[1:]) if command else serve(arguments)
    except (ValueError, CannotListen, CannotStart, MissingLibrary) as error:
        _say(f"wsgistream: {error}")
    except OSError as error:
        where = "" if error.filename is None else f"{error.filename}: "
        _say(f"wsgistream: {where}{(error.strerror or str(error)).lower()}")
    except KeyboardInterrupt:
        return INTERRUPTED
    return MISUSED


def serve(arguments: Sequence[str]) -> int:
    """Serve a folder or a file until SIGTERM or SIGINT."""
    chosen = options.parse(arguments, os.environ)
    make_app = partial(create_checked_app, **{name: chosen[name] for name in options.OF_THE_APP})
    addresses = _addresses(chosen)
    with listening(addresses, chosen["unix_socket"]) as sockets, _counting_together(chosen):
        path = quote(os.fsencode(f"{chosen['prefix']}/"))
        urls = [url_of(sock, path) for sock in sockets]
        page = _page(urls) if chosen["open"] else None
        what = f"{_subject(chosen)} at {' and '.join(urls)}"
        if chosen["check"]:
            make_app()
            _say(f"The settings are fine. They would serve {what}")
        else:
            run(
                make_app,
                sockets,
                workers=chosen["workers"],
                grace=chosen["grace"],
                greet=partial(_greet, f"Serving {what} (Ctrl+C stops it)", page),
                threads=chosen["threads"],
                health=chosen["health"],
                line=None if chosen["quiet"] else log_format(chosen["log_format"]),
                **_trusting(chosen["trusted_proxy"]),
            )
    return 0


def _subject(chosen: Mapping[str, Any]) -> str:
    """Say what is served; the URL of a database may have a password in it."""
    names = ", ".join(name.partition("(")[0] for name, _ in chosen["queries"])
    return f"the queries {names}" if names else place_of(chosen["root"])


def _trusting(proxy: str | None) -> Mapping[str, str]:
    """Have one address believed in who asks and by which scheme; the Host is the client's own."""
    if proxy is None:
        return {}
    return {"trusted_proxy": proxy, "trusted_proxy_headers": "x-forwarded-for x-forwarded-proto"}


@contextmanager
def _counting_together(chosen: Mapping[str, Any]) -> Iterator[None]:
    """Give several processes a folder in which to count, unless the environment names one."""
    if not chosen["metrics"] or chosen["workers"] == 1 or os.environ.get(_COUNTS):
        yield
        return
    with TemporaryDirectory(prefix="wsgistream-") as folder:
        os.environ[_COUNTS] = folder
        try:
            yield
        finally:
            del os.environ[_COUNTS]


def _greet(text: str, page: str | None) -> None:
    _say(text)
    if page is not None:
        # A browser's command may end only with the browser, which waits for the page; and beside
        # a thread no worker could be forked.
        code = "import sys, webbrowser; webbrowser.open(sys.argv[1])"
        os.posix_spawn(sys.executable, [sys.executable, "-c", code, page], os.environ)


def _page(urls: Iterable[str]) -> str:
    for url in urls:
        if url.startswith("http:"):
            return url
    raise BadOption("A browser cannot open a Unix socket: --open needs a --listen.")


def _addresses(chosen: Mapping[str, Any]) -> Sequence[tuple[str, int]]:
    """A Unix socket alone is enough, unless addresses are asked for beside it."""
    listen: Sequence[tuple[str, int]] = chosen["listen"]
    by_default = listen == options.OF_THE_SERVER["listen"]
    return () if chosen["unix_socket"] is not None and by_default else listen


def compress(arguments: Sequence[str]) -> int:
    """Write the precompressed siblings of a folder's files."""
    parser = Parser(
        prog="wsgistream compress",
        description="Write .gz, .br and .zst siblings, which the folder is then served from.",
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
        _say(f"{written.path}: {written.plain_size:,} to {written.size:,} bytes")
    _say(f"{count} files written, {saved:,} bytes saved where they are served")
    return 0


def sign(arguments: Sequence[str]) -> int:
    """Write a signed link to the standard output."""
    parser = Parser(
        prog="wsgistream sign",
        description="Write a link that holds for a time, where wsgistream has the same key.",
        allow_abbrev=False,
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
    print(sign_link(chosen.pop("url"), key, **chosen))  # noqa: T201
    return 0


def query(arguments: Sequence[str]) -> int:
    """Write what a query finds to the standard output."""
    parser = Parser(
        prog="wsgistream query",
        description="Write the rows of a query to the standard output, in constant memory.",
        allow_abbrev=False,
    )
    parser.add_argument("db", metavar="URL", help="the database, as sqlite:///shop.db")
    parser.add_argument("sql", metavar="SQL", help="the query")
    parser.add_argument(
        "--format", choices=FORMATS, default="ndjson", help="how to write them (default: ndjson)"
    )
    parser.add_argument("--limit", type=int, metavar="N", help="rows at most")
    chosen = parser.parse_args(arguments)
    for piece in export(chosen.db, chosen.sql, chosen.format, limit=chosen.limit):
        sys.stdout.buffer.write(piece)
    return 0


def _say(text: str) -> None:
    """Write one line for a person; what could end it or command a terminal is escaped."""
    safe = (char if char.isprintable() else ascii(char)[1:-1] for char in text)
    print("".join(safe), file=sys.stderr, flush=True)  # noqa: T201


_COMMANDS: Final[Mapping[str, Callable[[Sequence[str]], int]]] = {
    "compress": compress,
    "query": query,
    "serve": serve,
    "sign": sign,
}
