"""The URLs of stores and objects."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsgistream.sources.objects.address import Address, is_url, parse_address, path_of, split_object


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        pytest.param("s3://bucket", True, id="a bucket"),
        pytest.param("https://host/path", True, id="a path on a server"),
        pytest.param("memory://", True, id="memory"),
        pytest.param("/srv/files", False, id="a path"),
        pytest.param("s3:/bucket", False, id="a path with a colon"),
        pytest.param(".", False, id="a dot"),
        pytest.param(Path("s3://bucket"), False, id="a path that was a URL"),
        pytest.param(None, False, id="nothing"),
    ],
)
def test_a_url_is_told_from_a_path(place: object, expected: bool) -> None:
    assert is_url(place) is expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        pytest.param("s3://bucket", ("s3://bucket", ""), id="a bucket"),
        pytest.param("s3://bucket/", ("s3://bucket", ""), id="with a slash"),
        pytest.param("s3://bucket/a b/%20/", ("s3://bucket", "a b/%20"), id="a prefix as it is"),
        pytest.param("gs://bucket/a", ("gs://bucket", "a"), id="Google's"),
        pytest.param("az://box/a%20b/", ("az://box/a%20b", ""), id="Azure's, as a URL"),
        pytest.param("https://host/a", ("https://host/a", ""), id="a server's"),
        pytest.param("memory://", ("memory://", ""), id="memory"),
    ],
)
def test_an_address_is(url: str, expected: tuple[str, str]) -> None:
    assert parse_address(url) == Address(*expected)


@pytest.mark.parametrize(
    ("store", "expected"),
    [
        pytest.param("https://host/a%20b/c", "a b/c", id="of a server of files"),
        pytest.param("https://host", "", id="of its root"),
        pytest.param("az://box/a", "", id="of no other store"),
    ],
)
def test_a_path_is(store: str, expected: str) -> None:
    assert path_of(store) == expected


@pytest.mark.parametrize("url", ["", "bucket", "S3 bucket", "file:///srv/files"])
def test_there_is_no_address_in(url: str) -> None:
    with pytest.raises(ValueError, match=r"such as s3|by its path"):
        parse_address(url)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        pytest.param("s3://bucket/a/b%20.txt", ("s3://bucket/a", "b%20.txt"), id="a key as it is"),
        pytest.param("https://host/b%20.txt", ("https://host", "b .txt"), id="a URL with escapes"),
    ],
)
def test_an_object_is_in_a_folder(url: str, expected: tuple[str, str]) -> None:
    assert split_object(url) == expected


@pytest.mark.parametrize("url", ["s3://bucket", "s3://bucket/", "s3://", "memory://"])
def test_there_is_no_object_at(url: str) -> None:
    with pytest.raises(ValueError, match="An object has a URL"):
        split_object(url)


@given(st.text())
def test_whatever_is_said_is_an_address_or_is_refused(text: str) -> None:
    with suppress(ValueError):
        assert parse_address(text).store in text
    with suppress(ValueError):
        folder, name = split_object(text)
        assert text.startswith(folder)
        assert name
