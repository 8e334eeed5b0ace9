"""An application for those alone who have a name and a password."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from base64 import b64encode
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.client import Answer, ask, make_environ
from tests.live import our_server, stock_waitress
from tests.middleware.contract import MiddlewareContract, answering
from tests.servers import ROOT
from tests.test_media import needs, run
from wsgistream import BasicAuthMiddleware, DirectoryApp
from wsgistream.middleware.users import Hash, Users
from wsgistream.rules.credentials import LONGEST, Credentials
from wsgistream.types import Body, Environ, StartResponse, WSGIApp
from wsgistream.wsgi.waiting import IN_LOOP, WouldBlock

#: Of the password "pw", by openssl passwd, and by the libraries where it has none of that kind.
HASHES = {
    "apr1": "$apr1$ZuER0n7P$RFBebU4s3YaZrNSVW/74t1",
    "sha256": "$5$sEM3jKywXR5THnYh$oLcGh7gNXSEzurve5d1xu8Lnkaa6YCUJTHL8v.iO3aB",
    "sha512": (
        "$6$XMioU03h7/FCld82$T5I2KKxIEsiEJQjQg.RC69PSc3LQ4g8SRz.MpN42UmtbB"
        ".d3LQ5nVWYWnZSmirw2ophX.B.p0JcjZQ0VpYdwI."
    ),
    "bcrypt": "$2b$04$qgGg9XOr2ojn2.wxo8AnOuA.vxnr6E7I0USjbmDzAP8VYH.PEx13i",
    "htpasswd -B": "$2y$04$qgGg9XOr2ojn2.wxo8AnOuA.vxnr6E7I0USjbmDzAP8VYH.PEx13i",
    "argon2": (
        "$argon2id$v=19$m=8,t=1,p=1$0TonZEzp3fs/ZwzhPAfAOA"
        "$iYGtup4N7GTLGW9RH6/OjG/bcjOszcRkHB7APdYZS+c"
    ),
    "sha1": "{SHA}GpHWL3ymc5liWkNopqtdSjuqYHM=",
}
QUICK = HASHES["sha1"]


def basic(name: str, password: str = "pw") -> dict[str, str]:
    return {"Authorization": f"Basic {b64encode(f'{name}:{password}'.encode()).decode()}"}


def who(environ: Environ, start_response: StartResponse) -> Body:
    """Tells whom it is told of."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    seen = [environ.get(name, "-") for name in ("REMOTE_USER", "AUTH_TYPE", "HTTP_AUTHORIZATION")]
    return ["|".join(seen).encode("latin-1")]


def guarded(app: WSGIApp = who, **options: Any) -> BasicAuthMiddleware:
    return BasicAuthMiddleware(app, **{"users": {"ann": QUICK}, **options})


class TestContract(MiddlewareContract):
    headers: ClassVar[dict[str, str]] = basic("ann")

    def make(self, app: WSGIApp) -> WSGIApp:
        return guarded(app)


@pytest.mark.parametrize("text", HASHES.values(), ids=HASHES.keys())
def test_a_user_is_let_in_whatever_the_hash(text: str) -> None:
    app = guarded(users={"ann": text})
    assert ask(app, headers=basic("ann")).body == b"ann|Basic|-"
    assert ask(app, headers=basic("ann", "pW")).status == 401
    assert ask(app, headers=basic("ann")).status == 200


def test_what_a_server_says_of_the_user_is_not_passed_on() -> None:
    answer = ask(
        guarded(), headers=basic("ann"), REMOTE_USER="root", AUTH_TYPE="Digest", REMOTE_HOST="h"
    )
    assert answer.body == b"ann|Basic|-"


def test_a_name_of_other_letters_is_told_as_bytes() -> None:
    app = guarded(users={"e\u0301": QUICK})
    for name in ("é", "e\u0301"):
        assert ask(app, headers=basic(name)).body == "é|Basic|-".encode()


