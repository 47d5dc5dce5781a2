"""The linter must reject broken schemas: each case breaks one line of ours and names the finding."""

from pathlib import Path

import pytest

from app import portability, sdl

FEED = """
schema { query: Query }
"Reads." type Query { "The feed." listFeed: FeedItem "All." getAny: Entry }
"What a feed shows." interface FeedItem { id: ID! }
"A post." type Post implements FeedItem { id: ID! }
"A poll." type Poll implements FeedItem { id: ID! }
"Either." union Entry = Post | Poll
"""


def texts() -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted(sdl.SCHEMA_FOLDER.glob("*.graphql"))}


def findings_after(files: dict[str, str], file: str, old: str, new: str) -> list[str]:
    assert old in files[file]
    files[file] = files[file].replace(old, new, 1)
    return portability.check(sdl.merge(files))


def test_our_schema_has_no_findings() -> None:
    assert portability.check(sdl.load()) == []


def test_interfaces_and_unions_are_fine() -> None:
    assert portability.check(sdl.merge({"feed.graphql": FEED})) == []


BROKEN = [
    # What AppSync refuses or ignores.
    ("base", "enum NoticeSeverity", "scalar Long\nenum NoticeSeverity", "Long: AppSync takes no scalar definitions"),
    ("base", "enum NoticeSeverity", "scalar AWSJSON\nenum NoticeSeverity", "names that begin with AWS are AppSync's"),
    ("base", "enum NoticeSeverity", "directive @auth on OBJECT\nenum NoticeSeverity",
     "@auth: AppSync takes no directive definitions"),
    ("base", "currency: String!\n}\n\n\"An amount of money; see",
     "currency: String! @auth\n}\n\n\"An amount of money; see",
     "@auth: AppSync knows no such directive"),
    ("base", "input MoneyInput {", "input MoneyInput @oneOf {", "@oneOf: AppSync knows no such directive"),
    ("users", "getMe: User", 'getMe: User @aws_auth(cognito_groups: ["Admins"])', "@aws_auth: does nothing beside"),
    ("users", '"A page of users."', 'extend type User { nick: String }\n"A page of users."',
     "User: AppSync knows no `extend`"),
    ("users", '"A page of users."', 'extend schema @deprecated\n"A page of users."',
     "schema: AppSync knows no `extend`"),
    ("users", '"A page of users."', 'query Me { getMe { id } }\n"A page of users."', "Me: an operation has no place"),
    ("base", "query: Query", "query: ServerInfo", "ServerInfo: the query root has another name"),
    ("base", "schema {\n  query: Query\n  mutation: Mutation\n  subscription: Subscription\n}", "", "no schema block"),
    ("users", '"A page of users."', 'schema { query: Query }\n"A page of users."', "a second schema block"),
    ("base", "  mutation: Mutation\n", "", "Mutation: the schema block does not name it"),
    ("base", "type Money @", "type AWSMoney @", "AWSMoney: names that begin with AWS"),
    ("base", '"Weight of a service',
     'interface A { id: ID }\ninterface B implements A { id: ID }\n"Weight of a service',
     "B: AppSync refuses an interface that implements another"),
    ("base", "  INFO\n", "  INFO @deprecated\n", "NoticeSeverity.INFO: AppSync drops @deprecated from enum values"),
    ("users", "  emailPrefix: String\n", "  emailPrefix: String @deprecated\n",
     "UserFilterInput.emailPrefix: AppSync drops @deprecated from input fields"),
    ("users", "getUser(id: ID!)", "getUser(id: ID! @deprecated)", "Query.getUser(id:): AppSync drops @deprecated"),
    ("users", "  emailPrefix: String\n", '  emailPrefix: String = "a"\n',
     "UserFilterInput.emailPrefix: a default value"),
    ("courses", "limit: Int, nextToken", "limit: Int = 25, nextToken", "Query.listCourses(limit:): a default value"),
    ("users", "  displayName: String!\n", '  displayName: String! @aws_subscribe(mutations: ["x"])\n',
     "UserSummary.displayName: @aws_subscribe outside Subscription"),
    ("users", '"A page of users."', '"Lost."\nenum Lost {\n  A\n}\n"A page of users."', "Lost: is used by nothing"),
    # What GraphQL refuses.
    ("users", "getMe: User", "getMe: Person", "users.graphql:5: Unknown type 'Person'"),
    ("users", "getMe: User", "getMe: User @aws_iam @aws_iam", "The directive '@aws_iam' can only be used once"),
    ("users", "  getMe: User\n", "  getMe: User\n  getCourse: User\n",
     "Field 'Query.getCourse' can only be defined once"),
    # Names, descriptions, units and pages.
    ("users", '"Account state. ERASED is final and holds no personal data."\n', "", "UserStatus: no description"),
    ("users", '  "Change the caller\'s own profile."\n', "", "Mutation.updateProfile: no description"),
    ("courses", "COURSE_HAS_LEARNERS", "COURSE_HAS_PUPILS", "COURSE_HAS_PUPILS is no error code"),
    ("lessons", "Content fields are null without access", "Content fields fail with PAY_FIRST without access",
     "Lesson: PAY_FIRST is no error code"),
    ("base", "type Money ", "type money ", "money: a type's name is PascalCase"),
    ("base", "input MoneyInput {", "input MoneyArgument {", "MoneyArgument: inputs, and only inputs, end in Input"),
    ("base", "  INFO\n", "  info\n", "NoticeSeverity.info: enum values are UPPER_CASE"),
    ("users", "  deviceName: String", "  device_name: String", "UserSession.device_name: fields are camelCase"),
    ("users", "getUser(id: ID!)", "getUser(Id: ID!)", "Query.getUser(Id:): arguments are camelCase"),
    ("courses", "updatedAt: AWSDateTime!", "updatedAt: String!", "Course.updatedAt: is String, wanted AWSDateTime"),
    ("courses", "durationSeconds: Int!", "durationSeconds: Float!", "Course.durationSeconds: is Float, wanted Int"),
    ("courses", "completionPercent: Float!", "completionPercent: String!", "Course.completionPercent: is String"),
    ("courses", "coverImageUrl: AWSURL", "coverImageUrl: ID", "Course.coverImageUrl: is ID, wanted AWSURL or String"),
    ("courses", "ownerId: ID!", "ownerId: String!", "Course.ownerId: is String, wanted ID"),
    ("courses", "  version: Int!", "  version: Float!", "Course.version: is Float, wanted Int"),
    ("base", "amountMinor: Float!", "amountMinor: Int!", "Money.amountMinor: is Int, wanted Float"),
    ("users", "getUser(id: ID!)", "getUser(id: String!)", "Query.getUser(id:): is String, wanted ID"),
    ("courses", "myProgress: CourseProgress", "myProgress: CourseProgress!",
     "Course.myProgress: a field about the caller"),
    ("courses", "modules(limit: Int, nextToken: String)", "modules", "Course.modules: a connection is not listed"),
    ("courses", "modules(limit: Int, nextToken: String)", "modules(limit: Int, nextToken: ID)",
     "Course.modules: a connection is not listed"),
    ("courses", "): ModuleConnection!", "): [ModuleConnection!]!", "Course.modules: a connection is not listed"),
    ("users", "  items: [User!]!", "  items: [User]!", "UserConnection: a connection is items"),
    ("users", "  items: [User!]!\n  nextToken: String", "  items: [User!]!\n  nextToken: String\n  total: Int",
     "UserConnection: a connection is items"),
    # Queries and mutations.
    ("users", "getMe: User", "getMe: User!", "Query.getMe: a root field must be nullable"),
    ("users", "reason: String!, expectedVersion: Int): User", "reason: String!, expectedVersion: Int): User!",
     "Mutation.suspendUser: a root field must be nullable"),
    ("users", "getMe: User", "fetchMe: User", "Query.fetchMe: begins with none of"),
    ("courses", "  clientToken: ID\n}", "}", "Mutation.createCourse: no clientToken"),
    ("courses", "  expectedVersion: Int\n}", "}", "Mutation.updateCourse: no expectedVersion"),
    ("courses", "  updatedAt: AWSDateTime!\n  version: Int!", "  updatedAt: AWSDateTime!",
     "Mutation.updateCourse: Course shows no version"),
    ("enrollment", "userId: ID!): Enrollment @aws_iam", "userId: ID!): Enrollment",
     "Mutation.publishEnrollment: publishX, and only it, is @aws_iam alone"),
    ("enrollment", "userId: ID!): Enrollment @aws_iam", "userId: ID!): Enrollment @aws_iam @aws_cognito_user_pools",
     "Mutation.publishEnrollment: publishX, and only it, is @aws_iam alone"),
    ("users", "updateProfile(input: UpdateProfileInput!): User",
     "updateProfile(input: UpdateProfileInput!): User @aws_iam",
     "Mutation.updateProfile: publishX, and only it, is @aws_iam alone"),
    ("enrollment", "publishEnrollment(courseId: ID!,", "publishEnrollment(courseId: ID,",
     "Mutation.publishEnrollment(courseId:): publishX takes only key arguments, each ID!"),
    ("enrollment", "publishEnrollment(courseId: ID!,", "publishEnrollment(status: EnrollmentStatus!,",
     "Mutation.publishEnrollment(status:): publishX takes only key arguments, each ID!"),
    ("enrollment", "publishEnrollment(courseId: ID!,", "publishEnrollment(courseId: ID!, id: ID!,",
     "Mutation.publishEnrollment: publishX takes the record's key, 1 or 2 arguments"),
    ("enrollment", "publishEnrollment(courseId: ID!,", "publishEnrollment(roomId: ID!,",
     "Mutation.publishEnrollment(roomId:): is no field of Enrollment"),
    ("enrollment", '"Access given by staff."',
     '"X."\ninput PublishEnrollmentInput {\n  id: ID!\n}\n"Access given by staff."',
     "PublishEnrollmentInput: publishX takes no input"),
    # Authorization.
    ("users", '["Admins", "Moderators"]', '["Admins", "Mods"]', "Query.getUser: there is no group Mods"),
    ("users", '["Admins", "Moderators"]', "[]", "Query.getUser: an empty list of groups"),
    ("users", "  deviceName: String", "  deviceName: String @aws_api_key",
     "UserSession.deviceName: is open to @aws_api_key, its type is not"),
    ("users", "type UserSummary @aws_api_key @aws_cognito_user_pools @aws_iam", "type UserSummary",
     "Query.getUserSummary: is open to @aws_api_key, UserSummary is not"),
    ("enrollment", "type Enrollment @aws_cognito_user_pools @aws_iam", "type Enrollment",
     "Mutation.publishEnrollment: is open to @aws_iam, Enrollment is not"),
    ("courses", "myEnrollment: Enrollment @aws_cognito_user_pools", "myEnrollment: Enrollment",
     "Course.myEnrollment: is open to @aws_api_key, Enrollment is not"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "old", "new", "expected"), BROKEN, ids=[case[3][:60] for case in BROKEN])
