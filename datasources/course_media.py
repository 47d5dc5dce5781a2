"""Media that parts of courses show: their uses go when the parts are gone."""

from datasources.course_items import LESSON, META, RESOURCE
from datasources.media_uses import Use, no_use
from datasources.ports import FeedEvent, Write


def left_behind(event: FeedEvent) -> list[Write]:
    """What is to be written when a lesson, a resource or a whole course was removed; fine when it was done before."""
    if event.old is None or event.new is not None:
        return []
    sk, media_id = event.key["sk"], event.old.get("mediaId")
    if media_id is not None and sk.startswith(LESSON):
        use = Use("LESSON", sk.removeprefix(LESSON))
    elif media_id is not None and sk.startswith(RESOURCE):
        use = Use("RESOURCE", event.old["id"])
    elif sk == META and "coverMediaId" in event.old:
        media_id, use = event.old["coverMediaId"], Use("COVER", event.key["courseId"])
    else:
        return []
    return [no_use(media_id, use)]
