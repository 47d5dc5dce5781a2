"""graphql-core's complaints in graphql-java's words, which are AppSync's.

Nothing of what the client wrote comes back but names, and nothing is suggested.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from graphql import (
    ArgumentNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    ListValueNode,
    Node,
    ObjectFieldNode,
    ObjectValueNode,
    VariableDefinitionNode,
)
from graphql.language.ast import QUERY_DOCUMENT_KEYS

from app.errors import shortened

_NAME = r"'@?\$?([^']*)'"

_RULES: Sequence[tuple[str, str, str]] = (
    # What graphql-core says, graphql-java's type of error, and its words. So many patterns would be felt at every
    # start: they are compiled, and kept, by the first that is matched.
    (rf"Cannot query field {_NAME} on type {_NAME}", "FieldUndefined", "Field '{0}' in type '{1}' is undefined"),
    (rf"Unknown argument {_NAME} on directive", "UnknownDirective", "Unknown directive argument {0}"),
    (rf"Unknown argument {_NAME} on", "UnknownArgument", "Unknown field argument {0}"),
    (
        r"Argument '@\w+\((\w+):\)' of type .* is required",
        "MissingDirectiveArgument",
        "Missing directive argument {0}",
    ),
    (r"Argument '[\w.]+\((\w+):\)' of type .* is required", "MissingFieldArgument", "Missing field argument {0}"),
    (
        rf"Field {_NAME} must not have a selection since type {_NAME}",
        "SubSelectionNotAllowed",
        "Sub selection not allowed on leaf type {1} of field {0}",
    ),
    (
        rf"Field {_NAME} of type {_NAME} must have a",
        "SubSelectionRequired",
        "Sub selection required for type {1} of field {0}",
    ),
    (rf"Unknown type {_NAME}", "UnknownType", "Unknown type {0}"),
    (rf"Unknown fragment {_NAME}", "UndefinedFragment", "Undefined fragment {0}"),
    (rf"Fragment {_NAME} is never used", "UnusedFragment", "Unused fragment {0}"),
    (
        rf"Fragment {_NAME} cannot condition on non composite type",
        "FragmentTypeConditionInvalid",
        "Fragment type condition is invalid, must be on Object/Interface/Union",
    ),
    (
        "Fragment cannot condition on non composite type",
        "InlineFragmentTypeConditionInvalid",
        "Inline fragment type condition is invalid, must be on Object/Interface/Union",
    ),
    (
        rf"Fragment (?:{_NAME} )?cannot be spread here as objects of type {_NAME} can never be of type {_NAME}",
        "InvalidFragmentType",
        "Fragment cannot be spread here as objects of type {1} can never be of type {2}",
    ),
    (rf"Cannot spread fragment {_NAME} within itself", "FragmentCycle", "Fragment cycles not allowed"),
    (rf"Variable {_NAME} is not defined", "UndefinedVariable", "Undefined variable {0}"),
    (rf"Variable {_NAME} is never used", "UnusedVariable", "Unused variable {0}"),
    (
        rf"Variable {_NAME} of type {_NAME} used in position expecting type {_NAME}",
        "VariableTypeMismatch",
        "Variable type '{1}' doesn't match expected type '{2}'",
    ),
    (
        rf"Variable {_NAME} is of type {_NAME} but must be non-nullable",
        "VariableTypeMismatch",
        "Variable type '{1}' doesn't match expected type '{1}!'",
    ),
    (rf"Variable {_NAME} cannot be non-input type {_NAME}", "NonInputTypeOnVariable", "Wrong type for a variable"),
    (rf"Unknown directive {_NAME}", "UnknownDirective", "Unknown directive {0}"),
    (rf"Directive {_NAME} may not be used on", "MisplacedDirective", "Directive {0} not allowed here"),
    (
        rf"The directive {_NAME} can only be used once",
        "DuplicateDirectiveName",
        "Directive {0} must be unique at its location",
    ),
    (
        "This anonymous operation must be the only",
        "LoneAnonymousOperationViolation",
        "Anonymous operation with other operations",
    ),
    (
        rf"There can be only one operation named {_NAME}",
        "DuplicateOperationName",
        "There can be only one operation named '{0}'",
    ),
    (
        rf"There can be only one fragment named {_NAME}",
        "DuplicateFragmentName",
        "There can be only one fragment named '{0}'",
    ),
    (
        rf"There can be only one argument named {_NAME}",
        "DuplicateArgumentNames",
        "There can be only one argument named '{0}'",
    ),
    (
        rf"There can be only one variable named {_NAME}",
        "DuplicateVariableName",
        "There can be only one variable named '{0}'",
    ),
    (
        rf"There can be only one input field named {_NAME}",
        "UniqueObjectFieldName",
        "There can be only one field named '{0}'",
    ),
    (r"The '?(\w+)'? operation is not supported", "UnknownOperation", "The schema has no {0} operations"),
    (
        rf"The (?:{_NAME}|schema) definition is not executable",
        "NonExecutableDefinition",
        "The definition is not executable",
    ),
    (
        r"(?:Anonymous Subscription|Subscription '(\w+)') must (?:select|not)",
        "SubscriptionMultipleRootFields",
        "Subscription operation must have exactly one root field",
    ),
    (
        "(?:Defer|Stream|Defer/Stream) directive (?:not supported|cannot be used|label argument)",
        "MisplacedDirective",
        "Directives defer and stream are not allowed here",
    ),
    (rf"(?:Fields|Spreads) {_NAME} conflict because", "FieldsConflict", "{0}: fields cannot be merged"),
    ("Maximum introspection depth exceeded", "MaxIntrospectionDepth", "Introspection is nested too deeply"),
)


def in_graphql_java_words(errors: Sequence[GraphQLError], document: DocumentNode) -> list[str]:
    """`Validation error of type <Kind>: <words> @ '<path>'` for each error, in order.

    graphql-core tells the rule by its text only. The one rule whose texts are open (values of the wrong
    type, where scalars speak for themselves) is what remains when no other matches.
    """
    places = dict(_places(document, _Place()))
    return [_message(error, places) for error in errors]


def variable_messages(errors: Sequence[GraphQLError]) -> list[str]:
    """Why variable values were refused, one message an error, without the values."""
    return [_variable_message(error) for error in errors]


_VARIABLE = re.compile(r"Variable '\$(\w+)' has invalid (?:default )?value(?: at ([^:]+))?: (.*)", re.DOTALL)


def _variable_message(error: GraphQLError) -> str:
    found = _VARIABLE.match(error.message)
    if not found:
        return "Variables have an invalid value."
    name, place, complaint = found.groups()
    null = re.match(r"Expected a? ?value of non-null type '([^']+)'", complaint)
    if null and not place:
        return f"Variable '{name}' has coerced Null value for NonNull type '{null[1]}'"
    where = shortened(name + (place or ""))
    return shortened(f"Variable '{name}' has an invalid value: {_value_fault(where, complaint)}")


_WRONG_VALUES: Sequence[tuple[str, str]] = (
    # The complaint of graphql-core or of a scalar, and what is said of it; {0} is the place.
    (r".* is no (\w+): ([^:]*)\.$", "'{0}' is not a valid '{1}': {2}"),
    (
        r"Expected value of type '([^']+)' to include required field '([^']+)'",
        "'{0}' is missing required fields '[{2}]'",
    ),
    (
        r"Expected value of type '([^']+)' not to include unknown field '([^']+)'",
        "'{0}' contains a field not in '{1}': '{2}'",
    ),
    (r"Expected a? ?value of non-null type '([^']+)'", "'{0}' is not a valid '{1}': it must not be null"),
    (r"Expected value of type '([^']+)'", "'{0}' is not a valid '{1}'"),
    (r"Value '.*' does not exist in '([^']+)' enum", "'{0}' is not a valid '{1}'"),
    (r"(?:Enum '(?=\w+' cannot))?(\w+)'? cannot represent", "'{0}' is not a valid '{1}'"),
)


def _value_fault(place: str, complaint: str) -> str:
    for pattern, words in _WRONG_VALUES:
        found = re.match(pattern, complaint, re.DOTALL)
        if found:
            return words.format(place, *found.groups())
    return f"'{place}' is not valid"


class _Place(NamedTuple):
    """Where a node stands: the fields and fragments around it, and the argument or variable it belongs to."""

    fields: tuple[str, ...] = ()
    value: str = ""


def _message(error: GraphQLError, places: Mapping[int, _Place]) -> str:
    nodes = [known for node in error.nodes or () for known in _originals(node, places)]
    found = [places[id(node)] for node in nodes] or [_Place(value="?")]
    place = next((each for each in found if each.fields), found[0])
    kind, words = _translated(error, place)
    where = f" @ '{'/'.join(place.fields)}'" if place.fields else ""
    return shortened(f"Validation error of type {kind}: {words}{where}")


def _originals(node: Node, places: Mapping[int, _Place]) -> list[Node]:
    """The node itself, or what it holds: graphql-core complains about lists and objects by way of copies."""
    if id(node) in places:
        return [node]
    if isinstance(node, ListValueNode):
        return [known for value in node.values or () for known in _originals(value, places)][:1]
    if isinstance(node, ObjectValueNode):
        return [known for field in node.fields or () for known in _originals(field.value, places)][:1]
    return []


def _translated(error: GraphQLError, place: _Place) -> tuple[str, str]:
    for pattern, kind, words in _RULES:
        found = re.match(pattern, error.message)
        if found:
            return kind, words.format(*found.groups())
    kind = "BadValueForDefaultArg" if place.value.startswith("$") else "WrongType"
    return kind, "argument " + _value_fault(place.value.lstrip("$"), error.message)


def _places(node: Node, place: _Place) -> Iterator[tuple[int, _Place]]:
    if isinstance(node, FieldNode | FragmentDefinitionNode):
        place = _Place((*place.fields, node.name.value))
    elif isinstance(node, ArgumentNode):
        place = _Place(place.fields, node.name.value)
    elif isinstance(node, ObjectFieldNode):
        place = _Place(place.fields, f"{place.value}.{node.name.value}")
    elif isinstance(node, VariableDefinitionNode):
        place = _Place(place.fields, f"${node.variable.name.value}")
    yield id(node), place
    for key in QUERY_DOCUMENT_KEYS.get(node.kind, ()):
        value = getattr(node, key, None)
        for child in value if isinstance(value, tuple | list) else (value,):
            if isinstance(child, Node):
                yield from _places(child, place)
