"""schema/*.graphql as one document: what the server is built from, and what AppSync is given."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from graphql import (
    ConstDirectiveNode,
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    ListValueNode,
    NameNode,
    Node,
    ObjectTypeDefinitionNode,
    ObjectTypeExtensionNode,
    Source,
    StringValueNode,
    TypeSystemExtensionNode,
    Visitor,
    build_ast_schema,
    parse,
    print_ast,
    validate_schema,
    visit,
)
from graphql.validation.validate import validate_sdl

from domain.callers import USER_MODES, Mode

SCHEMA_FOLDER = Path(__file__).parent.parent / "schema"

ROOTS = ("Query", "Mutation", "Subscription")

AWS_SCALARS = (
    "AWSDate",
    "AWSTime",
    "AWSDateTime",
    "AWSTimestamp",
    "AWSEmail",
    "AWSJSON",
    "AWSURL",
    "AWSPhone",
    "AWSIPAddress",
)

AWS_DIRECTIVES = """
directive @aws_subscribe(mutations: [String!]!) on FIELD_DEFINITION
directive @aws_auth(cognito_groups: [String!]!) on FIELD_DEFINITION
directive @aws_cognito_user_pools(cognito_groups: [String!]) on OBJECT | FIELD_DEFINITION
directive @aws_api_key on OBJECT | FIELD_DEFINITION
directive @aws_iam on OBJECT | FIELD_DEFINITION
directive @aws_oidc on OBJECT | FIELD_DEFINITION
directive @aws_lambda on OBJECT | FIELD_DEFINITION
"""
"""What AppSync defines itself; a document that defines any of it again is refused there."""

MODE_OF_DIRECTIVE: Mapping[str, Mode] = {
    "aws_cognito_user_pools": Mode.COGNITO,
    "aws_auth": Mode.COGNITO,
    "aws_api_key": Mode.API_KEY,
    "aws_iam": Mode.IAM,
    "aws_oidc": Mode.OIDC,
    "aws_lambda": Mode.LAMBDA,
}

_COGNITO = "aws_cognito_user_pools"
_OTHER_USER_DIRECTIVES = {Mode.OIDC: "aws_oidc", Mode.LAMBDA: "aws_lambda"}

Gate = Mapping[Mode, frozenset[str] | None]
"""Who passes: each auth mode that may, with the groups it needs; None when the mode alone is enough."""

DEFAULT_GATE: Gate = {Mode.COGNITO: None}
"""Of whatever states no auth directive: the contract's default mode is a Cognito user pool."""


def load(folder: Path = SCHEMA_FOLDER) -> DocumentNode:
    """All `*.graphql` of a folder in the order of their names, with `extend type` of a root folded into it.

    Other extensions stay as they are, for `build` to refuse and for the linter to name. Every node's
    `loc.source.name` is its file's name. Raises GraphQLSyntaxError naming the file, FileNotFoundError
    when the folder holds no SDL.
    """
    paths = sorted(folder.glob("*.graphql"))
    if not paths:
        raise FileNotFoundError(f"no *.graphql in {folder}")
    return merge({path.name: path.read_text(encoding="utf-8") for path in paths})


def merge(texts: Mapping[str, str]) -> DocumentNode:
    """`load` for texts that are in no folder, by file name."""
    definitions = [node for name, text in texts.items() for node in parse(Source(text, name)).definitions]
    defined = {node.name.value for node in definitions if isinstance(node, ObjectTypeDefinitionNode)}
    extensions: dict[str, list[ObjectTypeExtensionNode]] = {}
    others: list[Any] = []
    for node in definitions:
        if isinstance(node, ObjectTypeExtensionNode) and node.name.value in defined.intersection(ROOTS):
            extensions.setdefault(node.name.value, []).append(node)
        else:
            others.append(node)
    return DocumentNode(
        definitions=tuple(
            _extended(node, extensions.get(node.name.value, ())) if isinstance(node, ObjectTypeDefinitionNode) else node
            for node in others
        )
    )


def build(document: DocumentNode, *, checked: bool = True) -> GraphQLSchema:
    """An executable schema without resolvers; its AWS scalars still pass anything (see app/scalars).

    Raises TypeError with one line for each fault, `file:line: what`: an extension of anything but a root,
    a definition that AppSync has itself, and whatever breaks GraphQL's rules. That AppSync would take the
    document too is for app/portability to say.

    Args:
        checked: against GraphQL's rules, which takes as long as all the rest. False for the contract that the
            product comes with: `schema check` has held it to them.
    """
    prelude = parse("\n".join(f"scalar {name}" for name in AWS_SCALARS) + AWS_DIRECTIVES, no_location=True)
    whole = DocumentNode(definitions=(*prelude.definitions, *document.definitions))
    extensions = [node for node in document.definitions if isinstance(node, TypeSystemExtensionNode)]
    faults = [f"{where(node)}: only roots may be extended" for node in extensions]
    if checked:
        faults += _lines(validate_sdl(whole))
    if not faults:
        schema = build_ast_schema(whole, assume_valid=not checked, assume_valid_sdl=True)
        faults = _lines(validate_schema(schema))  # of a schema that is assumed to be valid it finds none
    if faults:
        raise TypeError("\n".join(faults))
    return schema


