"""Writes resolvers/inputs.py: the SDL's inputs and enums as the types that resolvers are checked against."""

from collections.abc import Iterator
from keyword import iskeyword
from pathlib import Path
from typing import TypeVar

from graphql import (
    GraphQLEnumType,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    get_named_type,
    is_introspection_type,
)

from app import sdl
from app.scalars import TABLE

INPUTS_FILE = Path(__file__).parent.parent / "resolvers" / "inputs.py"

_HEAD = '''"""What resolvers are given: the SDL's inputs and enums. Generated from schema/, not written by hand.

A key is absent when the caller left the field out, and None when the caller said null, which clears.
"""
'''
_PYTHON = {"ID": "str", "String": "str", "Boolean": "bool"} | {name: scalar.python for name, scalar in TABLE.items()}
_LINE = 120

Kind = TypeVar("Kind")


def write(path: Path = INPUTS_FILE) -> None:
    path.write_text(generate(sdl.build(sdl.load())), encoding="utf-8")


def generate(schema: GraphQLSchema) -> str:
    """The module's text, formatted and the same for the same schema.

    Enums come first, then inputs, each after the inputs that it holds. Keys are the SDL's names in
    snake_case; values are what app/scalars makes of the scalars.
    """
    enums = [type_ for type_ in _sorted(schema, GraphQLEnumType) if not is_introspection_type(type_)]
    inputs = list(_holders_last(_sorted(schema, GraphQLInputObjectType)))
    used = {_python_name(field.type) for input_ in inputs for field in input_.fields.values()}
    optional = any(not isinstance(field.type, GraphQLNonNull) for each in inputs for field in each.fields.values())
    typing_names = [
        *(["Any"] if "Any" in used else []),
        *(["Literal"] if enums else []),
        *(["NotRequired"] if optional else []),
        *(["TypedDict"] if inputs else []),
    ]
    parts = [_HEAD]
    if typing_names:
        parts.append(f"from typing import {', '.join(typing_names)}\n")
    if "Timestamp" in used:
        parts.append("from domain.times import Timestamp\n")
    parts += [_enum(type_) for type_ in enums]
    written: set[str] = set()
    for input_ in inputs:
        parts.append("\n" + _input(input_, written))
        written.add(input_.name)
    return "\n".join(parts)


def _enum(type_: GraphQLEnumType) -> str:
    values = [f'"{value}"' for value in type_.values]
    line = f"{type_.name} = Literal[{', '.join(values)}]"
    if len(line) > _LINE:
        line = "\n".join([f"{type_.name} = Literal[", *(f"    {value}," for value in values), "]"])
    return f"{line}\n{_docstring(type_.description, indent='')}"


def _input(type_: GraphQLInputObjectType, written: set[str]) -> str:
    members = {sdl.snake(name): _member(field, written) for name, field in type_.fields.items()}
    if any(iskeyword(name) for name in members):  # a class body cannot hold a field that is named `from`
        lines = [f"{type_.name} = TypedDict(", f'    "{type_.name}",', "    {"]
        lines += [f'        "{name}": {annotation},' for name, annotation in members.items()]
        return "\n".join([*lines, "    },", ")"]) + "\n" + _docstring(type_.description, indent="")
    lines = [f"class {type_.name}(TypedDict):", _docstring(type_.description, indent="    ")]
    for (name, annotation), field in zip(members.items(), type_.fields.values(), strict=True):
        lines.append(f"    {name}: {annotation}")
        if field.description:
            lines.append(_docstring(field.description, indent="    ").rstrip("\n"))
    return "\n".join(lines) + "\n"


def _member(field: GraphQLInputField, written: set[str]) -> str:
    annotation = _annotation(field.type)
    named = get_named_type(field.type)
    if isinstance(named, GraphQLInputObjectType) and named.name not in written:
        annotation = f'"{annotation}"'  # an input that holds itself, or one that holds it
    return annotation if isinstance(field.type, GraphQLNonNull) else f"NotRequired[{annotation}]"


def _annotation(type_: GraphQLInputType) -> str:
    if isinstance(type_, GraphQLNonNull):
        return _present(type_.of_type)
    return "Any" if _present(type_) == "Any" else f"{_present(type_)} | None"


def _present(type_: GraphQLInputType) -> str:
    return f"list[{_annotation(type_.of_type)}]" if isinstance(type_, GraphQLList) else _python_name(type_)


def _python_name(type_: GraphQLInputType) -> str:
    name = get_named_type(type_).name
    return _PYTHON.get(name, name)


def _docstring(description: str | None, *, indent: str) -> str:
    text = (description or "").strip().replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    if not text:
        return ""
    if text.endswith('"'):
        text = text[:-1] + '\\"'
    return "\n".join(f"{indent}{line}".rstrip() for line in f'"""{text}"""'.split("\n")) + "\n"


def _sorted(schema: GraphQLSchema, kind: type[Kind]) -> list[Kind]:
    return [type_ for _, type_ in sorted(schema.type_map.items()) if isinstance(type_, kind)]


def _holders_last(inputs: list[GraphQLInputObjectType]) -> Iterator[GraphQLInputObjectType]:
    """Each input after those that it holds, as far as they do not hold each other."""
    seen: set[str] = set()

    def walk(type_: GraphQLInputObjectType) -> Iterator[GraphQLInputObjectType]:
        if type_.name in seen:
            return
        seen.add(type_.name)
        for field in type_.fields.values():
            held = get_named_type(field.type)
            if isinstance(held, GraphQLInputObjectType):
                yield from walk(held)
        yield type_

    for type_ in inputs:
        yield from walk(type_)
