"""Which fields of the SDL have a resolver on AppSync, and how each is called. CDK and the parity tests both read it.

A field that is not listed is a key of its parent's answer; AppSync reads it there by itself.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec

from app.sdl import ROOTS
from resolvers.registry import Resolver

Kind = Literal["UNIT", "BATCH", "GATE"]
"""How AppSync calls our function.

UNIT: `Invoke`, one event a field. BATCH: `BatchInvoke`, the events of up to `max_batch_size` siblings in one
call. GATE: `Invoke` when a subscription starts; what it answers is the subscription's filter, not a value.
There is no local (NONE) resolver: every publishX reads the stored record, or keeps what it is given.
"""


class FieldResolver(msgspec.Struct, frozen=True, rename="camel"):
    """One resolver of the AppSync API.

    Attributes:
        type_name, field_name: the field, as `TypeName` and `FieldName` of AWS::AppSync::Resolver.
        kind: see `Kind`.
        max_batch_size: `MaxBatchSize`; 0 for what is not batched.
    """

    type_name: str
    field_name: str
    kind: Kind
    max_batch_size: int = 0


def field_resolvers(resolvers: Mapping[str, Resolver]) -> tuple[FieldResolver, ...]:
    """Every resolver of the API, by coordinate: Query, Mutation, Subscription, then the other types by name."""
    listed = [_field_resolver(resolver) for resolver in resolvers.values()]
    return tuple(sorted(listed, key=lambda each: (_order(each.type_name), each.type_name, each.field_name)))


def _field_resolver(resolver: Resolver) -> FieldResolver:
    type_name, _, field_name = resolver.coordinate.partition(".")
    if resolver.batched:
        return FieldResolver(type_name, field_name, "BATCH", resolver.most)
    return FieldResolver(type_name, field_name, "GATE" if type_name == "Subscription" else "UNIT")


def _order(type_name: str) -> int:
    return ROOTS.index(type_name) if type_name in ROOTS else len(ROOTS)
