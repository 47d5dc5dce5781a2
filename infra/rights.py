"""How a role gets rights: exact actions, and a reason for each wildcard among the resources."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from infra.acknowledgements import acknowledge


@dataclass(frozen=True)
class Right:
    """Actions on resources.

    Attributes:
        why: the reason for a wildcard among the resources; None where there is none.
    """

    actions: Sequence[str]
    resources: Sequence[str]
    why: str | None = None
    conditions: Mapping[str, Mapping[str, str]] | None = None


def give(role: iam.Role, rights: Iterable[Right]) -> None:
    """Adds rights to a role. Raises ValueError for a wildcard without a reason."""
    for right in rights:
        role.add_to_policy(
            iam.PolicyStatement(
                actions=list(right.actions), resources=list(right.resources), conditions=right.conditions
            )
        )
        for resource in right.resources:
            if "*" in resource:
                if right.why is None:
                    raise ValueError(f"why {', '.join(right.actions)} on {resource}?")
                acknowledge(role, f"IAM5[Resource::{_shown(role, resource)}]", right.why)


def _shown(scope: iam.Role, resource: str) -> str:
    """As cdk-nag writes a resource's ARN."""
    return _flat(cdk.Stack.of(scope).resolve(resource))


def _flat(part: Any) -> str:
    match part:
        case str():
            return part
        case {"Fn::Join": [delimiter, parts]}:
            return str(delimiter).join(map(_flat, parts))
        case {"Fn::GetAtt": [resource, attribute]}:
            return f"<{resource}.{attribute}>"
        case {"Fn::ImportValue": name}:
            return _flat(name)
        case {"Ref": name}:
            return f"<{name}>"
    return json.dumps(part, separators=(",", ":"))
