"""Hosts: frameworks with a view that returns what a test wants, and an application mounted."""

from __future__ import annotations

import sys
import types
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import bottle
import cherrypy
import falcon
import flask
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.urls import clear_url_caches, path, re_path
from webob.dec import wsgify
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from wsgistream import PrefixMiddleware, as_django, as_webob, reply_to
from wsgistream.types import WSGIApp

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of pkg_resources, which Pyramid 2 imports
    from pyramid.config import Configurator
    from pyramid.wsgi import wsgiapp2

Make = Callable[[], Any]

#: Makes a host whose view at /view returns what it is given, and that has an application at /media.
Host = Callable[[Make, WSGIApp], WSGIApp]


def in_flask(make: Make, mounted: WSGIApp) -> WSGIApp:
    app = flask.Flask(__name__)
    app.add_url_rule("/view", "view", make)
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/media": mounted})  # type: ignore[method-assign]
    return app


def in_pyramid(make: Make, mounted: WSGIApp) -> WSGIApp:
    with Configurator() as config:
        config.add_route("view", "/view")
        config.add_view(lambda request: as_webob(make(), request), route_name="view")
        config.add_route("media", "/media/*subpath")
        config.add_view(wsgiapp2(mounted), route_name="media")
    app: WSGIApp = config.make_wsgi_app()
    return app


def in_bottle(make: Make, mounted: WSGIApp) -> WSGIApp:
    app = bottle.Bottle()

    @app.get("/view")  # type: ignore[untyped-decorator]
    def view() -> Any:
        reply = reply_to(bottle.request.environ, make())
        return bottle.HTTPResponse(reply.body, reply.status, reply.headers)

    # Its own mount has text in PATH_INFO, where PEP 3333 has bytes as latin-1.
    return PrefixMiddleware(mounted, prefix="/media", outside=app)


def in_falcon(make: Make, mounted: WSGIApp) -> WSGIApp:
    class View:
        def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
            reply = reply_to(req.env, make())
            resp.status, resp.stream = reply.status, reply.body  # type: ignore[assignment]
            resp.set_headers(reply.headers)

        on_head = on_get

    app = falcon.App()
    app.add_route("/view", View())
    return PrefixMiddleware(mounted, prefix="/media", outside=app)


def in_cherrypy(make: Make, mounted: WSGIApp) -> WSGIApp:
    class Root:
        @cherrypy.expose  # type: ignore[untyped-decorator]
        def view(self) -> Any:
            reply = reply_to(cherrypy.request.wsgi_environ, make())
            cherrypy.response.status = reply.status
            cherrypy.response.headers = cherrypy.lib.httputil.HeaderMap(reply.headers)
            return reply.body

    tree = cherrypy._cptree.Tree()
    tree.mount(Root(), config={"/": {"response.stream": True}})
    tree.graft(mounted, "/media")
    return tree  # type: ignore[no-any-return]


def in_django(make: Make, mounted: WSGIApp) -> WSGIApp:
    below = PrefixMiddleware(mounted, prefix="/media")
    urls: Any = types.ModuleType("tests.hosts.urls")
    urls.urlpatterns = [
        path("view", lambda request: as_django(make(), request)),
        re_path("^media/", partial(as_django, below)),
    ]
    sys.modules[urls.__name__] = urls
    if not settings.configured:
        settings.configure(ROOT_URLCONF=urls.__name__, ALLOWED_HOSTS=["*"])
    clear_url_caches()
    return get_wsgi_application()  # type: ignore[no-any-return]


def in_webob(make: Make, mounted: WSGIApp) -> WSGIApp:
    @wsgify  # type: ignore[untyped-decorator]
    def view(request: Any) -> Any:
        return as_webob(make(), request)

    return PrefixMiddleware(mounted, prefix="/media", outside=view)


HOSTS: dict[str, Host] = {
    "Flask": in_flask,
    "Pyramid": in_pyramid,
    "Bottle": in_bottle,
    "Falcon": in_falcon,
    "CherryPy": in_cherrypy,
    "Django": in_django,
    "WebOb": in_webob,
}
