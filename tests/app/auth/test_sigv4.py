"""Requests signed as AWS's own library signs them, and every change that has to break the signature."""

import hashlib
import hmac
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

import botocore.auth
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as AwsCredentials
from hypothesis import given, settings
from hypothesis import strategies as st

from app.auth.config import IamConfig, IamKey
from app.auth.credentials import Credentials
from app.auth.sigv4 import SignatureVerifier, canonical_request
from domain.callers import Caller, Mode
from tests.app.auth.signing import NOW, Clock

KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
BODY = b'{"query":"mutation { publishCourse(id: \\"1\\") { id } }"}'
URL = "http://localhost:8000/graphql"


@pytest.fixture(autouse=True)
def signers_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda *_: datetime.fromtimestamp(NOW, UTC))


def verifier(clock: Clock | None = None, *, token: str | None = None, region: str | None = None) -> SignatureVerifier:
    return SignatureVerifier(IamConfig({KEY: IamKey(SECRET, token)}, region), clock or Clock())


def sign(
    url: str = URL,
    *,
    method: str = "POST",
    body: bytes = BODY,
    headers: dict[str, str] | None = None,
    key: str = KEY,
    secret: str = SECRET,
    token: str | None = None,
    service: str = "appsync",
    region: str = "us-east-1",
) -> AWSRequest:
    request = AWSRequest(method=method, url=url, data=body, headers=headers or {"content-type": "application/json"})
    SigV4Auth(AwsCredentials(key, secret, token), service, region).add_auth(request)
    return request


def arrived(request: AWSRequest, **changes: Any) -> Credentials:
    """The request as a server gets it: with a Host header, and those that no client signs."""
    parts = urlsplit(request.url)
    headers = [("host", parts.netloc), ("user-agent", "boto"), ("connection", "keep-alive")]
    headers += [(name.lower(), value) for name, value in request.headers.items()]
    fields = {"method": request.method, "path": parts.path or "/", "query": parts.query, "headers": tuple(headers)}
    return Credentials(**(fields | {"body": request.data} | changes))


def with_header(credentials: Credentials, name: str, value: str | None) -> tuple[tuple[str, str], ...]:
    rest = tuple(pair for pair in credentials.headers if pair[0] != name)
    return rest if value is None else (*rest, (name, value))


def test_a_signed_request_is_a_backends() -> None:
    assert verifier().verify(arrived(sign())) == Caller(Mode.IAM)


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "application/json; charset=UTF-8"},  # Amplify
        {
            "accept": "application/json, text/javascript",
            "content-type": "application/json; charset=UTF-8",
        },  # Apollo's link
        {
            "content-encoding": "amz-1.0",
            "accept": "application/json, text/javascript",
            "x-amz-user-agent": "aws-amplify/6",
        },
        {"x-padded": "   a    b \t c  "},
    ],
)
def test_any_set_of_signed_headers_is_good(headers: dict[str, str]) -> None:
    request = sign(headers=headers)

    assert all(name in request.headers["Authorization"] for name in (*headers, "host", "x-amz-date"))
    assert verifier().verify(arrived(request)) is not None


def test_a_socket_signs_as_if_it_posted() -> None:
    connect = sign("http://localhost:8000/graphql/connect", body=b"{}")
    header = {name.lower(): value for name, value in connect.headers.items()} | {"host": "localhost:8000"}

    def claimed(path: str, body: bytes) -> Credentials:
        return Credentials("POST", path, headers=tuple(header.items()), body=body)

    assert verifier().verify(claimed("/graphql/connect", b"{}")) is not None
    assert verifier().verify(claimed("/graphql", b"{}")) is None
    assert verifier().verify(claimed("/graphql/connect", b"{ }")) is None


