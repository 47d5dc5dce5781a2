"""A Lambda authorizer as an operator would write one."""

from typing import Any


def authorize(event: dict[str, Any]) -> dict[str, Any]:
    """Tokens are `letmein:<user id>:<group>`; everybody else is denied."""
    word, _, rest = event["authorizationToken"].partition(":")
    user_id, _, group = rest.partition(":")
    if word != "letmein":
        return {"isAuthorized": False}
    return {
        "isAuthorized": True,
        "resolverContext": {"userId": user_id, "groups": group},
        "deniedFields": ["Mutation.updateSettings"],
        "ttlOverride": 0,
    }
