"""What happens to a meeting reaches those who are invited to it."""

from tests.app.test_message_notifications import happened
from tests.app.test_notification_steps import titles, told
from tests.resolvers.chat import meet
from tests.resolvers.meeting import CANCEL, INVITE, REMOVE, START, UPDATE, at, join, new_meeting, result
from tests.school import School

INVITED = "You are invited"
BEGUN = "The meeting has begun"
MOVED = "The meeting was moved"
CANCELED = "The meeting was canceled"


async def test_who_is_invited_is_told_once_and_again_when_they_are_let_in_again(school: School) -> None:
    ada, ben, eve = school.as_("ada", "Mentors"), school.as_("ben"), school.as_("eve")
    await meet(ada, ben, eve)
    meeting = await new_meeting(school, ada, ben)
    await result(ada, INVITE, id=meeting["id"], users=[ben.id, eve.id])
    await happened(school)

    [item] = await told(ben)
    assert (item["category"], item["title"], item["path"]) == ("MEETING", INVITED, f"/meetings/{meeting['id']}")
    assert meeting["title"] in item["body"]
    assert await titles(eve) == [INVITED]
    assert await titles(ada) == []

    await result(ada, REMOVE, id=meeting["id"], user=ben.id)
    await happened(school)
    await result(ada, INVITE, id=meeting["id"], users=[ben.id])
    await happened(school)
    assert await titles(ben) == [INVITED, INVITED]


async def test_its_beginning_and_its_moves_are_told_to_whom_they_concern(school: School) -> None:
    ada, ben, eve = school.as_("ada", "Mentors"), school.as_("ben"), school.as_("eve")
    await meet(ada, ben, eve)
    meeting = await new_meeting(school, ada, ben, eve)
    await happened(school)

    await result(ada, UPDATE, input={"id": meeting["id"], "title": "Waders, again"})
    await result(ada, UPDATE, input={"id": meeting["id"], "startsAt": at(school, seconds=60)})
    await happened(school)
    await result(ada, REMOVE, id=meeting["id"], user=eve.id)
    await result(ada, START, id=meeting["id"])
    await happened(school)

    assert await titles(ben) == [BEGUN, MOVED, INVITED]
    assert await titles(eve) == [MOVED, INVITED]
    assert await titles(ada) == []


async def test_who_is_in_the_call_when_it_is_told_needs_no_telling(school: School) -> None:
    ada, ben = school.as_("ada", "Mentors"), school.as_("ben")
    await meet(ada, ben)
    meeting = await new_meeting(school, ada, ben, hours=0)
    await happened(school)

    await result(ada, START, id=meeting["id"])
    await join(ben, meeting)
    await happened(school)

    assert await titles(ben) == [INVITED]


async def test_a_cancellation_is_told_without_its_reason(school: School) -> None:
    ada, ben = school.as_("ada", "Mentors"), school.as_("ben")
    await meet(ada, ben)
    meeting = await new_meeting(school, ada, ben)
    await happened(school)

    await result(ada, CANCEL, id=meeting["id"], reason="A private matter")
    await happened(school)

    assert await titles(ben) == [CANCELED, INVITED]
    assert "private" not in str(await told(ben))


async def test_an_invitation_to_what_is_over_by_then_is_no_news(school: School) -> None:
    ada, ben = school.as_("ada", "Mentors"), school.as_("ben")
    await meet(ada, ben)
    meeting = await new_meeting(school, ada, ben)
    await result(ada, CANCEL, id=meeting["id"])

    await happened(school)

    assert await titles(ben) == [CANCELED]