def test_a_header_that_is_repeated_is_signed_in_order() -> None:
    request = AWSRequest(method="POST", url=URL, data=BODY, headers={})
    for value in ("b", " a  c "):
        request.headers["X-Many"] = value
    SigV4Auth(AwsCredentials(KEY, SECRET), "appsync", "us-east-1").add_auth(request)
    credentials = arrived(request)

    assert len(credentials.values("x-many")) == 2
    assert verifier().verify(credentials) is not None
    swapped = tuple(reversed(credentials.headers))
    assert verifier().verify(arrived(request, headers=swapped)) is None


# Text that a URL may hold, as clients write it: every other character percent-encoded.
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
paths = st.lists(
    st.one_of(words.map(lambda word: quote(word, safe="-_.~")), st.sampled_from([".", "..", "", "%25", "%2F"])),
    max_size=6,
)
queries = st.lists(st.tuples(words, words), max_size=5)
header_values = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30)
header_names = st.from_regex(r"x-[a-z][a-z0-9-]{0,10}", fullmatch=True).filter(
    lambda name: not name.startswith("x-amz")
)


@settings(max_examples=3 * settings.default.max_examples)
@given(
    path=paths,
    query=queries,
    headers=st.dictionaries(header_names, header_values, max_size=4),
    body=st.binary(max_size=50),
    method=st.sampled_from(["GET", "POST"]),
)
def test_whatever_aws_signs_is_verified(
    path: list[str], query: list[tuple[str, str]], headers: dict[str, str], body: bytes, method: str
) -> None:
    text = "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in query)
    request = sign(
        f"http://localhost:8000/{'/'.join(path)}" + (f"?{text}" if text else ""),
        method=method,
        body=body,
        headers={"content-type": "application/json"} | headers,
    )
    credentials = arrived(request)

    assert verifier().verify(credentials) is not None
    changed = arrived(request, body=body + b" ")
    assert verifier().verify(changed) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"method": "GET"},
        {"path": "/graphql/"},
        {"path": "/graphql2"},
        {"path": "/%67raphql"},
        {"query": "a=1"},
        {"body": BODY + b" "},
        {"body": b""},
    ],
)
def test_a_changed_request_is_refused(changes: dict[str, Any]) -> None:
    assert verifier().verify(arrived(sign(), **changes)) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("host", "localhost:8001"),
        ("host", None),
        ("content-type", "text/plain"),
        ("content-type", None),
        ("x-amz-date", "20261121T100001Z"),
        ("x-amz-date", None),
        ("x-amz-date", "Sat, 21 Nov 2026 10:00:00 GMT"),
        ("x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
        ("x-amz-content-sha256", hashlib.sha256(b"other").hexdigest()),
        ("x-amz-security-token", "stolen"),
    ],
)
def test_a_changed_header_is_refused(name: str, value: str | None) -> None:
    credentials = arrived(sign())

    assert verifier().verify(arrived(sign(), headers=with_header(credentials, name, value))) is None


def test_a_header_that_nobody_signed_may_change() -> None:
    credentials = arrived(sign())

    assert verifier().verify(arrived(sign(), headers=with_header(credentials, "user-agent", "other"))) is not None


def test_a_payload_hash_that_is_sent_has_to_be_the_bodys() -> None:
    honest = sign(headers={"x-amz-content-sha256": hashlib.sha256(BODY).hexdigest()})
    unsigned = sign(headers={"x-amz-content-sha256": "UNSIGNED-PAYLOAD"})

    assert verifier().verify(arrived(honest)) is not None
    assert verifier().verify(arrived(unsigned)) is None


@pytest.mark.parametrize(
    "signer",
    [
        {"secret": "other"},
        {"key": "AKIDOTHER"},
        {"service": "execute-api"},
        {"service": "s3"},
        {"token": "session"},
    ],
)
def test_a_foreign_signature_is_refused(signer: dict[str, str]) -> None:
    assert verifier().verify(arrived(sign(**signer))) is None  # type: ignore[arg-type]


def test_a_deployment_may_insist_on_its_region() -> None:
    assert verifier(region="us-east-1").verify(arrived(sign())) is not None
    assert verifier(region="eu-west-1").verify(arrived(sign())) is None


