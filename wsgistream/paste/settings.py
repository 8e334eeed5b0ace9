"""Settings: the texts of a configuration as the options of a callable."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable, Mapping
from inspect import Parameter, get_annotations, getattr_static, signature, unwrap
from typing import Any, Final

from wsgistream.paste.kinds import CannotImport, Kind, kind_of

_OPEN: Final = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)


def options_of(target: Callable[..., Any]) -> dict[str, Parameter]:
    """Return the options that a callable has by name, their annotations as objects."""
    function = unwrap(getattr_static(target, "__init__") if isinstance(target, type) else target)
    annotations = get_annotations(function, locals=_Names(function.__globals__), eval_str=True)
    return {
        name: option.replace(annotation=annotations.get(name, Any))
        for name, option in signature(target).parameters.items()
        if option.kind not in _OPEN
    }


class _Names(dict[str, Any]):
    """What names mean in a module; those that it imports for a type checker alone: anything."""

    def __missing__(self, name: str) -> Any:
        return getattr(builtins, name, Any)


def read_settings(
    of: str, options: Mapping[str, Parameter], settings: Mapping[str, str]
) -> dict[str, Any]:
    """Read settings as the options they are named after; ``of`` names whose they are.

    Raises ValueError for a name that there is none of, for a text that cannot be read, and where
    one is missing that has no default.
    """
    check_names(of, options, settings)
    for name, option in options.items():
        if option.default is Parameter.empty and name not in settings:
            raise ValueError(f"{of} needs the setting {name}.")
    return {
        name: _read(f"{name} of {of}", kind_of(options[name].annotation), text)
        for name, text in settings.items()
    }


def check_names(of: str, known: Iterable[str], given: Iterable[str]) -> None:
    """Raise ValueError for the names of settings that there are none of."""
    unknown = ", ".join(sorted(set(given).difference(known)))
    if unknown:
        there_are = ", ".join(known) or "none"
        raise ValueError(f"There is no setting {unknown} of {of}; there are {there_are}.")


def _read(what: str, kind: Kind, text: str) -> Any:
    try:
        return kind.read(text)
    except CannotImport as error:
        raise ValueError(f"{what} cannot be imported: {error}.") from error
    except ValueError:
        raise ValueError(f"{what} is {kind.expected}, not {text!r}.") from None
