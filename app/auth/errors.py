"""The one way in which sign-in fails, in AppSync's words."""

from typing import Final

MISSING: Final = "Valid authorization header not provided."
REFUSED: Final = "You are not authorized to make this call."
BAD_TOKEN: Final = "Unable to parse JWT token."  # noqa: S105 - a message, no secret
EXPIRED_TOKEN: Final = "Token has expired."  # noqa: S105 - a message, no secret
BAD_SIGNATURE: Final = "The request's signature does not match, is too old, or was made with an unknown key."


class Unauthenticated(Exception):
    """HTTP 401 with errorType UnauthorizedException. `message` is one of the texts above, never a detail."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
