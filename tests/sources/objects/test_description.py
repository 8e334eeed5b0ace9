"""What a store says of an object is what a client is told of it."""

from __future__ import annotations

from datetime import datetime, timezone

import obstore
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ceph import Ceph
from tests.client import ask
from wsgistream import Bucket, DirectoryApp, FileResponse
from wsgistream.rules.conditions import is_entity_tag
from wsgistream.rules.fields import parse_http_date
from wsgistream.sources.objects.description import entity_tag


@pytest.fixture(scope="module")
def bucket(ceph: Ceph) -> str:
    return ceph.make_bucket()


@pytest.mark.parametrize(
    ("name", "stored", "expected"),
    [
        pytest.param("a.css", {}, {"content-type": "text/css; charset=utf-8"}, id="a type unsaid"),
        pytest.param(
            "a.bin",
            {"content_type": "application/octet-stream"},
            {"content-type": "application/octet-stream"},
            id="a type that is meant",
        ),
        pytest.param(
            "a.css", {"content_type": "text/plain"}, {"content-type": "text/plain"}, id="a type"
        ),
        pytest.param("a.svgz", {}, {"content-encoding": "gzip"}, id="a coding by the name"),
        pytest.param(
            "a.txt", {"content_encoding": "br"}, {"content-encoding": "br"}, id="a coding said"
        ),
        pytest.param(
            "a.txt",
            {"content_encoding": "aws-chunked"},
            {"content-encoding": None},
            id="how it was sent to the store",
        ),
        pytest.param(
            "a.txt",
            {"content_encoding": "gzip,aws-chunked"},
            {"content-encoding": "gzip"},
            id="a coding, and how it was sent",
        ),
        pytest.param(
            "a.txt",
            {"cache_control": "max-age=5", "content_language": "de"},
            {"cache-control": "max-age=5", "content-language": "de"},
            id="fields of its own",
        ),
        pytest.param(
            "a.txt",
            {"content_disposition": 'attachment; filename="b.txt"'},
            {"content-disposition": 'attachment; filename="b.txt"'},
            id="a name of its own",
        ),
        pytest.param(
            "a.txt",
            {"x_amz_meta_colour": "red", "x_amz_meta_two-words": "1"},
            {"x-meta-colour": "red", "x-meta-two-words": "1"},
            id="metadata",
        ),
    ],
)
def test_an_object_is_answered_with(
    ceph: Ceph, bucket: str, name: str, stored: dict[str, str], expected: dict[str, str | None]
) -> None:
    ceph.put(bucket, name, b"data", **stored)
    answer = ask(DirectoryApp(ceph.store(bucket, metadata_prefix="X-Meta-")), f"/{name}")
    assert {field: answer.get(field) for field in expected} == expected
    assert (answer.status, answer.body) == (200, b"data")
    assert answer["x-content-type-options"] == "nosniff"
    quiet = ask(DirectoryApp(ceph.store(bucket)), f"/{name}")
    assert not any(field.lower().startswith("x-meta") for field, _ in quiet.headers)


def test_metadata_that_can_be_no_field_is_not_told() -> None:
    bucket = Bucket("memory://", metadata_prefix="X-")
    obstore.put(bucket.store, "a", b"a", attributes={"two words": "1", "one": "1"})
    answer = ask(DirectoryApp(bucket), "/a")
    assert [name for name, _ in answer.headers if name.startswith("X-")] == [
        "X-Content-Type-Options",
        "X-One",
    ]


def test_tag_and_date_are_the_store_s(ceph: Ceph, bucket: str) -> None:
    before = datetime.now(timezone.utc).timestamp()
    ceph.put(bucket, "a.bin", b"abc")
    answer = ask(DirectoryApp(ceph.store(bucket)), "/a.bin")
    # S3: the MD5 of what was stored at once.
    assert answer["etag"] == '"900150983cd24fb0d6963f7d28e17f72"'
    modified = parse_http_date(answer["last-modified"], before)
    assert modified is not None
    assert int(before) <= modified <= before + 60


def test_what_the_application_says_stands_before_what_the_object_says(
    ceph: Ceph, bucket: str
) -> None:
    ceph.put(bucket, "a.css", b"a", cache_control="max-age=5", content_disposition="inline")
    app = DirectoryApp(
        ceph.store(bucket), cache_control="no-store", download=True, headers=[("Vary", "Cookie")]
    )
    answer = ask(app, "/a.css")
    assert answer["cache-control"] == "no-store"
    assert answer["content-disposition"] == 'attachment; filename="a.css"'
    assert [value for name, value in answer.headers if name == "Vary"] == [
        "Accept-Encoding",
        "Cookie",
    ]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param({}, ("text/x-own", "inline; own"), id="nothing: all is the object's"),
        pytest.param(
            {"content_type": "text/plain"},
            ("text/plain; charset=utf-8", "inline; own"),
            id="a type",
        ),
        pytest.param(
            {"download": True}, ("text/x-own", 'attachment; filename="a.txt"'), id="a download"
        ),
        pytest.param(
            {"filename": "b.txt"}, ("text/x-own", 'inline; filename="b.txt"'), id="a name"
        ),
    ],
)
def test_a_response_of_an_object_may_say(
    ceph: Ceph,
    bucket: str,
    options: dict[str, object],
    expected: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in ceph.environ.items():
        monkeypatch.setenv(name, value)
    ceph.put(bucket, "a.txt", b"a", content_type="text/x-own", content_disposition="inline; own")
    response = FileResponse(f"s3://{bucket}/a.txt", **options)
    assert not response.quick
    for headers in ({}, {"Range": "bytes=0-0"}):
        answer = ask(response, headers=headers)
        assert (answer["content-type"], answer["content-disposition"]) == expected
        assert answer.body == b"a"
    assert ask(FileResponse(f"s3://{bucket}/missing"), "/").status == 404


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param('"a"', '"a"', id="a tag"),
        pytest.param('W/"a"', 'W/"a"', id="a weak tag"),
        pytest.param("a-1", '"a-1"', id="one without its quotes"),
        pytest.param('a"b', None, id="what no quotes can hold"),
        pytest.param("", None, id="nothing"),
        pytest.param(None, None, id="none"),
    ],
)
def test_an_entity_tag_is(text: str | None, expected: str | None) -> None:
    assert entity_tag(text) == expected


@given(st.text())
def test_whatever_a_store_calls_a_tag_is_one_or_none(text: str) -> None:
    tag = entity_tag(text)
    assert tag is None or is_entity_tag(tag)
