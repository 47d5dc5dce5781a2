"""Every validation rule of graphql-core has its graphql-java words."""

import pytest
from graphql import GraphQLSchema, build_schema, parse, specified_rules, validate
from graphql.validation import MaxIntrospectionDepthRule

from app.documents import NoIntrospectionRule
from app.validation_messages import in_graphql_java_words

SCHEMA: GraphQLSchema = build_schema("""
  directive @twice(note: String!) repeatable on FIELD
  directive @stream(if: Boolean! = true, label: String, initialCount: Int = 0) on FIELD
  directive @defer(if: Boolean! = true, label: String) on FRAGMENT_SPREAD | INLINE_FRAGMENT
  type Query { course(id: ID!, filter: Filter, level: Level): Course list: [Course] thing: Thing id: ID }
  type Subscription { a: Int b: Int }
  type Course { id: ID! title(lang: String): String next: Course }
  type User { id: ID name: String }
  union Thing = Course | User
  input Filter { seats: Int! tags: [String!] }
  input OneOf @oneOf { a: Int b: Int }
  enum Level { EASY HARD }
  extend type Query { pick(by: OneOf): Int }
""")

ONE_ROOT_FIELD = "SubscriptionMultipleRootFields: Subscription operation must have exactly one root field"
NOT_COMPOSITE = "ragment type condition is invalid, must be on Object/Interface/Union"
CANNOT_SPREAD = "Fragment cannot be spread here as objects of type Course can never be of type User"

NO_STREAMS = "MisplacedDirective: Directives defer and stream are not allowed here"

