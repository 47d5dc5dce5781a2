"""Operations that nobody thought of: any valid document on a root field, about what exists more often than not."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from graphql import (
    ArgumentNode,
    DocumentNode,
    GraphQLSchema,
    IntValueNode,
    ListValueNode,
    ObjectFieldNode,
    StringValueNode,
    Visitor,
    print_ast,
    visit,
)
from hypothesis import strategies as st
from hypothesis_graphql import mutations, nodes, queries

from tests.school import School

Known = Mapping[str, Sequence[str]]
"""Ids that exist, by the kind of thing: "course", "user"."""

_TEXTS: Mapping[str, Sequence[str]] = {
    "AWSDate": ["2036-09-01", "2036-09-01Z", "1970-01-01+05:30"],
    "AWSTime": ["12:00", "12:00:34.5Z", "08:15:00+02:00"],
    "AWSDateTime": ["2036-09-01T08:00:00Z", "2036-09-02T10:00+02:00", "2020-01-01T00:00:00.123456Z"],
    "AWSEmail": ["ada@school.example", "a.b+c@example.org"],
    "AWSJSON": ["{}", '{"a": [1, null, "x"]}', "[]", "7", "null", '"text"'],
    "AWSURL": ["https://school.example/a?b=c", "mailto:ada@school.example"],
    "AWSPhone": ["+49 30 901820", "555-123-4567"],
    "AWSIPAddress": ["203.0.113.7", "2001:db8::/32"],
}
_KINDS = {
    "afterId": "lesson",
    "invitedUserIds": "user",
    "memberIds": "user",
    "mentorId": "user",
    "ownerId": "user",
    "replyToId": "message",
    "senderId": "user",
    "userIds": "user",
}
"""Of arguments whose name does not say it as `courseId` does."""


async def known_ids(school: School) -> Known:
    """Some of each kind, as clients read them."""
    root, ben = school.as_("root", "Admins"), school.as_("ben")
    lists = """query ($id: ID!) {
      listCourses(limit: 100) { items { id slug modules { items { id lessons { items { id } } } } } }
      listUsers(limit: 100) { items { id } }
      listMessages(roomId: $id, limit: 20) { items { id } }
    }"""
    found = await root.data(lists, id="common-room")
    courses = found["listCourses"]["items"]
    modules = [module for course in courses for module in course["modules"]["items"]]
    mine = await ben.data(
        "{ listMyRooms { items { room { id } } } listNotifications { items { id } } listMyMeetings { items { id } } }"
    )
    return {
        "course": _ids(courses),
        "slug": [course["slug"] for course in courses],
        "module": _ids(modules),
        "lesson": [lesson["id"] for module in modules for lesson in module["lessons"]["items"]],
        "user": _ids(found["listUsers"]["items"]),
        "message": _ids(found["listMessages"]["items"]),
        "room": [member["room"]["id"] for member in mine["listMyRooms"]["items"]],
        "notification": _ids(mine["listNotifications"]["items"]),
        "meeting": _ids(mine["listMyMeetings"]["items"]),
    }


@st.composite
def operations(draw: Any, schema: GraphQLSchema, root: str, fields: Sequence[str], known: Known) -> str:
    """The text of an operation on one of these fields of "Query" or "Mutation"."""
    name = draw(st.sampled_from(fields))
    document: DocumentNode = draw(_documents(schema, root, name))
    return print_ast(visit(document, _Filled(draw, known, name)))


@cache
def _documents(schema: GraphQLSchema, root: str, name: str) -> Any:
    scalars = {scalar: st.sampled_from(texts).map(nodes.String) for scalar, texts in _TEXTS.items()}
    scalars["AWSTimestamp"] = st.integers(-(2**40), 2**40).map(nodes.Int)
    make = queries if root == "Query" else mutations
    return make(schema, fields=[name], custom_scalars=scalars, print_ast=lambda document: document)


class _Filled(Visitor):
    """Puts what exists in the place of most ids, and a possible page in the place of most limits."""

    def __init__(self, draw: Any, known: Known, field: str) -> None:
        super().__init__()
        self._draw = draw
        self._known = known
        self._field = field.lower()

    def leave_argument(self, node: ArgumentNode, *_: Any) -> ArgumentNode:
        return ArgumentNode(name=node.name, value=self._value(node.name.value, node.value))

    def leave_object_field(self, node: ObjectFieldNode, *_: Any) -> ObjectFieldNode:
        return ObjectFieldNode(name=node.name, value=self._value(node.name.value, node.value))

    def _value(self, name: str, value: Any) -> Any:
        if isinstance(value, ListValueNode):
            return ListValueNode(values=tuple(self._value(name, each) for each in value.values))
        if not isinstance(value, StringValueNode | IntValueNode) or self._draw(st.integers(0, 4)) == 0:
            return value
        if name == "limit":
            return IntValueNode(value=str(self._draw(st.integers(1, 20))))
        if name == "expectedVersion":
            return IntValueNode(value=str(self._draw(st.integers(1, 3))))
        ids = self._known.get(self._kind(name), ())
        return StringValueNode(value=self._draw(st.sampled_from(ids))) if ids else value

    def _kind(self, name: str) -> str:
        if name == "id":
            kinds = [kind for kind in self._known if kind in self._field]
            return max(kinds, key=self._field.rfind, default="")
        return _KINDS.get(name, name.removesuffix("Id"))


def _ids(items: Sequence[Mapping[str, Any]]) -> list[str]:
    return [item["id"] for item in items]
