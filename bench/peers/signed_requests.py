"""DynamoDB by hand: the least that sends a signed request with aiohttp and orjson, and nothing for when it fails."""

import hashlib
import hmac
import time
from collections.abc import Mapping
from typing import Any

import aiohttp
import orjson


class SignedRequests:
    """One key, one region, one day."""

    def __init__(self, http: aiohttp.ClientSession, url: str, region: str, key: str, secret: str, token: str) -> None:
        self._http = http
        self._url = url
        self._host = url.removeprefix("http://")
        self._token = token
        self._day = time.strftime("%Y%m%d", time.gmtime())
        self._scope = f"{self._day}/{region}/dynamodb/aws4_request"
        self._credential = f"AWS4-HMAC-SHA256 Credential={key}/{self._scope}"
        signing_key = f"AWS4{secret}".encode()
        for part in self._scope.split("/"):
            signing_key = hmac.digest(signing_key, part.encode(), "sha256")
        self._signing_key = signing_key

    async def send(self, operation: str, request: Mapping[str, Any]) -> Any:
        body = orjson.dumps(request)
        date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        target = f"DynamoDB_20120810.{operation}"
        signed = "content-type;host;x-amz-date;x-amz-security-token;x-amz-target"
        canonical = (
            f"POST\n/\n\ncontent-type:application/x-amz-json-1.0\nhost:{self._host}\nx-amz-date:{date}\n"
            f"x-amz-security-token:{self._token}\nx-amz-target:{target}\n\n{signed}\n{hashlib.sha256(body).hexdigest()}"
        )
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        text = f"AWS4-HMAC-SHA256\n{date}\n{self._scope}\n{digest}"
        signature = hmac.digest(self._signing_key, text.encode(), "sha256").hex()
        headers = {
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Date": date,
            "X-Amz-Security-Token": self._token,
            "X-Amz-Target": target,
            "Authorization": f"{self._credential}, SignedHeaders={signed}, Signature={signature}",
        }
        async with self._http.post(self._url, data=body, headers=headers) as response:
            return orjson.loads(await response.read())
