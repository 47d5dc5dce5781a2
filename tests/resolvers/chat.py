"""Chat's operations as clients write them."""

from typing import Any

from tests.school import Client

ROOM = """id kind name topic courseId memberCount lastSequence lastChangeSequence lastMessageAt slowModeSeconds
  isArchived createdAt version"""
MEMBER = """roomId userId role status statusChangedById notificationLevel mutedUntilAt lastReadSequence myUnreadCount
  joinedAt version"""
MESSAGE = """id roomId sequence changeSequence kind senderId body mentionedUserIds replyToId replyCount
  reactions { emoji count userIds } sentAt editedAt deletedAt deletedById version"""

CREATE = f"mutation ($input: CreateRoomInput!) {{ createRoom(input: $input) {{ {ROOM} myMembership {{ {MEMBER} }} }} }}"
OPEN_DIRECT = f"mutation ($user: ID!) {{ openDirectRoom(userId: $user) {{ {ROOM} }} }}"
UPDATE = f"mutation ($input: UpdateRoomInput!) {{ updateRoom(input: $input) {{ {ROOM} }} }}"
ARCHIVE = f"mutation ($id: ID!, $version: Int) {{ archiveRoom(id: $id, expectedVersion: $version) {{ {ROOM} }} }}"
JOIN = f"mutation ($room: ID!) {{ joinRoom(roomId: $room) {{ {MEMBER} }} }}"
LEAVE = f"mutation ($room: ID!) {{ leaveRoom(roomId: $room) {{ {MEMBER} }} }}"
INVITE = f"mutation ($room: ID!, $user: ID!) {{ inviteToRoom(roomId: $room, userId: $user) {{ {MEMBER} }} }}"
MODERATE = f"mutation ($input: UpdateRoomMemberInput!) {{ updateRoomMember(input: $input) {{ {MEMBER} }} }}"
NOTIFY = f"""mutation ($room: ID!, $level: RoomNotificationLevel!) {{
  updateRoomNotifications(roomId: $room, level: $level) {{ {MEMBER} }} }}"""
READ = """mutation ($room: ID!, $sequence: Int!) { markRoomRead(roomId: $room, sequence: $sequence) {
  roomId userId lastReadSequence readAt } }"""
SEND = f"mutation ($input: SendMessageInput!) {{ sendMessage(input: $input) {{ {MESSAGE} sender {{ displayName }} }} }}"
EDIT = f"mutation ($input: UpdateMessageInput!) {{ updateMessage(input: $input) {{ {MESSAGE} }} }}"
DELETE = f"mutation ($id: ID!, $version: Int) {{ deleteMessage(id: $id, expectedVersion: $version) {{ {MESSAGE} }} }}"
REACT = f"mutation ($id: ID!, $emoji: String!) {{ addReaction(messageId: $id, emoji: $emoji) {{ {MESSAGE} }} }}"
UNREACT = f"mutation ($id: ID!, $emoji: String!) {{ removeReaction(messageId: $id, emoji: $emoji) {{ {MESSAGE} }} }}"
TYPE = """mutation ($room: ID!, $typing: Boolean!) { setTyping(roomId: $room, isTyping: $typing) {
  roomId userId isTyping expiresAt } }"""

GET_ROOM = f"query ($id: ID!) {{ getRoom(id: $id) {{ {ROOM} myMembership {{ {MEMBER} }} }} }}"
PUBLIC = """query ($course: ID, $limit: Int, $next: String) {
  listPublicRooms(courseId: $course, limit: $limit, nextToken: $next) { items { id name } nextToken } }"""
INBOX = f"""query ($limit: Int, $next: String) {{ listMyRooms(limit: $limit, nextToken: $next) {{
  items {{ {MEMBER} room {{ id name }} user {{ displayName }} }} nextToken }} }}"""
MEMBERS = f"""query ($room: ID!, $limit: Int, $next: String) {{
  listRoomMembers(roomId: $room, limit: $limit, nextToken: $next) {{
    items {{ {MEMBER} user {{ displayName }} room {{ id }} }} nextToken }} }}"""
MESSAGES = f"""query ($room: ID!, $sentAfter: AWSDateTime, $afterSequence: Int, $afterChange: Int,
    $sort: SortDirection, $limit: Int, $next: String) {{
  listMessages(roomId: $room, sentAfter: $sentAfter, afterSequence: $afterSequence, afterChange: $afterChange,
      sortDirection: $sort, limit: $limit, nextToken: $next) {{ items {{ {MESSAGE} }} nextToken }} }}"""
GET_MESSAGE = f"query ($id: ID!) {{ getMessage(id: $id) {{ {MESSAGE} sender {{ displayName }} }} }}"
REPLIES = """query ($id: ID!, $limit: Int, $next: String) {
  listReplies(messageId: $id, limit: $limit, nextToken: $next) { items { id body } nextToken } }"""
SEARCH = """query ($words: String!, $room: ID, $limit: Int, $next: String) {
  searchMessages(query: $words, roomId: $room, limit: $limit, nextToken: $next) { items { body } nextToken } }"""
PRESENCE = "query ($users: [ID!]!) { getPresence(userIds: $users) { userId status lastSeenAt } }"
BEAT = "mutation ($status: PresenceStatus!) { setPresence(status: $status) { userId status lastSeenAt } }"


async def create_room(client: Client, kind: str = "PUBLIC", **given: Any) -> dict[str, Any]:
    return await _result(client, CREATE, input={"kind": kind, "name": "Shore birds", **given})


async def join(client: Client, room: dict[str, Any]) -> dict[str, Any]:
    return await _result(client, JOIN, room=room["id"])


async def invite(client: Client, room: dict[str, Any], invited: Client) -> dict[str, Any]:
    await meet(invited)
    return await _result(client, INVITE, room=room["id"], user=invited.id)


async def moderate(client: Client, room: dict[str, Any], member: Client, **given: Any) -> dict[str, Any]:
    return await _result(client, MODERATE, input={"roomId": room["id"], "userId": member.id, **given})


async def send(client: Client, room: dict[str, Any], body: str = "Hello", **given: Any) -> dict[str, Any]:
    return await _result(client, SEND, input={"roomId": room["id"], "body": body, **given})


async def meet(*clients: Client) -> None:
    """Each has an account from now on."""
    for client in clients:
        await client.data("{ getMe { id } }")


async def messages(client: Client, room: dict[str, Any], **given: Any) -> list[dict[str, Any]]:
    """The first page."""
    found: list[dict[str, Any]] = (await _result(client, MESSAGES, room=room["id"], **given))["items"]
    return found


async def found(client: Client, words: str, **given: Any) -> list[str]:
    return [item["body"] for item in (await _result(client, SEARCH, words=words, **given))["items"]]


async def error(client: Client, query: str, **variables: Any) -> str:
    """The errorType of the one refusal."""
    return str((await client.refusal(query, **variables))["errorType"])


async def walk(client: Client, query: str, limit: int, **variables: Any) -> list[dict[str, Any]]:
    """Every page of a list."""
    items: list[dict[str, Any]] = []
    token = None
    while True:
        page = await _result(client, query, limit=limit, next=token, **variables)
        assert len(page["items"]) <= limit
        items += page["items"]
        token = page["nextToken"]
        if token is None:
            return items


async def _result(client: Client, query: str, **variables: Any) -> Any:
    [value] = (await client.data(query, **variables)).values()
    return value
