"""What is asked of a store first is something it can be asked."""

from __future__ import annotations

import obstore
from hypothesis import given
from hypothesis import strategies as st
from obstore.store import MemoryStore

from tests.client import ask
from wsgistream import Bucket, DirectoryApp
from wsgistream.sources.objects.wish import first_wish

DATA = b"0123456789"


@given(
    st.sampled_from(["GET", "HEAD"]),
    st.one_of(
        st.text("bytes=0123456789-, ", max_size=30).map("bytes={}".format),
        st.text(st.characters(max_codepoint=255), max_size=30),
    ),
)
def test_any_range_is_one_that_the_library_takes(method: str, value: str) -> None:
    store = MemoryStore()
    obstore.put(store, "k", DATA)
    wish = first_wish({"REQUEST_METHOD": method, "HTTP_RANGE": value})
    try:
        answered = bool(obstore.get(store, "k", options=wish).meta)
    except obstore.exceptions.GenericError as error:
        answered = "Invalid range" in str(error)
    assert answered


def test_a_range_beyond_all_numbers_is_answered() -> None:
    bucket = Bucket("memory://")
    obstore.put(bucket.store, "k", DATA)
    app = DirectoryApp(bucket)
    huge = "9" * 30
    for value, status in ((f"{huge}-", 416), (f"5-{huge}", 206), (f"-{huge}", 206)):
        assert ask(app, "/k", headers={"Range": f"bytes={value}"}).status == status
