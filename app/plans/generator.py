"""The part of a plan that runs for each record, as Python source: from a record to its JSON.

Into the source go GraphQL names, the schema's own attribute names, and reprs of the two; nothing else that a client
wrote. A value that is not just what its type says raises, and app/plans/runtime.py then does it step by step.

Two kinds of code are generated. A value whose whole selection is plain becomes a msgspec struct, which is read, checked
and written as JSON in C. Everything else becomes a dict through a function.
"""

import keyword
from typing import Any

from app.plans.leaves import inline_check, names, struct_type
from app.plans.plan import Field, Items, Leaf, Object, Plan, Selection, Shape
from app.plans.support import NAMES


def generate(plan: Plan, *, projected: bool) -> Plan:
    """Compiles the short ways of `plan`, in place.

    Args:
        projected: values may become structs; else all are dicts and lists, for those who read the answer.
    """
    generator = _Generator(projected=projected)
    for field in plan.root.waiting:
        generator.value(field, field.shape)
    plan.source = generator.source
    generator.install()
    return plan


class _Generator:
    def __init__(self, *, projected: bool) -> None:
        self._projected = projected
        self._blocks: list[str] = []
        self._names: dict[str, Any] = dict(NAMES)
        self._written: set[int] = set()
        self._begins: list[tuple[Selection, str]] = []
        self._finishes: list[tuple[Items | Object, str]] = []
        self._several: list[tuple[Items | Object, str]] = []

    @property
    def source(self) -> str:
        return "\n\n\n".join(self._blocks) + "\n"

    def install(self) -> None:
        """Runs the source and hands its functions to the plan."""
        exec(compile(self.source, "<plan>", "exec"), self._names)  # noqa: S102 - holds names and reprs only, see above
        for selection, name in self._begins:
            selection.begin = self._names[name]
        for shape, name in self._finishes:
            shape.finish = self._names[name]
        for shape, name in self._several:
            shape.finish_several = self._names[name]

    # What the runtime comes by

    def value(self, field: Field, shape: Shape) -> None:
        """All short ways for one value."""
        if isinstance(shape, Leaf):
            return
        if shape.is_plain:
            self._finish(field, shape)
        elif isinstance(shape, Items):
            self.value(field, shape.of)
        else:
            for each in shape.all:
                self._begins.append((each, self._function(each)))
                for below in each.waiting:
                    self.value(below, below.shape)

    def _finish(self, field: Field, shape: Items | Object) -> None:
        name = f"finish_{len(self._finishes) + 1}"
        self._finishes.append((shape, name))
        if self._projected and self._is_projectable(shape):
            type_ = self._type_of_values(shape)
            lines = [f"{name} = reading({type_})  # {field.coordinate}"]
            if field.bound and field.bound.resolver and not field.bound.is_root:
                self._several.append((shape, f"{name}_several"))
                lines.append(f"{name}_several = reading(list[{type_} | None])")
            self._blocks.append("\n".join(lines))
        else:
            code = self._completed(shape, "value", "value", "value", 0)
            self._blocks.append(f"def {name}(value):  # {field.coordinate}\n    return {code}")

    # Functions

    def _function(self, selection: Selection) -> str:
        """The name of the function that makes the selection's dict; it is written first."""
        name = f"a_{selection.type_name}_{selection.number}"
        if selection.number in self._written:
            return name
        self._written.add(selection.number)
        entries = [f"        {field.key!r}: {self._entry(field)}," for field in selection.fields]
        reads = any(field.is_plain and field.bound for field in selection.fields)
        lines = [
            f"def {name}(record):",
            *([] if reads else ["    something(record)"]),
            "    return {",
            *entries,
            "    }",
        ]
        self._blocks.append("\n".join(lines))
        return name

    def _entry(self, field: Field) -> str:
        if field.bound is None:
            return repr(field.constant)
        if not field.is_plain:
            return "None"
        return self._expression(field.shape, _read(field.bound.attribute))

    def _expression(self, shape: Shape, value: str, depth: int = 0) -> str:
        """Code for the completed value; `value` is code that is evaluated once."""
        again = value if value.isidentifier() else f"v{depth}"
        first = value if value.isidentifier() else f"({again} := {value})"
        if isinstance(shape, Leaf):
            return self._leaf(shape, first, again)
        if shape.required:
            return self._completed(shape, value, first, again, depth)
        return f"None if {first} is None else {self._completed(shape, again, again, again, depth)}"

    def _completed(self, shape: Items | Object, value: str, first: str, again: str, depth: int) -> str:
        """Code for what is made of a value that is not None."""
        if isinstance(shape, Items):
            item = f"i{depth}"
            return f"[{self._expression(shape.of, item, depth + 1)} for {item} in listed({value})]"
        if shape.only is not None:
            return f"{self._function(shape.only)}({value})"
        return f"{self._dispatch(shape)}[{first}.__class__]({again})"

    def _leaf(self, shape: Leaf, first: str, again: str) -> str:
        name = f"leaf_{shape.type.name}"
        self._know(shape)
        check = inline_check(shape.type, first, again)
        if check is not None:
            coerced = f"{name}({again})" if shape.required else f"None if {again} is None else {name}({again})"
            return f"{again} if {check} else {coerced}"
        return f"{name}({first})" if shape.required else f"None if {first} is None else {name}({again})"

    def _know(self, shape: Leaf) -> None:
        if f"leaf_{shape.type.name}" not in self._names:
            self._names.update(names(shape.type))

    def _dispatch(self, shape: Object) -> str:
        """The name of the functions by record class."""
        functions = {record: self._function(each) for record, each in shape.selections.items()}
        name = f"of_{shape.name}_{min((each.number for each in shape.all), default=0)}"
        entries = []
        for record, function in functions.items():
            record_name = f"record_{function.removeprefix('a_')}"
            self._names[record_name] = record
            entries.append(f"    {record_name}: {function},")
        self._blocks.append("\n".join([f"{name} = {{", *entries, "}"]))
        return name

    # Structs

    def _is_projectable(self, shape: Shape) -> bool:
        if isinstance(shape, Leaf):
            return struct_type(shape.type) is not None
        if isinstance(shape, Items):
            return self._is_projectable(shape.of)
        if shape.only is None:
            return False
        fields = shape.only.fields
        attributes = {field.bound.attribute for field in fields if field.bound}
        if not fields or len(attributes) < len(fields) or any(map(_is_odd, attributes)):
            return False  # nothing, a constant, an attribute under two names, or one that Python cannot name
        return all(self._is_projectable(field.shape) for field in fields)

    def _struct_type(self, shape: Shape) -> str:
        """A type expression for msgspec; the structs that it names are written first."""
        if isinstance(shape, Leaf):
            inner = f"type_{shape.type.name}"
            self._know(shape)
        else:
            inner = self._type_of_values(shape)
        return inner if shape.required else f"{inner} | None"

    def _type_of_values(self, shape: Items | Object) -> str:
        """Of those that are not None."""
        if isinstance(shape, Items):
            return f"list[{self._struct_type(shape.of)}]"
        return " | ".join(self._struct(each) for each in shape.all)

    def _struct(self, selection: Selection) -> str:
        name = f"a_{selection.type_name}_{selection.number}"
        lines, renamed = [], {}
        for field in selection.fields:
            if field.bound:
                lines.append(f"    {field.bound.attribute}: {self._struct_type(field.shape)}")
                if field.bound.attribute != field.key:
                    renamed[field.bound.attribute] = field.key
        bases = f"Projection, rename={renamed!r}" if renamed else "Projection"
        self._blocks.append("\n".join([f"class {name}({bases}):", *lines]))
        return name


def _is_odd(attribute: str) -> bool:
    """Not to be written as it is."""
    return not attribute.isidentifier() or keyword.iskeyword(attribute) or attribute.startswith("_")


def _read(attribute: str) -> str:
    return f"getattr(record, {attribute!r})" if _is_odd(attribute) else f"record.{attribute}"
