"""Who is asking: what a verified credential says, never anything from the query."""

from enum import StrEnum

import msgspec

from domain.errors import Code, DomainError
from domain.times import Timestamp


class Mode(StrEnum):
    """AppSync's five authorization modes."""

    API_KEY = "API_KEY"
    COGNITO = "AMAZON_COGNITO_USER_POOLS"
    OIDC = "OPENID_CONNECT"
    LAMBDA = "AWS_LAMBDA"
    IAM = "AWS_IAM"


MODE_NAMES = {mode: mode.value for mode in Mode}
"""An enum that is asked for a value of its own takes longer."""

USER_MODES = frozenset({Mode.COGNITO, Mode.OIDC, Mode.LAMBDA})
"""The modes in which a person is asking; a deployment accepts any set of them."""


class Group(StrEnum):
    """Cognito groups, as `cognito_groups` spells them."""

    STUDENTS = "Students"
    MENTORS = "Mentors"
    ADMINS = "Admins"
    MODERATORS = "Moderators"


class Caller(msgspec.Struct, frozen=True):
    """The verified caller of one request or of one subscription.

    Attributes:
        mode: how the credential was checked.
        user_id: the person (Cognito `sub`); None for API key and IAM.
        groups: exact group names; empty for API key and IAM.
        session_id: refresh-token family (`origin_jti`); None when the credential has none.
        issued_at, authenticated_at, expires_at: of the credential; None when it says nothing.
        username, name, email: for the user's row at first sight; email only when verified.
        suspended: set by the account gate; everything but the allowed few operations is refused.
        denied_fields: `Type.field` names that a Lambda authorizer took away.
        ip_address, user_agent: of the request, for the session list.
        key_id: which API key it was; None in every other mode.
    """

    mode: Mode
    user_id: str | None = None
    groups: frozenset[str] = frozenset()
    session_id: str | None = None
    issued_at: Timestamp | None = None
    authenticated_at: Timestamp | None = None
    expires_at: Timestamp | None = None
    username: str | None = None
    name: str | None = None
    email: str | None = None
    suspended: bool = False
    denied_fields: frozenset[str] = frozenset()
    ip_address: str | None = None
    user_agent: str | None = None
    key_id: str | None = None

    @property
    def id(self) -> str:
        """The person's id. Raises FORBIDDEN for a caller who is no person."""
        if self.user_id is None:
            raise DomainError(Code.FORBIDDEN, "This needs a signed-in user.")
        return self.user_id

    @property
    def is_admin(self) -> bool:
        return Group.ADMINS in self.groups

    @property
    def is_moderator(self) -> bool:
        return Group.MODERATORS in self.groups

    @property
    def is_backend(self) -> bool:
        return self.mode is Mode.IAM
