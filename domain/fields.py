"""Input objects, field by field: what is left out stays, null clears, the rest goes through its own rule."""

from collections.abc import Callable, Mapping
from typing import Any

from domain.errors import bad_request

Rule = Callable[[Any, str], Any]
"""`rule(value, field) -> the value as it is stored`; raises BAD_REQUEST with the field."""

INPUT = "input"


def as_given(value: Any, field: str) -> Any:
    """The rule of a value that its GraphQL type says all about."""
    return value


def whole_number(least: int, most: int) -> Rule:
    def check(value: int, field: str) -> int:
        if not least <= value <= most:
            raise bad_request(field, "RANGE", f"{field} is {least} to {most}.")
        return value

    return check


def check_given(rules: Mapping[str, Rule], cleared: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of `given` that have a rule, in snake_case, as they are stored.

    Args:
        rules: by field name.
        cleared: what null means for the fields that may be null.

    Raises:
        DomainError: BAD_REQUEST with the field and its rule; NULL for a field that has to have a value.
    """
    checked: dict[str, Any] = {}
    for name, rule in rules.items():
        if name not in given:
            continue
        field = input_field(name)
        if given[name] is not None:
            checked[name] = rule(given[name], field)
        elif name in cleared:
            checked[name] = cleared[name]
        else:
            raise bad_request(field, "NULL", f"{field} may be left out, but not null.")
    return checked


def input_field(name: str) -> str:
    """ "access_days" as clients know it: "input.accessDays"."""
    head, *rest = name.split("_")
    return f"{INPUT}.{head}{''.join(word.title() for word in rest)}"
