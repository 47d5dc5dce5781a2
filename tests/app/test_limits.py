"""What one document may ask for, and that measuring it is itself bounded."""

import pytest
from graphql import get_introspection_query, parse

from app import sdl
from app.limits import Limits, hold_cost, measure
from domain.errors import Code, DomainError
from tests.app.small_school import SDL, School, ask

SCHEMA = sdl.build(sdl.merge({"school.graphql": SDL}))


def cost(query: str, variables: dict | None = None, limits: Limits | None = None) -> int:
    ((_, found),) = measure(parse(query), SCHEMA, limits or Limits())
    return found.value(variables or {})


def refusal(query: str, limits: Limits | None = None) -> dict:
    with pytest.raises(DomainError) as refused:
        measure(parse(query), SCHEMA, limits or Limits())
    assert refused.value.code is Code.QUERY_TOO_COMPLEX
    return dict(refused.value.info)


def nested(levels: int) -> str:
    """`levels` fields below one another."""
    return '{ course(id: "1") ' + "{ next " * (levels - 2) + "{ id }" + " }" * (levels - 1)


class TestCost:
    def test_a_field_costs_one(self):
        assert cost('{ course(id: "1") { id title } me { id } }') == 5

    def test_equal_fields_are_merged_and_fragments_expanded(self):
        query = """{ course(id: "1") { id ...f ...f ... on Course { id title } } }
        fragment f on Course { id title seats }"""
        assert cost(query) == 4

    def test_below_a_paged_list_everything_counts_times_its_limit(self):
        assert cost("{ courses(limit: 10) { items { id } nextToken } }") == 1 + 10 * 3
        assert cost("{ courses { items { id } } }") == 1 + 25 * 2
        assert cost("{ courses(limit: 10) { items { chapters(limit: 4) { items { id } } } } }") == 1 + 10 * (
            1 + 1 + 4 * 2
        )

    def test_variables_count_when_they_are_known(self):
        query = "query ($n: Int, $m: Int = 7) { courses(limit: $n) { items { chapters(limit: $m) { items { id } } } } }"
        assert cost(query, {"n": 2, "m": 3}) == 1 + 2 * (2 + 3 * 2)
        assert cost(query, {"n": 2}) == 1 + 2 * (2 + 7 * 2)
        assert cost(query) == 1 + 25 * (2 + 7 * 2)

    @pytest.mark.parametrize("value", [None, "many", True, [], {}])
    def test_a_variable_that_is_no_number_counts_as_absent(self, value):
        assert cost("query ($n: Int) { courses(limit: $n) { items { id } } }", {"n": value}) == 51

    @pytest.mark.parametrize(("value", "counted"), [(100.0, 201), (0, 3), (-5, 3), (101, 201), (2**70, 201)])
    def test_odd_numbers_are_counted_too(self, value, counted):
        assert cost("query ($n: Int) { courses(limit: $n) { items { id } } }", {"n": value}) == counted

    def test_a_literal_below_a_variable_and_a_variable_below_a_literal(self):
        query = "query ($n: Int) { courses(limit: 5) { items { chapters(limit: $n) { items { id } } } } }"
        assert cost(query, {"n": 3}) == 1 + 5 * (2 + 3 * 2)

    def test_too_dear_whatever_the_variables(self):
        query = (
            "query ($n: Int) { courses(limit: 100) { items { chapters(limit: 100) { items { id } } } a: nextToken } }"
        )
        info = refusal(query)
        assert (info["limit"], info["allowed"], info["actual"]) == ("cost", 5000, 1 + 100 * (1 + 1 + 1 + 200))

    def test_too_dear_by_its_variables(self):
        query = "query ($n: Int) { courses(limit: $n) { items { chapters(limit: 100) { nextToken } } } }"
        ((_, found),) = measure(parse(query), SCHEMA, Limits())
        hold_cost(found, {"n": 49}, Limits())
        with pytest.raises(DomainError) as refused:
            hold_cost(found, {"n": 50}, Limits())
        assert refused.value.info["actual"] == 1 + 50 * (2 + 100)

    def test_a_modest_use_of_a_dear_document_is_served(self):
        query = """query ($n: Int, $m: Int) {
          courses(limit: $n) { items { chapters(limit: $m) { items { id course { id title seats level } } } } }
        }"""
        assert cost(query) > 3_000
        assert cost(query, {"n": 1, "m": 1}) < 20

    def test_introspection_is_cheap_enough(self):
        assert cost(get_introspection_query()) < 5_000