def test_a_broken_line_is_found(file: str, old: str, new: str, expected: str) -> None:
    findings = findings_after(texts(), f"{file}.graphql", old, new)
    assert any(expected in finding for finding in findings), findings
    assert all(".graphql:" in finding or finding.startswith("schema") for finding in findings)


ENROLLMENT = (
    'onEnrollmentChanged(userId: ID, courseId: ID): Enrollment @aws_subscribe(mutations: ["publishEnrollment"])'
)

BROKEN_SUBSCRIPTIONS = [
    (ENROLLMENT, ENROLLMENT.split(" @")[0], "Subscription.onEnrollmentChanged: no @aws_subscribe"),
    (ENROLLMENT, ENROLLMENT.split(" @")[0], "Mutation.publishEnrollment: wakes 0 subscriptions, wanted 1"),
    (ENROLLMENT, ENROLLMENT.replace('["publishEnrollment"]', "[]"),
     "Subscription.onEnrollmentChanged: no @aws_subscribe"),
    ('["publishEnrollment"]', '["publishEnrolment"]', "onEnrollmentChanged: there is no mutation publishEnrolment"),
    ("courseId: ID): Enrollment @", "courseId: ID): Course @",
     "returns Course, but publishEnrollment returns Enrollment"),
    ("courseId: ID): Enrollment @", "courseId: ID): Enrollment! @",
     "Subscription.onEnrollmentChanged: a root field must be nullable"),
    ("courseId: ID): Enrollment @", "courseId: ID): [Enrollment] @",
     "Subscription.onEnrollmentChanged: must return one nullable object"),
    ('["publishEnrollment"]', '["dropCourse"]', "onEnrollmentChanged: a stored record is bound to one publishX only"),
    ('["publishEnrollment"]', '["publishEnrollment", "dropCourse"]', "a stored record is bound to one publishX only"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "expected"), BROKEN_SUBSCRIPTIONS)
