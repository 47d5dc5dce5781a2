"""Secrets in files: made once, whole, for our eyes only."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from app import key_file


def test_a_secret_is_made_once_and_only_we_may_read_it(tmp_path: Path):
    path = tmp_path / "data" / "secret"
    made = key_file.secret(path)
    assert len(made) >= 32
    assert key_file.secret(path) == made
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_all_who_start_at_once_use_the_same_secret(tmp_path: Path):
    barrier = Barrier(8)

    def start(_: int) -> bytes:
        barrier.wait()
        return key_file.secret(tmp_path / "secret")

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(start, range(8)))) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


def test_what_is_there_is_never_replaced(tmp_path: Path):
    key_file.write_once(tmp_path / "secret", b"first")
    key_file.write_once(tmp_path / "secret", b"second")
    assert (tmp_path / "secret").read_bytes() == b"first"


@pytest.mark.parametrize("content", [b"", b"half of it", b"x" * 33])
def test_a_damaged_secret_is_not_used(tmp_path: Path, content: bytes):
    (tmp_path / "secret").write_bytes(content)
    with pytest.raises(key_file.KeyFileFault) as fault:
        key_file.secret(tmp_path / "secret")
    assert str(tmp_path / "secret") in str(fault.value)
