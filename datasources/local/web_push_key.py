"""The key that signs pushes to browsers. Apart from web_push.py, whose libraries take long to import."""

import base64
import binascii

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def new_key() -> str:
    """A fresh signing key: 32 bytes as base64url."""
    private = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
    return _text(private.to_bytes(32, "big"))


def public_key(key: str) -> str:
    """What browsers take as `applicationServerKey`. Raises ValueError for a text that is no key."""
    try:
        number = int.from_bytes(base64.b64decode(f"{key}=", altchars=b"-_", validate=True), "big")
    except binascii.Error:
        raise ValueError("the key is no base64url") from None
    private = ec.derive_private_key(number, ec.SECP256R1())
    return _text(private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))


def _text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
