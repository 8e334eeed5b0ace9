"""Description: what a store says of an object, as a Meta."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from wsgistream.rules.conditions import is_entity_tag
from wsgistream.rules.decide import NOSNIFF
from wsgistream.rules.fields import is_token
from wsgistream.rules.media import guess_media
from wsgistream.sources.objects.known import Head
from wsgistream.types import Header, Meta

#: The fields of an object's own that are answered as they are.
_OWN: Final = ("Cache-Control", "Content-Disposition", "Content-Language")

# What the library calls by a name of its own; all else was named by who stored the object.
_KNOWN: Final = frozenset({*_OWN, "Content-Encoding", "Content-Type", "Storage-Class"})

# What S3 says where nobody has said anything.
_UNSAID: Final = "binary/octet-stream"

# How an object was sent to the store, which some stores keep as if it were how it is stored.
_IN_TRANSIT: Final = "aws-chunked"


def describe(head: Head, name: str, metadata_prefix: str | None) -> Meta:
    """Make the Meta of an object; ``name`` gives the type where nobody has said one.

    ``metadata_prefix``: names the fields of the user's metadata; None: they are not told.
    """
    known, attributes = head
    guessed = guess_media(name)
    content_type = attributes.get("Content-Type", _UNSAID)
    return Meta(
        size=known["size"],
        content_type=guessed.content_type if content_type == _UNSAID else content_type,
        etag=entity_tag(known["e_tag"]),
        # The library's word for no date at all is the first second of 1970.
        modified=int(known["last_modified"].timestamp()) or None,
        encoding=_encoding(attributes.get("Content-Encoding", "")) or guessed.encoding,
        extra=(NOSNIFF, *_fields(attributes, metadata_prefix)),
    )


def entity_tag(text: str | None) -> str | None:
    """Write a store's tag as HTTP does, in quotes; None where there is none to be written so."""
    for tag in (text, f'"{text}"'):
        if text and tag and is_entity_tag(tag):
            return tag
    return None


def _encoding(value: str) -> str | None:
    codings = [each.strip() for each in value.split(",")]
    return ", ".join(each for each in codings if each and each != _IN_TRANSIT) or None


def _fields(attributes: Mapping[str, str], prefix: str | None) -> Iterator[Header]:
    yield from ((name, attributes[name]) for name in _OWN if name in attributes)
    if prefix is not None:
        for name in sorted(attributes.keys() - _KNOWN):
            if is_token(name):
                yield f"{prefix}{name.title()}", attributes[name]