CASES: dict[str, list[tuple[str, str]]] = {
    "ExecutableDefinitionsRule": [
        ("{ id } type A { a: Int }", "NonExecutableDefinition: The definition is not executable"),
        ("{ id } schema { query: Query }", "NonExecutableDefinition: The definition is not executable"),
    ],
    "KnownOperationTypesRule": [("mutation { id }", "UnknownOperation: The schema has no mutation operations")],
    "UniqueOperationNamesRule": [
        ("query a { id } query a { id }", "DuplicateOperationName: There can be only one operation named 'a'")
    ],
    "LoneAnonymousOperationRule": [
        ("{ id } query a { id }", "LoneAnonymousOperationViolation: Anonymous operation with other operations")
    ],
    "SingleFieldSubscriptionsRule": [
        (f"subscription s {{ {selected} }}", f"{ONE_ROOT_FIELD} @ '{where}'")
        for selected, where in (("a b", "b"), ("__typename", "__typename"), ("a @skip(if: true)", "a"))
    ],
    "KnownTypeNamesRule": [("query ($a: Curse) { id }", "UnknownType: Unknown type Curse")],
    "FragmentsOnCompositeTypesRule": [
        (
            "{ ... on Level { id } }",
            f"InlineFragmentTypeConditionInvalid: Inline f{NOT_COMPOSITE}",
        ),
        (
            "{ ...f } fragment f on Level { id }",
            f"FragmentTypeConditionInvalid: F{NOT_COMPOSITE} @ 'f'",
        ),
    ],
    "VariablesAreInputTypesRule": [
        ("query ($a: Course) { id }", "NonInputTypeOnVariable: Wrong type for a variable"),
    ],
    "ScalarLeafsRule": [
        ("{ id { x } }", "SubSelectionNotAllowed: Sub selection not allowed on leaf type ID of field id @ 'id'"),
        (
            "{ course(id: 1) }",
            "SubSelectionRequired: Sub selection required for type Course of field course @ 'course'",
        ),
    ],
    "FieldsOnCorrectTypeRule": [
        ("{ badfield }", "FieldUndefined: Field 'badfield' in type 'Query' is undefined @ 'badfield'"),
        (
            "{ x: course(id: 1) { next { titel } } }",
            "FieldUndefined: Field 'titel' in type 'Course' is undefined @ 'course/next/titel'",
        ),
        (
            "{ ...f } fragment f on Query { course(id: 1) { x } }",
            "FieldUndefined: Field 'x' in type 'Course' is undefined @ 'f/course/x'",
        ),
    ],
    "UniqueFragmentNamesRule": [
        (
            "{ ...f } fragment f on Query { id } fragment f on Query { id }",
            "DuplicateFragmentName: There can be only one fragment named 'f' @ 'f'",
        )
    ],
    "KnownFragmentNamesRule": [("{ ...f }", "UndefinedFragment: Undefined fragment f")],
    "NoUnusedFragmentsRule": [
        ("{ id } fragment f on Query { id }", "UnusedFragment: Unused fragment f @ 'f'"),
    ],
    "PossibleFragmentSpreadsRule": [
        (
            "{ course(id: 1) { ... on User { id } } }",
            f"InvalidFragmentType: {CANNOT_SPREAD} @ 'course'",
        ),
        (
            "{ course(id: 1) { ...f } } fragment f on User { id }",
            f"InvalidFragmentType: {CANNOT_SPREAD} @ 'course'",
        ),
    ],
    "NoFragmentCyclesRule": [
        ("{ ...f } fragment f on Query { ...f }", "FragmentCycle: Fragment cycles not allowed @ 'f'"),
    ],
    "UniqueVariableNamesRule": [
        ("query ($a: ID, $a: ID) { id }", "DuplicateVariableName: There can be only one variable named 'a'"),
    ],
    "NoUndefinedVariablesRule": [
        ("{ course(id: $a) { id } }", "UndefinedVariable: Undefined variable a @ 'course'"),
        ("query q { course(id: $a) { id } }", "UndefinedVariable: Undefined variable a @ 'course'"),
    ],
    "NoUnusedVariablesRule": [
        ("query ($a: ID) { id }", "UnusedVariable: Unused variable a"),
        ("query q($a: ID) { id }", "UnusedVariable: Unused variable a"),
    ],
    "KnownDirectivesRule": [
        ("{ id @nope }", "UnknownDirective: Unknown directive nope @ 'id'"),
        ("query @skip(if: true) { id }", "MisplacedDirective: Directive skip not allowed here"),
    ],
    "UniqueDirectivesPerLocationRule": [
        (
            "{ id @skip(if: true) @skip(if: true) }",
            "DuplicateDirectiveName: Directive skip must be unique at its location @ 'id'",
        )
    ],
    "DeferStreamDirectiveOnValidOperationsRule": [
        (
            "subscription { a ...f @defer } fragment f on Subscription { a }",
            NO_STREAMS,
        ),
    ],
    "DeferStreamDirectiveOnRootField": [("subscription { ... @defer { a } }", NO_STREAMS)],
    "DeferStreamDirectiveLabel": [("query ($a: String) { ... @defer(label: $a) { id } }", NO_STREAMS)],
    "StreamDirectiveOnListField": [("{ course(id: 1) @stream { id } }", f"{NO_STREAMS} @ 'course'")],
    "KnownArgumentNamesRule": [
        ("{ course(id: 1, foo: 2) { id } }", "UnknownArgument: Unknown field argument foo @ 'course'"),
        ("{ id @skip(if: true, foo: 2) }", "UnknownDirective: Unknown directive argument foo @ 'id'"),
    ],
    "UniqueArgumentNamesRule": [
        (
            "{ course(id: 1, id: 2) { id } }",
            "DuplicateArgumentNames: There can be only one argument named 'id' @ 'course'",
        )
    ],
    "ValuesOfCorrectTypeRule": [
        ("{ course(id: 1.5) { id } }", "WrongType: argument 'id' is not a valid 'ID' @ 'course'"),
        (
            "{ course(id: null) { id } }",
            "WrongType: argument 'id' is not a valid 'ID!': it must not be null @ 'course'",
        ),
        ("{ course(id: 1, level: EASYY) { id } }", "WrongType: argument 'level' is not a valid 'Level' @ 'course'"),
        ('{ course(id: 1, level: "EASY") { id } }', "WrongType: argument 'level' is not a valid 'Level' @ 'course'"),
        ("{ course(id: 1, filter: 3) { id } }", "WrongType: argument 'filter' is not a valid 'Filter' @ 'course'"),
        (
            "{ course(id: 1, filter: {}) { id } }",
            "WrongType: argument 'filter' is missing required fields '[seats]' @ 'course'",
        ),
        (
            "{ course(id: 1, filter: {seats: 1, seat: 2}) { id } }",
            "WrongType: argument 'filter.seat' contains a field not in 'Filter': 'seat' @ 'course'",
        ),
        (
            '{ course(id: 1, filter: {seats: "x"}) { id } }',
            "WrongType: argument 'filter.seats' is not a valid 'Int' @ 'course'",
        ),
        ("{ course(id: [[1], 2]) { id } }", "WrongType: argument 'id' is not a valid 'ID' @ 'course'"),
        ("{ course(id: {a: 1}) { id } }", "WrongType: argument 'id.a' is not a valid 'ID' @ 'course'"),
        ("{ course(id: []) { id } }", "WrongType: argument '?' is not a valid 'ID'"),
        (
            'query ($a: Int = "x") { id }',
            "BadValueForDefaultArg: argument 'a' is not a valid 'Int'",
        ),
    ],
    "ProvidedRequiredArgumentsRule": [
        ("{ course { id } }", "MissingFieldArgument: Missing field argument id @ 'course'"),
        ("{ id @twice }", "MissingDirectiveArgument: Missing directive argument note @ 'id'"),
    ],
    "VariablesInAllowedPositionRule": [
        (
            "query ($a: Int) { course(id: $a) { id } }",
            "VariableTypeMismatch: Variable type 'Int' doesn't match expected type 'ID!' @ 'course'",
        ),
        (
            "query ($a: Int) { pick(by: {a: $a}) }",
            "VariableTypeMismatch: Variable type 'Int' doesn't match expected type 'Int!' @ 'pick'",
        ),
    ],
    "OverlappingFieldsCanBeMergedRule": [
        ("{ x: id x: course(id: 1) { id } }", "FieldsConflict: x: fields cannot be merged @ 'id'"),
    ],
    "UniqueInputFieldNamesRule": [
        (
            "{ course(id: 1, filter: {seats: 1, seats: 2}) { id } }",
            "UniqueObjectFieldName: There can be only one field named 'seats' @ 'course'",
        )
    ],
    "MaxIntrospectionDepthRule": [
        (
            "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }",
            "MaxIntrospectionDepth: Introspection is nested too deeply @ '__schema'",
        )
    ],
    "NoIntrospectionRule": [
        (
            "{ __schema { types { name } } }",
            "FieldUndefined: Field '__schema' in type 'Query' is undefined @ '__schema'",
        ),
    ],
}

