"""Auth directives, enforced on every field for every mode and group."""

import pytest

from app import access, sdl
from app.access import rule_of, rules_to_check
from domain.callers import USER_MODES, Caller, Group, Mode
from tests.app.small_school import ADMIN, API_KEY, IAM, STUDENT, School, ask

COGNITO_ONLY = frozenset({Mode.COGNITO})


def schema_of(text: str):
    return sdl.build(sdl.merge({"test.graphql": text}))


def rule(text: str, coordinate: str, user_modes: frozenset[Mode] = COGNITO_ONLY):
    schema = schema_of(text)
    parent, field = coordinate.split(".")
    return rule_of(schema.type_map[parent], schema.type_map[parent].fields[field], user_modes)


def signed_in(*groups: str, mode: Mode = Mode.COGNITO) -> Caller:
    return Caller(mode, user_id="ada", groups=frozenset(groups))


class TestRules:
    def test_without_a_directive_only_signed_in_users_pass(self):
        found = rule("type Query { a: String }", "Query.a")
        assert found.allows(signed_in())
        assert not found.allows(API_KEY)
        assert not found.allows(IAM)

    def test_a_fields_directive_replaces_its_types(self):
        text = "type Query { t: T } type T @aws_api_key @aws_iam { a: String b: String @aws_cognito_user_pools }"
        assert rule(text, "T.a").allows(API_KEY)
        assert not rule(text, "T.a").allows(signed_in())
        assert not rule(text, "T.b").allows(API_KEY)
        assert rule(text, "T.b").allows(signed_in())

    @pytest.mark.parametrize("mode", sorted(USER_MODES))
    def test_signed_in_means_every_user_mode_of_the_deployment(self, mode):
        text = 'type Query { a: String @aws_cognito_user_pools(cognito_groups: ["Admins"]) }'
        found = rule(text, "Query.a", frozenset({mode}))
        assert found.allows(signed_in("Admins", mode=mode))
        assert not found.allows(signed_in("Students", mode=mode))
        for other in USER_MODES - {mode}:
            assert not found.allows(signed_in("Admins", mode=other))

    @pytest.mark.parametrize("groups", [(), ("admins",), ("Admin",), ("Admins ",), ("Students,Admins",)])
    def test_groups_are_compared_exactly(self, groups):
        text = 'type Query { a: String @aws_cognito_user_pools(cognito_groups: ["Admins"]) }'
        assert not rule(text, "Query.a").allows(signed_in(*groups))

    def test_one_of_several_groups_is_enough_and_does_not_bind_other_modes(self):
        text = 'type Query { a: String @aws_cognito_user_pools(cognito_groups: ["Admins", "Mentors"]) @aws_iam }'
        found = rule(text, "Query.a")
        assert found.allows(signed_in("Students", "Mentors"))
        assert not found.allows(signed_in("Students"))
        assert found.allows(IAM)

    def test_an_empty_group_list_admits_nobody(self):
        found = rule("type Query { a: String @aws_cognito_user_pools(cognito_groups: []) }", "Query.a")
        assert not any(found.allows(signed_in(group.value)) for group in Group)

    def test_a_mode_named_by_its_own_directive_keeps_its_own_gate(self):
        text = 'type Query { a: String @aws_cognito_user_pools(cognito_groups: ["Admins"]) @aws_oidc }'
        found = rule(text, "Query.a", USER_MODES)
        assert found.allows(signed_in(mode=Mode.OIDC))
        assert not found.allows(signed_in(mode=Mode.LAMBDA))

    def test_api_key_and_iam_never_profit_from_groups(self):
        text = 'type Query { a: String @aws_cognito_user_pools(cognito_groups: ["Admins"]) }'
        for mode in (Mode.API_KEY, Mode.IAM):
            assert not rule(text, "Query.a").allows(Caller(mode, groups=frozenset({"Admins"})))


class TestRulesToCheck:
    def test_a_field_is_not_asked_about_when_everybody_who_gets_there_passes(self):
        text = """
        type Query { open: T @aws_api_key @aws_cognito_user_pools  own: U }
        type T @aws_api_key @aws_cognito_user_pools { a: String  own: U @aws_cognito_user_pools }
        type U { a: String  again: U }
        """
        asked = rules_to_check(schema_of(text), COGNITO_ONLY)
        assert set(asked) == {"Query.open", "Query.own", "T.own"}

    def test_a_type_that_is_reached_by_one_unguarded_way_is_asked_about(self):
        text = """
        type Query { mine: U  anybody: U @aws_api_key @aws_cognito_user_pools }
        type U { a: String }
        """
        assert "U.a" in rules_to_check(schema_of(text), COGNITO_ONLY)

    def test_ways_through_interfaces_and_unions_count(self):
        text = """
        type Query { node: Node @aws_api_key  thing: Thing @aws_iam }
        interface Node { id: ID }
        type A implements Node { id: ID }
        type B { id: ID }
        union Thing = B
        """
        assert {"A.id", "B.id"} <= set(rules_to_check(schema_of(text), COGNITO_ONLY))

    def test_a_group_that_guards_the_way_does_not_stand_for_a_group_on_the_field(self):
        text = """
        type Query { t: T @aws_cognito_user_pools(cognito_groups: ["Admins"]) }
        type T { a: String @aws_cognito_user_pools(cognito_groups: ["Admins"]) }
        """
        assert "T.a" in rules_to_check(schema_of(text), COGNITO_ONLY)

    def test_leaving_out_changes_no_answer_on_the_real_schema(self):
        """Every field is either asked about or passable by all modes that can arrive, found by brute force."""
        schema = sdl.build(sdl.load())
        for modes in (COGNITO_ONLY, USER_MODES):
            asked = rules_to_check(schema, modes)
            for mode in modes | {Mode.API_KEY, Mode.IAM}:
                arrived, ways = set(), [schema.query_type, schema.mutation_type]
                while ways:
                    parent = ways.pop()
                    arrived.add(parent.name)
                    for name, field in parent.fields.items():
                        passes = mode in rule_of(parent, field, modes).gate
                        assert passes or f"{parent.name}.{name}" in asked
                        target = schema.type_map[str(field.type).strip("[]!")]
                        if passes and hasattr(target, "fields") and target.name not in arrived:
                            ways.append(target)