def test_a_temporary_key_needs_its_session_token() -> None:
    temporary = verifier(token="session")

    assert temporary.verify(arrived(sign(token="session"))) is not None
    assert temporary.verify(arrived(sign(token="other"))) is None
    assert temporary.verify(arrived(sign())) is None


@pytest.mark.parametrize(("skew", "good"), [(300, True), (-300, True), (301, False), (-301, False), (86_400, False)])
def test_a_signature_is_good_for_five_minutes(skew: int, good: bool) -> None:
    clock = Clock()
    clock.time += skew

    assert (verifier(clock).verify(arrived(sign())) is not None) is good


def signed_by_hand(names: list[str], *, day: str = "20261121") -> Credentials:
    """A request with a correct signature of the configured key over just these headers."""
    headers = (("host", "localhost:8000"), ("x-amz-date", "20261121T100000Z"), ("x-app", "1"))
    unsigned = Credentials("POST", "/graphql", headers=headers, body=BODY)
    request = canonical_request(unsigned, tuple(names), hashlib.sha256(BODY).hexdigest())
    assert request is not None
    scope = f"{day}/us-east-1/appsync/aws4_request"
    text = "\n".join(("AWS4-HMAC-SHA256", "20261121T100000Z", scope, hashlib.sha256(request).hexdigest()))
    key = f"AWS4{SECRET}".encode()
    for part in (*scope.split("/"), text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    claim = f"AWS4-HMAC-SHA256 Credential={KEY}/{scope}, SignedHeaders={';'.join(names)}, Signature={key.hex()}"
    return Credentials("POST", "/graphql", headers=(*headers, ("authorization", claim)), body=BODY)


def test_host_and_date_have_to_be_signed() -> None:
    assert verifier().verify(signed_by_hand(["host", "x-amz-date", "x-app"])) is not None
    assert verifier().verify(signed_by_hand(["host", "x-amz-date"])) is not None
    assert verifier().verify(signed_by_hand(["x-amz-date", "x-app"])) is None
    assert verifier().verify(signed_by_hand(["host", "x-app"])) is None


def test_signed_headers_are_listed_once_and_in_order() -> None:
    assert verifier().verify(signed_by_hand(["x-amz-date", "host"])) is None
    assert verifier().verify(signed_by_hand(["host", "host", "x-amz-date"])) is None


def test_the_scope_names_the_day_of_the_date() -> None:
    assert verifier().verify(signed_by_hand(["host", "x-amz-date"], day="20261120")) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("content-type;host;x-amz-date", "content-type;x-amz-date"),
        ("content-type;host;x-amz-date", "content-type;host"),
        ("content-type;host;x-amz-date", "host;content-type;x-amz-date"),
        ("content-type;host;x-amz-date", "content-type;host;host;x-amz-date"),
        ("content-type;host;x-amz-date", "content-type;host;x-amz-date;x-none"),
        ("content-type;host;x-amz-date", ""),
        ("aws4_request", "aws4"),
        ("Signature=", "Signature=00"),
        ("Signature=", "Sig="),
        ("SignedHeaders", "Headers"),
        (KEY, ""),
        (KEY, "a" * 5000),
        ("/us-east-1/", "/US EAST/"),
        ("AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA256"),
        ("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"),
    ],
)
def test_a_malformed_authorization_is_refused(old: str, new: str) -> None:
    credentials = arrived(sign())
    authorization = credentials.value("authorization") or ""
    assert old in authorization

    changed = with_header(credentials, "authorization", authorization.replace(old, new))
    assert verifier().verify(arrived(sign(), headers=changed)) is None


def test_secrets_do_not_show() -> None:
    config = IamConfig({KEY: IamKey(SECRET, "session")})

    assert SECRET not in repr(config)
    assert "session" not in repr(config.keys[KEY])
    assert KEY not in repr(arrived(sign()))
