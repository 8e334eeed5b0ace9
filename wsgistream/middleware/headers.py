"""Headers: what every answer says beside its own: CORS, security, and fields of one's own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final
from wsgiref.util import is_hop_by_hop

from wsgistream.respond import begin, plan_body
from wsgistream.rules.cors import EXPOSED, HEADERS, METHODS, Cors, is_preflight
from wsgistream.rules.decide import NOSNIFF
from wsgistream.rules.fields import check_header
from wsgistream.rules.negotiation import with_vary
from wsgistream.types import Body, Environ, Header, StartResponse, WSGIApp
from wsgistream.wsgi.waiting import is_quick

# Nothing that is embedded elsewhere needs a guess at its type, or tells others the path that it was
# embedded at. X-Frame-Options, Content-Security-Policy, Permissions-Policy and
# Strict-Transport-Security can break it, and are for who knows the pages.
_SECURITY: Final = (NOSNIFF, ("Referrer-Policy", "strict-origin-when-cross-origin"))
# What any origin may read may be embedded by any, also by one that requires that this is said.
_FOR_ANY: Final = ("Cross-Origin-Resource-Policy", "cross-origin")

_ALLOW_ORIGIN: Final = "access-control-allow-origin"

# What only the maker of an answer can say: where its body ends, and what it is.
_OF_THE_BODY: Final = frozenset(
    {"content-encoding", "content-length", "content-range", "content-type", "trailer"}
)


class HeadersMiddleware:
    """Add header fields to every answer of ``app``, and answer the preflights of CORS for it.

    ``cors`` names the origins whose pages may read what is here, such as
    ``["https://example.org"]``; True: any. Then ``cors_methods`` and ``cors_headers`` are what
    they may ask with, ``cors_expose`` the fields that they may read beside those that they always
    may, and ``cors_max_age`` (seconds) is how long a browser remembers that; ``cors_credentials``
    lets it send cookies. A preflight of any other origin is a 403. An application that says
    Access-Control-Allow-Origin itself has its way.

    ``security`` adds X-Content-Type-Options and Referrer-Policy, and with ``cors=True``
    Cross-Origin-Resource-Policy; what could shut pages or players out, as framing, content policies
    and HTTPS for good, is left to ``headers``, which are further fields. A field is added only
    where the application gives none of its name; those that ``remove`` names are taken out first.

    Raises ValueError for an origin or a field that cannot be, and for one that is the server's, or
    is of the body.
    """

    def __init__(
        self,
        app: WSGIApp,
        *,
        cors: Iterable[str] | bool | None = None,
        cors_methods: Iterable[str] = METHODS,
        cors_headers: Iterable[str] = HEADERS,
        cors_expose: Iterable[str] = EXPOSED,
        cors_credentials: bool = False,
        cors_max_age: int = 600,
        security: bool = True,
        headers: Iterable[Header] = (),
        remove: Iterable[str] = (),
    ) -> None:
        self.app = app
        self.quick = is_quick(app)
        self._cors: Cors | None = None
        if cors is not None and cors is not False:
            self._cors = Cors(
                cors,
                methods=cors_methods,
                headers=cors_headers,
                exposed=cors_expose,
                credentials=cors_credentials,
                max_age=cors_max_age,
            )
        self._removed = frozenset(_removable(name) for name in remove)
        self._added = [_addable(name, value) for name, value in headers]
        if security:
            own = {name.lower() for name, _ in self._added}
            default = [*_SECURITY, *([_FOR_ANY] if cors is True else [])]
            self._added += [field for field in default if field[0].lower() not in own]

    def __call__(self, environ: Environ, start_response: StartResponse) -> Body:
        origin = environ.get("HTTP_ORIGIN")
        asked_method = environ.get("HTTP_ACCESS_CONTROL_REQUEST_METHOD")
        cors = self._cors

        def start(
            status: str, headers: list[Header], exc_info: Any = None, /
        ) -> Callable[[bytes], object]:
            return start_response(status, self._changed(headers, origin), exc_info)

        if cors and is_preflight(environ["REQUEST_METHOD"], origin, asked_method):
            plan = cors.preflight(str(origin))
            begin(plan._replace(headers=tuple(self._completed(plan.headers))), start_response)
            return plan_body(plan, environ)
        return self.app(environ, start)

    def _changed(self, headers: list[Header], origin: str | None) -> list[Header]:
        kept = [header for header in headers if header[0].lower() not in self._removed]
        whole = self._completed(kept)
        if self._cors is None or any(name.lower() == _ALLOW_ORIGIN for name, _ in whole):
            return whole
        if self._cors.varies:
            whole = with_vary(whole, "Origin")
        return whole + self._cors.fields(origin)

    def _completed(self, headers: Iterable[Header]) -> list[Header]:
        whole = list(headers)
        names = {name.lower() for name, _ in whole}
        return whole + [field for field in self._added if field[0].lower() not in names]


def _addable(name: str, value: str) -> Header:
    _refuse_framing(name)
    return check_header(name, value)


def _removable(name: str) -> str:
    _refuse_framing(name)
    return check_header(name, "")[0].lower()


def _refuse_framing(name: str) -> None:
    if is_hop_by_hop(name) or name.lower() in _OF_THE_BODY:
        raise ValueError(f"The header {name} is for the server or the application alone to say.")
