"""A clock that stands still, and keys that are made once."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from app.auth.local_issuer import LocalIssuer
from tests.app.auth.signing import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def pool_key() -> rsa.RSAPrivateKey:
    """The key of the issuer that is trusted."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="session")
def strange_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="session")
def curve_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
def issuer(pool_key: rsa.RSAPrivateKey, clock: Clock) -> LocalIssuer:
    return LocalIssuer(pool_key, clock)
