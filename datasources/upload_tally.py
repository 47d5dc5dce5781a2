"""Who counts uploads."""

from typing import Protocol


class Tally(Protocol):
    """Is told what uploads come to; `size` in bytes, as declared. Never raises and never waits."""

    def begun(self, size: int) -> None: ...

    def completed(self, size: int) -> None:
        """It is a media now."""
        ...

    def failed(self, size: int) -> None:
        """Its content is not what was declared."""
        ...


class _Nobody:
    def begun(self, size: int) -> None: ...

    def completed(self, size: int) -> None: ...

    def failed(self, size: int) -> None: ...


NO_TALLY: Tally = _Nobody()