def test_the_environ_of_the_server_is_left_as_it_was() -> None:
    environ = make_environ(headers=basic("ann"))
    before = dict(environ)
    guarded()(environ, lambda *_: lambda data: None)
    assert environ == before


REFUSED: Mapping[str, Mapping[str, str]] = {
    "nobody": {},
    "a wrong password": basic("ann", "no"),
    "an unknown name": basic("bob"),
    "a name in other letters": basic("Ann"),
    "no password": basic("ann", ""),
    "no name": basic(""),
    "a password that is too long": basic("ann", "x" * LONGEST),
    "a password that is far too long": basic("ann", "x" * 100_000),
    "NUL in the password": basic("ann", "p\0w"),
    "no base64": {"Authorization": "Basic ???"},
    "another scheme": {"Authorization": "Bearer abc"},
    "not UTF-8": {"Authorization": "Basic YW5uOv8="},
}


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("headers", REFUSED.values(), ids=REFUSED.keys())
def test_everybody_else_is_told_the_same(headers: Mapping[str, str], method: str) -> None:
    def never(environ: Environ, start_response: StartResponse) -> Body:
        raise AssertionError("somebody was let in")

    sentence = b"This needs a name and a password.\n"
    answer = ask(guarded(never, realm='The "a" files'), headers=headers, method=method)
    assert answer == Answer(
        401,
        [
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Length", str(len(sentence))),
            ("X-Content-Type-Options", "nosniff"),
            ("WWW-Authenticate", r'Basic realm="The \"a\" files", charset="UTF-8"'),
        ],
        b"" if method == "HEAD" else sentence,
        [] if method == "HEAD" else [sentence],
    )


def test_where_there_are_no_users_nobody_is_let_in() -> None:
    assert ask(guarded(users={}), headers=basic("ann")).status == 401


@pytest.mark.parametrize("size", [72, 73, 500])
def test_of_a_long_password_bcrypt_reads_the_beginning(size: int) -> None:
    """As htpasswd does when it makes the hash, of 100 times "x" here."""
    made = "$2y$04$......................SZFhVdUK5wGKY4lx/QrgUMHG0XsWjbi"
    app = guarded(users={"ann": made})
    assert ask(app, headers=basic("ann", "x" * size)).status == 200
    assert ask(app, headers=basic("ann", "x" * 71)).status == 401


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        pytest.param({"realm": "é"}, "A realm is printable ASCII", id="realm"),
        pytest.param({"remember": -1}, "Seconds to remember, and of", id="remember"),
        pytest.param({"remember": float("nan")}, "Seconds to remember, and of", id="no number"),
        pytest.param({"patience": -1}, "Seconds to remember, and of patience", id="patience"),
        pytest.param({"patience": float("inf")}, "Seconds to remember, and of", id="for ever"),
        pytest.param({"hashes_at_once": 0}, "At least one hash is verified at", id="no hash"),
        pytest.param(
            {"users": {"ann": "secret"}},
            "Of the user 'ann' the hash is plain text, or of a kind that is not known: use bcrypt",
            id="a password",
        ),
        pytest.param(
            {"users": {"ann": "$2b$04$secret"}},
            "Of the user 'ann' the hash begins as one by bcrypt, and is none.",
            id="no hash by bcrypt",
        ),
        pytest.param(
            {"users": {"ann": "$argon2id$v=19$m=8,t=1,p=1$secret$secre"}},
            "Of the user 'ann' the hash begins as one by argon2, and is none.",
            id="no hash by argon2",
        ),
        pytest.param(
            {"users": {"é": QUICK, "e\u0301": QUICK}}, "look the same: 'e\u0301'", id="two names"
        ),
    ],
)
def test_options_that_cannot_be_are_refused(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence) as error:
        guarded(**options)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("users", [3, None, ["ann"], {"ann": None}, {1: QUICK}])
