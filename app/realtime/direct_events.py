"""What a client's own mutation tells subscribers: the fields that it selected, under their own names."""

from collections.abc import Iterator, Mapping
from typing import Any

from graphql import FragmentDefinitionNode, SelectionSetNode

from app.documents import Operation, field_nodes
from subscriptions.hub import Hub


class DirectEvents:
    """Told of every executed mutation; hands on those that some subscription names.

    Args:
        woken: subscription fields by mutation field.
    """

    def __init__(self, woken: Mapping[str, tuple[str, ...]], hub: Hub) -> None:
        self._woken = woken
        self._hub = hub

    def __call__(self, operation: Operation, data: Mapping[str, Any]) -> None:
        """A result that is null is no event."""
        if self._woken.keys().isdisjoint(operation.root_fields):
            return  # as nearly all are
        parts = _Parts(operation.fragments)
        for mutation, selections, value in parts.fields([operation.node.selection_set], data):
            fields = self._woken.get(mutation)
            if fields and isinstance(value, Mapping):
                self._hub.publish(fields, parts.unaliased(selections, value))


class _Parts:
    """Parts of an answer, by what an operation and these fragments select."""

    def __init__(self, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self._fragments = fragments

    def unaliased(self, selections: list[SelectionSetNode], value: Any) -> Any:
        """Plain data under the SDL's names. Of a field selected twice, the first counts."""
        if isinstance(value, list):
            return [self.unaliased(selections, each) for each in value]
        if not isinstance(value, Mapping) or not selections:
            return value
        plain: dict[str, Any] = {}
        for name, below, found in self.fields(selections, value):
            plain.setdefault(name, self.unaliased(below, found))
        return plain

    def fields(
        self, selections: list[SelectionSetNode], value: Mapping[str, Any]
    ) -> Iterator[tuple[str, list[SelectionSetNode], Any]]:
        """Each field that is in the value: its name, what is selected below it, and what was found.

        One name in the answer may stand for different fields of different types; which of them it was is
        not told there, so such a field is left out.
        """
        names: dict[str, set[str]] = {}
        below: dict[str, list[SelectionSetNode]] = {}
        for node in field_nodes(selections, self._fragments):
            key = node.alias.value if node.alias else node.name.value
            names.setdefault(key, set()).add(node.name.value)
            if node.selection_set:
                below.setdefault(key, []).append(node.selection_set)
        for key, found in value.items():
            if len(names.get(key, ())) == 1:
                yield next(iter(names[key])), below.get(key, []), found
