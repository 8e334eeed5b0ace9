"""A container of Azure's is a store like any other."""

from __future__ import annotations

import re
from collections.abc import Iterator

import obstore
import pytest

from tests.azurite import ACCOUNT, Azurite, azurite, missing_program
from tests.client import ask
from tests.servers import process
from tests.sources.contract import FILES, SourceContract, StoreContract
from tests.sources.objects.test_redirect import followed
from wsgistream import Bucket, DirectoryApp, FileApp, StoreRedirect
from wsgistream.rules.media import guess_media
from wsgistream.types import Source


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    missing = missing_program()
    if missing is not None:
        pytest.skip(f"{missing} is not installed: npm install --global azurite")
    with azurite(tmp_path_factory.mktemp("azurite")) as store:
        yield store


@pytest.fixture(scope="module")
def container(azure: Azurite) -> str:
    container = azure.make_container()
    store = azure.store(container).store
    for name, data in FILES.items():
        # Azure says a type of everything: whoever brings it there gives the right one.
        kind = guess_media(name).content_type
        obstore.put(store, f"be/low/{name}", data, attributes={"Content-Type": kind})
    obstore.put(store, "secret.txt", b"beside the prefix")
    obstore.put(store, "sp ace/a.txt", b"0123456789", attributes={"Content-Type": "text/x-own"})
    return container


class TestContainer(StoreContract):
    @pytest.fixture(autouse=True)
    def _store(self, azure: Azurite, container: str) -> None:
        self.store = azure.store(container, "be/low")
        self.store_with_hidden = azure.store(f"{container}/be", "/low/", hidden=True)

    def test_it_lists_folders_and_then_files_and_only_what_it_gives(self) -> None:
        """Azure takes a backslash for a slash."""
        files = sorted(name for name in FILES if not {"/", "\\"} & set(name) and name != ".env")
        assert self.names() == [".well-known", "back", "sp ace", "sub", *files]
        assert self.names("back") == ["slash"]


class TestSourceOfAContainer(SourceContract):
    @pytest.fixture(autouse=True)
    def _store(self, azure: Azurite, container: str) -> None:
        self.bucket = azure.store(container, "be/low")

    def make(self) -> Source:
        source = self.bucket.find(("data.bin",))
        assert source is not None
        return source


@pytest.mark.parametrize(
    ("headers", "status", "body"),
    [
        pytest.param({}, 200, b"0123456789", id="the whole"),
        pytest.param({"Range": "bytes=2-4"}, 206, b"234", id="a range"),
        pytest.param({"Range": "bytes=7-"}, 206, b"789", id="an open range"),
        pytest.param({"Range": "bytes=-3"}, 206, b"789", id="a suffix, which Azure has not"),
        pytest.param({"If-None-Match": "*"}, 304, b"", id="not modified"),
        pytest.param({"If-None-Match": '"x"'}, 200, b"0123456789", id="modified"),
        pytest.param({"If-Match": '"x"'}, 412, None, id="a failed precondition"),
        pytest.param({"Range": "bytes=10-"}, 416, None, id="an unsatisfiable range"),
    ],
)
def test_an_object_of_azure_s_is_answered(
    azure: Azurite, container: str, headers: dict[str, str], status: int, body: bytes | None
) -> None:
    app = DirectoryApp(azure.store(container))
    answer = ask(app, "/sp%20ace/a.txt", headers=headers)
    assert (answer.status, answer.body) == (status, answer.body if body is None else body)
    if status in (200, 206):
        assert answer["content-type"] == "text/x-own"


def test_a_client_is_sent_to_azure(azure: Azurite, container: str) -> None:
    app = DirectoryApp(azure.store(f"{container}/be", "low"), responder=StoreRedirect())
    location = ask(app, "/data.bin")["location"]
    assert followed(location, {"Range": "bytes=2-4"}) == (206, FILES["data.bin"][2:5])


@pytest.mark.parametrize(
    ("below", "path"),
    [
        pytest.param("", "/sp%20ace/a.txt", id="a key"),
        pytest.param("/sp%20ace", "/a.txt", id="a prefix in the URL"),
    ],
)
def test_what_needs_escapes_is_sent_by_us(
    azure: Azurite, container: str, below: str, path: str
) -> None:
    """Azure would refuse the library's link."""
    app = DirectoryApp(azure.store(f"{container}{below}"), responder=StoreRedirect())
    answer = ask(app, path)
    assert (answer.status, answer.body) == (200, b"0123456789")


def test_what_azure_refuses(azure: Azurite, container: str) -> None:
    keys = {"account_name": ACCOUNT, "endpoint": azure.endpoint}
    for access in (
        {"config": {**keys, "account_key": "eA=="}},
        {"config": keys, "anonymous": True},
    ):
        nobody = azure.store(container, **access)
        assert ask(DirectoryApp(nobody), "/sp%20ace/a.txt").status in (403, 404)
        with pytest.raises(ValueError, match="cannot be served"):
            nobody.check()


def test_the_command_serves_a_container(azure: Azurite, container: str) -> None:
    command = ("serve", f"az://{container}/sp%20ace", "--listen", "127.0.0.1:0", "--quiet")
    with process(*command, environ=azure.environ) as run:
        assert re.fullmatch(r".*http://127.0.0.1:\d+/.*", run.said())
    with process("serve", "az://nowhere", "--check", environ=azure.environ) as run:
        assert run.said().startswith("wsgistream: az://nowhere cannot be served: ")
        assert run.end() == 2


def test_an_object_of_azure_s_has_a_url(
    azure: Azurite, container: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in azure.environ.items():
        monkeypatch.setenv(name, value)
    assert ask(FileApp(f"az://{container}/sp%20ace/a.txt")).body == b"0123456789"
    assert ask(DirectoryApp(Bucket(f"az://{container}/sp%20ace")), "/a.txt").status == 200