def test_users_of_another_type_are_refused(users: Any) -> None:
    with pytest.raises(TypeError, match=r"^(Users are the path|Of the user .* are texts)"):
        guarded(users=users)


class Counting:
    """A kind of hash that notes which hashes it was asked for; any password is right."""

    name = "counting"

    def __init__(self) -> None:
        self.tried: list[str] = []

    def verify(self, password: bytes, text: str) -> bool:
        self.tried.append(text)
        return True


def counted(*names: str, remember: float = 60.0, clock: Callable[[], float] = float) -> Any:
    kind = Counting()
    return kind, Users({name: Hash(f"hash of {name}", kind) for name in names}, remember, clock)


def test_a_name_that_nobody_has_costs_what_somebody_costs() -> None:
    kind, users = counted("ann", "bob", "eve")
    unknown = [f"nobody {number}" for number in range(100)]
    for name in unknown:
        assert not users.verify(Credentials(name, "pw"))
    assert len(kind.tried) == 100
    assert set(kind.tried) == {"hash of ann", "hash of bob", "hash of eve"}
    first, kind.tried = kind.tried, []
    for name in unknown:
        assert not users.verify(Credentials(name, "other"))
    assert kind.tried == first  # always that of the same user
    again, others = counted("ann", "bob", "eve")
    for name in unknown:
        assert not others.verify(Credentials(name, "pw"))
    assert again.tried == first  # and after a new start too


def test_who_has_shown_a_password_is_remembered_for_a_time() -> None:
    now = [100.0]
    kind, users = counted("ann", remember=60.0, clock=lambda: now[0])
    ann = Credentials("ann", "pw")
    assert not users.remembers(ann)
    assert users.verify(ann)
    now[0] = 159.9
    assert users.remembers(ann)
    assert not users.remembers(Credentials("ann", "pW"))
    assert not users.remembers(Credentials("an", "n:pw"))
    now[0] = 160.0
    assert not users.remembers(ann)
    assert users.verify(ann)
    assert users.remembers(ann)
    assert len(kind.tried) == 2
    assert "pw" not in repr(vars(users))


def test_nobody_is_remembered_where_that_is_not_wanted() -> None:
    _, users = counted("ann", remember=0)
    assert users.verify(Credentials("ann", "pw"))
    assert not users.remembers(Credentials("ann", "pw"))


def test_only_so_many_are_remembered_and_none_whose_time_is_over() -> None:
    now = [0.0]
    _, users = counted("ann", clock=lambda: now[0])
    everybody = [Credentials("ann", str(number)) for number in range(1025)]
    for each in everybody:
        assert users.verify(each)
    assert [users.remembers(each) for each in everybody] == [False] + [True] * 1024
    now[0] = 61.0
    assert users.verify(everybody[0])
    assert len(users._shown) == 1


