"""PasteDeploy: what its configuration files call to make applications, filters and the server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from inspect import Parameter
from typing import Any, Final

import wsgistream
from wsgistream import serving
from wsgistream.options import OF_THE_APP, from_texts
from wsgistream.paste.mounts import Mounts
from wsgistream.paste.settings import check_names, options_of, read_settings
from wsgistream.server.adjustments import ADJUSTMENTS
from wsgistream.server.run import Server
from wsgistream.site import create_app
from wsgistream.types import WSGIApp
from wsgistream.values import read_prefix

#: Where to listen, said by halves.
_ADDRESS: Final = {"host": "127.0.0.1", "port": 8080}


class _Factories:
    """What makes an object of each public name of the package, from texts."""

    def __init__(self, make: Callable[..., Any]) -> None:
        self._make = make

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return partial(self._make, getattr(wsgistream, name))


def _make_app(
    kind: Callable[..., WSGIApp], defaults: Mapping[str, str], /, **settings: str
) -> WSGIApp:
    return kind(**read_settings(kind.__name__, options_of(kind), settings))


def _make_filter(
    kind: Callable[..., WSGIApp], defaults: Mapping[str, str], /, **settings: str
) -> Callable[[WSGIApp], WSGIApp]:
    options = options_of(kind)
    del options["app"]
    return partial(_filter, kind, read_settings(kind.__name__, options, settings))


def _filter(kind: Callable[..., WSGIApp], options: Mapping[str, Any], app: WSGIApp) -> WSGIApp:
    return kind(app=app, **options)


#: ``apps.DirectoryApp`` is a ``paste.app_factory``, ``filters.PrefixMiddleware`` a
#: ``paste.filter_factory``: an entry point needs no more than the name of the class.
apps: Final = _Factories(_make_app)
filters: Final = _Factories(_make_filter)


def site(defaults: Mapping[str, str], /, **settings: str) -> WSGIApp:
    """Make the application of ``create_app``; a ``paste.app_factory``."""
    check_names("create_app", OF_THE_APP, settings)
    return create_app(**from_texts(settings))


def mount(loader: Any, defaults: Mapping[str, str], /, **settings: str) -> WSGIApp:
    """Mount applications below paths, as ``/media = NAME``; a ``paste.composite_factory``.

    Raises LookupError where there is no application of that name.
    """
    if not settings:
        raise ValueError("mount needs a path and the name of an application: /media = NAME.")
    mounted: dict[str, WSGIApp] = {}
    for path, name in settings.items():
        prefix = read_prefix(path)
        if prefix in mounted:
            raise ValueError(f"There are two applications at {path}.")
        try:
            mounted[prefix] = loader.get_app(name, global_conf=defaults)
        except LookupError as error:
            raise LookupError(f"{path} = {name}: {error}") from error
    return Mounts(mounted)


def serve(app: WSGIApp, defaults: Mapping[str, str], /, **settings: str) -> None:
    """Serve until a signal, as ``wsgistream.serve`` does; a ``paste.server_runner``."""
    chosen = read_settings("serve", _options_of_the_server(), settings)
    if not chosen.keys().isdisjoint(_ADDRESS):
        if "listen" in chosen:
            raise ValueError("serve needs either listen, or host and port.")
        host, port = (chosen.pop(name, default) for name, default in _ADDRESS.items())
        chosen["listen"] = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    serving.serve(app, **chosen)


def _options_of_the_server() -> dict[str, Parameter]:
    options = options_of(serving.serve)
    del options["app"]
    of_a_server = options_of(Server)
    for name in serving.OF_A_SERVER:
        options[name] = of_a_server[name]
    for name, kind in {"host": str, "port": int, **ADJUSTMENTS}.items():
        parameter = Parameter(name, Parameter.KEYWORD_ONLY, default=None, annotation=kind)
        options.setdefault(name, parameter)
    return options
