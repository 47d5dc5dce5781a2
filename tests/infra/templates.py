"""The synthesised templates as data, and questions to them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Resource:
    """One resource of a template. `properties` is empty where it has none."""

    stack: str
    name: str
    body: dict[str, Any]

    @property
    def type(self) -> str:
        return str(self.body["Type"])

    @property
    def properties(self) -> dict[str, Any]:
        found: dict[str, Any] = self.body.get("Properties", {})
        return found

    def __repr__(self) -> str:
        return f"{self.stack}/{self.name}"


class Deployed:
    """All templates of one environment.

    Args:
        stacks: templates by the stack's part: "network", "data", ...
    """

    def __init__(self, environment: str, stacks: dict[str, dict[str, Any]]) -> None:
        self.environment = environment
        self.stacks = stacks

    def __repr__(self) -> str:
        return self.environment

    def resources(self, kind: str | None = None, *, stack: str | None = None) -> list[Resource]:
        """Of one type ("AWS::S3::Bucket") and of one stack, or of all."""
        return [
            resource for resource in self._all() if kind in (None, resource.type) and stack in (None, resource.stack)
        ]

    def one(self, kind: str, *, stack: str | None = None) -> Resource:
        """The only one of its kind."""
        (found,) = self.resources(kind, stack=stack)
        return found

    def _all(self) -> Iterator[Resource]:
        for stack, template in self.stacks.items():
            for name, body in template["Resources"].items():
                yield Resource(stack, name, body)


def read(environment: str, folder: Path) -> Deployed:
    stacks = {
        path.name.removesuffix(".template.json"): json.loads(path.read_text())
        for path in sorted(folder.glob("*.template.json"))
    }
    return Deployed(environment, stacks)