def test_a_broken_subscription_is_found(old: str, new: str, expected: str) -> None:
    findings = findings_after(texts(), "enrollment.graphql", old, new)
    assert any(expected in finding for finding in findings), findings


NOTICE = '@aws_subscribe(mutations: ["publishServiceNotice"])'


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (NOTICE, NOTICE.replace("ServiceNotice", "Enrollment"), "must be bound to publishServiceNotice"),
        (
            NOTICE,
            NOTICE.replace("ServiceNotice", "Enrollment"),
            "Mutation.publishEnrollment: wakes 2 subscriptions, wanted 1",
        ),
        ('  "Maintenance and upgrade notices."\n', "", "Subscription.onServiceNotice: no description"),
    ],
)
def test_a_broken_notice_is_found(old: str, new: str, expected: str) -> None:
    findings = findings_after(texts(), "base.graphql", old, new)
    assert any(expected in finding for finding in findings), findings


def test_a_payload_must_admit_who_wakes_it() -> None:
    admitting = "type ServiceNotice @aws_cognito_user_pools @aws_iam"
    findings = findings_after(texts(), "base.graphql", admitting, "type ServiceNotice @aws_iam")
    expected = "ServiceNotice does not admit AMAZON_COGNITO_USER_POOLS, in which publishServiceNotice wakes it"
    assert any(expected in finding for finding in findings), findings


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "listFeed: FeedItem",
            "listFeed: FeedItem @aws_api_key",
            "Query.listFeed: is open to @aws_api_key, Poll is not",
        ),
        ("getAny: Entry", "getAny: Entry @aws_iam", "Query.getAny: is open to @aws_iam, Post is not"),
        (
            "interface FeedItem",
            "interface Base { id: ID! } interface FeedItem implements Base",
            "FeedItem: AppSync refuses",
        ),
        ("interface FeedItem { id: ID!", "interface FeedItem { id: ID! At: Int", "FeedItem.At: fields are camelCase"),
        ('"Either." union Entry', '"Either." union EntryInput', "EntryInput: inputs, and only inputs"),
        ('"Either." ', "", "Entry: no description"),
        ('"All." getAny: Entry', "", "Entry: is used by nothing"),
    ],
)
def test_interfaces_and_unions_are_looked_into(old: str, new: str, expected: str) -> None:
    findings = findings_after({"feed.graphql": FEED}, "feed.graphql", old, new)
    assert any(expected in finding for finding in findings), findings


def test_a_schema_beyond_appsyncs_size_is_found() -> None:
    padding = "\n".join(f'"{"x" * 1000}"\nenum Padding{number} {{ A }}' for number in range(1000))
    findings = portability.check(sdl.merge({**texts(), "padding.graphql": padding}))
    assert any("AppSync takes 1000000" in finding for finding in findings)


def test_findings_name_the_file_and_line(tmp_path: Path) -> None:
    for name, text in texts().items():
        (tmp_path / name).write_text(text)
    users = tmp_path / "users.graphql"
    users.write_text(users.read_text().replace("  getMe: User\n", "  fetchMe: User\n"))
    (finding,) = portability.check(sdl.load(tmp_path))
    assert finding.startswith("users.graphql:4 Query.fetchMe: ")
