"""Answers in the form in which two runtimes are compared: what is chance in them is taken out."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSyntaxError,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    parse,
)

from domain.errors import Code, DomainError

_CHANCE = re.compile(r"https?://\S+|[0-9a-f]{8}\.k\.m1\S+|(?=[A-Za-z_+/=-]*\d)[A-Za-z0-9_+/=-]{24,}|\b\d{6}\b")
"""What no two runs share: signed addresses, ids that are made, sealed positions and secrets, codes of challenges."""


def compared(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Data, and of each error its path, errorType, errorInfo and message; the errors' order means nothing.

    A request that our server refuses as a whole, because of its caller's account, AppSync refuses field by field.
    """
    errors = [_error(each) for each in answer.get("errors", ())]
    if errors and {each["errorType"] for each in errors} == {Code.UNAUTHORIZED_REQUEST.value}:
        return refused(Code.UNAUTHORIZED_REQUEST)
    told = sorted(errors, key=lambda each: [str(part) for part in each["path"] or ()])
    return {"data": without_chance(answer.get("data")), "errors": told}


def refused(code: Code) -> dict[str, Any]:
    return {"data": None, "errors": [{"errorType": code.value}]}


def of_refusal(error: DomainError) -> dict[str, Any]:
    """For a request that our server's endpoint does not execute."""
    return refused(error.code)


def without_chance(value: Any) -> Any:
    if isinstance(value, str):
        return _CHANCE.sub("<chance>", value)
    if isinstance(value, list):
        return [without_chance(each) for each in value]
    if isinstance(value, Mapping):
        return {str(key): without_chance(each) for key, each in value.items()}
    return value


@lru_cache(maxsize=5_000)
def root_fields(query: str) -> tuple[str, ...]:
    """Coordinates of the root fields that a text with one operation selects, once each; none when it is no GraphQL."""
    try:
        document = parse(query)
    except GraphQLSyntaxError:
        return ()
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    if len(operations) != 1:
        return ()
    root = operations[0].operation.value.capitalize()
    names = _selected(document, operations[0].selection_set)
    return tuple(f"{root}.{name}" for name in dict.fromkeys(names) if not name.startswith("__"))


def _selected(document: DocumentNode, selections: SelectionSetNode) -> list[str]:
    names: list[str] = []
    for node in selections.selections:
        if isinstance(node, FieldNode):
            names.append(node.name.value)
        elif isinstance(node, InlineFragmentNode):
            names += _selected(document, node.selection_set)
        elif isinstance(node, FragmentSpreadNode):
            found = (each for each in document.definitions if isinstance(each, FragmentDefinitionNode))
            for fragment in found:
                if fragment.name.value == node.name.value:
                    names += _selected(document, fragment.selection_set)
    return names


def _error(error: Mapping[str, Any]) -> dict[str, Any]:
    """The refusals that AppSync writes itself have no errorInfo."""
    written = {} if error.get("errorType") == Code.UNAUTHORIZED_FIELD.value else error.get("errorInfo") or {}
    info = {name: value for name, value in written.items() if name != "requestId"}
    return {
        "path": error.get("path"),
        "errorType": error.get("errorType"),
        "errorInfo": without_chance(info),
        "message": without_chance(error["message"]),
    }