class TestEnforcement:
    async def test_a_refused_field_is_null_with_appsyncs_error(self):
        answer = await ask(School().executor(), "{ staffOnly me { id } }")
        assert answer.status == 200
        assert answer.payload["data"] == {"staffOnly": None, "me": {"id": "ada"}}
        (error,) = answer.payload["errors"]
        assert error["errorType"] == "Unauthorized"
        assert error["message"] == "Not Authorized to access staffOnly on type Query"
        assert error["path"] == ["staffOnly"]
        assert error["data"] is None
        assert error["locations"] == [{"line": 1, "column": 3, "sourceName": None}]

    async def test_a_refused_mutation_is_not_run(self):
        school = School()
        answer = await ask(school.executor(), 'mutation { rename(id: "c1") { id } }', caller=API_KEY)
        assert answer.payload["data"] == {"rename": None}
        assert answer.payload["errors"][0]["errorType"] == "Unauthorized"
        assert school.calls == []

    async def test_nested_fields_are_refused_on_their_own(self):
        school = School()
        answer = await ask(school.executor(), '{ course(id: "c1") { id owner { id } } }', caller=API_KEY)
        assert answer.payload["data"] == {"course": {"id": "c1", "owner": None}}
        assert answer.payload["errors"][0]["path"] == ["course", "owner"]
        assert school.calls == []

    async def test_members_of_unions_and_interfaces_are_guarded_by_their_own_types(self):
        query = "{ things { ... on User { id secret } } nodes { id ... on User { secret } } }"
        answer = await ask(School().executor(), query)
        assert answer.payload["data"]["things"][1] == {"id": "u1", "secret": None}
        assert answer.payload["data"]["nodes"][1] == {"id": "u1", "secret": None}
        assert [error["errorType"] for error in answer.payload["errors"]] == ["Unauthorized"] * 2

    async def test_a_refused_non_null_field_nulls_its_parent(self):
        school = School()
        executor = school.executor()
        caller = Caller(Mode.LAMBDA, user_id="ada", denied_fields=frozenset({"User.name"}))
        answer = await ask(executor, "{ me { id name } }", caller=caller)
        assert answer.payload["data"] == {"me": None}
        assert answer.payload["errors"][0]["path"] == ["me", "name"]

    @pytest.mark.parametrize(
        "denied",
        [
            "Query.staffOnly",
            "arn:aws:appsync:us-east-1:1234:apis/abc/types/Query/fields/staffOnly",
            "types/Query/fields/staffOnly",
        ],
    )
    async def test_what_a_lambda_authorizer_takes_away_is_refused_alike(self, denied):
        caller = Caller(Mode.LAMBDA, user_id="x", groups=frozenset({"Admins"}), denied_fields=frozenset({denied}))
        executor = School().executor()
        answer = await ask(executor, "{ staffOnly __typename }", caller=caller)
        assert answer.payload["data"] == {"staffOnly": None, "__typename": "Query"}
        assert answer.payload["errors"][0]["message"] == "Not Authorized to access staffOnly on type Query"
        unharmed = await ask(executor, "{ staffOnly }", caller=ADMIN)
        assert unharmed.payload == {"data": {"staffOnly": "for staff"}}

    @pytest.mark.parametrize("caller", [STUDENT, API_KEY, IAM])
    async def test_type_names_and_introspection_are_open_to_every_caller(self, caller):
        answer = await ask(School().executor(), "{ __typename __schema { queryType { name } } }", caller=caller)
        assert answer.payload == {"data": {"__typename": "Query", "__schema": {"queryType": {"name": "Query"}}}}


class TestMatrix:
    def test_the_committed_matrix_is_fresh(self):
        shown = access.MATRIX.read_text(encoding="utf-8")
        assert shown == access.matrix(sdl.build(sdl.load())), "run `python -m app.access`"

    def test_every_root_field_has_its_row_and_other_types_name_their_exceptions(self):
        text = """
        type Query { open: T @aws_api_key @aws_cognito_user_pools }
        type Mutation { act: T @aws_cognito_user_pools(cognito_groups: ["Mentors"]) publish: T @aws_iam }
        type T @aws_api_key @aws_cognito_user_pools { a: String b: String secret: String @aws_iam }
        """
        lines = access.matrix(schema_of(text)).splitlines()
        assert "| open | yes | yes | yes | yes | yes | yes | - |" in lines
        assert "| act | - | - | - | yes | - | - | - |" in lines
        assert "| publish | - | - | - | - | - | - | yes |" in lines
        assert "| (other fields) | yes | yes | yes | yes | yes | yes | - |" in lines
        assert "| secret | - | - | - | - | - | - | yes |" in lines
