"""Follows one chat room without losing anything. Needs aiohttp.

    room = Room("http://127.0.0.1:8000/graphql", token, room_id)
    await room.follow(on_change=print)   # until cancelled; room.messages holds all that was sent

The recipe is listMessages': keep one number, `seen`; no change up to it is missing. Every change of a message has the
next number of its room, so a live event either follows, is old, or shows a gap that a query fills. After each
(re)connect: subscribe, wait for the confirmation, then catch up.
"""

import asyncio
import base64
import json
import random
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import aiohttp

FIELDS = """id roomId sequence changeSequence senderId body replyToId replyCount
            reactions { emoji count userIds } sentAt editedAt deletedAt"""
LIVE = f"subscription Live($roomId: ID) {{ onMessage(roomId: $roomId) {{ {FIELDS} }} }}"
CHANGES = f"""query Changes($roomId: ID!, $after: Int!, $next: String) {{
  listMessages(roomId: $roomId, afterChange: $after, limit: 100, nextToken: $next) {{
    items {{ {FIELDS} }} nextToken }} }}"""
FINAL = {"UnauthorizedException", "Unauthorized", "NOT_FOUND", "FORBIDDEN"}
HANDSHAKE_SECONDS = 20.0

Message = dict[str, Any]
OnChange = Callable[[Message], None]


class Refused(Exception):
    """The room may not be read, or not any more."""


class Lost(Exception):
    """The connection or an answer was lost; trying again helps."""


class Room:
    """`messages` by id, each as it is now. `seen`: no change up to this number is missing."""

    def __init__(self, endpoint: str, token: str, room_id: str) -> None:
        self._endpoint = endpoint
        self._room_id = room_id
        self._sign_in = {"host": urlsplit(endpoint).netloc, "Authorization": token}
        self.messages: dict[str, Message] = {}
        self.seen = 0

    async def follow(self, on_change: OnChange = lambda _: None) -> None:
        """Until cancelled. Raises Refused when the room may not be read."""
        failures = 0
        while True:
            before = self.seen
            try:
                async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(HANDSHAKE_SECONDS)) as http:
                    await self._connected(http, on_change)
            except (Lost, aiohttp.ClientError, TimeoutError):
                failures = 0 if self.seen > before else failures + 1
                # Spread, so that all clients of a restarted server do not come at once.
                await asyncio.sleep(random.uniform(0, min(10, 0.25 * 2**failures)))  # noqa: S311 - no secret

    async def _connected(self, http: aiohttp.ClientSession, on_change: OnChange) -> None:
        header = base64.urlsafe_b64encode(json.dumps(self._sign_in).encode()).decode().rstrip("=")
        address = f"{self._endpoint.replace('http', 'ws', 1)}/realtime"
        async with http.ws_connect(address, protocols=("graphql-ws", f"header-{header}")) as socket:
            await socket.send_json({"type": "connection_init"})
            patience = (await self._next(socket, "connection_ack", HANDSHAKE_SECONDS))["connectionTimeoutMs"] / 1000
            data = json.dumps({"query": LIVE, "variables": {"roomId": self._room_id}})
            payload = {"data": data, "extensions": {"authorization": self._sign_in}}
            await socket.send_json({"id": "1", "type": "start", "payload": payload})
            await self._next(socket, "start_ack", HANDSHAKE_SECONDS)
            await self._catch_up(http, on_change)
            while True:
                event = await self._next(socket, "data", patience)
                message = event["data"]["onMessage"]
                if message is None:
                    continue
                if message["changeSequence"] > self.seen + 1:
                    await self._catch_up(http, on_change)
                elif message["changeSequence"] == self.seen + 1:
                    self.seen = message["changeSequence"]
                self._keep(message, on_change)

    @staticmethod
    async def _next(socket: aiohttp.ClientWebSocketResponse, wanted: str, seconds: float) -> dict[str, Any]:
        """The payload of the next frame of that type. A socket that says nothing for too long is dead."""
        while True:
            frame = await asyncio.wait_for(socket.receive(), seconds)
            if frame.type is not aiohttp.WSMsgType.TEXT:
                raise Lost(f"closed with {socket.close_code}")
            said = json.loads(frame.data)
            if said["type"] == wanted:
                return said.get("payload") or {}
            if said["type"] in ("error", "connection_error"):
                _judge(said["payload"]["errors"])

    async def _catch_up(self, http: aiohttp.ClientSession, on_change: OnChange) -> None:
        after, token = self.seen, None
        while True:
            variables = {"roomId": self._room_id, "after": after, "next": token}
            body = {"query": CHANGES, "variables": variables}
            headers = {"authorization": self._sign_in["Authorization"]}
            async with http.post(self._endpoint, json=body, headers=headers) as answer:
                said = await answer.json()
            if said.get("errors"):
                _judge(said["errors"])
            page = said["data"]["listMessages"]
            for message in page["items"]:
                self._keep(message, on_change)
            token = page["nextToken"]
            if token is None:
                break
        self.seen = max([self.seen, *(message["changeSequence"] for message in self.messages.values())])

    def _keep(self, message: Message, on_change: OnChange) -> None:
        known = self.messages.get(message["id"])
        if known is None or known["changeSequence"] < message["changeSequence"]:
            self.messages[message["id"]] = message
            on_change(message)


def _judge(errors: Any) -> None:
    kinds = {each.get("errorType") for each in (errors if isinstance(errors, list) else [errors])}
    if kinds & FINAL:
        raise Refused(", ".join(sorted(kinds & FINAL)))
    raise Lost(", ".join(map(str, kinds)))
