"""Options: what can be set on the command line, in the environment and in ``create_app``."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from wsgistream.arguments import PREFIX, BadOption, make_parser
from wsgistream.values import BadValue, read_switch

#: What ``create_app`` takes; the others are the server's.
OF_THE_APP: Final[Mapping[str, Any]] = {
    "root": ".",
    "prefix": "",
    "listing": True,
    "live": False,
    "hls": False,
    "hidden": False,
    "follow_symlinks": False,
    "cache_control": None,
    "headers": (),
    "index": ("index.html",),
    "spa": False,
    "db": None,
    "queries": (),
    "offload": None,
    "metrics": False,
    "auth_file": None,
    "sign_key_file": None,
    "throttle": None,
    "compress": False,
}
OF_THE_SERVER: Final[Mapping[str, Any]] = {
    "listen": (("127.0.0.1", 8080),),
    "unix_socket": None,
    "trusted_proxy": None,
    "threads": 4,
    "workers": 1,
    "grace": 30.0,
    "log_format": "combined",
    "health": False,
    "quiet": False,
    "open": False,
    "check": False,
}


def parse(arguments: Sequence[str], environ: Mapping[str, str]) -> dict[str, Any]:
    """Read every option: a default gives way to the environment, and that to the command line.

    Raises BadOption for what cannot be read; ``--help`` ends the program.
    """
    given = vars(make_parser().parse_args(arguments))
    return {**OF_THE_APP, **OF_THE_SERVER, **from_environment(environ), **given}


def of_the_app(settings: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    """Complete the settings of ``create_app`` from the environment and the defaults.

    Raises TypeError for a setting that there is none of, and BadOption for one in the environment
    that cannot be read.
    """
    unknown = ", ".join(sorted(settings.keys() - OF_THE_APP.keys()))
    if unknown:
        raise TypeError(f"There is no setting {unknown}; there are {', '.join(OF_THE_APP)}.")
    every = {**OF_THE_APP, **from_environment(environ), **settings}
    return {name: every[name] for name in OF_THE_APP}


def from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    """Read the options that the environment sets; an empty variable sets none."""
    parser = make_parser()
    found: dict[str, Any] = {}
    for action in parser._actions:
        for name in _variables(action):
            found.update(_read(parser, action, environ.get(name, ""), f"{name} in the environment"))
    return found


def from_texts(texts: Mapping[str, str]) -> dict[str, Any]:
    """Read settings that are texts, as they are written in the environment."""
    parser = make_parser()
    found: dict[str, Any] = {}
    for action in parser._actions:
        if action.dest in texts:
            found.update(_read(parser, action, texts[action.dest], action.dest))
    return found


def _read(
    parser: argparse.ArgumentParser, action: argparse.Action, text: str, where: str
) -> dict[str, Any]:
    try:
        return vars(parser.parse_args(list(_arguments(action, text))))
    except (BadOption, BadValue) as error:
        raise BadOption(f"{where}: {error}") from None


def _variables(action: argparse.Action) -> Iterator[str]:
    """Name the variables of an option: ``--header`` is also the setting ``headers``."""
    if not isinstance(action, argparse._HelpAction):
        names = [string.lstrip("-").replace("-", "_") for string in action.option_strings[:1]]
        yield from (PREFIX + name.upper() for name in dict.fromkeys([*names, action.dest]))


def _arguments(action: argparse.Action, value: str) -> Iterator[str]:
    """Write the value of a variable as the command line would have it."""
    if not value:
        return
    if not action.option_strings:
        yield from ("--", value)
    elif action.nargs == 0:
        # The first way to write a switch turns it on; a second, where there is one, off.
        yield from action.option_strings[:1] if read_switch(value) else action.option_strings[1:]
    elif isinstance(action, argparse._AppendAction):
        # A header has spaces of its own, and so has SQL: one a line. Names and addresses have none.
        each = value.splitlines() if action.dest in ("headers", "queries") else value.split()
        yield from (f"{action.option_strings[0]}={item}" for item in each if item.strip())
    else:
        yield f"{action.option_strings[0]}={value}"
