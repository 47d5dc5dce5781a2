"""Media as clients see it: from an upload to READY, who sees it, captions, deletion, and what subscribers are told."""

import dataclasses
from dataclasses import dataclass
from typing import Any

import pytest

from app.sources import FileRules
from datasources.malware import Judge
from datasources.media_uses import Use, uses
from datasources.tables import AUDIT_EVENTS, MEDIA, MEDIA_USES, USERS
from datasources.transactions import commit
from domain.errors import DomainError
from domain.file_keys import incoming, original
from domain.media import Processed, StoredImage, StoredRendition
from domain.times import later
from resolvers import registry
from tests.learning import published_course
from tests.resolvers.chat import create_room, invite
from tests.school import Client, School
from tests.uploading import GET as GET_UPLOAD
from tests.uploading import PNG, VTT, body, complete, initiate, refused, send, upload_media

MEDIA_FIELDS = """id ownerId kind purpose status fileName contentType sizeBytes durationSeconds width height
  progressPercent checksum { algorithm value } thumbnails { url width height positionSeconds } renditions { format url }
  captions { language url isGenerated } downloadUrl playbackUrl errorMessage createdAt version"""
GET = f"query ($id: ID!) {{ getMedia(id: $id) {{ {MEDIA_FIELDS} }} }}"
MINE = """query ($kind: MediaKind, $limit: Int, $next: String) {
  listMyMedia(kind: $kind, limit: $limit, nextToken: $next) { items { id downloadUrl } nextToken } }"""
RENAME = "mutation ($input: UpdateMediaInput!) { updateMedia(input: $input) { fileName version } }"
DELETE = """mutation ($id: ID!, $version: Int) {
  deleteMedia(id: $id, expectedVersion: $version) { status downloadUrl } }"""
SET_CAPTIONS = """mutation ($id: ID!, $language: String!, $captions: ID!) {
  setCaptions(mediaId: $id, language: $language, captionMediaId: $captions) {
    captions { language url isGenerated } } }"""
REMOVE_CAPTIONS = """mutation ($id: ID!, $language: String!) {
  removeCaptions(mediaId: $id, language: $language) { captions { language } } }"""
AGAIN = "mutation ($id: ID!) { reprocessMedia(id: $id) { status errorMessage } }"
PUBLISH = f"mutation ($id: ID!) {{ publishMedia(id: $id) {{ {MEDIA_FIELDS} }} }}"


@pytest.fixture
def school(school_with_files: School) -> School:
    return school_with_files


@dataclass(frozen=True)
class Scanned:
    """A scanner that says the same of files again and again, as queues may."""

    found: dict[str, str | None]

    async def read(self, judge: Judge) -> int:
        for key, fault in self.found.items():
            await judge(key, fault)
        return len(self.found)


async def seen(client: Client, media_id: str) -> dict[str, Any] | None:
    answer = await client.data(GET, id=media_id)
    found: dict[str, Any] | None = answer["getMedia"]
    return found


async def used(school: School, client: Client) -> int:
    return int((await school.store.get(USERS, {"userId": client.id}) or {}).get("storageUsedBytes", 0))


def with_rules(school: School, **rules: Any) -> School:
    return dataclasses.replace(school, file_rules=FileRules(**rules))


