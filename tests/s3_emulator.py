"""S3's wire on this machine: moto behind real HTTP, and before it what moto leaves out.

moto looks at no signature of a URL, which is all that keeps clients to the size and type that were signed. Everything
else is moto's answer.
"""

import hashlib
import hmac
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import aioboto3
import aiohttp
import moto.s3.models
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3.models import s3_backends
from werkzeug.serving import WSGIRequestHandler, make_server

from datasources.aws.s3 import S3Store, open_s3
from tests.blob_stores import MIN_PART_BYTES, Site

REGION = "eu-central-1"
BUCKET = "files"
PREFIX = "school/"
_SECRET = "emulated"
_ACCOUNT = "123456789012"

Environ = dict[str, Any]
Respond = Callable[..., Any]


class S3Emulator:
    """One server with one bucket.

    Attributes:
        url: for `endpoint_url`.
        session: with made-up keys.
        later: seconds by which the emulator's clock is ahead, for URLs that expire.
    """

    def __init__(self) -> None:
        self.session = aioboto3.Session("emulated", _SECRET, region_name=REGION)
        # Nothing is encrypted here; reading the certificates for each client takes longer than most tests.
        self.session._session.set_config_variable("ca_bundle", False)
        self.later = 0.0
        self.url = ""
        self.requests: list[str] = []
        moto.s3.models.S3_UPLOAD_PART_MIN_SIZE = MIN_PART_BYTES
        self._moto = DomainDispatcherApplication(create_backend_app)

    @property
    def backend(self) -> Any:
        """moto's own state."""
        return s3_backends[_ACCOUNT]["aws"]

    def empty(self) -> None:
        self.later = 0.0
        self.requests.clear()
        self.backend.reset()
        self.backend.create_bucket(BUCKET, REGION)

    @contextmanager
    def running(self) -> Iterator[None]:
        server = make_server("127.0.0.1", 0, self, threaded=True, request_handler=_Quiet)
        self.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()

    def __call__(self, environ: Environ, respond: Respond) -> Iterable[bytes]:
        self.requests.append(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}")
        try:
            refusal = self._refusal(environ)
        except (KeyError, ValueError):
            refusal = "400 Bad Request", "AuthorizationQueryParametersError"
        if refusal is not None:
            status, code = refusal
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>refused</Message></Error>".encode()
            respond(status, [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
            return [body]
        _name_checksum(environ)
        answer: Iterable[bytes] = self._moto(environ, respond)
        return answer

    def _refusal(self, environ: Environ) -> tuple[str, str] | None:
        """What S3 says to a signed URL that is not used as it was signed."""
        target = urlsplit(environ["REQUEST_URI"])
        query = dict(parse_qsl(target.query, keep_blank_values=True))
        if "HTTP_AUTHORIZATION" in environ:
            return None
        if "X-Amz-Signature" not in query:
            return "403 Forbidden", "AccessDenied"
        signed = query["X-Amz-SignedHeaders"].split(";")
        headers = _headers(environ)
        if any(name.startswith("x-amz-") and name not in signed for name in headers):
            return "403 Forbidden", "AccessDenied"
        if not hmac.compare_digest(
            _signature(environ["REQUEST_METHOD"], target, query, headers), query["X-Amz-Signature"]
        ):
            return "403 Forbidden", "SignatureDoesNotMatch"
        signed_at = datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
        if datetime.now(UTC).timestamp() + self.later > signed_at + int(query["X-Amz-Expires"]):
            return "403 Forbidden", "AccessDenied"
        return None


def _name_checksum(environ: Environ) -> None:
    """moto keeps a checksum only if its algorithm is named in the SDK's header too, which S3 does not ask for."""
    for algorithm in ("SHA256", "CRC32C", "CRC32", "CRC64NVME"):
        if f"HTTP_X_AMZ_CHECKSUM_{algorithm}" in environ:
            environ.setdefault("HTTP_X_AMZ_SDK_CHECKSUM_ALGORITHM", algorithm)


def _headers(environ: Environ) -> dict[str, str]:
    headers = {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name.startswith("HTTP_")}
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if name in environ:
            headers[name.replace("_", "-").lower()] = environ[name]
    return headers


def _signature(method: str, target: Any, query: Mapping[str, str], headers: Mapping[str, str]) -> str:
    """Signature Version 4 in the query, from what arrived."""
    _, day, region, service, end = query["X-Amz-Credential"].split("/")
    pairs = sorted((_encoded(name), _encoded(value)) for name, value in query.items() if name != "X-Amz-Signature")
    names = query["X-Amz-SignedHeaders"].split(";")
    canonical = "\n".join(
        [
            method,
            quote(unquote(target.path), safe="/-_.~"),
            "&".join(f"{name}={value}" for name, value in pairs),
            *(f"{name}:{' '.join(headers.get(name, '').split())}" for name in names),
            "",
            ";".join(names),
            "UNSIGNED-PAYLOAD",
        ]
    )
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = "\n".join(["AWS4-HMAC-SHA256", query["X-Amz-Date"], f"{day}/{region}/{service}/{end}", digest])
    key = f"AWS4{_SECRET}".encode()
    for part in (day, region, service, end, text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key.hex()


def _encoded(text: str) -> str:
    return quote(text, safe="-_.~")


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *_: object) -> None:
        """Not a word for each request."""


@contextmanager
def running_s3() -> Iterator[S3Emulator]:
    emulator = S3Emulator()
    with emulator.running():
        yield emulator


@asynccontextmanager
async def emulated_s3(emulator: S3Emulator, **chosen: Any) -> AsyncIterator[S3Store]:
    """A store over an empty bucket."""
    emulator.empty()
    opened = open_s3(
        BUCKET,
        region=REGION,
        prefix=PREFIX,
        endpoint_url=emulator.url,
        min_part_bytes=MIN_PART_BYTES,
        session=emulator.session,
        **chosen,
    )
    async with opened as store:
        yield store


class S3Site(Site):
    """A bucket behind the emulator."""

    def __init__(self, store: S3Store, client: aiohttp.ClientSession, emulator: S3Emulator) -> None:
        super().__init__(store, client)
        self.emulator = emulator

    def pass_time(self, seconds: float) -> None:
        self.emulator.later += seconds


@asynccontextmanager
async def s3_site(emulator: S3Emulator, **chosen: Any) -> AsyncIterator[S3Site]:
    async with emulated_s3(emulator, **chosen) as store, aiohttp.ClientSession() as client:
        yield S3Site(store, client, emulator)
