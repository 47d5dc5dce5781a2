"""IAM's statements in templates, as they are told to AWS."""

from collections.abc import Iterator, Mapping
from typing import Any

from tests.infra.templates import Deployed

Statement = Mapping[str, Any]


def allowed(deployed: Deployed, *, role: str | None = None) -> Iterator[Statement]:
    """Every statement that allows something to a role of ours; or of the roles whose ids begin so."""
    for policy in deployed.resources("AWS::IAM::Policy"):
        if role is None or any(each["Ref"].startswith(role) for each in policy.properties["Roles"]):
            yield from _allowing(policy.properties["PolicyDocument"])
    for owner in deployed.resources("AWS::IAM::Role"):
        if role is None or owner.name.startswith(role):
            for policy in owner.properties.get("Policies", ()):
                yield from _allowing(policy["PolicyDocument"])


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def actions(deployed: Deployed, role: str) -> set[str]:
    return {action for statement in allowed(deployed, role=role) for action in listed(statement["Action"])}


def _allowing(document: Mapping[str, Any]) -> Iterator[Statement]:
    return (each for each in listed(document["Statement"]) if each["Effect"] == "Allow")
