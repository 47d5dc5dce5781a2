"""AppSync's execution of queries and mutations, breadth first: siblings are what a batch consists of.

Introspection, which needs no resolver, and AppSync's own limits are not its part.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import orjson
from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    OperationType,
    get_argument_values,
    get_named_type,
    get_variable_values,
    is_abstract_type,
    is_leaf_type,
    parse,
    validate,
)
from graphql.execution.values import VariableValues

from app.validation_messages import in_graphql_java_words, variable_messages
from domain.callers import Caller
from tests.appsync.api import Api
from tests.appsync.identities import headers, identity
from tests.appsync.mapping import Failed, batches, value_of
from tests.appsync.selections import Selected, Selections, written

Invoke = Callable[[Any], Awaitable[Any]]
"""Our function: an event, or the list of a batch, to its result or the list of them."""

Invalidated = Callable[[Mapping[str, Any]], None]

Path = tuple[str | int, ...]


class AppSync:
    """One API and the function behind it.

    Args:
        invoke: is given JSON values that went through text, and so is what it answers.
        invalidated: is told of each `extensions.invalidateSubscriptions`.
    """

    def __init__(self, api: Api, invoke: Invoke, invalidated: Invalidated = lambda told: None) -> None:
        self._api = api
        self._invoke = invoke
        self._invalidated = invalidated

    async def execute(
        self, query: str, variables: Mapping[str, Any] | None, caller: Caller, operation_name: str | None = None
    ) -> dict[str, Any]:
        """The body of the answer to a query or mutation."""
        prepared = prepare(self._api, query, variables or {}, operation_name)
        if isinstance(prepared, dict):
            return prepared
        if prepared.operation.operation is OperationType.SUBSCRIPTION:
            return _bad_request("Subscriptions need a WebSocket.")
        return await Run(self._api, self._invoke, self._invalidated, caller, prepared).answer()

    async def subscribe(self, query: str, variables: Mapping[str, Any] | None, caller: Caller) -> "Started | Failed":
        """What the gate of a subscription says: how it begins, or why it does not."""
        prepared = prepare(self._api, query, variables or {}, None)
        if isinstance(prepared, dict):
            [error, *_] = prepared["errors"]
            return Failed(error["message"], "BadRequestException")
        return await Run(self._api, self._invoke, self._invalidated, caller, prepared).started()


@dataclass(frozen=True)
class Started:
    """A subscription that is on.

    Attributes:
        arguments: that were given, null included.
        filter: set by the resolver; None leaves it to the arguments.
    """

    arguments: Mapping[str, Any]
    filter: Mapping[str, Any] | None

    def hears(self, payload: Mapping[str, Any]) -> bool:
        """Whether an event is delivered. A filter takes the arguments' place."""
        if self.filter is None:
            return all(payload.get(name) == value for name, value in self.arguments.items())
        return any(all(_holds(each, payload) for each in entry["filters"]) for entry in self.filter["filterGroup"])


def _holds(condition: Mapping[str, Any], payload: Mapping[str, Any]) -> bool:
    """The operators that the gates use."""
    value = payload.get(condition["fieldName"])
    return bool({"eq": value == condition["value"]}[condition["operator"]])


@dataclass(frozen=True)
class Prepared:
    """An operation that may run.

    Attributes:
        sent: the variables as `info.variables` tells them.
        variables: the same, coerced.
    """

    operation: OperationDefinitionNode
    fragments: Mapping[str, FragmentDefinitionNode]
    sent: Mapping[str, Any]
    variables: VariableValues


def prepare(
    api: Api, query: str, variables: Mapping[str, Any], operation_name: str | None
) -> "Prepared | dict[str, Any]":
    """The operation, or the answer that refuses it."""
    document = _document(api, query)
    if isinstance(document, dict):
        return document
    operation = _operation(document, operation_name)
    if isinstance(operation, str):
        return _bad_request(operation)
    values = get_variable_values(
        api.schema, operation.variable_definitions or (), dict(variables), hide_suggestions=True
    )
    if isinstance(values, list):
        return _invalid(variable_messages(values), values)
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    return Prepared(operation, fragments, variables, values)


@lru_cache(maxsize=2_000)
def _document(api: Api, query: str) -> DocumentNode | dict[str, Any]:
    """The valid document, or the answer that refuses it."""
    try:
        document = parse(query, allow_empty_selection_sets=False)
    except GraphQLSyntaxError:
        return {"errors": [{"errorType": "MalformedHttpRequestException", "message": "Unable to parse GraphQL query."}]}
    faults = validate(api.schema, document, hide_suggestions=True)
    return _invalid(in_graphql_java_words(faults, document), faults) if faults else document


class Place:
    """One place of the answer: a value, a list of places, an object of them, or null.

    Attributes:
        failed: it is null, and an error says why.
    """

    __slots__ = ("failed", "path", "selected", "value")

    def __init__(self, path: Path, selected: Selected) -> None:
        self.path = path
        self.selected = selected
        self.value: Any = None
        self.failed = False


