"""The schema files as one document, for the server and for AppSync."""

import re
from pathlib import Path

import msgspec
import pytest
from graphql import (
    FieldDefinitionNode,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    ObjectTypeDefinitionNode,
    parse,
    print_ast,
)

from app import sdl
from domain.callers import USER_MODES, Mode

SMALL = """
schema { query: Query mutation: Mutation }
"Reads." type Query { me: User open: User @aws_api_key @aws_cognito_user_pools }
"Writes." type Mutation {
  "Staff only." promote(id: ID!): User @aws_cognito_user_pools(cognito_groups: ["Admins"])
  publishUser(id: ID!): User @aws_iam
}
"A user." type User @aws_api_key @aws_cognito_user_pools @aws_iam { id: ID! email: AWSEmail @aws_cognito_user_pools }
"A page." type Page { items: [User!]! }
"""


def written(text: str, *modes: Mode) -> str:
    return sdl.appsync_sdl(sdl.merge({"all.graphql": text}), frozenset(modes))


def nodes(text: str, type_name: str, field_name: str) -> tuple[ObjectTypeDefinitionNode, FieldDefinitionNode]:
    for type_ in parse(text).definitions:
        if isinstance(type_, ObjectTypeDefinitionNode) and type_.name.value == type_name:
            return type_, next(field for field in type_.fields or () if field.name.value == field_name)
    raise LookupError(type_name)


def test_the_projects_schema_is_valid() -> None:
    schema = sdl.build(sdl.load())
    assert schema.query_type
    assert {"getCourse", "getMe"} <= schema.query_type.fields.keys()


def test_extensions_of_a_root_are_folded_into_it_in_the_files_order(tmp_path: Path) -> None:
    (tmp_path / "base.graphql").write_text("type Query { a: Int }")
    (tmp_path / "courses.graphql").write_text("extend type Query @aws_iam { c: Int }")
    (tmp_path / "users.graphql").write_text("extend type Query { u: AWSDateTime }")
    (tmp_path / "notes.txt").write_text("no SDL")
    document = sdl.load(tmp_path)
    assert len(document.definitions) == 1
    schema = sdl.build(document)
    assert schema.query_type
    assert list(schema.query_type.fields) == ["a", "c", "u"]
    assert sdl.stated_gate(document.definitions[0]) == {Mode.IAM: None}


def test_a_file_that_is_no_sdl_is_named(tmp_path: Path) -> None:
    (tmp_path / "base.graphql").write_text("type Query { a: Int }")
    (tmp_path / "courses.graphql").write_text("type Course {")
    with pytest.raises(GraphQLError) as refused:
        sdl.load(tmp_path)
    assert "courses.graphql:1" in str(refused.value)


def test_a_folder_without_sdl_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no \*\.graphql"):
        sdl.load(tmp_path)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("type Query { a: A } type A { a: Int } extend type A { b: Int }", "x.graphql:1: only roots may be extended"),
        ("type Query { a: Int } extend schema { mutation: Query }", "only roots may be extended"),
        ("extend type Query { a: Int }", "only roots may be extended"),
        ("type Query { a: Int } extend type Query { a: Int }", "Field 'Query.a' can only be defined once"),
        ("type Query { a: Missing }", "Unknown type 'Missing'"),
        ("type Query { a: Int @auth }", "Unknown directive '@auth'"),
        ("scalar AWSJSON type Query { a: Int }", "There can be only one type named 'AWSJSON'"),
        ("interface I { a: Int } type Query implements I { b: Int }", "Interface field I.a expected"),
        ("type Other { a: Int }", "Query root type must be provided"),
    ],
)
def test_an_invalid_document_is_refused_with_its_fault(text: str, fault: str) -> None:
    with pytest.raises(TypeError) as refused:
        sdl.build(sdl.merge({"x.graphql": text}))
    assert fault in str(refused.value)


def test_what_appsync_is_given_defines_nothing_that_it_has_itself() -> None:
    for modes in (frozenset({Mode.COGNITO}), USER_MODES):
        text = sdl.appsync_sdl(sdl.load(), modes)
        assert "extend " not in text
        assert "scalar " not in text
        assert "directive @" not in text
        sdl.build(sdl.merge({"all.graphql": text}))


