"""Faults that a command explains in words instead of a traceback."""

from app.key_file import KeyFileFault
from app.settings import SettingsFault
from domain.errors import DomainError


class Fault(Exception):
    """One clear message for the person at the shell."""


EXPECTED = (Fault, SettingsFault, KeyFileFault, DomainError, OSError)


def words(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{error.strerror or error}: {error.filename}" if error.filename else str(error.strerror or error)
    return str(error)
