"""An application inside of layers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from tests.client import ask
from tests.middleware.contract import answering
from wsgistream import HeadersMiddleware, stack
from wsgistream.types import Body, Environ, StartResponse, WSGIApp


def naming(name: str, met: list[str]) -> Callable[[WSGIApp], WSGIApp]:
    """A layer that notes when a request meets it."""

    def layer(app: WSGIApp) -> WSGIApp:
        def named(environ: Environ, start_response: StartResponse) -> Body:
            met.append(name)
            return app(environ, start_response)

        return named

    return layer


@pytest.mark.parametrize("names", ["", "a", "ab", "abc"])
def test_a_request_meets_the_first_layer_first(names: str) -> None:
    met: list[str] = []
    app = stack(answering([b"some"]), *(naming(name, met) for name in names))
    assert ask(app).body == b"some"
    assert "".join(met) == names


def test_without_layers_it_is_the_application_itself() -> None:
    app = answering([b"some"])
    assert stack(app) is app


def test_a_layer_may_have_options() -> None:
    app = stack(
        answering([b"some"]),
        partial(HeadersMiddleware, headers=[("X-A", "outer")]),
        partial(HeadersMiddleware, headers=[("X-A", "inner")]),
    )
    assert ask(app)["X-A"] == "inner"
