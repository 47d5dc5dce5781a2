"""In which sizes a video is offered, for players to choose from as the network allows."""

import msgspec

SEGMENT_SECONDS = 6
SOUND_KBPS = 128
MOST_RUNGS = 3
_SIDES = {240: 400, 360: 800, 480: 1_400, 720: 2_800, 1080: 5_000}
"""The picture's shorter side in pixels, and the most of its bit rate in kbit/s."""
_LEAST_SIDE = 32
"""Pixels; what encoders take."""


class Rung(msgspec.Struct, frozen=True):
    """One size of a picture, in pixels, and the most of its bit rate, in kbit/s without sound."""

    width: int
    height: int
    kbps: int

    @property
    def side(self) -> int:
        return min(self.width, self.height)


def ladder(width: int, height: int) -> tuple[Rung, ...]:
    """The largest sizes that a picture fills, smallest first; for the smallest of pictures its own."""
    shorter = min(width, height)
    sides = {side: kbps for side, kbps in _SIDES.items() if side <= shorter} or {shorter: min(_SIDES.values())}
    rungs = [Rung(_even(width * side / shorter), _even(height * side / shorter), kbps) for side, kbps in sides.items()]
    return tuple(rungs[-MOST_RUNGS:])


def _even(pixels: float) -> int:
    """Of pictures whose colours have half their resolution."""
    return max(_LEAST_SIDE, 2 * round(pixels / 2))
