"""Which changes of the schema break clients, and how an older schema is read from git."""

import subprocess
from pathlib import Path

import pytest
from graphql import GraphQLSchema

from app import sdl
from app.schema_diff import UnknownRevisionError, at_revision, breaking_changes

OLD = """
schema { query: Query mutation: Mutation subscription: Subscription }
type Query {
  user(id: ID!): User @aws_api_key @aws_cognito_user_pools
  users(filter: Filter): [User!] @aws_cognito_user_pools(cognito_groups: ["Admins", "Moderators"])
  found: Found
}
type Mutation { publishUser(id: ID!): User @aws_iam touch(input: TouchInput!): User }
type Subscription { onUser(id: ID): User @aws_subscribe(mutations: ["publishUser", "touch"]) }
interface Named { name: String! }
type User implements Named @aws_api_key @aws_cognito_user_pools @aws_iam {
  id: ID! name: String! role: Role email: AWSEmail @aws_cognito_user_pools
}
type Team { id: ID! }
union Found = User | Team
enum Role { STUDENT MENTOR }
input Filter { role: Role }
input TouchInput { id: ID! note: String }
"""


def schema(text: str) -> GraphQLSchema:
    return sdl.build(sdl.merge({"all.graphql": text}))


BREAKING = [
    # GraphQL's own.
    (" role: Role email", " email", "Field User.role was removed."),
    ("STUDENT MENTOR", "STUDENT", "Enum value Role.MENTOR was removed."),
    ("note: String", "note: String!", "Field TouchInput.note changed type from String to String!."),
    ("note: String", "note: String extra: ID!", "A required field TouchInput.extra was added."),
    ("note: String", "", "Field TouchInput.note was removed."),
    ("users(filter: Filter)", "users(filter: Filter!)", "Query.users(filter:)"),
    ("users(filter: Filter)", "users(filter: Filter, all: Boolean!)", "A required argument Query.users(all:)"),
    ("users(filter: Filter)", "users", "Query.users(filter:) was removed"),
    ("id: ID! name: String!", "id: ID name: String!", "Field User.id changed type from ID! to ID."),
    ("union Found = User | Team", "union Found = User extend type Query { team: Team }", "Team was removed from union"),
    ("type User implements Named", "type User", "User no longer implements interface Named."),
    # What only directives tell.
    ("user(id: ID!): User @aws_api_key @aws_cognito_user_pools", "user(id: ID!): User @aws_cognito_user_pools",
     "Query.user is no longer open to API_KEY."),
    ("user(id: ID!): User @aws_api_key @aws_cognito_user_pools", "user(id: ID!): User",
     "Query.user is no longer open to API_KEY."),
    ("@aws_cognito_user_pools @aws_iam {", "@aws_cognito_user_pools {", "User.name is no longer open to AWS_IAM."),
    ("found: Found", 'found: Found @aws_cognito_user_pools(cognito_groups: ["Admins"])',
     "Query.found is now open to some groups only: Admins."),
    ("found: Found", "found: Found @aws_api_key", "Query.found is no longer open to AMAZON_COGNITO_USER_POOLS."),
    ('["Admins", "Moderators"]', '["Admins"]', "Query.users is no longer open to Moderators."),
    ('["Admins", "Moderators"]', "[]", "Query.users is no longer open to Admins."),
    ('["publishUser", "touch"]', '["publishUser"]', "Subscription.onUser is no longer woken by touch."),
    ('@aws_subscribe(mutations: ["publishUser", "touch"])', "",
     "Subscription.onUser is no longer woken by publishUser."),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "change"), BREAKING)