def test_a_cognito_deployment_is_given_the_contract_as_it_is() -> None:
    assert written(SMALL, Mode.COGNITO) == print_ast(parse(SMALL)) + "\n"


def test_further_user_modes_stand_beside_cognito() -> None:
    text = written(SMALL, Mode.COGNITO, Mode.OIDC)
    assert '@aws_cognito_user_pools(cognito_groups: ["Admins"]) @aws_oidc' in text
    assert "type User @aws_api_key @aws_cognito_user_pools @aws_oidc @aws_iam" in text
    assert "email: AWSEmail @aws_cognito_user_pools @aws_oidc" in text
    assert "open: User @aws_api_key @aws_cognito_user_pools @aws_oidc" in text
    assert "@aws_lambda" not in text


def test_the_unstated_default_is_stated_for_further_user_modes() -> None:
    text = written(SMALL, Mode.COGNITO, Mode.LAMBDA)
    assert "type Query @aws_cognito_user_pools @aws_lambda {" in text
    assert "type Page @aws_cognito_user_pools @aws_lambda {" in text
    assert "  me: User\n" in text


def test_other_user_modes_take_cognitos_place_where_it_is_not_accepted() -> None:
    text = written(SMALL, Mode.OIDC, Mode.LAMBDA)
    assert "cognito" not in text
    assert "promote(id: ID!): User @aws_oidc @aws_lambda" in text
    assert "type Page @aws_oidc @aws_lambda {" in text
    assert "publishUser(id: ID!): User @aws_iam\n" in text


@pytest.mark.parametrize("modes", [frozenset(), frozenset({Mode.IAM}), frozenset({Mode.COGNITO, Mode.API_KEY})])
def test_only_modes_of_signed_in_users_can_be_chosen(modes: frozenset[Mode]) -> None:
    with pytest.raises(ValueError, match="user modes are one or more of"):
        sdl.appsync_sdl(sdl.load(), modes)


def test_descriptions_can_be_left_out() -> None:
    document = sdl.load()
    full = sdl.appsync_sdl(document)
    bare = sdl.appsync_sdl(document, descriptions=False)
    assert "Create a DRAFT course owned by the caller." in full
    assert '"' not in re.sub(r"\(\w+: \[[^]]*\]\)", "", bare), "only directives have quoted arguments"
    assert parse(bare)


def test_a_fields_directive_overrides_its_types() -> None:
    assert sdl.gate(*nodes(SMALL, "User", "email")) == {Mode.COGNITO: None}
    assert sdl.gate(*nodes(SMALL, "User", "id")) == {Mode.API_KEY: None, Mode.COGNITO: None, Mode.IAM: None}
    assert sdl.gate(*nodes(SMALL, "Mutation", "promote")) == {Mode.COGNITO: frozenset({"Admins"})}
    assert sdl.gate(*nodes(SMALL, "Query", "me")) == {Mode.COGNITO: None}


def test_an_empty_list_of_groups_lets_nobody_pass() -> None:
    text = "type Query { a: Int @aws_cognito_user_pools(cognito_groups: []) }"
    assert sdl.gate(*nodes(text, "Query", "a")) == {Mode.COGNITO: frozenset()}


@pytest.mark.parametrize(
    ("name", "python"),
    [("id", "id"), ("roomId", "room_id"), ("ipAddress", "ip_address"), ("UserSummary", "user_summary")],
)
def test_snake_case(name: str, python: str) -> None:
    assert sdl.snake(name) == python


def names(schema: GraphQLSchema) -> set[str]:
    types = (GraphQLObjectType, GraphQLInterfaceType, GraphQLInputObjectType)
    found = [
        type_ for type_ in schema.type_map.values() if isinstance(type_, types) and not type_.name.startswith("__")
    ]
    return {name for type_ in found for name in type_.fields} | {
        name
        for type_ in found
        if not isinstance(type_, GraphQLInputObjectType)
        for field in type_.fields.values()
        for name in field.args
    }


def test_records_and_the_schema_spell_every_name_alike() -> None:
    for name in names(sdl.build(sdl.load())):
        record = msgspec.defstruct("Record", [(sdl.snake(name), str)], rename="camel")
        assert record.__struct_encode_fields__ == (name,)
