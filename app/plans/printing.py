"""A plan for people: what the runtime asks, in its order, and the code that runs for each record."""

from collections.abc import Iterator

from app.plans.plan import Field, Items, Leaf, Plan, Selection, Shape


def printed(plan: Plan) -> str:
    """Valid Python: the first part is comments."""
    lines = ["# One field after the other:" if plan.serial else "# At the same time:"]
    for field in plan.root.waiting:
        lines += _asked(field, 1)
    return "\n".join([*lines, "", "", plan.source])


def _asked(field: Field, depth: int) -> Iterator[str]:
    """The field's resolver, and below it those that are asked with its answer."""
    yield f"#{'   ' * depth}{field.key}: {_how(field)}"
    for selection in _selections(field.shape):
        for below in selection.waiting:
            yield from _asked(below, depth + 1)


def _how(field: Field) -> str:
    bound = field.bound
    if bound is None:
        return field.coordinate
    asked = "attribute"
    if bound.resolver is not None:
        asked = f"up to {bound.resolver.most} in one call" if bound.resolver.batched else "one call for each"
        asked = "one call" if bound.is_root else asked
    return f"{field.coordinate}, {asked}{', by rule' if bound.rule else ''}"


def _selections(shape: Shape) -> Iterator[Selection]:
    if isinstance(shape, Items):
        yield from _selections(shape.of)
    elif not isinstance(shape, Leaf):
        yield from shape.all
