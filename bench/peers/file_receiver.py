"""The least that receives a file: aiohttp, one write for each chunk as it comes. PORT, FOLDER; SYNC=1 syncs it."""

import os
import secrets
from pathlib import Path

import uvloop
from aiohttp import web


async def put(request: web.Request) -> web.Response:
    path = Path(os.environ["FOLDER"]) / secrets.token_hex(8)
    with path.open("wb") as file:
        async for chunk in request.content.iter_any():
            file.write(chunk)
        if os.environ.get("SYNC"):
            file.flush()
            os.fsync(file.fileno())
    path.unlink()
    return web.Response()


def main() -> None:
    application = web.Application(client_max_size=2**40)
    application.router.add_put("/{path:.*}", put)
    port = int(os.environ["PORT"])
    web.run_app(application, host="127.0.0.1", port=port, loop=uvloop.new_event_loop(), print=None, access_log=None)


if __name__ == "__main__":
    main()
