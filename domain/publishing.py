"""The editorial life cycle of courses and lessons: DRAFT <-> PUBLISHED -> ARCHIVED -> DRAFT."""

from typing import Literal

from domain.errors import invalid_state

PublishState = Literal["DRAFT", "PUBLISHED", "ARCHIVED"]

_STEPS = frozenset({("DRAFT", "PUBLISHED"), ("PUBLISHED", "DRAFT"), ("PUBLISHED", "ARCHIVED"), ("ARCHIVED", "DRAFT")})


def require_step(current: str, wanted: str) -> None:
    """Raises INVALID_STATE when no step leads from `current` to `wanted`."""
    if (current, wanted) not in _STEPS:
        raise invalid_state(current, f"{current} does not become {wanted}.")