class TestIntake:
    async def test_an_upload_becomes_media_that_its_owner_reads(self, school: School) -> None:
        ada = school.as_("ada")
        upload = await initiate(ada, PNG, fileName="shore.png")
        await send(ada, upload["request"], PNG)
        await complete(ada, upload)
        fresh = await seen(ada, upload["id"])
        assert fresh is not None
        assert (fresh["status"], fresh["downloadUrl"]) == ("SCANNING", None)
        school.published.clear()

        await school.drain()

        media = await seen(ada, upload["id"])
        assert media is not None
        assert media.pop("downloadUrl").startswith("http")
        assert media == {
            "id": upload["id"],
            "ownerId": ada.id,
            "kind": "IMAGE",
            "purpose": "LESSON",
            "status": "READY",
            "fileName": "shore.png",
            "contentType": "image/png",
            "sizeBytes": len(PNG),
            "durationSeconds": None,
            "width": None,
            "height": None,
            "progressPercent": None,
            "checksum": None,
            "thumbnails": [],
            "renditions": [],
            "captions": [],
            "playbackUrl": None,
            "errorMessage": None,
            "createdAt": school.clock.now(),
            "version": 2,
        }
        assert ("publishMedia", {"id": upload["id"]}) in school.published
        assert await school.blobs.head(incoming(ada.id, upload["id"])) is None
        assert await school.blobs.head(original(ada.id, upload["id"])) is not None

    async def test_bytes_that_were_changed_after_the_check_are_quarantined(self, school: School) -> None:
        """The request that was signed for an upload is good for an hour."""
        ada = school.as_("ada")
        upload = await initiate(ada, PNG)
        await send(ada, upload["request"], PNG)
        await complete(ada, upload)
        key = incoming(ada.id, upload["id"])
        await school.blobs.store(key, b"MZ" + bytes(len(PNG) - 2), content_type="image/png")

        await school.drain()

        media = await seen(ada, upload["id"])
        assert media is not None
        assert (media["status"], media["downloadUrl"]) == ("QUARANTINED", None)
        assert media["errorMessage"]
        assert await school.blobs.list_keys("") == []
        assert await used(school, ada) == 0

    async def test_a_file_that_comes_after_its_media_is_nobodys(self, school: School) -> None:
        ada = school.as_("ada")
        upload = await initiate(ada, PNG)
        await send(ada, upload["request"], PNG)
        await complete(ada, upload)
        await school.drain()
        await send(ada, upload["request"], PNG)
        school.clock.advance(days=1)

        await school.drain()

        assert await school.blobs.head(incoming(ada.id, upload["id"])) is None
        media = await seen(ada, upload["id"])
        assert media is not None
        assert media["status"] == "READY"

    async def test_a_scanner_has_the_last_word(self, school: School) -> None:
        scanning = with_rules(school, hurdles=("CHECK", "SCAN"))
        ada = scanning.as_("ada")
        clean, infected = await upload_media(ada), await upload_media(ada)
        media = await seen(ada, clean)
        assert media is not None
        assert (media["status"], media["downloadUrl"]) == ("SCANNING", None)

        scanning.scans = Scanned({original(ada.id, clean): None, original(ada.id, infected): "Malware.", "x": None})
        await scanning.drain()

        statuses = [(found or {})["status"] for found in (await seen(ada, clean), await seen(ada, infected))]
        assert statuses == ["READY", "QUARANTINED"]
        assert [blob.key for blob in await school.blobs.list_keys("media/")] == [original(ada.id, clean)]

    async def test_media_with_processing_waits_for_it(self, school: School) -> None:
        """The seam for what makes renditions: a run is claimed, reports, and ends."""
        processing = with_rules(school, processed=("VIDEO",))
        ada = processing.as_("ada")
        media_id = await upload_media(ada, "video/mp4")
        kept = processing.sources.media
        assert ((await seen(ada, media_id)) or {})["status"] == "PROCESSING"

        job = (await kept.start_processing(media_id)).job_started_at
        assert job is not None
        await kept.progress(media_id, job, 40)
        assert ((await seen(ada, media_id)) or {})["progressPercent"] == 40
        await kept.failed(media_id, job, "The video cannot be read.")
        await processing.drain()
        failed = await seen(ada, media_id)
        assert failed is not None
        assert (failed["status"], failed["errorMessage"]) == ("FAILED", "The video cannot be read.")
        assert (await ada.data(AGAIN, id=media_id))["reprocessMedia"] == {"status": "PROCESSING", "errorMessage": None}
        job = (await kept.start_processing(media_id)).job_started_at
        assert job is not None
        folder = f"media/{ada.id}/{media_id}/"
        made = Processed(
            duration_seconds=7,
            width=640,
            height=360,
            images=(StoredImage(f"{folder}thumbnails/0.webp", 320, 180, 3),),
            files=(StoredRendition("HLS", f"{folder}hls/main.m3u8"), StoredRendition("MP4", f"{folder}low.mp4")),
        )
        await kept.ready(media_id, job, made)

        media = await seen(ada, media_id)
        assert media is not None
        assert (media["status"], media["durationSeconds"], media["width"]) == ("READY", 7, 640)
        [image] = media["thumbnails"]
        assert (image["width"], image["positionSeconds"], "thumbnails/0.webp" in image["url"]) == (320, 3, True)
        assert [each["format"] for each in media["renditions"]] == ["HLS", "MP4"]
        assert "hls/main.m3u8" in media["playbackUrl"]
        assert (await ada.refusal(AGAIN, id=media_id))["errorType"] == "INVALID_STATE"