def appsync_sdl(
    document: DocumentNode, user_modes: frozenset[Mode] = frozenset({Mode.COGNITO}), *, descriptions: bool = True
) -> str:
    """The one file that AppSync takes: no `extend`, nothing that AppSync defines itself.

    The contract says `@aws_cognito_user_pools`, or nothing, for "a signed-in user". Here that becomes the
    deployment's `user_modes`: `@aws_oidc` and `@aws_lambda` are written beside it, or instead of it when
    COGNITO is not among them. Only Cognito's directive can name groups. AppSync lets every user of the
    other modes pass the field, and the resolvers ask for the groups there.

    Raises ValueError for modes that are none of a signed-in user, or for no mode at all.
    """
    if not user_modes or not user_modes <= USER_MODES:
        raise ValueError(f"user modes are one or more of {', '.join(sorted(USER_MODES))}")
    if user_modes != {Mode.COGNITO}:
        document = visit(document, _UserModes(user_modes))
    if not descriptions:
        document = visit(document, _NoDescriptions())
    return print_ast(document) + "\n"


def stated_gate(node: Node) -> Gate:
    """The auth modes that an object type's or field's own directives name; empty when it names none."""
    gate: dict[Mode, frozenset[str] | None] = {}
    for each in getattr(node, "directives", None) or ():
        mode = MODE_OF_DIRECTIVE.get(each.name.value)
        if mode:
            gate[mode] = frozenset(strings(each, "cognito_groups")) if each.arguments else None
    return gate


def gate(parent: Node, field: Node) -> Gate:
    """Who may read `field` of `parent`. A directive on the field replaces its type's."""
    return stated_gate(field) or stated_gate(parent) or DEFAULT_GATE


def directive(node: Node, name: str) -> ConstDirectiveNode | None:
    found = (each for each in getattr(node, "directives", None) or () if each.name.value == name)
    return next(found, None)


def strings(node: ConstDirectiveNode, argument: str) -> list[str]:
    """The strings that a directive's argument lists; empty when it is absent."""
    for each in node.arguments or ():
        if each.name.value == argument:
            values = each.value.values or () if isinstance(each.value, ListValueNode) else (each.value,)
            return [value.value for value in values if isinstance(value, StringValueNode)]
    return []


def where(node: Node) -> str:
    """A node as a finding names it: `courses.graphql:12`."""
    if node.loc is None:
        return "schema"
    return f"{node.loc.source.name}:{node.loc.start_token.line}"


def snake(name: str) -> str:
    """An SDL name as the Python name: `ipAddress` -> `ip_address`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def _lines(errors: Iterable[GraphQLError]) -> list[str]:
    """Errors as findings, each at the last of its places: of a name given twice that is the second one."""
    return [f"{where(error.nodes[-1]) if error.nodes else 'schema'}: {error.message}" for error in errors]


def _extended(base: ObjectTypeDefinitionNode, extensions: Any) -> ObjectTypeDefinitionNode:
    parts = (base, *extensions)
    return replace(
        base,
        interfaces=tuple(each for part in parts for each in part.interfaces or ()),
        directives=tuple(each for part in parts for each in part.directives or ()),
        fields=tuple(each for part in parts for each in part.fields or ()),
    )


def _plain(name: str) -> ConstDirectiveNode:
    return ConstDirectiveNode(name=NameNode(value=name), arguments=())


class _UserModes(Visitor):
    """Writes a deployment's user modes where the contract says "a signed-in user"."""

    def __init__(self, modes: frozenset[Mode]) -> None:
        super().__init__()
        self._cognito = Mode.COGNITO in modes
        self._others = [_plain(name) for mode, name in _OTHER_USER_DIRECTIVES.items() if mode in modes]

    def enter_object_type_definition(self, node: ObjectTypeDefinitionNode, *_: Any) -> ObjectTypeDefinitionNode:
        directives = tuple(node.directives or ())
        if not stated_gate(node):
            directives = (*directives, _plain(_COGNITO))
        return replace(
            node,
            directives=self._written(directives),
            fields=tuple(replace(each, directives=self._written(each.directives or ())) for each in node.fields or ()),
        )

    def _written(self, directives: Any) -> tuple[ConstDirectiveNode, ...]:
        written: list[ConstDirectiveNode] = []
        for each in directives:
            if each.name.value != _COGNITO or self._cognito:
                written.append(each)
            if each.name.value == _COGNITO:
                written += self._others
        return tuple(written)


class _NoDescriptions(Visitor):
    def enter(self, node: Any, *_: Any) -> Node | None:
        return replace(node, description=None) if getattr(node, "description", None) else None
