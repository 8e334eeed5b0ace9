"""Publishing: an event that comes as a request, from those who may."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias
from urllib.parse import parse_qs

from wsgistream.rules.bearer import CHALLENGE, check_token, has_token
from wsgistream.rules.decide import sentence
from wsgistream.rules.sse import BadEvent, EventTooLong
from wsgistream.sources.live.hub import Hub
from wsgistream.types import Environ, Plan

#: A bearer token, or what tells whether a request may publish.
Permission: TypeAlias = str | Callable[[Environ], bool]

Query: TypeAlias = Mapping[str, Sequence[str]]

# Fields of a query that are looked at.
_FIELDS: Final = 100

_BAD_QUERY: Final = sentence(400, "The query has too many fields.")
_NO_TOKEN: Final = sentence(401, "Who publishes here has to show a token.", (CHALLENGE,))
_FORBIDDEN: Final = sentence(403, "You may not publish here.")
_ONE_TOPIC: Final = sentence(400, "An event is published to one topic: name it by ?topic=.")
_BAD_RETRY: Final = sentence(400, "retry is a whole number of milliseconds, from 0.")
_NO_LENGTH: Final = sentence(411, "The length of the event has to be told.")
_TOO_LONG: Final = sentence(413, "The event is too long.")
_CUT: Final = sentence(400, "The event is shorter than its length.")
_NOT_TEXT: Final = sentence(400, "The event is not in UTF-8.")


class Refused(Exception):
    """A request that is answered with a plan of its own."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.plan = plan


def query_of(environ: Environ) -> Query:
    """Read the query of a request; raises Refused for one with too many fields."""
    try:
        query = environ.get("QUERY_STRING", "")
        return parse_qs(query, keep_blank_values=True, max_num_fields=_FIELDS)
    except ValueError:
        raise Refused(_BAD_QUERY) from None


class Publisher:
    """Publishes the bodies of requests, of ``longest`` bytes at most, for whoever is permitted.

    Raises ValueError for a token that cannot be.
    """

    def __init__(self, hub: Hub, permission: Permission, longest: int) -> None:
        self._hub = hub
        self._permission = check_token(permission) if isinstance(permission, str) else permission
        self._longest = longest

    def check(self, environ: Environ) -> None:
        """Raise Refused for a request that may not publish."""
        if isinstance(self._permission, str):
            if not has_token(environ.get("HTTP_AUTHORIZATION", ""), self._permission):
                raise Refused(_NO_TOKEN)
        elif not self._permission(environ):
            raise Refused(_FORBIDDEN)

    def publish(self, topics: Sequence[str], environ: Environ) -> Plan:
        """Publish to the one topic, and answer with the id; raises Refused, and HubAway."""
        if len(topics) != 1:
            raise Refused(_ONE_TOPIC)
        query = query_of(environ)
        event, id_, retry = (query.get(name, [None])[0] for name in ("event", "id", "retry"))
        try:
            told = self._hub.publish(
                topics[0],
                _read(environ, self._longest),
                event=event,
                id=id_,
                retry=None if retry is None else _milliseconds(retry),
            )
        except EventTooLong:
            raise Refused(_TOO_LONG) from None
        except BadEvent as error:
            raise Refused(sentence(400, str(error))) from None
        return sentence(200, told, (("Cache-Control", "no-store"),))


def _milliseconds(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Refused(_BAD_RETRY)
    return int(text)


def _read(environ: Environ, longest: int) -> str:
    """Read the body of a request, as text; raises Refused."""
    length = environ.get("CONTENT_LENGTH") or ""
    if not (length.isascii() and length.isdigit()):
        raise Refused(_NO_LENGTH)
    if len(length) > 15 or int(length) > longest:
        raise Refused(_TOO_LONG)
    data, size = b"", int(length)
    while len(data) < size and (chunk := environ["wsgi.input"].read(size - len(data))):
        data += chunk
    if len(data) < size:
        raise Refused(_CUT)
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise Refused(_NOT_TEXT) from None
