"""Names and passwords: what a client sends, and what a file of users holds."""

from __future__ import annotations

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsgistream.rules.credentials import (
    LONGEST,
    BadLine,
    Credentials,
    NotCredentials,
    UnknownHash,
    challenge,
    kind_of,
    parse_basic,
    parse_htpasswd,
)


def basic(decoded: str | bytes, scheme: str = "Basic ") -> str:
    raw = decoded.encode() if isinstance(decoded, str) else decoded
    return scheme + b64encode(raw).decode()


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        # RFC 7617 §2 and §2.1
        pytest.param("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", ("Aladdin", "open sesame"), id="a name"),
        pytest.param("Basic dGVzdDoxMjPCow==", ("test", "123£"), id="a sign beyond ASCII"),
        pytest.param(basic("a:b", "basic "), ("a", "b"), id="a scheme in small letters"),
        pytest.param(basic("a:b", "BASIC "), ("a", "b"), id="a scheme in capital letters"),
        pytest.param(basic("a:b", "Basic    "), ("a", "b"), id="several spaces"),
        pytest.param(basic("a:b:c"), ("a", "b:c"), id="a colon in the password"),
        pytest.param(basic("a:"), ("a", ""), id="an empty password"),
        pytest.param(basic(":b"), ("", "b"), id="an empty name"),
        pytest.param(basic("é:é"), ("é", "é"), id="a letter of two code points"),
        pytest.param(basic("a:" + "b" * (LONGEST - 2)), ("a", "b" * (LONGEST - 2)), id="longest"),
    ],
)
def test_credentials_are_read(field: str, expected: tuple[str, str]) -> None:
    assert parse_basic(field) == expected


@pytest.mark.parametrize(
    "field",
    [
        pytest.param("", id="nothing"),
        pytest.param("Basic", id="the scheme alone"),
        pytest.param("Basic ", id="no credentials"),
        pytest.param("QTpi", id="no scheme"),
        pytest.param(basic("a:b", "Bearer "), id="another scheme"),
        pytest.param(basic("a:b", "Basic"), id="no space"),
        pytest.param(basic("a:b", "Basic\t"), id="a tab"),
        pytest.param(basic("a:b", " Basic "), id="a space before it"),
        pytest.param(basic("a:b") + " ", id="a space after it"),
        pytest.param(basic("a:b") + "\n", id="an end of line after it"),
        pytest.param("Basic QWxh ZGRpbjpv", id="a space in it"),
        pytest.param("Basic QTpi, Basic QTpi", id="two of them"),
        pytest.param("Basic QTp", id="no padding"),
        pytest.param("Basic QTpi=", id="too much padding"),
        pytest.param("Basic QTpi====", id="padding alone"),
        pytest.param("Basic A", id="one letter"),
        pytest.param("Basic Qé==", id="a letter that is none of base64"),
        pytest.param("Basic Q_-=", id="another alphabet"),
        pytest.param(basic("no colon"), id="no colon"),
        pytest.param(basic("a\0:b"), id="NUL in the name"),
        pytest.param(basic("a:b\0"), id="NUL in the password"),
        pytest.param(basic("a:b\n"), id="an end of line in the password"),
        pytest.param(basic("a:b\x7f"), id="a control character in the password"),
        pytest.param(basic("a:\xe9".encode("latin-1")), id="not UTF-8"),
        pytest.param(basic(b"a:\xed\xa0\x80"), id="a surrogate"),
        pytest.param(basic("a:" + "b" * (LONGEST - 1)), id="too long"),
        pytest.param(basic("a:" + "b" * LONGEST * 5), id="far too long"),
        pytest.param(basic("a:" + "\ufb2c" * 300), id="too long in its normal form"),
    ],
)
def test_what_holds_no_credentials_is_told(field: str) -> None:
    with pytest.raises(NotCredentials):
        parse_basic(field)


