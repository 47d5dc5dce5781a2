"""AppSync's real-time protocol, sub-protocol `graphql-ws`, as Amplify, Apollo's link and gql speak it.

Every subscription has an identity of its own: each `start` carries credentials. Types of frames that AppSync
does not have are never sent; some clients throw at them.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import orjson

from app.auth.errors import MISSING, Unauthenticated
from app.errors import ErrorObject, refusal
from app.http.replies import Refusal as BadBody
from app.http.requests import shown
from app.realtime import connecting
from app.realtime.connecting import START_PATH, Refusal, credentials_of, header_object
from app.realtime.live import error_of
from app.realtime.session import Session, Stream, valid_id
from domain.callers import Caller
from domain.errors import Code, DomainError, account_suspended

CONNECTION_TIMEOUT_MS = 300_000
"""How long a client may wait for a keep-alive before it counts the connection as lost."""
_ACK = orjson.dumps({"type": "connection_ack", "payload": {"connectionTimeoutMs": CONNECTION_TIMEOUT_MS}})
_KEEP_ALIVE = b'{"type":"ka"}'


class AppSyncSession(Session):
    __slots__ = ()

    answers: ClassVar[Mapping[str, str]] = {"connection_init": "_init", "start": "_start", "stop": "_stop"}

    def beat(self) -> None:
        self.socket.send(_KEEP_ALIVE)

    def ended(self, stream: Stream, errors: list[ErrorObject]) -> None:
        self._streams.pop(stream.id, None)
        self._error(errors, stream.id)
        if any(error.get("errorType") == Code.ACCOUNT_SUSPENDED for error in errors):
            self.expel(account_suspended())

    def expel(self, error: DomainError) -> None:
        is_suspended = error.code is Code.ACCOUNT_SUSPENDED
        self.socket.close(1008, "account suspended" if is_suspended else error.code.value)

    async def fault(self, message: str, frame: dict[str, Any] | None) -> None:
        self._error([_error("BadRequestException", message)], None if frame is None else valid_id(frame))

    async def _init(self, _: dict[str, Any]) -> None:
        if await self._connected():
            self.socket.send(_ACK)
            self.keep_alive()

    async def _connected(self) -> bool:
        """Credentials are looked at with the first frame: before it, browsers lose what is sent to them."""
        if self.caller is not None:
            return True
        try:
            await self.connect(credentials_of(self.socket.handshake))
        except Refusal as refusal:
            self.say({"type": "connection_error", "payload": {"errors": [refusal.error]}})
            self.socket.close(1008, str(refusal.error["errorType"]))
            return False
        self.keep_alive_later()  # also for those who start without connection_init
        return True

    async def _start(self, frame: dict[str, Any]) -> None:
        if not await self._connected():
            return
        id_ = valid_id(frame)
        payload = frame.get("payload")
        data = payload.get("data") if isinstance(payload, dict) else None
        if id_ is None or not isinstance(payload, dict) or not isinstance(data, str):
            await self._fault("A start has an id and a payload with data.", frame)
            return
        if self.knows(id_):
            self._error([_error("DuplicatedOperationError", "There is a subscription of this id.")], id_)
            return
        if self.is_full:
            most = self.services.sockets.limits.subscriptions
            message = f"A connection has at most {most} subscriptions."
            self._error([_error("MaxSubscriptionsReachedError", message)], id_)
            return
        errors = await self._begin(id_, data, payload.get("extensions"))
        if errors:
            self._error(errors, id_)
        else:
            self.say({"type": "start_ack", "id": id_})

    async def _begin(self, id_: str, data: str, extensions: Any) -> list[ErrorObject]:
        try:
            caller = await self._caller(data, extensions)
            request = self.services.requests.of_json(data.encode())
        except Refusal as refused:
            return [_error(str(refused.error["errorType"]), str(refused.error["message"]))]
        except BadBody as refused:
            return [_error(refused.error_type, refused.message)]
        except Unauthenticated as error:
            return [_error(Code.UNAUTHORIZED_REQUEST, error.message)]
        except DomainError as error:
            return [error_of(error)]
        except Exception as error:
            return [error_of(refusal(error, self.socket.handshake.request_id))]
        stream = Stream(self, id_, b'{"type":"data","id":' + orjson.dumps(id_) + b',"payload":')
        return await self.begin(stream, request, caller)

    async def _caller(self, data: str, extensions: Any) -> Caller:
        """Who starts this subscription; a signature is one of the very text of `data`."""
        header = extensions.get("authorization") if isinstance(extensions, dict) else None
        if header is None:
            raise Unauthenticated(MISSING)
        credentials = connecting.credentials(self.socket.handshake, START_PATH, header_object(header), data.encode())
        return await self.services.identify(credentials, lambda: shown(self.services.requests.of_json(data.encode())))

    async def _stop(self, frame: dict[str, Any]) -> None:
        id_ = valid_id(frame)
        if id_ is None:
            await self._fault("A stop has an id.", frame)
        elif self.take(id_) is None:
            self._error([_error("UnknownOperationError", "There is no subscription of this id.")], id_)
        else:
            self.say({"type": "complete", "id": id_})

    def _error(self, errors: list[ErrorObject], id_: str | None) -> None:
        frame: dict[str, Any] = {"type": "error"}
        if id_ is not None:
            frame["id"] = id_
        self.say({**frame, "payload": {"errors": errors}})


def _error(error_type: str, message: str) -> ErrorObject:
    return {"errorType": error_type, "message": message}
