"""https for one machine: an authority of our own, made once in DATA_DIR, and a certificate that it signs.

Some clients know only https and wss. The authority's key stays in DATA_DIR, readable by us alone: whoever has
it can sign for any name to those who trust `ca.pem`.
"""

import ipaddress
import socket
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from app.key_file import KeyFileFault, make_folder, replace, write_once

AUTHORITY_DAYS = 3_650
CERTIFICATE_DAYS = 365
"""Browsers take none that is valid much longer."""
_CLOCK_SKEW = timedelta(hours=1)


class LocalTls(msgspec.Struct, frozen=True):
    """Files in PEM.

    Attributes:
        authority: to be trusted by clients.
        server: its key and certificate.
    """

    authority: Path
    server: Path


def local_tls(folder: Path, host: str, now: datetime) -> LocalTls:
    """The authority kept in a folder, made when there is none, and a fresh certificate for `host` and this machine.

    Raises:
        KeyFileFault: the folder holds something else.
        OSError: it cannot be written.
    """
    make_folder(folder)
    files = LocalTls(folder / "ca.pem", folder / "server.pem")
    authority_key_file = folder / "ca-key.pem"
    if not authority_key_file.exists():
        write_once(authority_key_file, _written(ec.generate_private_key(ec.SECP256R1())))
    try:
        authority_key = serialization.load_pem_private_key(authority_key_file.read_bytes(), None)
        if not isinstance(authority_key, ec.EllipticCurvePrivateKey):
            raise ValueError
        if not files.authority.exists():
            write_once(files.authority, _authority(authority_key, now).public_bytes(serialization.Encoding.PEM))
        authority = x509.load_pem_x509_certificate(files.authority.read_bytes())
    except ValueError:
        raise KeyFileFault(f"{folder} is damaged: remove it, and trust the new {files.authority.name}.") from None
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _certificate(authority, authority_key, key, _names(host), now)
    replace(files.server, _written(key) + certificate.public_bytes(serialization.Encoding.PEM))
    return files


def _names(host: str) -> list[x509.GeneralName]:
    """What this machine is called, as certificates write it."""
    names: list[x509.GeneralName] = [
        x509.DNSName("localhost"),
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
        x509.IPAddress(ipaddress.ip_address("::1")),
    ]
    for name in (host, socket.gethostname()):
        try:
            address = ipaddress.ip_address(name)
            found: x509.GeneralName = x509.IPAddress(address)
            skipped = address.is_unspecified
        except ValueError:
            found, skipped = x509.DNSName(name), not name.isascii()
        if not skipped and found not in names:
            names.append(found)
    return names


def _authority(key: ec.EllipticCurvePrivateKey, now: datetime) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"EduConnect on {socket.gethostname()}"[:64])])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + timedelta(days=AUTHORITY_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _certificate(
    authority: x509.Certificate,
    authority_key: ec.EllipticCurvePrivateKey,
    key: ec.EllipticCurvePrivateKey,
    names: list[x509.GeneralName],
    now: datetime,
) -> x509.Certificate:
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "EduConnect")]))
        .issuer_name(authority.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + timedelta(days=CERTIFICATE_DAYS))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _written(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
