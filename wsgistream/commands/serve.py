"""Serve: a folder, a file, objects or queries, until somebody says that it is enough."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Final
from urllib.parse import quote

from wsgistream import options
from wsgistream.arguments import BadOption
from wsgistream.commands import say
from wsgistream.rules.access import log_format
from wsgistream.server.sockets import url_of
from wsgistream.serving import listening, run
from wsgistream.site import create_checked_app, place_of

# Where prometheus_client counts for all processes; it looks as it is imported, in each of them.
_COUNTS: Final = "PROMETHEUS_MULTIPROC_DIR"


def main(arguments: Sequence[str]) -> int:
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
            say(f"The settings are fine. They would serve {what}")
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
    from tempfile import TemporaryDirectory  # noqa: PLC0415 - few need it

    with TemporaryDirectory(prefix="wsgistream-") as folder:
        os.environ[_COUNTS] = folder
        try:
            yield
        finally:
            del os.environ[_COUNTS]


def _greet(text: str, page: str | None) -> None:
    say(text)
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
