"""https for one machine."""

import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from app.key_file import KeyFileFault
from app.local_tls import local_tls

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_the_authority_is_made_once_and_the_certificate_at_every_start(tmp_path: Path) -> None:
    first = local_tls(tmp_path / "tls", "127.0.0.1", NOW)
    authority, served = first.authority.read_bytes(), certificate(first.server)
    again = local_tls(tmp_path / "tls", "127.0.0.1", NOW + timedelta(days=400))
    assert again.authority.read_bytes() == authority
    assert certificate(again.server).serial_number != served.serial_number
    assert certificate(again.server).not_valid_after_utc > NOW + timedelta(days=700)


def test_the_certificate_is_signed_for_this_machine_and_browsers_take_its_length(tmp_path: Path) -> None:
    files = local_tls(tmp_path, "school.local", NOW)
    served = certificate(files.server)
    served.verify_directly_issued_by(certificate(files.authority))
    names = served.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {"localhost", "school.local"} <= set(names.get_values_for_type(x509.DNSName))
    assert {"127.0.0.1", "::1"} <= {str(each) for each in names.get_values_for_type(x509.IPAddress)}
    assert served.not_valid_after_utc - served.not_valid_before_utc < timedelta(days=397)


def test_an_address_that_stands_for_all_is_no_name(tmp_path: Path) -> None:
    everywhere = "0.0.0.0"  # noqa: S104 - nothing is bound
    names = certificate(local_tls(tmp_path, everywhere, NOW).server).extensions
    listed = names.get_extension_for_class(x509.SubjectAlternativeName).value
    assert everywhere not in {str(each) for each in listed.get_values_for_type(x509.IPAddress)}


def test_a_server_can_serve_it(tmp_path: Path) -> None:
    files = local_tls(tmp_path, "127.0.0.1", NOW)
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(files.server)


def test_nobody_else_may_read_the_keys(tmp_path: Path) -> None:
    local_tls(tmp_path / "tls", "127.0.0.1", NOW)
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "tls").iterdir()} == {0o600}


@pytest.mark.parametrize("file", ["ca.pem", "ca-key.pem"])
def test_a_damaged_file_is_named(tmp_path: Path, file: str) -> None:
    local_tls(tmp_path, "127.0.0.1", NOW)
    (tmp_path / file).write_bytes(b"not PEM")
    with pytest.raises(KeyFileFault, match="is damaged"):
        local_tls(tmp_path, "127.0.0.1", NOW)
