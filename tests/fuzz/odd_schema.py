"""What our contract does not have but could: abstract types, lists in lists, defaults, rules of single fields."""

from graphql import DocumentNode

from app import sdl
from resolvers.registry import Resolver

_SDL = """
schema { query: Query mutation: Mutation }

type Query @aws_api_key @aws_cognito_user_pools @aws_iam {
  plain: Plain
  plains(limit: Int = 3, tags: [String!] = ["a"], by: By): [Plain!]!
  grid: [[Int!]]
  grids: [[[Plain]!]]
  node(id: ID!): Node
  nodes: [Node!]
  things: [[Thing]!]
  thing: Thing!
  word: String
  staff: String @aws_cognito_user_pools(cognito_groups: ["Admins"])
}

type Mutation @aws_api_key @aws_cognito_user_pools @aws_iam {
  change(by: By!): Plain
  changeAll(ids: [ID!]!): [Node]!
  remove(id: ID = "x"): Boolean!
}

input By { level: Level = LOW, deeper: By, many: [Int!], at: AWSDateTime }
enum Level { LOW HIGH }

interface Node { id: ID!  parent: Node }
interface Named implements Node { id: ID!  parent: Node  name: String }

type Plain implements Node @aws_api_key @aws_cognito_user_pools @aws_iam {
  id: ID!
  parent: Node
  level: Level!
  levels: [Level]!
  ratio: Float
  import: Boolean
  any: AWSJSON
  at: AWSDateTime!
  inner: Plain
  inners: [Plain!]!
  person: Person
  resolvedPerson: Person!
  resolvedPeople(limit: Int): [Person!]
  batched: Person
  batchedName(upper: Boolean = false): String!
  thing: Thing
}
type Person implements Node & Named @aws_api_key @aws_cognito_user_pools @aws_iam {
  id: ID!
  parent: Node
  name: String
  secret: String @aws_iam
  required: String! @aws_cognito_user_pools(cognito_groups: ["Admins"])
  friends: [Person]
}
type Stone @aws_api_key @aws_cognito_user_pools @aws_iam { weight: Int!  owner: Person }
union Thing = Person | Stone | Plain
"""

_BATCHED = {"Plain.batched": 2, "Plain.batchedName": 100, "Stone.owner": 3, "Person.friends": 1}
_RESOLVED = {"Plain.resolvedPerson", "Plain.resolvedPeople"}


def document() -> DocumentNode:
    return sdl.merge({"odd.graphql": _SDL})


async def _nothing() -> None: ...


def resolved(coordinate: str) -> Resolver | None:
    if coordinate in _BATCHED:
        return Resolver(coordinate, _nothing, batched=True, most=_BATCHED[coordinate])
    is_root = coordinate.startswith(("Query.", "Mutation."))
    if is_root or coordinate in _RESOLVED:
        return Resolver(coordinate, _nothing, suspended_too=coordinate == "Query.word")
    return None