@given(
    field=st.text()
    | st.from_regex(r"\ABasic [A-Za-z0-9+/]*={0,3}\Z")
    | st.binary().map(basic)
    | st.text().map(lambda text: basic(text.encode("utf-8", "surrogatepass") + b":"))
)
def test_any_field_holds_credentials_or_none(field: str) -> None:
    try:
        name, password = parse_basic(field)
    except NotCredentials:
        return
    assert ":" not in name
    assert len(f"{name}:{password}".encode()) <= LONGEST


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(b"", {}, id="nothing"),
        pytest.param(b"a:1", {"a": "1"}, id="one line without an end"),
        pytest.param(b"a:1\nb:2\n", {"a": "1", "b": "2"}, id="two lines"),
        pytest.param(b"a:1\r\nb:2\r\n", {"a": "1", "b": "2"}, id="lines of another system"),
        pytest.param(b"\xef\xbb\xbfa:1\n", {"a": "1"}, id="a mark of the encoding"),
        pytest.param(b"# x:y\n\n \na:1 \n", {"a": "1"}, id="comments, and lines of nothing"),
        pytest.param(b"a:1:of the cellar:x\n", {"a": "1"}, id="a remark"),
        pytest.param(b"a b:1\n#a:1\n a:1\n", {"a b": "1", " a": "1"}, id="a name with spaces"),
        pytest.param("e\u0301:1\n".encode(), {"é": "1"}, id="a letter of two code points"),
        pytest.param("a\u2028b:1\n".encode(), {"a\u2028b": "1"}, id="a separator in a name"),
    ],
)
def test_a_file_of_users_is_read(data: bytes, expected: dict[str, str]) -> None:
    assert parse_htpasswd(data, str) == expected


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        pytest.param(b"secret", "Line 1: it is no 'name:hash'.", id="no colon, and no hash"),
        pytest.param(b"\n\n:secret\n", "Line 3: it is no 'name:hash'.", id="no name"),
        pytest.param(b"a\0:secret", "Line 1: it is no 'name:hash'.", id="a control character"),
        pytest.param(b"a:1\na\xff:secret", "Line 2: it is not in UTF-8.", id="not UTF-8"),
        pytest.param(b"a:1\nb:2\na:secret", "Line 3: an earlier line has the same name.", id="two"),
        pytest.param(
            "é:1\ne\u0301:secret".encode(),
            "Line 2: an earlier line has the same name.",
            id="two that look the same",
        ),
        pytest.param(b"a:1\nb:no", "Line 2: no hash.", id="a hash that is refused"),
    ],
)
def test_a_line_that_cannot_be_read_is_told_by_its_number(data: bytes, sentence: str) -> None:
    def read(text: str) -> str:
        if text == "no":
            raise ValueError("no hash.")
        return text

    with pytest.raises(BadLine) as error:
        parse_htpasswd(data, read)
    assert str(error.value) == sentence


@given(data=st.binary() | st.text(st.sampled_from("ab:#\n $\xe9{}SHA256y")).map(str.encode))
def test_any_file_is_read_or_refused_in_a_sentence(data: bytes) -> None:
    try:
        users = parse_htpasswd(data, kind_of)
    except BadLine as error:
        assert str(error).startswith("Line ")  # noqa: PT017
    else:
        assert all(users)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("$2a$05$x", "bcrypt"),
        ("$2b$05$x", "bcrypt"),
        ("$2y$05$x", "bcrypt"),
        ("$argon2id$x", "argon2"),
        ("$argon2i$x", "argon2"),
        ("$argon2d$x", "argon2"),
        ("$apr1$x", "apr_md5_crypt"),
        ("$5$x", "sha256_crypt"),
        ("$6$x", "sha512_crypt"),
        ("{SHA}x", "ldap_sha1"),
    ],
)
def test_a_hash_is_of_a_kind(text: str, kind: str) -> None:
    assert kind_of(text) == kind


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("$1$secret", "MD5-crypt"),
        ("$7$secret", "scrypt"),
        ("$y$secret", "yescrypt"),
        ("$gy$secret", "gost-yescrypt"),
        ("$sha1$secret", "SHA-1-crypt"),
        ("{SSHA}secret", "salted SHA-1"),
        ("secret", "plain text, or of a kind that is not known"),
        ("$2x$secret", "plain text, or of a kind that is not known"),
        ("", "plain text, or of a kind that is not known"),
    ],
)
def test_a_hash_of_another_kind_is_refused_by_the_name_of_its_kind(text: str, kind: str) -> None:
    with pytest.raises(UnknownHash) as error:
        kind_of(text)
    assert str(error.value) == f"the hash is {kind}: use bcrypt, as htpasswd -B does."


@pytest.mark.parametrize(
    ("realm", "value"),
    [
        pytest.param("Restricted", 'Basic realm="Restricted", charset="UTF-8"', id="a word"),
        pytest.param(
            'The "a\\b" files', r'Basic realm="The \"a\\b\" files", charset="UTF-8"', id="marks"
        ),
    ],
)
def test_a_realm_is_quoted(realm: str, value: str) -> None:
    assert challenge(realm) == ("WWW-Authenticate", value)


@pytest.mark.parametrize("realm", ["", "é", "a\nb", "a\x7f", "a\n"])
def test_a_realm_that_cannot_be_sent_is_refused(realm: str) -> None:
    with pytest.raises(ValueError, match="A realm is printable ASCII, not "):
        challenge(realm)


def test_credentials_are_a_name_and_a_password() -> None:
    assert Credentials("a", "b") == ("a", "b")