def test_a_hash_that_the_library_cannot_use_lets_nobody_in(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The library finds out only when it computes: here the memory is too small for the lanes."""
    text = HASHES["argon2"].replace("p=1", "p=9")
    assert ask(guarded(users={"ann": text}), headers=basic("ann")).status == 401
    assert caplog.messages == ["A hash begins as one by argon2, and is none."]


def in_loop(app: WSGIApp, headers: Mapping[str, str]) -> Answer:
    return ask(app, "/", headers=headers, **{IN_LOOP: True})


def test_no_hash_is_computed_in_a_loop(tmp_path: Path) -> None:
    app = guarded(DirectoryApp(tmp_path))
    assert app.quick
    assert not guarded().quick
    app = guarded()
    for headers in REFUSED.values():
        assert ask(app, headers=headers).status == 401
    for headers in (basic("ann"), basic("ann", "no"), basic("bob")):
        with pytest.raises(WouldBlock):
            in_loop(app, headers)
    assert ask(app, headers=basic("ann")).status == 200
    assert in_loop(app, basic("ann")).status == 200
    assert in_loop(app, {}).status == 401
    with pytest.raises(WouldBlock):
        in_loop(app, basic("ann", "no"))


def test_who_waits_too_long_for_a_place_is_told_to_come_again() -> None:
    app = guarded(hashes_at_once=1, patience=0)
    assert app._places.acquire()  # as one does whose hash takes its time
    answer = ask(app, headers=basic("ann"))
    assert (answer.status, answer["Retry-After"]) == (503, "1")
    assert answer.body == b"Too many passwords are being verified; please try again.\n"
    assert ask(app).status == 401
    app._places.release()
    for _ in range(3):
        assert ask(app, headers=basic("ann", "no")).status == 401  # each has given its place back
    assert ask(app, headers=basic("ann")).status == 200
    assert app._places.acquire()
    assert ask(app, headers=basic("ann")).status == 200  # who is remembered needs none


def test_requests_that_come_together_cost_one_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    """A player asks for many things at once: who waited looks again before it computes."""
    tried: list[int] = []
    inside, go_on = threading.Event(), threading.Event()
    verify = Hash.matches

    def slow(self: Hash, password: bytes) -> bool:
        tried.append(1)
        inside.set()
        assert go_on.wait(20)
        return verify(self, password)

    monkeypatch.setattr(Hash, "matches", slow)
    app = guarded(hashes_at_once=1)
    statuses: list[int] = []

    def request() -> None:
        statuses.append(ask(app, headers=basic("ann")).status)

    threads = [threading.Thread(target=request) for _ in range(8)]
    for thread in threads:
        thread.start()
    assert inside.wait(20)
    go_on.set()
    for thread in threads:
        thread.join()
    assert (statuses, tried) == ([200] * 8, [1])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "htpasswd"
    path.write_text(f"# the cellar\nann:{QUICK}\nbob:{HASHES['apr1']}\n")
    return path


def replace(file: Path, content: str) -> None:
    """Change a file as htpasswd does it, by another that takes its place."""
    other = file.with_suffix(".new")
    other.write_text(content)
    other.replace(file)


def test_users_are_read_from_a_file(file: Path) -> None:
    for path in (file, str(file)):
        app = guarded(users=path)
        assert ask(app, headers=basic("ann")).body == b"ann|Basic|-"
        assert ask(app, headers=basic("bob")).body == b"bob|Basic|-"
        assert ask(app, headers=basic("eve")).status == 401


def test_a_changed_file_is_read_again_and_nobody_is_remembered(file: Path) -> None:
    app = guarded(users=file)
    assert ask(app, headers=basic("ann")).status == 200
    replace(file, f"eve:{QUICK}\n")
    with pytest.raises(WouldBlock):
        in_loop(app, basic("ann"))
    assert ask(app, headers=basic("ann")).status == 401
    assert ask(app, headers=basic("eve")).status == 200
    assert in_loop(app, basic("eve")).status == 200
    replace(file, "")
    assert ask(app, headers=basic("eve")).status == 401


def test_a_change_that_cannot_be_read_is_told_once_and_the_users_stay(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    app = guarded(users=file)
    replace(file, "ann:secret\n")
    for _ in range(3):
        assert ask(app, headers=basic("ann")).status == 200
    file.unlink()
    for _ in range(3):
        assert ask(app, headers=basic("ann")).status == 200
    assert in_loop(app, basic("ann")).status == 200
    broken, gone = caplog.messages
    assert broken.startswith(
        f"The users stay as they were: {str(file)!r} is no file of users: Line 1: the hash is plain"
    )
    assert "secret" not in broken
    assert (
        gone == f"The users stay as they were: [Errno 2] No such file or directory: {str(file)!r}"
    )
    file.write_text(f"eve:{QUICK}\n")
    assert ask(app, headers=basic("ann")).status == 401
    assert len(caplog.messages) == 2


def test_a_change_is_read_by_one_thread_alone(file: Path) -> None:
    app = guarded(users=file)
    replace(file, f"eve:{QUICK}\n")
    statuses: list[int] = []

    def request() -> None:
        statuses.append(ask(app, headers=basic("eve")).status)

    users = app._users.__self__  # type: ignore[attr-defined]
    reads: list[int] = []
    read = users._read

    def counting() -> Users:
        reads.append(1)
        made: Users = read()
        return made

    users._read = counting
    with users._lock:  # all of them have seen the change, and wait
        threads = [threading.Thread(target=request) for _ in range(4)]
        for thread in threads:
            thread.start()
    for thread in threads:
        thread.join()
    assert (statuses, reads) == ([200] * 4, [1])


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        pytest.param("ann:secret", "Line 1: the hash is plain text", id="plain text"),
        pytest.param(f"ann:{QUICK}\nsecret", "Line 2: it is no 'name:hash'", id="no colon"),
        pytest.param("ann:$1$secret", "Line 1: the hash is MD5-crypt: use bcrypt", id="MD5"),
        pytest.param("a:$6$secret", "Line 1: the hash begins as one by sha512", id="a short hash"),
        pytest.param("a:{SHA}secret", "Line 1: the hash begins as one by ldap", id="no SHA-1"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(file: Path, content: str, sentence: str) -> None:
    file.write_text(content)
    with pytest.raises(ValueError, match=sentence) as error:
        guarded(users=file)
    assert str(error.value).startswith(f"{str(file)!r} is no file of users: ")
    assert "secret" not in str(error.value)


def test_a_file_that_is_not_there_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        guarded(users=tmp_path / "none")


@pytest.mark.parametrize(("missing", "kind"), [("passlib", "sha1"), ("bcrypt", "bcrypt")])
def test_a_missing_library_is_named_in_a_sentence(missing: str, kind: str) -> None:
    code = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        "from wsgistream import BasicAuthMiddleware\n"
        f"BasicAuthMiddleware(print, users={{'ann': {HASHES[kind]!r}}})\n"
    )
    command = [sys.executable, "-c", code]
    found = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT)
    assert found.returncode == 1
    assert found.stderr.splitlines()[-1] == (
        "ImportError: Passwords need a library: pip install 'wsgistream[auth]'."
    )


@needs("curl")
@pytest.mark.parametrize("server", [our_server, stock_waitress])
def test_curl_is_let_in_by_name_and_password(
    tmp_path: Path,
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
    server: Callable[[WSGIApp], AbstractContextManager[int]],
) -> None:
    tried: list[int] = []
    verify = Hash.matches

    def counting(self: Hash, password: bytes) -> bool:
        tried.append(1)
        return verify(self, password)

    monkeypatch.setattr(Hash, "matches", counting)
    (tmp_path / "big.bin").write_bytes(bytes(256 * 1024))
    with server(guarded(DirectoryApp(tmp_path), users=file)) as port:
        url = f"http://127.0.0.1:{port}/big.bin"
        code = ("curl", "-sS", "-o", os.devnull, "-w", "%{http_code} %{size_download}")
        assert run(*code, url) == "401 34"
        assert run(*code, "-u", "bob:no", url) == "401 34"
        assert run(*code, "-u", "eve:pw", url) == "401 34"
        assert len(tried) == 2
        for _ in range(2):
            assert run(*code, "-u", "bob:pw", url) == f"200 {256 * 1024}"
            assert run(*code, "-u", "bob:pw", "-r", "1000-1999", url) == "206 1000"
            assert run(*code, "-u", "bob:pw", "-I", url) == "200 0"
        assert len(tried) == 3
        assert run(*code, "--anyauth", "-u", "ann:pw", url) == f"200 {256 * 1024}"


def test_the_body_is_the_one_of_the_application() -> None:
    """What a server may send by itself, such as a file, is handed on as it is."""
    body = [b"x"]
    environ = make_environ(headers=basic("ann"))
    assert guarded(answering(body))(environ, lambda *_: lambda data: None) is body
