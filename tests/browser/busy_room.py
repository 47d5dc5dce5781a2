"""A chat room in which a bit of everything happens, before and while somebody who follows it is away."""

from collections.abc import Callable
from typing import Any

Ask = Callable[..., dict[str, Any]]
"""Sends a query with variables as a member and returns its data."""

LAST = "the last"
BODIES = ["edited", "", "before 2", "before 3", "while you were away", LAST]

_CREATE = 'mutation { createRoom(input: {kind: PUBLIC, name: "Lobby"}) { id } }'
_SEND = "mutation ($room: ID!, $body: String!) { sendMessage(input: {roomId: $room, body: $body}) { id } }"
_EDIT = "mutation ($id: ID!, $body: String!) { updateMessage(input: {id: $id, body: $body}) { id } }"
_DELETE = "mutation ($id: ID!) { deleteMessage(id: $id) { id } }"
_REACT = 'mutation ($id: ID!) { addReaction(messageId: $id, emoji: "👍") { id } }'
_HISTORY = """query ($room: ID!) { listMessages(roomId: $room, afterChange: 0, limit: 100) { nextToken items {
  id roomId sequence changeSequence senderId body replyToId replyCount reactions { emoji count userIds }
  sentAt editedAt deletedAt } } }"""


class BusyRoom:
    """A new one; whoever asks owns it."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._ids: list[str] = []
        self.id: str = ask(_CREATE)["createRoom"]["id"]

    def send(self, body: str) -> None:
        self._ids.append(self._ask(_SEND, room=self.id, body=body)["sendMessage"]["id"])

    def begin(self) -> None:
        for number in range(4):
            self.send(f"before {number}")

    def go_on(self) -> None:
        self.send("while you were away")
        self._ask(_EDIT, id=self._ids[0], body="edited")
        self._ask(_DELETE, id=self._ids[1])
        self._ask(_REACT, id=self._ids[2])

    def history(self) -> list[dict[str, Any]]:
        """All messages as they are now, in the order in which they were sent."""
        messages = self._ask(_HISTORY, room=self.id)["listMessages"]["items"]
        return sorted(messages, key=lambda message: int(message["sequence"]))


def bodies(history: list[dict[str, Any]]) -> list[str]:
    return [message["body"] for message in history]
