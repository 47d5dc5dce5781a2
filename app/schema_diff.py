"""`python -m app schema diff`: what a change of the schema takes away from clients that exist."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from graphql import BreakingChangeType, DocumentNode, GraphQLObjectType, GraphQLSchema, find_schema_changes

from app import sdl

_SECONDS = 10
_REVISION = re.compile(r"[A-Za-z0-9_@][A-Za-z0-9_./@{}^~-]{0,199}")
"""What git may be asked for: no hyphen in front, which would make it an option, and no path behind."""


class UnknownRevisionError(ValueError):
    """Git does not know the revision, or it holds no schema."""


def breaking_changes(old: GraphQLSchema, new: GraphQLSchema) -> list[str]:
    """One sentence for each change that can break a client of `old`; empty when all keep working.

    GraphQL's own kinds first (something removed, a type changed, an input that became required), then
    what only the directives tell: an auth mode or group that lost a field, and a subscription that a
    mutation no longer wakes.
    """
    changes = find_schema_changes(old, new)
    graphql_own = [change.description for change in changes if isinstance(change.type, BreakingChangeType)]
    return [*graphql_own, *_narrowed_access(old, new), *_lost_bindings(old, new)]


def at_revision(revision: str, repo: Path) -> DocumentNode:
    """`repo`/schema as it was in a git revision: a commit, tag or branch, also "main~3".

    Raises UnknownRevisionError when the revision is malformed, unknown or without schema/*.graphql, and
    subprocess.TimeoutExpired when git takes longer than 10 seconds.
    """
    if not _REVISION.fullmatch(revision):
        raise UnknownRevisionError("a revision is a commit, tag or branch of at most 200 characters")
    commit = _git(repo, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}").strip()
    if not commit:
        raise UnknownRevisionError(f"git knows no revision {revision}")
    paths = _git(repo, "ls-tree", "--name-only", commit, "schema/").splitlines()
    texts = {Path(path).name: _git(repo, "show", f"{commit}:./{path}") for path in paths if path.endswith(".graphql")}
    if not texts:
        raise UnknownRevisionError(f"revision {revision} holds no schema/*.graphql")
    return sdl.merge(texts)


def _narrowed_access(old: GraphQLSchema, new: GraphQLSchema) -> Iterator[str]:
    gates = _gates(new)
    for coordinate, was in _gates(old).items():
        if coordinate not in gates:
            continue  # gone altogether, which GraphQL's own changes tell
        now = gates[coordinate]
        for mode, groups_then in was.items():
            if mode not in now:
                yield f"{coordinate} is no longer open to {mode}."
                continue
            groups = now[mode]
            if groups_then is None and groups is not None:
                yield f"{coordinate} is now open to some groups only: {', '.join(sorted(groups))}."
            elif groups_then is not None and groups is not None:
                for group in sorted(groups_then - groups):
                    yield f"{coordinate} is no longer open to {group}."


def _lost_bindings(old: GraphQLSchema, new: GraphQLSchema) -> Iterator[str]:
    now = _bindings(new)
    for name, mutations in _bindings(old).items():
        for mutation in mutations:
            if name in now and mutation not in now[name]:
                yield f"Subscription.{name} is no longer woken by {mutation}."


def _gates(schema: GraphQLSchema) -> dict[str, sdl.Gate]:
    """Who may read each field of each object type, by coordinate."""
    return {
        f"{type_.name}.{name}": sdl.gate(type_.ast_node, field.ast_node)
        for type_ in schema.type_map.values()
        if isinstance(type_, GraphQLObjectType) and type_.ast_node
        for name, field in type_.fields.items()
        if field.ast_node
    }


def _bindings(schema: GraphQLSchema) -> dict[str, list[str]]:
    """The mutations that wake each subscription."""
    fields = schema.subscription_type.fields if schema.subscription_type else {}
    bound = {name: field.ast_node and sdl.directive(field.ast_node, "aws_subscribe") for name, field in fields.items()}
    return {name: sdl.strings(node, "mutations") if node else [] for name, node in bound.items()}


def _git(repo: Path, *arguments: str) -> str:
    """What git prints; nothing when it fails."""
    done = subprocess.run(  # noqa: S603 - a fixed program; the one foreign argument has been matched
        ["git", "-C", str(repo), *arguments],  # noqa: S607 - git stands elsewhere on every machine
        capture_output=True,
        encoding="utf-8",
        timeout=_SECONDS,
        check=False,
    )
    return done.stdout if done.returncode == 0 else ""