class TestRights:
    async def test_nobody_else_sees_media_that_nothing_shows(self, school: School) -> None:
        ada, eve = school.as_("ada"), school.as_("eve")
        media_id = await upload_media(ada)
        admin = school.as_("root", "Admins")
        assert await seen(eve, media_id) is None
        assert await seen(admin, media_id) is None

        async def attempts(known: str) -> list[Any]:
            return [
                await eve.run(RENAME, input={"id": known, "fileName": "x"}),
                await eve.run(DELETE, id=known),
                await eve.run(SET_CAPTIONS, id=known, language="de", captions="x"),
                await eve.run(REMOVE_CAPTIONS, id=known, language="de"),
                await eve.run(AGAIN, id=known),
            ]

        before = await school.store.get(MEDIA, {"mediaId": media_id})
        assert await attempts(media_id) == await attempts("01J00000000000000000000000")
        assert await school.store.get(MEDIA, {"mediaId": media_id}) == before
        assert (await eve.data(MINE))["listMyMedia"]["items"] == []

    async def test_members_see_what_a_message_shows_and_do_not_change_it(self, school: School) -> None:
        ada, ben, eve = (school.as_(name) for name in ("ada", "ben", "eve"))
        media_id = await upload_media(ada, purpose="ATTACHMENT")
        room = await create_room(ada, "PRIVATE")
        await commit(school.store, uses(media_id, Use("MESSAGE", f"{room['id']}.m1")))
        assert await seen(ben, media_id) is None
        await invite(ada, room, ben)
        assert await seen(ben, media_id) is None
        await ben.data("mutation ($id: ID!) { joinRoom(roomId: $id) { status } }", id=room["id"])

        shown = await seen(ben, media_id)

        assert shown is not None
        assert shown["downloadUrl"]
        assert await seen(eve, media_id) is None
        assert (await ben.refusal(RENAME, input={"id": media_id, "fileName": "x"}))["errorType"] == "FORBIDDEN"
        assert (await ben.refusal(DELETE, id=media_id))["errorType"] == "FORBIDDEN"

    async def test_subscribers_hear_of_their_own_and_of_what_they_may_see(self, school: School) -> None:
        ada, eve = school.as_("ada"), school.as_("eve")
        media_id = await upload_media(ada)

        async def gate(client: Client, **arguments: Any) -> str | None:
            try:
                await registry["Subscription.onMediaUpdated"].func(school.context(client.caller), **arguments)
            except DomainError as refusal:
                return refusal.code.value
            return None

        assert await gate(ada, owner_id=ada.id) is None
        assert await gate(ada, id=media_id) is None
        assert await gate(eve) == "BAD_REQUEST"
        assert await gate(eve, owner_id=ada.id) == "FORBIDDEN"
        assert await gate(eve, id=media_id) == "NOT_FOUND"
        assert await gate(eve, id="unknown") == "NOT_FOUND"
        assert await gate(eve, owner_id=eve.id, id=media_id) is None  # no event passes both filters

    async def test_the_payload_is_the_stored_media(self, school: School) -> None:
        ada = school.as_("ada")
        media_id = await upload_media(ada)
        for _ in range(2):
            payload = (await school.backend.data(PUBLISH, id=media_id))["publishMedia"]
            assert payload == await seen(ada, media_id)
        assert (await school.backend.data(PUBLISH, id="unknown"))["publishMedia"] is None
        assert (await ada.refusal(PUBLISH, id=media_id))["errorType"] == "Unauthorized"
        await ada.data(DELETE, id=media_id)
        gone = (await school.backend.data(PUBLISH, id=media_id))["publishMedia"]
        assert (gone["status"], gone["downloadUrl"]) == ("DELETED", None)


