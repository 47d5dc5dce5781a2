"""Which processes were heard on the bus, so that a message that did not arrive is noticed."""

from collections import OrderedDict

import msgspec

SILENT_SECONDS = 6.0
MOST = 1_000
"""Processes remembered; those heard longest ago are forgotten first."""


class _Peer(msgspec.Struct):
    number: int
    heard_at: float
    silent: bool = False


class Peers:
    """The other senders by name. Times are seconds of a clock that never goes back."""

    def __init__(self) -> None:
        self._peers: OrderedDict[str, _Peer] = OrderedDict()

    def heard(self, sender: str, number: int, now: float) -> bool:
        """Notes a message; False when at least one before it is missing. A stranger's first one never is."""
        known = self._peers.pop(sender, None)
        self._peers[sender] = _Peer(number, now)
        if len(self._peers) > MOST:
            self._peers.popitem(last=False)
        return known is None or number == known.number + 1

    def left(self, sender: str) -> None:
        """It said that it ends; its silence means nothing."""
        self._peers.pop(sender, None)

    def fell_silent(self, now: float) -> bool:
        """Whether a peer has not been heard for long since this was asked last. It may have died with news unsent."""
        found = False
        for peer in self._peers.values():
            if not peer.silent and now - peer.heard_at > SILENT_SECONDS:
                peer.silent = found = True
        return found

    def rejoined(self, now: float) -> None:
        """We were away ourselves: nobody's silence counts until now."""
        for peer in self._peers.values():
            if not peer.silent:
                peer.heard_at = now
