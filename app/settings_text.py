"""Settings in words: what a variable takes, for error messages and for docs/settings.md."""

from pathlib import Path
from typing import Any

import msgspec
from msgspec import inspect

_INTRODUCTION = """# Settings

Every setting is an environment variable. They are read once, at start; if any of them makes no sense, the
server says so about all of them at once and does not start. An empty variable counts as absent, paths are relative
to the working directory, and lists are separated by commas.

| Variable | Takes | Default | Meaning |
|---|---|---|---|
"""


def table(settings: type[msgspec.Struct]) -> str:
    """docs/settings.md, from the class."""
    rows = [
        f"| `{field.name.upper()}` | {takes(field.type)} | {_default(field)} | {_described(field.type)} |\n"
        for field in inspect.type_info(settings).fields  # type: ignore[attr-defined]  # a StructType, always
    ]
    return _INTRODUCTION + "".join(rows)


def takes(kind: Any) -> str:
    """What text is good for a field of this type, e.g. "whole number, 1 to 300"."""
    plain = inspect.type_info(kind) if not isinstance(kind, inspect.Type) else kind
    if isinstance(plain, inspect.Metadata):
        title: str | None = (plain.extra_json_schema or {}).get("title")
        return title or takes(plain.type)
    if isinstance(plain, inspect.UnionType):
        return takes(next(option for option in plain.types if not isinstance(option, inspect.NoneType)))
    if isinstance(plain, inspect.VarTupleType):
        return f"list: {takes(plain.item_type)}"
    if isinstance(plain, inspect.LiteralType):
        return " or ".join(f"`{value}`" for value in plain.values)
    if isinstance(plain, inspect.BoolType):
        return "`true` or `false`"
    if isinstance(plain, inspect.IntType):
        return f"whole number, {_range(plain)}"
    if isinstance(plain, inspect.FloatType):
        return f"number, {_range(plain)}"
    if isinstance(plain, inspect.CustomType) and plain.cls is Path:
        return "path"
    raise TypeError(f"say in Meta(title=...) what {plain} takes")


def shaped(text: str, kind: Any) -> Any:
    """The text as msgspec reads it: lists split at commas, switches also as yes, no, on, off."""
    plain = inspect.type_info(kind)
    while isinstance(plain, inspect.Metadata):
        plain = plain.type
    if isinstance(plain, inspect.VarTupleType):
        return tuple(item for part in text.split(",") if (item := part.strip()))
    options = plain.types if isinstance(plain, inspect.UnionType) else (plain,)
    if any(isinstance(option, inspect.BoolType) for option in options):
        return {"yes": True, "on": True, "no": False, "off": False}.get(text.lower(), text)
    return text


def _range(number: inspect.IntType | inspect.FloatType) -> str:
    return f"{number.ge:,} to {number.le:,}" if number.ge is not None else f"above {number.gt:,}, at most {number.le:,}"


def _default(field: inspect.Field) -> str:
    outer = field.type
    if isinstance(outer, inspect.Metadata) and outer.extra and "default" in outer.extra:
        return str(outer.extra["default"])
    if field.default is None or field.default == ():
        return "none"
    if isinstance(field.default, bool):
        return "`true`" if field.default else "`false`"
    if isinstance(field.default, tuple):
        return f"`{','.join(field.default)}`"
    return f"`{field.default}`" if field.default != "" else "empty"


def _described(kind: inspect.Type) -> str:
    schema = kind.extra_json_schema if isinstance(kind, inspect.Metadata) else None
    return str((schema or {})["description"])
