"""Hosts: answers of ours inside of other frameworks, whose views return responses of their own."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from webob import Request, Response

from wsgistream.respond import respond
from wsgistream.types import Environ, Header, Source, WSGIApp
from wsgistream.wsgi import Reply, call
from wsgistream.wsgi.bodies import Closing

if TYPE_CHECKING:
    from django.http import HttpRequest, StreamingHttpResponse

# In PEP 3333 their characters are bytes.
_PATHS: Final = ("SCRIPT_NAME", "PATH_INFO")


def reply_to(environ: Environ, answer: Source | WSGIApp, *, decoded: bool = False) -> Reply:
    """Have a source, or anything of WSGI, answer the request that a view is called for.

    ``environ`` is the framework's; ``decoded``: it has text for its paths, as Django's. Status,
    headers and body go into a response of the framework; conditions and ranges have been dealt
    with. The body is to be closed, as WSGI has it, and is an iterator: some frameworks close what
    they iterate over, and not what they were given.
    """
    if decoded:
        paths = {name: environ[name].encode().decode("latin-1") for name in _PATHS}
        environ = {**environ, **paths}
    reply = call(_as_app(answer), environ)
    reply.body = Closing(reply.body, _nothing)
    return reply


def as_webob(answer: Source | WSGIApp, request: Request) -> Response:
    """Give a source, or anything of WSGI, as the answer of a view of Pyramid or ``wsgify``.

    A file goes to the ``wsgi.file_wrapper`` of the server, if that has one.
    """
    reply = call(_as_app(answer), request.environ)
    body = reply.send(_begin)
    return Response(status=reply.status, headerlist=reply.headers, app_iter=body)


def as_django(answer: Source | WSGIApp, request: HttpRequest) -> StreamingHttpResponse:
    """Give a source, or anything of WSGI, as the answer of a view of Django, under WSGI.

    An application is a view by ``partial(as_django, app)``.
    """
    from django.http import StreamingHttpResponse  # noqa: PLC0415

    reply = reply_to(request.environ, answer, decoded=True)
    code, _, reason = reply.status.partition(" ")
    response = StreamingHttpResponse(reply.body, status=int(code), reason=reason)
    del response["Content-Type"]  # Django's own
    for name, value in reply.headers:
        if name.lower() == "set-cookie":
            response.cookies.load(value)
        else:
            # Django has one of each name (RFC 9110 §5.3).
            response[name] = f"{response[name]}, {value}" if name in response else value
    return response


def _as_app(answer: Source | WSGIApp) -> WSGIApp:
    return answer if callable(answer) else partial(respond, source=answer)


def _begin(status: str, headers: list[Header], exc_info: Any = None, /) -> Any:
    """Send nothing yet: that is for the framework."""


def _nothing() -> None: ...