class TestChanges:
    async def test_the_owner_renames_media(self, school: School) -> None:
        ada = school.as_("ada")
        media_id = await upload_media(ada)
        school.published.clear()
        given = {"id": media_id, "fileName": "beach.png", "expectedVersion": 2}
        assert (await ada.data(RENAME, input=given))["updateMedia"] == {"fileName": "beach.png", "version": 3}
        assert school.published == [("publishMedia", {"id": media_id})]
        assert (await ada.refusal(RENAME, input=given))["errorType"] == "CONFLICT"
        refusal = await ada.refusal(RENAME, input={"id": media_id, "fileName": "../x"})
        assert refusal["errorInfo"]["field"] == "input.fileName"
        assert (await ada.refusal(RENAME, input={"id": media_id, "fileName": None}))["errorInfo"]["rule"] == "NULL"

    async def test_the_owners_list_pages_by_kind(self, school: School) -> None:
        ada = school.as_("ada")
        images = []
        for _ in range(3):
            images.append(await upload_media(ada))
            school.clock.advance(seconds=1)
        await upload_media(ada, "application/pdf")
        first = (await ada.data(MINE, kind="IMAGE", limit=2))["listMyMedia"]
        rest = (await ada.data(MINE, kind="IMAGE", limit=2, next=first["nextToken"]))["listMyMedia"]
        assert [item["id"] for item in first["items"] + rest["items"]] == images[::-1]
        assert rest["nextToken"] is None
        assert (await ada.refusal(MINE, kind="VIDEO", next=first["nextToken"]))["errorType"] == "INVALID_NEXT_TOKEN"

    async def test_captions_are_copied_beside_their_media(self, school: School) -> None:
        ada = school.as_("ada")
        video = await upload_media(ada, "video/mp4")
        captions = await upload_media(ada, "text/vtt", purpose="CAPTION")
        folder = f"media/{ada.id}/{video}/captions/"

        first = await ada.data(SET_CAPTIONS, id=video, language="de", captions=captions)
        await ada.data(SET_CAPTIONS, id=video, language="en-GB", captions=captions)
        await ada.data(DELETE, id=captions)
        await school.drain()

        [track] = first["setCaptions"]["captions"]
        assert (track["language"], track["isGenerated"]) == ("de", False)
        kept = await school.blobs.list_keys(folder)
        assert [blob.size for blob in kept] == [1000] * 2
        whole = await school.blobs.head(kept[0].key)
        assert whole is not None
        assert whole.content_type == "text/vtt"
        assert (await school.blobs.read(kept[0].key, length=1000)).startswith(VTT)
        left = await ada.data(REMOVE_CAPTIONS, id=video, language="EN-gb")
        assert left["removeCaptions"]["captions"] == [{"language": "de"}]
        assert len(await school.blobs.list_keys(folder)) == 1
        assert (await ada.refusal(REMOVE_CAPTIONS, id=video, language="en-GB"))["errorType"] == "NOT_FOUND"

    async def test_only_own_ready_captions_for_what_plays(self, school: School) -> None:
        ada, eve = school.as_("ada"), school.as_("eve")
        video, image = await upload_media(ada, "video/mp4"), await upload_media(ada)
        own = await upload_media(ada, "text/vtt", purpose="CAPTION")
        others = await upload_media(eve, "text/vtt", purpose="CAPTION")
        assert (await ada.refusal(SET_CAPTIONS, id=video, language="de", captions=others))["errorType"] == "NOT_FOUND"
        assert (await ada.refusal(SET_CAPTIONS, id=video, language="de", captions=image))["errorInfo"]["rule"] == "KIND"
        assert (await ada.refusal(SET_CAPTIONS, id=image, language="de", captions=own))["errorInfo"]["rule"] == "KIND"
        refusal = await ada.refusal(SET_CAPTIONS, id=video, language="../de", captions=own)
        assert refusal["errorInfo"]["rule"] == "LANGUAGE_TAG"