class TestLimits:
    def test_depth(self):
        measure(parse(nested(10)), SCHEMA, Limits())
        info = refusal(nested(12))
        assert (info["limit"], info["allowed"], info["actual"]) == ("depth", 10, 12)

    def test_depth_through_fragments(self):
        chain = " ".join(f"fragment f{n} on Course {{ next {{ ...f{n + 1} }} }}" for n in range(10))
        query = '{ course(id: "1") { ...f0 } } ' + chain + " fragment f10 on Course { id }"
        assert refusal(query)["limit"] == "depth"

    def test_inline_fragments_add_no_depth(self):
        measure(parse('{ course(id: "1") ' + "{ ... on Course " * 30 + "{ id }" + " }" * 31), SCHEMA, Limits())

    @pytest.mark.parametrize(
        "options", [{}, {"input_value_deprecation": True, "specified_by_url": True, "schema_description": True}]
    )
    def test_the_introspection_of_tools_passes(self, options):
        query = get_introspection_query(**options)
        measure(parse(query, max_tokens=Limits().tokens), SCHEMA, Limits())

    def test_introspection_has_a_depth_of_its_own(self):
        query = "{ __schema { types { fields " + "{ type { fields " * 6 + "{ name }" + " } }" * 6 + " } } }"
        info = refusal(query)
        assert (info["limit"], info["allowed"], info["actual"]) == ("introspection_depth", 15, 16)

    def test_introspection_cannot_be_repeated(self):
        query = "{ " + " ".join(f"a{n}: __schema {{ queryType {{ name }} }}" for n in range(3)) + " }"
        assert refusal(query)["limit"] == "introspections"

    def test_introspections_lists_cannot_be_multiplied_by_aliases(self):
        lists = " ".join(f"a{n}: fields {{ name }}" for n in range(2))
        assert refusal(f"{{ __schema {{ types {{ {lists} }} }} }}")["limit"] == "aliases"
        assert refusal(f'{{ __type(name: "Course") {{ ofType {{ {lists} }} }} }}')["limit"] == "aliases"

    def test_root_fields(self):
        names = [f"a{n}: course(id: 1) {{ id }}" for n in range(10)] + [
            f"b{n}: courses {{ nextToken }}" for n in range(11)
        ]
        info = refusal("{ " + " ".join(names) + " }")
        assert (info["limit"], info["allowed"], info["actual"]) == ("root_fields", 20, 21)

    def test_aliases_of_one_field(self):
        fine = " ".join(f"a{n}: id b{n}: title" for n in range(15))
        measure(parse(f"{{ me {{ {fine} }} }}"), SCHEMA, Limits())
        info = refusal("{ me { " + " ".join(f"a{n}: id" for n in range(16)) + " } }")
        assert (info["limit"], info["allowed"], info["actual"]) == ("aliases", 15, 16)

    def test_aliases_hidden_in_fragments(self):
        spreads = " ".join(f"...f{n}" for n in range(16))
        fragments = " ".join(f"fragment f{n} on User {{ a{n}: id }}" for n in range(16))
        assert refusal(f"{{ me {{ {spreads} }} }} {fragments}")["limit"] == "aliases"
        inline = " ".join(f"... on User {{ a{n}: id }}" for n in range(16))
        assert refusal(f"{{ me {{ {inline} }} }}")["limit"] == "aliases"

    def test_aliases_hidden_in_repeated_parents(self):
        assert refusal("{ " + " ".join(f"me {{ a{n}: id }}" for n in range(16)) + " }")["limit"] == "aliases"

    def test_repeats_of_one_field(self):
        measure(parse("{ me { " + "id " * 50 + "} }"), SCHEMA, Limits())
        assert refusal("{ me { " + "id " * 51 + "} }")["limit"] == "repeats"

    def test_directives(self):
        measure(parse("{ me { id" + " @skip(if: false)" * 50 + " } }"), SCHEMA, Limits())
        info = refusal("{ me { id" + " @skip(if: false)" * 51 + " } }")
        assert (info["limit"], info["allowed"], info["actual"]) == ("directives", 50, 51)

    def test_the_message_names_the_limit_its_value_and_the_documents(self):
        with pytest.raises(DomainError, match=r"depth 12, allowed 10"):
            measure(parse(nested(12)), SCHEMA, Limits())

    def test_limits_are_settings(self):
        measure(parse(nested(12)), SCHEMA, Limits(depth=12))
        assert refusal("{ me { id } }", Limits(depth=1))["actual"] == 2


def fragment_ring(size: int) -> str:
    return "{ course(id: 1) { ...f0 } } " + " ".join(
        f"fragment f{n} on Course {{ next {{ ...f{(n + 1) % size} }} }}" for n in range(size)
    )


