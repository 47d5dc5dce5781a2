"""Ids of the demo school: they follow from names and times, so that a planting can go on where it was cut off."""

import hashlib

from domain.times import Timestamp, moment
from domain.ulids import ulid


def ulid_of(at: Timestamp, *names: str) -> str:
    """Always the same for a moment and names; sorts by the moment."""
    digest = hashlib.sha256("\0".join(names).encode()).digest()
    milliseconds = round(moment(at).timestamp() * 1000)
    return ulid(milliseconds, digest[:10])