class TestDeletion:
    async def test_deleted_media_leaves_no_bytes_and_costs_nothing(self, school: School) -> None:
        ada = school.as_("ada")
        media_id = await upload_media(ada)
        await school.blobs.store(f"media/{ada.id}/{media_id}/thumbnails/0.webp", b"x", content_type="image/webp")
        assert (await ada.data(DELETE, id=media_id, version=2))["deleteMedia"] == {
            "status": "DELETED",
            "downloadUrl": None,
        }
        assert await used(school, ada) == 0
        assert await seen(ada, media_id) is None
        assert (await ada.data(GET_UPLOAD, id=media_id))["getUpload"]["media"] is None
        assert (await ada.refusal(DELETE, id=media_id))["errorType"] == "NOT_FOUND"

        await school.drain()

        assert await school.blobs.list_keys("") == []

    async def test_an_admins_deletion_is_in_the_audit_log(self, school: School) -> None:
        ada, admin = school.as_("ada"), school.as_("root", "Admins")
        media_id = await upload_media(ada)
        assert (await admin.data(DELETE, id=media_id))["deleteMedia"]["status"] == "DELETED"
        found = await school.store.query(AUDIT_EVENTS, media_id, index="TargetIndex")
        assert [(event["action"], event["actorId"]) for event in found.items] == [("deleteMedia", admin.id)]

    async def test_face_images_are_gone_within_a_day(self, school: School) -> None:
        """Invariant 51."""
        ada = school.as_("ada")
        face = await upload_media(ada, purpose="FACE")
        other = await upload_media(ada)
        school.clock.advance(seconds=22 * 3600 - 1)
        await school.drain()
        assert await seen(ada, face) is not None
        school.clock.advance(seconds=1)

        await school.drain()

        assert await seen(ada, face) is None
        assert [blob.key for blob in await school.blobs.list_keys("")] == [original(ada.id, other)]

    async def test_face_images_that_nobody_completes_are_gone_within_hours(self, school: School) -> None:
        ada = school.as_("ada")
        content = body("image/png", 1000)
        face = await initiate(ada, content, purpose="FACE")
        await send(ada, face["request"], content)
        assert face["expiresAt"] == later(school.clock.now(), seconds=3600)
        school.clock.advance(seconds=3600)

        await school.drain("upload-expiry")

        assert await school.blobs.list_keys("") == []
        assert (await refused(ada, face))["errorType"] == "UPLOAD_NOT_OPEN"

    async def test_what_showed_it_is_forgotten(self, school: School) -> None:
        ada = school.as_("ada")
        media_id = await upload_media(ada)
        for number in range(3):
            await commit(school.store, uses(media_id, Use("MESSAGE", f"r.{number}")))
        await ada.data(DELETE, id=media_id)
        await school.drain()
        assert (await school.store.query(MEDIA_USES, media_id)).items == []


async def test_a_lesson_shows_its_media_to_who_may_open_it(school: School) -> None:
    ada, ben = school.as_("ada", "Mentors"), school.as_("ben")
    course = await published_course(school.store, owner=ada.id)
    [lesson] = await school.sources.lessons.of_course(course.id)
    media_id = await upload_media(ada)
    await commit(school.store, uses(media_id, Use("RESOURCE", f"{lesson.id}.r1")))
    assert await seen(ben, media_id) is None

    await ben.data("mutation ($id: ID!) { enrollInCourse(input: {courseId: $id}) { status } }", id=course.id)

    assert await seen(ben, media_id) is not None


async def test_a_file_is_saved_under_its_name_and_never_shown(school: School) -> None:
    ada = school.as_("ada")
    content = b"<script>alert(1)</script>"
    upload = await initiate(ada, content, "text/plain", fileName="a.html")
    await send(ada, upload["request"], content)
    await complete(ada, upload)
    await school.drain()
    media = await seen(ada, upload["id"])
    assert media is not None
    assert school.files is not None

    answer = await school.files.request("GET", media["downloadUrl"])

    assert (answer.status, answer.body) == (200, content)
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert "a.html" in answer.headers["Content-Disposition"]