def fragment_bomb(levels: int, spreads: int) -> str:
    """Each fragment spreads the next `spreads` times, below different names."""
    bodies = [
        f"fragment f{n} on Course {{ " + " ".join(f"a{s}: next {{ ...f{n + 1} }}" for s in range(spreads)) + " }"
        for n in range(levels)
    ]
    return "{ course(id: 1) { ...f0 } } " + " ".join(bodies) + f" fragment f{levels} on Course {{ id }}"


class TestHostileDocuments:
    """Asserted by outcome: a document that was expanded without bound would not come back at all."""

    WIDE = Limits(tokens=100_000, characters=1_000_000)

    @pytest.mark.parametrize("size", [1, 2, 50, 1_000])
    async def test_rings_of_fragments_end(self, size):
        answer = await ask(School().executor(limits=self.WIDE), fragment_ring(size))
        (error, *_) = answer.payload["errors"]
        assert "Fragment cycles not allowed" in error["message"] or error["errorType"] == "QUERY_TOO_COMPLEX"

    def test_a_chain_of_a_thousand_spreads_at_one_level_passes_the_measure(self):
        chain = " ".join(f"fragment f{n} on User {{ ...f{n + 1} }}" for n in range(1_000))
        assert cost("{ me { ...f0 } } " + chain + " fragment f1000 on User { id }") == 2

    @pytest.mark.parametrize(("levels", "spreads"), [(8, 15), (60, 2), (100, 3)])
    def test_fragment_bombs_are_refused_unexploded(self, levels, spreads):
        assert refusal(fragment_bomb(levels, spreads))["limit"] in ("selections", "depth")

    def test_a_small_one_is_only_counted(self):
        assert cost(fragment_bomb(7, 2)) == 1 + (2**8 - 2) + 2**7

    def test_operations_share_the_work_that_is_granted(self):
        heavy = fragment_bomb(8, 2).partition("}")[2].partition("}")[2]
        operations = " ".join(f"query q{n} {{ course(id: 1) {{ ...f0 }} }}" for n in range(300))
        assert refusal(operations + heavy)["limit"] == "selections"

    @pytest.mark.parametrize(
        "query",
        [
            "{ " + " ".join(f"a{n}: me {{ id }}" for n in range(5_000)) + " }",
            "{ me { " + "id " * 5_000 + "} }",
            "{ me { id" + " @skip(if: true)" * 5_000 + " } }",
            "{ me { id } } " * 1_000,
            "{" + "me {" * 5_000 + "id" + "}" * 5_001,
            "{ me { id } } #" + "x" * 1_000_000,
            "\n" * 1_000_000 + "{ me { id } }",
            '{ course(id: "' + "x" * 1_000_000 + '") { id } }',
            "{ " + "x" * 1_000_000 + " }",
            "#\n" * 2_000 + "{ me { id } }",
        ],
    )
    async def test_floods_are_refused_before_anything_runs(self, query):
        answer = await ask(School().executor(), query)
        assert answer.status == 200
        assert answer.payload["data"] is None
        (error,) = answer.payload["errors"]
        assert error["errorType"] == "QUERY_TOO_COMPLEX"
        assert error["errorInfo"]["limit"] in ("tokens", "characters", "depth")
        assert len(error["message"]) < 200

    @pytest.mark.parametrize("brackets", ["[" * 900, "{a:" * 300, "[" * 190 + "]" * 190])
    async def test_deep_values_are_refused(self, brackets):
        answer = await ask(School().executor(), "{ search(filter: " + brackets + ") }")
        assert answer.payload.get("data") is None
        assert answer.payload["errors"]

    async def test_huge_integers_are_refused_as_values(self):
        digits = "9" * 5_000
        for query in (
            f"{{ courses(limit: {digits}) {{ nextToken }} }}",
            f"{{ search(filter: {{minimumSeats: {digits}}}) }}",
        ):
            answer = await ask(School().executor(), query)
            assert answer.payload["data"] is None
            assert digits[:100] not in str(answer.payload)

    async def test_nul_and_lone_surrogates(self):
        executor = School().executor()
        for query in (
            '{ search(filter: {tags: ["\\ud800"]}) }',
            '{ search(filter: {tags: ["\ud800"]}) }',
            "{ me\x00 { id } }",
        ):
            answer = await ask(executor, query)
            assert answer.status == 400
            assert answer.payload["errors"][0]["errorType"] == "MalformedHttpRequestException"
        served = await ask(executor, '{ search(filter: {tags: ["\\u0000"]}) }')
        assert served.payload == {"data": {"search": "searched"}}
