"""All paths of the server in one ASGI application."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, Router
from starlette.types import Receive, Scope, Send

from app.auth.local_issuer import LocalIssuer
from app.http.cors import Cors
from app.http.dashboard import Dashboard
from app.http.endpoint import GraphQLEndpoint
from app.http.files import EXPOSED_FILE_HEADERS, FILE_HEADERS, FILE_METHODS, Files, TransferBounds
from app.http.front import Front
from app.http.graphiql import GraphiQL
from app.http.health import Health
from app.http.multipart import Multipart
from app.http.playback import playback_routes
from app.http.reception import Reception, Service
from app.http.requests import RequestReader
from app.logs import AccessLog
from app.persisted import PersistedDocuments
from app.realtime.services import Services
from app.realtime.sse import EventStreams
from app.settings import Settings
from datasources.local.files import FileStore
from datasources.playback import Playback


def application(
    service: Service,
    settings: Settings,
    health: Health,
    *,
    issuer: LocalIssuer | None,
    graphiql: GraphiQL | None,
    access_log: AccessLog,
    sockets: Services | None = None,
    files: FileStore | None = None,
    playback: Playback | None = None,
    dashboard: Dashboard | None = None,
    requests: RequestReader | None = None,
) -> Front:
    """All paths.

    Args:
        issuer: whose keys are published.
        graphiql: None where it is off.
        sockets: what subscriptions over plain HTTP need; None where there are none.
        files: whose signed URLs are served; None where files are elsewhere.
        playback: whose links to playlists are served.
        dashboard: None where it is off.
        requests: shared with the sockets; None: documents are only what clients send.
    """
    cors = Cors(settings.cors_origins)
    reception = Reception(service, settings)
    requests = requests or RequestReader(PersistedDocuments())
    endpoint = GraphQLEndpoint(service, reception, requests, cors, graphiql)
    routes: list[BaseRoute] = [*health.routes(), *Multipart(service, reception, cors).routes()]
    if sockets is not None:
        routes.append(Route("/graphql/stream", EventStreams(sockets, cors, most_bytes=settings.max_body_bytes)))
    if issuer is not None:
        routes += _well_known(issuer)
    if graphiql is not None:
        routes += graphiql.routes()
    if dashboard is not None:
        routes += dashboard.routes()
    if playback is not None:
        routes += playback_routes(playback)
    pages = Router(routes, redirect_slashes=False, default=_nothing_here)
    if files is None:
        return Front(endpoint, pages, cors, access_log)
    files_cors = Cors(settings.cors_origins, methods=FILE_METHODS, headers=FILE_HEADERS, exposed=EXPOSED_FILE_HEADERS)
    bounds = TransferBounds(most=settings.max_transfers, seconds=settings.transfer_seconds)
    return Front(endpoint, pages, cors, access_log, Files(files, files_cors, bounds), files_cors)


def _well_known(issuer: LocalIssuer) -> list[Route]:
    async def keys(_: Request) -> Response:
        return JSONResponse(issuer.jwks(), headers={"cache-control": "public, max-age=300"})

    async def configuration(request: Request) -> Response:
        return JSONResponse(issuer.openid_configuration(str(request.base_url).rstrip("/")))

    return [
        Route("/.well-known/jwks.json", keys),
        Route("/.well-known/openid-configuration", configuration),
    ]


async def _nothing_here(scope: Scope, receive: Receive, send: Send) -> None:
    raise HTTPException(404, "There is nothing here.")
