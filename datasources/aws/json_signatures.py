"""Signature Version 4 for POST requests of AWS's JSON protocols, in few steps: the day's key is made once a day."""

import hashlib
import hmac
import time

from botocore.credentials import ReadOnlyCredentials

ALGORITHM = "AWS4-HMAC-SHA256"


class JsonSigner:
    """Signs requests to one service of one region.

    Args:
        host: as the Host header says, with the port unless it is the scheme's own.
        content_type: of every request.
    """

    def __init__(self, service: str, region: str, host: str, content_type: str) -> None:
        self._scope = f"{region}/{service}/aws4_request"
        self._parts = (region.encode(), service.encode(), b"aws4_request")
        self._host = host
        self._content_type = content_type
        self._secret_and_day = ("", "")
        self._key = b""

    def headers(self, credentials: ReadOnlyCredentials, target: str, body: bytes, now: float) -> dict[str, str]:
        """All headers of the request but those of the transport.

        Args:
            target: the operation as X-Amz-Target names it.
            now: epoch seconds.
        """
        date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
        headers = {"Content-Type": self._content_type, "Host": self._host, "X-Amz-Date": date}
        if credentials.token:
            headers["X-Amz-Security-Token"] = credentials.token
        headers["X-Amz-Target"] = target
        names = ";".join(map(str.lower, headers))  # written in their order
        lines = "".join(f"{name.lower()}:{value}\n" for name, value in headers.items())
        canonical = f"POST\n/\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
        scope = f"{date[:8]}/{self._scope}"
        text = f"{ALGORITHM}\n{date}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        signature = hmac.digest(self._key_of(credentials.secret_key, date[:8]), text.encode(), "sha256").hex()
        headers["Authorization"] = (
            f"{ALGORITHM} Credential={credentials.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
        )
        return headers

    def _key_of(self, secret: str, day: str) -> bytes:
        if self._secret_and_day != (secret, day):
            key = f"AWS4{secret}".encode()
            for part in (day.encode(), *self._parts):
                key = hmac.digest(key, part, "sha256")
            self._key, self._secret_and_day = key, (secret, day)
        return self._key
