"""Adaptive playlists for players, by links that GraphQL hands out."""

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from datasources.playback import CONTENT_TYPE, PATH, NoSuchLink, Playback
from domain.errors import DomainError

_FOR_ANY_PAGE = {"access-control-allow-origin": "*", "cache-control": "private, max-age=60"}
"""Who has the link may play it, as with a signed URL; there are no cookies that a page could misuse."""


def playback_routes(playback: Playback) -> list[Route]:
    async def playlist(request: Request) -> Response:
        try:
            text = await playback.playlist(request.path_params["token"], request.path_params["name"])
        except NoSuchLink:
            return PlainTextResponse("There is nothing here, or no longer.\n", 404, _FOR_ANY_PAGE)
        except DomainError:
            return PlainTextResponse("Try again shortly.\n", 503, {**_FOR_ANY_PAGE, "retry-after": "2"})
        return Response(text, media_type=CONTENT_TYPE, headers=_FOR_ANY_PAGE)

    return [Route(PATH + "{token}/{name:path}", playlist, methods=["GET", "HEAD"])]
