"""S3's wire on this machine: moto behind real HTTP, and before it what moto leaves out.

moto looks at no signature of a URL, knows an upload by its id alone, keeps no checksums of parts, and pages lists of
parts and uploads by rules of its own. It verifies no checksum either, and nothing here does.
"""

import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.sax.saxutils import escape

import aioboto3
import aiohttp
import moto.s3.models
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3.models import s3_backends
from werkzeug.serving import WSGIRequestHandler, make_server

from datasources.aws.buckets import Buckets
from datasources.aws.s3 import S3Store, open_s3
from tests.blob_stores import MIN_PART_BYTES, Site
from tests.s3_signatures import refusal

REGION = "eu-central-1"
BUCKET = "files"
PREFIX = "school/"
ALGORITHMS = ("SHA256", "CRC32C", "CRC32", "CRC64NVME")
_SECRET = "emulated"
_ACCOUNT = "123456789012"

Environ = dict[str, Any]
Respond = Callable[..., Any]
Answer = tuple[int, str]
"""Status and body."""


class S3Emulator:
    """One server with one bucket; it answers one request after the other.

    Attributes:
        url: for `endpoint_url`.
        session: with made-up keys.
        key_id, secret: those keys.
        later: seconds by which the emulator's clock is ahead, for URLs that expire.
        requests: that were answered, as method and target.
        faults: parts of targets; a request for such a one fails, once for each that is listed.
    """

    def __init__(self) -> None:
        self.key_id, self.secret = "emulated", _SECRET
        self.session = aioboto3.Session(self.key_id, self.secret, region_name=REGION)
        # Nothing is encrypted here; reading the certificates for each client takes longer than most tests.
        self.session._session.set_config_variable("ca_bundle", False)
        self.later = 0.0
        self.url = ""
        self.requests: list[str] = []
        self.faults: list[str] = []
        self._part_checksums: dict[tuple[str, int], tuple[str, str]] = {}
        self._lock = threading.Lock()
        moto.s3.models.S3_UPLOAD_PART_MIN_SIZE = MIN_PART_BYTES
        self._moto = DomainDispatcherApplication(create_backend_app)

    def empty(self, *further: str) -> None:
        """Only the bucket is there, and further ones; nothing is in them."""
        with self._lock:
            self.later = 0.0
            self.requests.clear()
            self.faults.clear()
            self._part_checksums.clear()
            self._backend.reset()
            for bucket in (BUCKET, *further):
                self._backend.create_bucket(bucket, REGION)

    @property
    def _backend(self) -> Any:
        return s3_backends[_ACCOUNT]["aws"]

    @contextmanager
    def running(self) -> Iterator[None]:
        server = make_server("127.0.0.1", 0, self, threaded=True, request_handler=_Handler)
        self.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()

    def __call__(self, environ: Environ, respond: Respond) -> Iterable[bytes]:
        with self._lock:
            self.requests.append(f"{environ['REQUEST_METHOD']} {environ['REQUEST_URI']}")
            answer = self._answer(environ)
            if answer is None:
                return list(self._moto(environ, respond))
        status, text = answer
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        body = f'<?xml version="1.0" encoding="UTF-8"?>{text}'.encode()
        respond(f"{status} ...", [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
        return [body]

    def _answer(self, environ: Environ) -> Answer | None:
        """What moto would not say; None to have it asked."""
        for fault in self.faults:
            if fault in environ["REQUEST_URI"]:
                self.faults.remove(fault)
                return _error(500, "InternalError")
        target, headers = urlsplit(environ["REQUEST_URI"]), _headers(environ)
        query = dict(parse_qsl(target.query, keep_blank_values=True))
        if "authorization" not in headers:
            now = datetime.now(UTC).timestamp() + self.later
            refused = refusal(environ["REQUEST_METHOD"], target, headers, secret=_SECRET, now=now)
            if refused is not None:
                return _error(*refused)
        bucket, _, key = unquote(target.path).removeprefix("/").partition("/")
        if "uploadId" in query:
            upload = self._uploads(bucket).get(query["uploadId"])
            if upload is None or upload.key_name != key:
                return _error(404, "NoSuchUpload")
            if environ["REQUEST_METHOD"] == "GET":
                return self._parts(upload, int(query.get("part-number-marker") or 0), int(query["max-parts"]))
        if "uploads" in query and environ["REQUEST_METHOD"] == "GET":
            return self._open_uploads(bucket, query)
        self._note_checksum(environ, headers, query)
        return None

    def _uploads(self, bucket: str) -> dict[str, Any]:
        uploads: dict[str, Any] = self._backend.get_bucket(bucket).multiparts
        return uploads

    def _note_checksum(self, environ: Environ, headers: dict[str, str], query: dict[str, str]) -> None:
        for algorithm in ALGORITHMS:
            value = headers.get(f"x-amz-checksum-{algorithm.lower()}")
            if value is not None:
                # moto keeps a file's checksum only if the SDK's header names it too, which S3 does not ask for.
                environ.setdefault("HTTP_X_AMZ_SDK_CHECKSUM_ALGORITHM", algorithm)
                if "partNumber" in query:
                    self._part_checksums[query["uploadId"], int(query["partNumber"])] = algorithm, value

    def _parts(self, upload: Any, after: int, limit: int) -> Answer:
        numbers = [number for number in upload.partlist if number > after]
        shown = "".join(self._part(upload, number) for number in numbers[:limit])
        truncated = str(len(numbers) > limit).lower()
        return 200, f"<ListPartsResult><IsTruncated>{truncated}</IsTruncated>{shown}</ListPartsResult>"

    def _part(self, upload: Any, number: int) -> str:
        part = upload.parts[number]
        algorithm, value = self._part_checksums.get((upload.id, number), ("", ""))
        checksum = f"<Checksum{algorithm}>{value}</Checksum{algorithm}>" if value else ""
        return (
            f"<Part><PartNumber>{number}</PartNumber><LastModified>{part.last_modified_ISO8601}</LastModified>"
            f"<ETag>{escape(part.etag)}</ETag><Size>{part.size}</Size>{checksum}</Part>"
        )

    def _open_uploads(self, bucket: str, query: dict[str, str]) -> Answer:
        after = (query.get("key-marker", ""), query.get("upload-id-marker", ""))
        found = sorted((upload.key_name, upload_id) for upload_id, upload in self._uploads(bucket).items())
        shown = [pair for pair in found if pair > after and pair[0].startswith(query.get("prefix", ""))]
        listed = "".join(
            f"<Upload><Key>{escape(key)}</Key><UploadId>{upload_id}</UploadId>"
            "<Initiated>2026-11-21T12:00:00.000Z</Initiated></Upload>"
            for key, upload_id in shown[: int(query["max-uploads"])]
        )
        return 200, f"<ListMultipartUploadsResult>{listed}</ListMultipartUploadsResult>"


def _error(status: int, code: str) -> Answer:
    return status, f"<Error><Code>{code}</Code><Message>refused</Message></Error>"


def _headers(environ: Environ) -> dict[str, str]:
    """By their names in small letters."""
    headers = {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name.startswith("HTTP_")}
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if name in environ:
            headers[name.replace("_", "-").lower()] = environ[name]
    return headers


class _Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *_: object) -> None:
        """Not a word for each request."""


@contextmanager
def running_s3() -> Iterator[S3Emulator]:
    emulator = S3Emulator()
    with emulator.running():
        yield emulator


class S3Site(Site):
    """A bucket behind the emulator."""

    def __init__(self, store: S3Store, client: aiohttp.ClientSession, emulator: S3Emulator) -> None:
        super().__init__(store, client)
        self.s3 = store
        self.emulator = emulator

    def pass_time(self, seconds: float) -> None:
        self.emulator.later += seconds

    async def empty(self) -> None:
        self.emulator.empty()


@asynccontextmanager
async def s3_site(
    emulator: S3Emulator, *, others: Mapping[str, str] | None = None, **chosen: Any
) -> AsyncIterator[S3Site]:
    """A store over an empty bucket.

    Args:
        others: further buckets, by the beginnings of their keys.
        chosen: of `open_s3`.
    """
    emulator.empty(*(others or {}).values())
    given: dict[str, Any] = {"endpoint_url": emulator.url, "min_part_bytes": MIN_PART_BYTES, **chosen}
    opened = open_s3(Buckets(BUCKET, PREFIX, others or {}), region=REGION, session=emulator.session, **given)
    async with opened as store, aiohttp.ClientSession() as client:
        yield S3Site(store, client, emulator)