@dataclass
class Object:
    """An object of the answer, and the part of its parent's result that it is made from."""

    type: GraphQLObjectType
    path: Path
    source: Mapping[str, Any] | None
    places: dict[str, Place] = field(default_factory=dict)


class _NullWhereNoneMayBe(Exception):
    """Nulls the nearest parent that may be null."""


class Run:
    """One operation of one caller."""

    def __init__(self, api: Api, invoke: Invoke, invalidated: Invalidated, caller: Caller, prepared: Prepared) -> None:
        self._api = api
        self._invoke = invoke
        self._invalidated = invalidated
        self._caller = caller
        self._prepared = prepared
        self._selections = Selections(api.schema, prepared.fragments, prepared.variables.coerced)
        self._errors: list[dict[str, Any]] = []

    async def answer(self) -> dict[str, Any]:
        operation = self._prepared.operation
        type_ = self._api.schema.get_root_type(operation.operation)
        assert type_ is not None
        root = Object(type_, (), None)
        selected = self._selections.root(type_, operation.selection_set)
        if operation.operation is OperationType.MUTATION:
            for each in selected:
                await self._fields(type_, [root], [each])
        else:
            await self._fields(type_, [root], selected)
        data = {key: self._settled(place, type_) for key, place in root.places.items()}
        return {"data": data, "errors": self._errors} if self._errors else {"data": data}

    async def started(self) -> Started | Failed:
        """The operation's one root field is a subscription's."""
        type_ = self._api.schema.subscription_type
        assert type_ is not None
        [selected] = self._selections.root(type_, self._prepared.operation.selection_set)
        if self._api.refuses(type_, selected.name, self._caller):
            return Failed(f"Not Authorized to access {selected.name} on type {type_.name}", "Unauthorized")
        arguments = self._arguments(type_, selected)
        result = await self._sent(self._event(type_, selected, arguments, None))
        value = value_of(result)
        return value if isinstance(value, Failed) else Started(arguments, result.get("filter"))

    async def _fields(self, type_: GraphQLObjectType, objects: Sequence[Object], selected: Sequence[Selected]) -> None:
        for each in selected:
            for parent in objects:
                parent.places[each.key] = Place((*parent.path, each.key), each)
        await asyncio.gather(*(self._field(type_, objects, each) for each in selected))

    async def _field(self, type_: GraphQLObjectType, objects: Sequence[Object], selected: Selected) -> None:
        places = [parent.places[selected.key] for parent in objects]
        definition = self._api.schema.get_field(type_, selected.name)
        assert definition is not None
        below: dict[str, list[Object]] = defaultdict(list)
        values = await self._values(type_, objects, selected)
        for place, value in zip(places, values, strict=True):
            self._complete(definition.type, value, place, below)
        await asyncio.gather(*(self._below(found, selected) for found in below.values()))

    async def _below(self, objects: Sequence[Object], above: Selected) -> None:
        type_ = objects[0].type
        await self._fields(type_, objects, self._selections.below(type_, above))

    async def _values(self, type_: GraphQLObjectType, objects: Sequence[Object], selected: Selected) -> list[Any]:
        """The field's value for each object, or `Failed`."""
        name = selected.name
        if name == "__typename":
            return [type_.name] * len(objects)
        if self._api.refuses(type_, name, self._caller):
            words = f"Not Authorized to access {name} on type {type_.name}"
            return [Failed(words, "Unauthorized")] * len(objects)
        resolver = self._api.resolvers.get((type_.name, name))
        if resolver is None:
            return [(parent.source or {}).get(name) for parent in objects]
        try:
            arguments = self._arguments(type_, selected)
        except GraphQLError as error:
            return [Failed(error.message, "BAD_REQUEST")] * len(objects)
        events = [self._event(type_, selected, arguments, parent.source) for parent in objects]
        if not resolver.max_batch_size:
            return [self._value(result) for result in await asyncio.gather(*map(self._sent, events))]
        calls = [self._batch(batch) for batch in batches(events, resolver.max_batch_size)]
        return [self._value(result) for results in await asyncio.gather(*calls) for result in results]

    def _value(self, result: Mapping[str, Any]) -> Any:
        for each in result.get("ended", ()):
            self._invalidated(each)
        return value_of(result)

    async def _batch(self, events: Sequence[Any]) -> list[Any]:
        results = await self._sent(list(events))
        assert isinstance(results, list)
        assert len(results) == len(events), f"{len(results)} results for {len(events)} events"
        return results

    async def _sent(self, event: Any) -> Any:
        """The function's result; both ways are JSON text on AppSync."""
        return through_json(await self._invoke(through_json(event)))

    def _arguments(self, type_: GraphQLObjectType, selected: Selected) -> dict[str, Any]:
        definition = self._api.schema.get_field(type_, selected.name)
        assert definition is not None
        return get_argument_values(definition, selected.nodes[0], self._prepared.variables, hide_suggestions=True)

    def _event(
        self, type_: GraphQLObjectType, selected: Selected, arguments: Mapping[str, Any], source: Any
    ) -> dict[str, Any]:
        definition = type_.fields[selected.name]
        return {
            "arguments": arguments,
            "identity": identity(self._caller),
            "source": None if source is None else named(type_, source),
            "request": {"headers": headers(self._caller), "domainName": None},
            "prev": None,
            "info": {
                "selectionSetList": self._selections.paths(get_named_type(definition.type), selected),
                "selectionSetGraphQL": written(selected.nodes),
                "parentTypeName": type_.name,
                "fieldName": selected.name,
                "variables": self._prepared.sent,
            },
            "stash": {},
        }

    # Completion

    def _complete(self, type_: Any, value: Any, place: Place, below: dict[str, list[Object]]) -> None:
        if isinstance(type_, GraphQLNonNull):
            type_ = type_.of_type
        if isinstance(value, Failed):
            self._fail(place, value.message, errorType=value.error_type, data=value.data, errorInfo=value.info)
        elif value is None:
            place.value = None
        elif isinstance(type_, GraphQLList):
            self._complete_list(type_, value, place, below)
        elif is_leaf_type(type_):
            try:
                place.value = type_.coerce_output_value(value)
            except Exception as error:
                self._fail(place, f"Can't serialize value ({_text(place.path)}) : {error}")
        elif not isinstance(value, Mapping):
            self._mismatch(place, "OBJECT", value)
        else:
            concrete = self._api.schema.type_map[value["__typename"]] if is_abstract_type(type_) else type_
            place.value = Object(concrete, place.path, value)
            below[concrete.name].append(place.value)

    def _complete_list(self, type_: Any, value: Any, place: Place, below: dict[str, list[Object]]) -> None:
        if not isinstance(value, list):
            self._mismatch(place, "LIST", value)
            return
        place.value = [Place((*place.path, number), place.selected) for number in range(len(value))]
        for item, inner in zip(value, place.value, strict=True):
            self._complete(type_.of_type, item, inner, below)

    def _settled(self, place: Place, parent: GraphQLObjectType) -> Any:
        """The place's value as the client gets it, nulls moved up to where they may be."""
        definition = self._api.schema.get_field(parent, place.selected.name)
        assert definition is not None
        return self._settle(place, definition.type, parent)

    def _settle(self, place: Place, type_: Any, parent: GraphQLObjectType) -> Any:
        if isinstance(type_, GraphQLNonNull):
            value = self._settle(place, type_.of_type, parent)
            if value is None:
                if not place.failed:
                    self._null(place, type_.of_type, parent)
                raise _NullWhereNoneMayBe
            return value
        try:
            if isinstance(place.value, Object):
                inner = place.value
                return {key: self._settled(each, inner.type) for key, each in inner.places.items()}
            if isinstance(type_, GraphQLList) and place.value is not None:
                return [self._settle(each, type_.of_type, parent) for each in place.value]
        except _NullWhereNoneMayBe:
            place.failed = True
            return None
        return place.value

    def _null(self, place: Place, type_: Any, parent: GraphQLObjectType) -> None:
        words = (
            f"Cannot return null for non-nullable type: '{type_}' within parent '{parent.name}' ({_text(place.path)})"
        )
        self._errors.append({"message": words, "path": list(place.path)})

    def _mismatch(self, place: Place, expected: str, value: Any) -> None:
        got = "LIST" if isinstance(value, list) else "OBJECT" if isinstance(value, Mapping) else "SCALAR"
        words = f"Can't resolve value ({_text(place.path)}) : type mismatch error, expected type {expected}, got {got}"
        self._fail(place, words)

    def _fail(self, place: Place, message: str, **told: Any) -> None:
        place.failed = True
        error = {"path": list(place.path), "locations": place.selected.locations, "message": message}
        self._errors.append({**error, **told})


