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
        self._always = {"Content-Type": content_type, "Host": host}
        self._lines = f"content-type:{content_type}\nhost:{host}\n"
        self._secret_and_day = ("", "")
        self._key = b""

    def headers(self, credentials: ReadOnlyCredentials, target: str, body: bytes, now: float) -> dict[str, str]:
        """All headers of the request but those of the transport.

        Args:
            target: the operation as X-Amz-Target names it.
            now: epoch seconds.
        """
        date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
        day = date[:8]
        headers = {**self._always, "X-Amz-Date": date, "X-Amz-Target": target}
        names, token = "content-type;host;x-amz-date;x-amz-target", ""
        if credentials.token:
            headers["X-Amz-Security-Token"] = credentials.token
            names = "content-type;host;x-amz-date;x-amz-security-token;x-amz-target"
            token = f"x-amz-security-token:{credentials.token}\n"
        lines = f"{self._lines}x-amz-date:{date}\n{token}x-amz-target:{target}\n"
        canonical = f"POST\n/\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
        scope = f"{day}/{self._scope}"
        text = f"{ALGORITHM}\n{date}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        signature = hmac.digest(self._key_of(credentials.secret_key, day), text.encode(), "sha256").hex()
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
