"""Arguments: the command line, option by option, and what is said of each."""

from __future__ import annotations

import argparse
from typing import Any, Final, NoReturn

from wsgistream.values import (
    read_address,
    read_grace,
    read_header,
    read_log_format,
    read_named_query,
    read_offload,
    read_prefix,
    read_proxy,
    read_size,
    read_socket_path,
    read_threads,
    read_workers,
)

#: The environment variable of an option, or of a setting, is its name after this, in capitals.
PREFIX: Final = "WSGISTREAM_"


class BadOption(ValueError):
    """An option that cannot be read; the text says which and why, for a person."""


class Parser(argparse.ArgumentParser):
    """A command's parser, whose errors are BadOption, not the end of the program."""

    def __init__(self, command: str, description: str, **options: Any) -> None:
        super().__init__(
            prog=f"wsgistream {command}", description=description, allow_abbrev=False, **options
        )

    def error(self, message: str) -> NoReturn:
        raise BadOption(message)


def make_parser() -> argparse.ArgumentParser:
    """Make the parser of the command line; it gives only what was set."""
    parser = Parser(
        "serve",
        "Serve a folder or a file over HTTP, with ranges, from any machine.",
        epilog=f"Every option can also be set in the environment, as {PREFIX}THREADS=8.",
        argument_default=argparse.SUPPRESS,
    )
    parser.add_argument(
        "root", nargs="?", metavar="DIR|FILE|URL", help="what to serve (default: this folder)"
    )
    _add_app_options(parser.add_argument_group("what is served"))
    _add_middleware_options(parser.add_argument_group("to whom, and in which way"))
    _add_server_options(parser.add_argument_group("how it is served"))
    return parser


def _add_app_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--prefix", type=read_prefix, metavar="/PATH", help="serve below this path")
    group.add_argument(
        "--listing",
        action=argparse.BooleanOptionalAction,
        help="show folders that have no index (default: yes)",
    )
    group.add_argument(
        "--live", action="store_true", help="let those pages show what happens in the folders"
    )
    group.add_argument(
        "--hls",
        action="store_true",
        help="a live broadcast (HLS, DASH) is written there: whole playlists, caching, any origin",
    )
    group.add_argument("--hidden", action="store_true", help="serve dot-files too")
    group.add_argument(
        "--follow-symlinks", action="store_true", help="follow links that lead out of the folder"
    )
    group.add_argument("--cache-control", metavar="VALUE", help="the Cache-Control of every file")
    group.add_argument(
        "--header",
        dest="headers",
        action="append",
        type=read_header,
        metavar="'NAME: VALUE'",
        help="a header for every file; may be repeated",
    )
    group.add_argument(
        "--index",
        action="append",
        metavar="NAME",
        help="a file that answers for its folder (default: index.html); may be repeated",
    )
    group.add_argument(
        "--spa", action="store_true", help="answer what is missing with the root's index.html"
    )
    group.add_argument(
        "--db", metavar="URL", help="answer queries of a database instead, as sqlite:///shop.db"
    )
    group.add_argument(
        "--query",
        dest="queries",
        action="append",
        type=read_named_query,
        metavar="'NAME=SQL'",
        help="a query and the path that it answers at: 'orders=select …'; may be repeated",
    )


def _add_middleware_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--auth-file", metavar="FILE", help="ask for a name and a password of this htpasswd file"
    )
    group.add_argument(
        "--sign-key-file",
        metavar="FILE",
        help="answer signed links only; the file has their keys, one a line",
    )
    group.add_argument(
        "--offload",
        type=read_offload,
        metavar="WHO",
        help="leave the sending to the server in front: nginx:/internal/, apache or lighttpd",
    )
    group.add_argument(
        "--throttle",
        type=read_size,
        metavar="SIZE",
        help="bytes a second for each connection, such as 512K or 2M",
    )
    group.add_argument(
        "--compress", action="store_true", help="compress what is text for those who accept it"
    )
    group.add_argument("--metrics", action="store_true", help="tell Prometheus at /metrics")


def _add_server_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--listen",
        action="append",
        type=read_address,
        metavar="HOST:PORT",
        help="an address to listen on (default: 127.0.0.1:8080); may be repeated",
    )
    group.add_argument(
        "--unix-socket",
        type=read_socket_path,
        metavar="PATH",
        help="a Unix socket to listen on",
    )
    group.add_argument(
        "--trusted-proxy",
        type=read_proxy,
        metavar="ADDRESS",
        help="believe the X-Forwarded-For and -Proto of the server in front that has this address",
    )
    group.add_argument(
        "--threads",
        type=read_threads,
        metavar="N",
        help="threads that answer, in each process (default: 4)",
    )
    group.add_argument(
        "--workers",
        type=read_workers,
        metavar="N|auto",
        help="processes that serve, or auto: one for each processor (default: 1)",
    )
    group.add_argument(
        "--grace",
        type=read_grace,
        metavar="SECONDS",
        help="how long running answers may go on after a stop (default: 30)",
    )
    group.add_argument(
        "--log-format",
        type=read_log_format,
        metavar="FORMAT",
        help="of the access log: combined, common, json, or a template such as '{status} {sent}'",
    )
    group.add_argument(
        "--health", action="store_true", help="tell at /-/health what the server has done"
    )
    group.add_argument("--quiet", action="store_true", help="write no access log")
    group.add_argument("--open", action="store_true", help="open the address in a browser")
    group.add_argument("--check", action="store_true", help="try the settings, serve nothing")