RULES = {rule.__name__: rule for rule in (*specified_rules, MaxIntrospectionDepthRule, NoIntrospectionRule)}


def test_every_rule_has_a_case():
    assert set(RULES) == set(CASES)


@pytest.mark.parametrize(
    ("rule", "query", "message"), [(rule, query, message) for rule, cases in CASES.items() for query, message in cases]
)
def test_the_words(rule, query, message):
    document = parse(query)
    errors = validate(SCHEMA, document, [RULES[rule]], hide_suggestions=True)
    assert f"Validation error of type {message}" in in_graphql_java_words(errors, document)


@pytest.mark.parametrize(
    "query",
    [
        "{ curse { id } }",
        "{ course(idd: 1) { id } }",
        "query ($a: Corse) { id }",
        "{ course(id: 1, level: ESY) { id } }",
        "{ id @skp(if: true) }",
        "{ id @skip(iff: true) }",
        "{ course(id: 1, filter: {seat: 1}) { id } }",
        "{ course(id: 1) }",
        "{ ... on Curse { id } }",
    ],
)
def test_nothing_is_suggested(query):
    document = parse(query)
    for suggesting in (True, False):
        errors = validate(SCHEMA, document, hide_suggestions=suggesting)
        assert "Did you mean" not in "".join(in_graphql_java_words(errors, document))


def test_what_the_client_wrote_does_not_come_back_at_length():
    long = "x" * 50_000
    document = parse(f'{{ {long} course(id: 1, level: "{long}", filter: {{ seats: "{long}" }}) {{ id }} }}')
    for text in in_graphql_java_words(validate(SCHEMA, document), document):
        assert len(text) < 400