def through_json(value: Any) -> Any:
    return orjson.loads(orjson.dumps(value))


def named(type_: GraphQLObjectType, value: Any) -> Any:
    """As much of an object as the SDL names."""
    if not isinstance(value, Mapping):
        return value
    found = {}
    for name, each in value.items():
        if name in type_.fields:
            inner = get_named_type(type_.fields[name].type)
            found[name] = _each_named(inner, each) if isinstance(inner, GraphQLObjectType) else each
    return found


def _each_named(type_: GraphQLObjectType, value: Any) -> Any:
    return [_each_named(type_, each) for each in value] if isinstance(value, list) else named(type_, value)


def _operation(document: DocumentNode, name: str | None) -> OperationDefinitionNode | str:
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    if name is None:
        return operations[0] if len(operations) == 1 else "Missing operation name."
    found = (each for each in operations if each.name and each.name.value == name)
    return next(found, "The document has no operation of that name.")


def _bad_request(message: str) -> dict[str, Any]:
    return {"errors": [{"errorType": "BadRequestException", "message": message}]}


def _invalid(messages: Sequence[str], faults: Sequence[GraphQLError]) -> dict[str, Any]:
    errors = []
    for message, fault in zip(messages, faults, strict=True):
        places = [{"line": each.line, "column": each.column, "sourceName": None} for each in fault.locations or ()]
        errors.append({"path": None, "locations": places or None, "message": message})
    return {"data": None, "errors": errors}


def _text(path: Path) -> str:
    return "".join(f"[{key}]" if isinstance(key, int) else f"/{key}" for key in path)
