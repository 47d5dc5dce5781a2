"""The graphql-transport-ws protocol: one identity for the whole socket, shown in connection_init's payload."""

from collections.abc import Mapping
from typing import Any, ClassVar, TypeGuard

import orjson

from app.auth.credentials import Credentials
from app.errors import ErrorObject
from app.http.replies import Refusal as BadRequest
from app.realtime import connecting
from app.realtime.connecting import CONNECT_BODY, CONNECT_PATH, Refusal, credentials_of, header_object
from app.realtime.session import Session, Stream, valid_id
from domain.errors import Code, DomainError, account_suspended

BAD_FRAME = 4400
_ACK = b'{"type":"connection_ack"}'


class TransportSession(Session):
    __slots__ = ()

    answers: ClassVar[Mapping[str, str]] = {
        "connection_init": "_init",
        "ping": "_ping",
        "pong": "_pong",
        "subscribe": "_subscribe",
        "complete": "_complete",
    }

    def beat(self) -> None:
        self.socket.ping()

    def ended(self, stream: Stream, errors: list[ErrorObject]) -> None:
        self._streams.pop(stream.id, None)
        self._error(stream.id, errors)
        if any(error.get("errorType") == Code.ACCOUNT_SUSPENDED for error in errors):
            self.expel(account_suspended())

    def expel(self, error: DomainError) -> None:
        self.socket.close(4403, "Forbidden")

    async def fault(self, message: str, frame: dict[str, Any] | None) -> None:
        self.socket.close(BAD_FRAME, message)

    async def _init(self, frame: dict[str, Any]) -> None:
        if self.caller is not None:
            self.socket.close(4429, "Too many initialisation requests")
            return
        payload = frame.get("payload")
        if payload is not None and not isinstance(payload, dict):
            await self.fault("A connection_init's payload is an object.", frame)
            return
        try:
            await self.connect(self._credentials(payload))
        except Refusal as refusal:
            message = str(refusal.error["message"])
            forbidden = (4403, "Forbidden")
            closings = {400: (BAD_FRAME, message), 401: forbidden, 403: forbidden}
            self.socket.close(*closings.get(refusal.code, (1013, message)))
            return
        self.socket.send(_ACK)
        self.keep_alive_later()

    def _credentials(self, payload: dict[str, Any] | None) -> Credentials:
        if not payload:
            return credentials_of(self.socket.handshake)
        header = header_object(payload)
        return connecting.credentials(self.socket.handshake, CONNECT_PATH, header, CONNECT_BODY)

    async def _ping(self, frame: dict[str, Any]) -> None:
        payload = frame.get("payload")
        self.say({"type": "pong"} if payload is None else {"type": "pong", "payload": payload})

    async def _pong(self, _: dict[str, Any]) -> None:
        """An answer to nothing: allowed at any time."""

    async def _subscribe(self, frame: dict[str, Any]) -> None:
        if self.caller is None:
            self.socket.close(4401, "Unauthorized")
            return
        id_ = valid_id(frame)
        payload = frame.get("payload")
        if id_ is None or not _is_request(payload):
            await self.fault("A subscribe has an id and a payload with a query.", frame)
            return
        if self.knows(id_):
            self.socket.close(4409, f"Subscriber for {id_[:80]} already exists")
            return
        if self.is_full:
            most = self.services.sockets.limits.subscriptions
            message = f"A connection has at most {most} subscriptions."
            self._error(id_, [{"errorType": "MaxSubscriptionsReachedError", "message": message}])
            return
        try:
            request = self.services.requests.of_content(payload)
        except BadRequest as refused:
            self._error(id_, [{"errorType": refused.error_type, "message": refused.message}])
            return
        stream = Stream(self, id_, b'{"id":' + orjson.dumps(id_) + b',"type":"next","payload":')
        errors = await self.begin(stream, request, self.caller)
        if errors:
            self._error(id_, errors)

    async def _complete(self, frame: dict[str, Any]) -> None:
        """An unknown id is none of a fault: the server may just have ended it."""
        id_ = valid_id(frame)
        if id_ is None:
            await self.fault("A complete has an id.", frame)
        else:
            self.take(id_)

    def _error(self, id_: str, errors: list[ErrorObject]) -> None:
        self.say({"id": id_, "type": "error", "payload": errors})


def _is_request(payload: Any) -> TypeGuard[dict[str, Any]]:
    """Whether the payload is of the protocol's shape."""
    return (
        isinstance(payload, dict)
        and isinstance(payload.get("query"), str | None)
        and isinstance(payload.get("variables"), dict | None)
        and isinstance(payload.get("operationName"), str | None)
    )
