"""What a plan is made of: the fields that an operation really selects, merged, each with the shape of its value.

@skip and @include are decided before, so that a plan holds no condition: other conditions are another plan.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import msgspec
from graphql import FieldNode, GraphQLLeafType
from graphql.execution.values import VariableValues

from app.bound_fields import BoundField

Finish = Callable[[Any], Any]
"""From a value without resolvers below to what stands in the answer. Raises for whatever is not as usual."""

Arguments = Callable[[VariableValues], dict[str, Any]]
"""A field's arguments under their Python names. Raises GraphQLError for a value that does not fit."""


class Leaf(msgspec.Struct, eq=False):
    """A scalar or an enum.

    Attributes:
        coerce: see app/plans/leaves.py.
    """

    required: bool
    type: GraphQLLeafType
    coerce: Finish
    finish: None = None
    finish_several: None = None

    @property
    def is_plain(self) -> bool:
        return True


class Items(msgspec.Struct, eq=False):
    """A list."""

    required: bool
    of: "Shape"
    finish: Finish | None = None
    finish_several: Finish | None = None

    @property
    def is_plain(self) -> bool:
        return self.of.is_plain


class Object(msgspec.Struct, eq=False):
    """An object of one type, or of the type that its record tells.

    Attributes:
        name: of the GraphQL type, which may be abstract.
        only: the selection of a type that is not abstract.
        selections: else, by the record's class.
    """

    required: bool
    name: str
    only: "Selection | None"
    selections: Mapping[type[msgspec.Struct], "Selection"]
    finish: Finish | None = None
    finish_several: Finish | None = None

    @property
    def is_plain(self) -> bool:
        return all(each.is_plain for each in self.all)

    @property
    def all(self) -> "Sequence[Selection]":
        return tuple(self.selections.values()) if self.only is None else (self.only,)


Shape: TypeAlias = Leaf | Items | Object
"""A type of the schema with what is selected below.

`required`: it may not be null. `finish`: the generated short way; None where there is none. `finish_several`: the same
for a list of values, which may hold None.
`is_plain`: no resolver and no rule has to be asked anywhere in it.
"""


class Field(msgspec.Struct, eq=False):
    """Equal fields of one place, merged.

    Attributes:
        key: its name in the answer.
        coordinate: "Type.field".
        nodes: where the document selects it.
        bound: None for `__typename`, whose value is `constant`.
        arguments: None where there are none.
    """

    key: str
    coordinate: str
    nodes: list[FieldNode]
    shape: Shape
    bound: BoundField | None = None
    constant: str | None = None
    arguments: Arguments | None = None

    @property
    def is_plain(self) -> bool:
        if self.bound is None:
            return True
        return self.bound.resolver is None and self.bound.rule is None and self.shape.is_plain


class Selection(msgspec.Struct, eq=False):
    """What is selected of one object type in one place.

    Attributes:
        number: within the plan.
        fields: in the answer's order.
        waiting: those that are not plain, see `Shape`.
        begin: the generated short way to the object with all plain fields, the others null.
        blank: the object with what is known without a record, all else null.
    """

    number: int
    type_name: str
    fields: tuple[Field, ...]
    waiting: tuple[Field, ...]
    begin: Callable[[Any], dict[str, Any]] | None = None
    blank: dict[str, str | None] = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        self.blank = {field.key: field.constant for field in self.fields}

    @property
    def is_plain(self) -> bool:
        return not self.waiting

    @property
    def asks(self) -> bool:
        """Whether each of those that are not plain has a resolver."""
        return all(each.bound is not None and each.bound.resolver is not None for each in self.waiting)


class Plan(msgspec.Struct, eq=False):
    """
    Attributes:
        root: what is selected of Query or Mutation.
        serial: one root field after the other, as mutations want it.
        fields: how many there are; a measure of memory.
        source: the generated code.
        only: the root field that is asked, where it is but one.
    """

    root: Selection
    serial: bool
    fields: int
    source: str = ""
    only: Field | None = None

    def __post_init__(self) -> None:
        self.only = self.root.waiting[0] if len(self.root.waiting) == 1 else None
