"""When two answers are the same. Two differences are allowed, and are the only ones:

1. Where something is null because several things below it may not be null and are, graphql-core tells those that it
   comes upon before it gives up the rest, and plans tell those that they come upon: GraphQL leaves open which.
   That there is a fault below that place, both have to tell.
2. Of more than `MOST_ERRORS` faults each tells as many, and not the same ones.
"""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from app.errors import MOST_ERRORS

Payload = Mapping[str, Any]


def differences(expected: Payload, given: Payload) -> list[str]:
    """One line for each kind of difference; empty when there is none."""
    found = []
    if json.dumps(expected.get("data")) != json.dumps(given.get("data")):
        found.append("data")
    errors, others = expected.get("errors", []), given.get("errors", [])
    if max(len(errors), len(others)) < MOST_ERRORS and _told(expected) != _told(given):
        found.append("errors")
    if expected.keys() != given.keys():
        found.append("keys")
    return found


def _told(payload: Payload) -> Counter[str]:
    """The errors as text; of those below a null only that there are some."""
    told: Counter[str] = Counter()
    hidden = set()
    for error in payload.get("errors", []):
        null = _null_above(payload.get("data"), error["path"])
        if null is None:
            told[json.dumps(error, sort_keys=True)] += 1
        else:
            hidden.add(f"below {null}")
    told.update(hidden)
    return told


def _null_above(data: Any, path: list[str | int] | None) -> str | None:
    """The place above the path's end where the answer is null already; None when there is none."""
    for depth, key in enumerate(path or ()):
        if data is None:
            return json.dumps((path or [])[:depth])
        data = data[key]
    return None
