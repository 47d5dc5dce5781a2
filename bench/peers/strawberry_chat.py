"""One chat room on Strawberry: its own handler for graphql-transport-ws, on uvicorn. `PORT` from the environment.

It has Strawberry's parser and validation caches, checks no credentials, keeps nothing, and pings nobody.
"""

import asyncio
import os
from collections.abc import AsyncGenerator
from datetime import UTC, datetime

import strawberry
import uvicorn
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from strawberry.asgi import GraphQL
from strawberry.extensions import ParserCache, ValidationCache

from app.open_files import allow_many_files


@strawberry.type
class Message:
    id: strawberry.ID
    room_id: strawberry.ID
    sender_id: strawberry.ID
    body: str
    sent_at: str


@strawberry.input
class SendMessageInput:
    room_id: strawberry.ID
    body: str


LISTENERS: dict[str, set[asyncio.Queue[Message]]] = {}


@strawberry.type
class Query:
    @strawberry.field
    async def ready(self) -> bool:
        return True


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def send_message(self, input: SendMessageInput) -> Message:
        sent_at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        message = Message(
            id=f"{input.room_id}.{sent_at}",
            room_id=input.room_id,
            sender_id="bench-sender",
            body=input.body,
            sent_at=sent_at,
        )
        for queue in LISTENERS.get(input.room_id, ()):
            queue.put_nowait(message)
        return message


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def on_message(self, room_id: strawberry.ID) -> AsyncGenerator[Message, None]:
        queue: asyncio.Queue[Message] = asyncio.Queue()
        listeners = LISTENERS.setdefault(room_id, set())
        listeners.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            listeners.discard(queue)


def main() -> None:
    allow_many_files()
    extensions = [lambda: ParserCache(maxsize=100), lambda: ValidationCache(maxsize=100)]
    schema = strawberry.Schema(query=Query, mutation=Mutation, subscription=Subscription, extensions=extensions)
    app = Starlette()
    view = GraphQL(schema)
    app.add_route("/graphql", view)
    app.router.routes.append(WebSocketRoute("/graphql", view))
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning", ws_ping_interval=None)


if __name__ == "__main__":
    main()