def test_a_change_that_takes_something_away_is_breaking(old: str, new: str, change: str) -> None:
    assert old in OLD
    changes = breaking_changes(schema(OLD), schema(OLD.replace(old, new)))
    assert any(change in each for each in changes), changes


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("note: String", "note: String extra: ID"),
        ("STUDENT MENTOR", "STUDENT MENTOR ADMIN"),
        ("role: Role email", "role: Role! bio: String email"),
        ("input TouchInput { id: ID!", "input TouchInput { id: ID"),
        ('["Admins", "Moderators"]', '["Admins", "Moderators", "Mentors"]'),
        ('@aws_cognito_user_pools(cognito_groups: ["Admins", "Moderators"])', "@aws_cognito_user_pools"),
        ("found: Found", "found: Found @aws_cognito_user_pools @aws_api_key"),
        ('["publishUser", "touch"]', '["touch", "publishUser", "other"]'),
        ("touch(input: TouchInput!): User }", "touch(input: TouchInput!): User other: User }"),
        ("enum Role", '"Described." enum Role'),
    ],
)
def test_a_change_that_only_adds_is_not_breaking(old: str, new: str) -> None:
    assert old in OLD
    assert breaking_changes(schema(OLD), schema(OLD.replace(old, new))) == []


def test_a_schema_does_not_break_itself() -> None:
    ours = sdl.build(sdl.load())
    assert breaking_changes(ours, ours) == []


def git(repo: Path, *arguments: str) -> None:
    who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(repo), *who, *arguments], check=True, capture_output=True, timeout=30)


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A commit without a schema, then "v1" and "v2" of one."""
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "commit", "--allow-empty", "--quiet", "-m", "Begin")
    git(tmp_path, "tag", "v0")
    schema_folder = tmp_path / "schema"
    schema_folder.mkdir()
    (schema_folder / "base.graphql").write_text("type Query { a: Int }")
    (schema_folder / "users.graphql").write_text("extend type Query { u: Int }")
    (schema_folder / "notes.md").write_text("no SDL")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "-m", "Add a schema")
    git(tmp_path, "tag", "v1")
    (schema_folder / "users.graphql").unlink()
    git(tmp_path, "commit", "--quiet", "-a", "-m", "Drop the users")
    return tmp_path


@pytest.mark.parametrize("revision", ["v1", "HEAD~1", "HEAD^", "@~1"])
def test_an_older_schema_is_read_as_it_was(repo: Path, revision: str) -> None:
    old = sdl.build(at_revision(revision, repo))
    assert old.query_type
    assert set(old.query_type.fields) == {"a", "u"}
    assert breaking_changes(old, sdl.build(at_revision("HEAD", repo))) == ["Field Query.u was removed."]


def test_the_schema_of_a_folder_inside_a_repository_is_read(repo: Path) -> None:
    inner = repo / "product"
    (inner / "schema").mkdir(parents=True)
    (inner / "schema" / "base.graphql").write_text("type Query { inner: Int }")
    git(repo, "add", ".")
    git(repo, "commit", "--quiet", "-m", "Add a product")
    schema_ = sdl.build(at_revision("HEAD", inner))
    assert schema_.query_type
    assert set(schema_.query_type.fields) == {"inner"}


@pytest.mark.parametrize(
    ("revision", "fault"),
    [
        ("v9", "git knows no revision v9"),
        ("0" * 40, "git knows no revision 000"),
        ("v0", "revision v0 holds no schema"),
        ("HEAD:schema/base.graphql", "a revision is a commit"),
        ("--output=stolen", "a revision is a commit"),
        ("-p", "a revision is a commit"),
        ("v1;touch stolen", "a revision is a commit"),
        ("v1 v2", "a revision is a commit"),
        ("", "a revision is a commit"),
        ("v" * 300, "a revision is a commit"),
        ("v1\n", "a revision is a commit"),
    ],
)
def test_an_unknown_or_malformed_revision_is_a_clear_error(repo: Path, revision: str, fault: str) -> None:
    with pytest.raises(UnknownRevisionError, match=fault):
        at_revision(revision, repo)
    assert not (repo / "stolen").exists()


def test_a_folder_outside_any_repository_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(UnknownRevisionError, match="git knows no revision HEAD"):
        at_revision("HEAD", tmp_path)
