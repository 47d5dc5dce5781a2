"""How a file is cut into parts, within S3's limits: exact whole numbers up to 5 TiB."""

import msgspec

MIB = 1024**2
MIN_PART_BYTES = 5 * MIB
MAX_PART_BYTES = 5 * 1024**3
MAX_PARTS = 10_000
MAX_OBJECT_BYTES = 5 * 1024**4
USUAL_PART_BYTES = 8 * MIB
SINGLE_BYTES = 100 * MIB
"""Above this a file always comes in parts, so that a break costs little."""


class PartPlan(msgspec.Struct, frozen=True):
    """`part_size_bytes` of every part but the last, which has what is left."""

    size_bytes: int
    part_size_bytes: int

    @property
    def part_count(self) -> int:
        return -(-self.size_bytes // self.part_size_bytes)

    def size_of(self, number: int) -> int:
        """Of the part with this number, counted from 1."""
        return min(self.part_size_bytes, self.size_bytes - (number - 1) * self.part_size_bytes)


def planned(size_bytes: int, wanted_part_bytes: int | None = None) -> PartPlan:
    """Parts as wanted, or larger in whole MiB where they would be more than 10,000.

    Args:
        size_bytes: 1 to `MAX_OBJECT_BYTES`.
        wanted_part_bytes: what the store takes as a part, usually `MIN_PART_BYTES` to `MAX_PART_BYTES`.
    """
    wanted = wanted_part_bytes or USUAL_PART_BYTES
    if -(-size_bytes // wanted) <= MAX_PARTS:
        return PartPlan(size_bytes, wanted)
    least = -(-size_bytes // MAX_PARTS)
    return PartPlan(size_bytes, -(-least // MIB) * MIB)
