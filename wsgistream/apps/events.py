"""Events: what a hub publishes, as Server-Sent Events (WHATWG HTML §9.2)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from functools import partial
from typing import Final, TypeAlias

from wsgistream.apps.places import NO_PLACE, NoPlace, Places, check_heartbeat
from wsgistream.apps.publishing import Permission, Publisher, Refused, query_of
from wsgistream.respond import begin, plan_body
from wsgistream.rules.cors import Cors, is_preflight
from wsgistream.rules.decide import NOSNIFF, sentence
from wsgistream.rules.negotiation import with_vary
from wsgistream.rules.sse import LONGEST, MEDIA
from wsgistream.sources.live.hub import Feed, Hub, HubAway
from wsgistream.types import Body, Environ, Plan, StartResponse
from wsgistream.wsgi.bodies import close
from wsgistream.wsgi.waiting import IN_LOOP, Wakeable, WouldBlock

_logger: Final = logging.getLogger("wsgistream")

#: Names topics, or finds those of a request; None: there are none for it.
Topics: TypeAlias = Iterable[str] | Callable[[Environ], Iterable[str] | None]

# What is of now is of no use later; and who holds it back on the way breaks it.
_HEADERS: Final = (
    ("Content-Type", MEDIA),
    ("Cache-Control", "no-store, no-transform"),
    ("X-Accel-Buffering", "no"),
    NOSNIFF,
)
# What clients that are scripts send, beyond what a browser allows by itself.
_CORS_HEADERS: Final = ("Authorization", "Cache-Control", "Content-Type", "Last-Event-ID")

_NOT_SHARED: Final = (
    "Several processes may serve here, and the events of a %s are those of one: use a RedisHub."
)
_NO_TOPIC: Final = sentence(404, "There is no such topic here.")
_AWAY: Final = sentence(
    503, "The events cannot be reached now; please try again.", (("Retry-After", "1"),)
)


class EventsApp:
    """The events of a hub, to any number of viewers: ``EventsApp(hub, topics=["news"])``.

    ``topics`` are those that may be watched, of which a request picks some by ``?topic=`` (none:
    all of them); or it finds those of a request, by rules of its own. A viewer is resumed after its
    Last-Event-ID, or the ``?lastEventId=`` of a client that cannot set fields. It needs no thread
    under our server and ASGIBridge; elsewhere each holds one, so ``limit`` are let in at most (keep
    it below the threads of the server), and the others are answered 503. ``heartbeat``: seconds of
    silence after which it is seen whether a client is there. ``cors``: origins whose pages may
    watch; True: any.

    ``publish``: a bearer token, or what tells whether a request may publish; then POST publishes
    its body (text in UTF-8, ``longest`` bytes at most) to the one ``?topic=``, with ``&event=``,
    ``&id=`` and ``&retry=``, and is answered with the id. None: nobody may. What trusts cookies has
    to look at the Origin as well. Raises ValueError or TypeError for an option that cannot be.
    """

    def __init__(
        self,
        hub: Feed,
        *,
        topics: Topics,
        limit: int = 3,
        heartbeat: float = Wakeable.heartbeat,
        cors: Iterable[str] | bool | None = None,
        publish: Permission | None = None,
        longest: int = LONGEST,
    ) -> None:
        self._find = topics if callable(topics) else _picked(topics)
        #: See ``wsgistream.wsgi.waiting``: what others wrote may take its time.
        self.quick = not callable(topics)
        self._hub = hub
        self._was_told = False
        self._places = Places(limit)
        self._heartbeat = check_heartbeat(heartbeat)
        self._publisher = None if publish is None else _publisher(hub, publish, longest)
        methods = "GET, HEAD, OPTIONS" if publish is None else "GET, HEAD, OPTIONS, POST"
        self._allow = ("Allow", methods)
        self._cors: Cors | None = None
        if cors is not None and cors is not False:
            self._cors = Cors(cors, headers=_CORS_HEADERS, exposed=())

    def __call__(self, environ: Environ, start_response: StartResponse) -> Body:
        method, origin = environ["REQUEST_METHOD"], environ.get("HTTP_ORIGIN")
        asked = environ.get("HTTP_ACCESS_CONTROL_REQUEST_METHOD")
        if self._cors is not None and is_preflight(method, origin, asked):
            plan = self._cors.preflight(str(origin))
            begin(plan, start_response)
            return plan_body(plan, environ)
        try:
            if method == "GET":
                return self._watch(environ, start_response)
            plan = self._plan(method, environ)
        except Refused as refused:
            plan = refused.plan
        except NoPlace:
            plan = NO_PLACE
        except HubAway:
            plan = _AWAY
        self._begin(plan, environ, start_response)
        return plan_body(plan, environ)

    def _plan(self, method: str, environ: Environ) -> Plan:
        """Answer what is not GET."""
        if method == "HEAD":
            self._topics(environ)
            return Plan(200, _HEADERS, ())
        if method == "OPTIONS":
            return Plan(204, (self._allow,), ())
        if method != "POST" or self._publisher is None:
            return sentence(405, "Events are watched by GET.", (self._allow,))
        if IN_LOOP in environ:
            raise WouldBlock
        self._publisher.check(environ)
        return self._publisher.publish(self._topics(environ), environ)

    def _watch(self, environ: Environ, start_response: StartResponse) -> Body:
        topics = self._topics(environ)
        if IN_LOOP in environ and not self._hub.quick:
            raise WouldBlock
        if not self._hub.shared and environ["wsgi.multiprocess"] and not self._was_told:
            self._was_told = True
            _logger.warning(_NOT_SHARED, type(self._hub).__name__)
        view = partial(self._viewer, topics, _last_id(environ))
        body = self._places.let_in(environ, view)
        try:
            self._begin(Plan(200, _HEADERS, ()), environ, start_response)
        except BaseException:
            close(body)
            raise
        return body

    def _viewer(self, topics: Iterable[str], last_id: str | None) -> Wakeable:
        viewer = self._hub.subscribe(topics, last_id)
        viewer.heartbeat = self._heartbeat
        return viewer

    def _topics(self, environ: Environ) -> tuple[str, ...]:
        """Find the topics of a request, one at least; raises Refused."""
        topics = tuple(self._find(environ) or ())
        if not topics:
            raise Refused(_NO_TOPIC)
        return topics

    def _begin(self, plan: Plan, environ: Environ, start_response: StartResponse) -> None:
        """Begin an answer, of which pages of other origins may be told."""
        if self._cors is not None:
            headers = list(plan.headers)
            if self._cors.varies:
                headers = with_vary(headers, "Origin")
            headers += self._cors.fields(environ.get("HTTP_ORIGIN"))
            plan = plan._replace(headers=tuple(headers))
        begin(plan, start_response)


def _publisher(hub: Feed, publish: Permission, longest: int) -> Publisher:
    if not isinstance(hub, Hub):
        raise TypeError(f"What publishes is a Hub, not {hub!r}.")
    return Publisher(hub, publish, longest)


def _picked(topics: Iterable[str]) -> Callable[[Environ], Iterable[str]]:
    """Let a request pick some of these topics."""
    if isinstance(topics, str):
        raise TypeError(f"There may be more than one topic: give a list, not {topics!r}.")
    named = tuple(topics)
    if not named:
        raise ValueError("There is nothing to be watched: name the topics.")

    def find(environ: Environ) -> Iterable[str]:
        asked = query_of(environ).get("topic", named)
        return asked if set(asked) <= set(named) else ()

    return find


def _last_id(environ: Environ) -> str | None:
    """Find the id after which to go on; an empty one is none."""
    field: str = environ.get("HTTP_LAST_EVENT_ID", "")
    if field:
        # The query may be that of the first connection; and a browser sends UTF-8.
        return field.encode("latin-1").decode("utf-8", "replace")
    return query_of(environ).get("lastEventId", [""])[0] or None
