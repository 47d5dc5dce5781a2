"""What AppSync is told when a subscription begins, and which ones it has to end.

Our server looks at subscribers' rights again and again. AppSync asks once, when a subscription begins; so each is
registered with its user's id, and a call that takes a right away has AppSync end that user's. Its socket is closed
with it, clients come again, and the gates then say what may still be heard.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from domain.callers import Caller

MOST_ENDED = 5
"""Invalidations that AppSync takes from one request."""
ENDED = ("onNotification", "onMessage", "onRoomMemberChanged", "onMeetingUpdated", "onMeetingAttendeeChanged")
"""Subscriptions that clients have open, most common first. Any of them takes its socket, with all others, along."""


def begun(
    caller: Caller, arguments: Mapping[str, Any], narrowing: Mapping[str, Any] | None
) -> dict[str, Mapping[str, Any] | None]:
    """
    Args:
        arguments: by the SDL's names, as given.
        narrowing: what the gate answered.

    Returns:
        `filter`: for `setSubscriptionFilter`; None where AppSync's own rule for arguments does.
        `ends`: for `setSubscriptionInvalidationFilter`; None for who is no person.
    """
    return {
        "filter": None if narrowing is None else with_arguments(narrowing, arguments),
        "ends": None if caller.user_id is None else {"filterGroup": [{"filters": [_equal("userId", caller.user_id)]}]},
    }


def ended(user_ids: Iterable[str]) -> list[dict[str, Any]]:
    """For `invalidateSubscriptions`: those of these users, as many as AppSync takes."""
    users = list(dict.fromkeys(user_ids))
    every = [{"subscriptionField": field, "payload": {"userId": user_id}} for field in ENDED for user_id in users]
    return every[:MOST_ENDED]


def with_arguments(narrowing: Mapping[str, Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """A gate's filter with what the arguments ask for: on AppSync a filter stands in their place."""
    return {"filterGroup": [_entry(entry["filters"], arguments) for entry in narrowing["filterGroup"]]}


def _entry(filters: Iterable[Mapping[str, Any]], arguments: Mapping[str, Any]) -> dict[str, Any]:
    listed = list(filters)
    asked = [_equal(name, value) for name, value in arguments.items()]
    return {"filters": [*listed, *(each for each in asked if each not in listed)]}


def _equal(name: str, value: Any) -> dict[str, Any]:
    return {"fieldName": name, "operator": "eq", "value": value}


async def ask_again(user_id: str, *, after_seconds: float = 0) -> None:
    """The `Recheck` of whoever answers no call of AppSync's: gates ask when clients come anew, and not before."""
