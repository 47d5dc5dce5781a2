"""What the authorizer function keeps open: the operator's function, and what its answers have to be."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from app.auth.config import AuthorizerConfig
from app.auth.lambda_authorizer import CALL_SECONDS, approved
from app.auth_settings import authorizer_config
from app.settings import Settings, SettingsFault
from datasources.local.function_authorizer import FunctionAuthorizer
from datasources.ports import LambdaAuthorizer
from domain.errors import DomainError

REFUSED: dict[str, Any] = {"isAuthorized": False}
_SPARE_SECONDS = 1.0

log = logging.getLogger(__name__)


class Authorizer:
    """Answers AppSync as our server would decide."""

    def __init__(self, config: AuthorizerConfig, function: LambdaAuthorizer) -> None:
        self._config = config
        self._function = function
        expression = config.identity_expression
        self._identity = None if expression is None else re.compile(expression)

    async def answer(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """AppSync's response for its event; a refusal when anything is wrong."""
        token = event.get("authorizationToken")
        if not isinstance(token, str) or (self._identity is not None and self._identity.fullmatch(token) is None):
            return REFUSED
        try:
            async with asyncio.timeout(CALL_SECONDS - _SPARE_SECONDS):
                answer = await self._function.authorize(event)
        except (DomainError, TimeoutError) as error:
            log.warning("the authorizer gave no answer: %s", type(error).__name__)
            return REFUSED
        return approved(answer, self._config)


@asynccontextmanager
async def open_authorizer(settings: Settings) -> AsyncIterator[Authorizer]:
    """Raises SettingsFault, also where LAMBDA_AUTHORIZER names a function on Lambda: AppSync calls that by itself."""
    try:
        function = FunctionAuthorizer.load(settings.lambda_authorizer or "")
        yield Authorizer(authorizer_config(settings), function)
    except ValueError as error:
        raise SettingsFault([f"LAMBDA_AUTHORIZER: {error}"]) from error
