"""Uploads as clients see them: declared, signed, carried, completed once, resumed, given up."""

import dataclasses
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from app.sources import FileRules
from datasources.blobs import Blob, ChecksumRefused, ChosenPart
from datasources.tables import MEDIA, UPLOADS, USERS
from domain.times import later
from domain.upload_rules import GIB, UploadLimits
from tests.blob_stores import FilesSite
from tests.races import at_once
from tests.school import Client, School
from tests.uploading import (
    ABORT,
    COMPLETE,
    GET,
    INITIATE,
    MIB,
    MP4,
    PART,
    PARTS,
    PNG,
    SIGN,
    body,
    carry,
    checksum_of,
    complete,
    declared,
    initiate,
    refused,
    send,
    send_parts,
    sign,
)

RULES = "{ listUploadRules { kind maxSizeBytes contentTypes } }"
MINE = """query ($status: UploadStatus, $limit: Int, $next: String) {
  listMyUploads(status: $status, limit: $limit, nextToken: $next) { items { id status } nextToken } }"""
VIDEO = body("video/mp4", 2 * PART + 400)
"""Three parts, the last of 400 bytes."""


@pytest.fixture
def school(school_with_files: School) -> School:
    return school_with_files


async def used(school: School, client: Client) -> int:
    return int((await school.store.get(USERS, {"userId": client.id}) or {}).get("storageUsedBytes", 0))


async def counted_open(school: School, client: Client) -> int:
    return int((await school.store.get(USERS, {"userId": client.id}) or {}).get("openUploads", 0))


async def status(client: Client, upload: dict[str, Any]) -> str:
    return str((await client.data(GET, id=upload["id"]))["getUpload"]["status"])


async def video(client: Client) -> dict[str, Any]:
    return await initiate(client, VIDEO, "video/mp4", multipart=True, partSizeBytes=PART)


class TestRules:
    async def test_everybody_may_know_the_rules(self, school: School) -> None:
        rules = {rule["kind"]: rule for rule in (await school.visitor.data(RULES))["listUploadRules"]}
        assert rules["VIDEO"]["maxSizeBytes"] == 50 * GIB
        assert rules["IMAGE"]["maxSizeBytes"] == 25 * MIB
        assert "image/svg+xml" not in rules["IMAGE"]["contentTypes"]
        assert set(rules) == {"VIDEO", "AUDIO", "IMAGE", "DOCUMENT", "RECORDING"}

    async def test_a_file_beyond_its_rule_is_refused_with_the_rule(self, school: School) -> None:
        ada = school.as_("ada")
        refusal = await ada.refusal(INITIATE, input=declared(PNG, purpose="AVATAR", sizeBytes=5 * MIB + 1))
        assert refusal["errorType"] == "UPLOAD_TOO_LARGE"
        rule = {"kind": "IMAGE", "maxSizeBytes": 5 * MIB, "contentTypes": ["image/jpeg", "image/png", "image/webp"]}
        assert refusal["errorInfo"]["rule"] == rule

    async def test_a_declaration_that_makes_no_sense_leaves_nothing(self, school: School) -> None:
        ada = school.as_("ada")
        refusal = await ada.refusal(INITIATE, input=declared(PNG, fileName="../../x", multipart=True))
        assert (refusal["errorType"], refusal["errorInfo"]["field"]) == ("BAD_REQUEST", "input.fileName")
        assert await used(school, ada) == 0
        assert await school.blobs.open_multiparts() == []


class TestQuota:
    @pytest.fixture
    def school(self, school: School) -> School:
        """25 MiB for each user."""
        return dataclasses.replace(school, file_rules=FileRules(UploadLimits(user_bytes=25 * MIB)))

    async def test_users_fill_their_own_storage_and_no_more(self, school: School) -> None:
        ada, eve = school.as_("ada"), school.as_("eve")
        await initiate(ada, PNG, sizeBytes=20 * MIB)

        refusal = await ada.refusal(INITIATE, input=declared(PNG, sizeBytes=5 * MIB + 1))

        assert refusal["errorType"] == "QUOTA_EXCEEDED"
        assert refusal["errorInfo"] == {"limitBytes": 25 * MIB, "usedBytes": 20 * MIB, "retryable": False}
        await initiate(ada, PNG, sizeBytes=5 * MIB)
        await initiate(eve, PNG, sizeBytes=25 * MIB)

    async def test_calls_at_once_do_not_pass_it_together(self, school: School) -> None:
        ada = school.as_("ada")
        await ada.data("{ getMe { id } }")
        answers = await at_once([call(ada, INITIATE, input=declared(PNG, sizeBytes=10 * MIB))] * 8)
        begun = [answer for answer in answers if "errors" not in answer]
        refusals = {answer["errors"][0]["errorType"] for answer in answers if "errors" in answer}
        assert (len(begun), refusals, await used(school, ada)) == (2, {"QUOTA_EXCEEDED"}, 20 * MIB)

    async def test_what_is_given_up_gives_its_bytes_back_once(self, school: School) -> None:
        ada = school.as_("ada")
        upload = await initiate(ada, PNG, sizeBytes=20 * MIB)
        await at_once([call(ada, ABORT, id=upload["id"])] * 5)
        assert await used(school, ada) == 0


class TestOpenUploads:
    """Each user has a few at once."""

    @pytest.fixture
    def school(self, school: School) -> School:
        """Three for each user."""
        return dataclasses.replace(school, file_rules=FileRules(UploadLimits(user_open=3, least_part_bytes=PART)))

    async def test_a_fourth_is_refused_and_leaves_nothing(self, school: School) -> None:
        ada, eve = school.as_("ada"), school.as_("eve")
        for _ in range(3):
            await video(ada)

        refusal = await ada.refusal(INITIATE, input=declared(VIDEO, "video/mp4", multipart=True))

        assert (refusal["errorType"], refusal["errorInfo"]) == ("LIMIT_EXCEEDED", {"limit": 3, "retryable": False})
        assert len(await school.blobs.open_multiparts()) == 3
        assert (await counted_open(school, ada), await used(school, ada)) == (3, 3 * len(VIDEO))
        await video(eve)

    async def test_calls_at_once_do_not_pass_the_limit_together(self, school: School) -> None:
        ada = school.as_("ada")
        await ada.data("{ getMe { id } }")
        answers = await at_once([call(ada, INITIATE, input=declared(PNG))] * 8)
        refusals = {answer["errors"][0]["errorType"] for answer in answers if "errors" in answer}
        begun = [answer for answer in answers if "errors" not in answer]
        assert (len(begun), refusals, await counted_open(school, ada)) == (3, {"LIMIT_EXCEEDED"}, 3)

    async def test_every_end_gives_the_place_back_once(self, school: School) -> None:
        ada = school.as_("ada")
        done, aborted, failed = [await initiate(ada, PNG) for _ in range(3)]
        await send(ada, done["request"], PNG)
        await send(ada, failed["request"], bytes(len(PNG)))  # no picture by its first bytes
        end = {"uploadId": done["id"], "parts": []}
        await at_once([call(ada, COMPLETE, input=end)] * 3 + [call(ada, ABORT, id=aborted["id"])] * 3)
        assert await counted_open(school, ada) == 1
        await refused(ada, failed)
        assert [await status(ada, each) for each in (done, aborted, failed)] == ["COMPLETED", "ABORTED", "FAILED"]
        assert await counted_open(school, ada) == 0

        await video(ada)
        school.clock.advance(days=7)
        await school.drain()
        assert await counted_open(school, ada) == 0

    async def test_a_repeated_call_takes_one_place(self, school: School) -> None:
        ada = school.as_("ada")
        await ada.data("{ getMe { id } }")
        answers = await at_once([call(ada, INITIATE, input=declared(PNG, clientToken="again"))] * 5)
        assert all("errors" not in answer for answer in answers)
        assert await counted_open(school, ada) == 1


class TestSinglePut:
    async def test_a_small_file_goes_in_by_one_put(self, school: School) -> None:
        ada = school.as_("ada")

        upload = await initiate(ada, PNG, fileName="Küste #1.png")

        assert upload == {
            "id": upload["id"],
            "ownerId": ada.id,
            "kind": "IMAGE",
            "purpose": "LESSON",
            "fileName": "Küste #1.png",
            "contentType": "image/png",
            "sizeBytes": len(PNG),
            "checksum": None,
            "status": "INITIATED",
            "isMultipart": False,
            "partSizeBytes": None,
            "partCount": None,
            "request": upload["request"],
            "media": None,
            "errorMessage": None,
            "createdAt": school.clock.now(),
            "expiresAt": later(school.clock.now(), days=7),
        }
        assert upload["request"]["method"] == "PUT"
        assert f"incoming/{ada.id}/{upload['id']}" in upload["request"]["url"]
        assert "ste" not in upload["request"]["url"]
        await send(ada, upload["request"], PNG)
        done = await complete(ada, upload)
        assert done["status"] == "COMPLETED"
        assert done["request"] is None
        assert done["media"] == {"id": upload["id"], "status": "SCANNING"}
        assert school.published == [("publishMedia", {"id": upload["id"]})]
        assert await used(school, ada) == len(PNG)

    async def test_a_request_is_signed_anew_whenever_it_is_read(self, school: School) -> None:
        ada = school.as_("ada")
        upload = await initiate(ada, PNG)
        assert school.files is not None
        school.files.pass_time(3601)
        school.clock.advance(seconds=3601)
        assert (await carry(ada, upload["request"], PNG)).status == 403
        if isinstance(school.files, FilesSite):  # the emulator's clock is ahead of the one that signs
            again = (await ada.data(GET, id=upload["id"]))["getUpload"]
            await send(ada, again["request"], PNG)
            assert (await complete(ada, upload))["status"] == "COMPLETED"

    async def test_only_what_was_declared_is_taken(self, school: School) -> None:
        """T31: another size, another type, or nothing of what was signed."""
        ada = school.as_("ada")
        upload = await initiate(ada, PNG)
        request = upload["request"]
        html = [*(each for each in request["headers"] if each["name"].lower() != "content-type")]
        html.append({"name": "content-type", "value": "text/html"})
        assert (await carry(ada, {**request, "headers": html}, PNG)).status in (400, 403)
        assert (await carry(ada, {**request, "headers": []}, PNG * 2)).status in (400, 403)
        assert (await carry(ada, {**request, "url": request["url"].replace(ada.id, "eve")}, PNG)).status in (400, 403)
        assert (await refused(ada, upload))["errorType"] == "UPLOAD_INCOMPLETE"

    async def test_an_upload_whose_week_is_over_is_signed_no_more(self, school: School) -> None:
        ada = school.as_("ada")
        upload = await initiate(ada, PNG)
        school.clock.advance(days=7)
        assert (await ada.data(GET, id=upload["id"]))["getUpload"]["request"] is None

    async def test_nothing_has_come_yet(self, school: School) -> None:
        ada = school.as_("ada")
        upload = await initiate(ada, PNG)
        refusal = await refused(ada, upload)
        assert (refusal["errorType"], refusal["errorInfo"]["missingParts"]) == ("UPLOAD_INCOMPLETE", [1])
        assert (await refused(ada, upload, [{"partNumber": 1, "etag": "x"}]))["errorInfo"]["rule"] == "SINGLE"
        await send(ada, upload["request"], PNG)
        assert (await complete(ada, upload))["status"] == "COMPLETED"

    async def test_a_declared_checksum_is_kept(self, school: School) -> None:
        ada = school.as_("ada")
        told = checksum_of(PNG, "SHA256")
        upload = await initiate(ada, PNG, checksum=told)
        await send(ada, upload["request"], PNG)
        other = checksum_of(b"other", "SHA256")
        assert (await refused(ada, upload, checksum=other))["errorInfo"]["rule"] == "DECLARED"
        assert (await complete(ada, upload, checksum=told))["checksum"] == told


class TestParts:
    async def test_a_file_in_parts_is_signed_carried_and_joined(self, school: School) -> None:
        ada = school.as_("ada")

        upload = await video(ada)
        assert (upload["partSizeBytes"], upload["partCount"], upload["request"]) == (PART, 3, None)
        parts = await send_parts(ada, upload, VIDEO, [1, 2, 3])
        assert await status(ada, upload) == "UPLOADING"
        told = checksum_of(VIDEO, "CRC64NVME")
        done = await complete(ada, upload, parts, checksum=told)

        assert (done["status"], done["media"]) == ("COMPLETED", {"id": upload["id"], "status": "SCANNING"})
        stored = await school.blobs.head(f"incoming/{ada.id}/{upload['id']}")
        assert stored is not None
        assert stored.size == len(VIDEO)

    async def test_above_100_mib_a_file_always_comes_in_parts(self, school: School) -> None:
        ada = school.as_("ada")
        assert not (await initiate(ada, MP4, "video/mp4", sizeBytes=100 * MIB))["isMultipart"]
        large = await initiate(ada, MP4, "video/mp4", sizeBytes=100 * MIB + 1, multipart=False)
        assert (large["isMultipart"], large["partSizeBytes"], large["partCount"]) == (True, 8 * MIB, 13)

    async def test_only_parts_of_the_upload_are_signed(self, school: School) -> None:
        ada = school.as_("ada")
        upload = await video(ada)
        cases: list[tuple[list[int], str]] = [
            ([], "COUNT"),
            (list(range(1, 102)), "COUNT"),
            ([1, 1], "REPEATED"),
            ([0], "RANGE"),
            ([4], "RANGE"),
        ]
        for numbers, rule in cases:
            asked = {"uploadId": upload["id"], "parts": [{"partNumber": number} for number in numbers]}
            refusal = await ada.refusal(SIGN, input=asked)
            assert (refusal["errorInfo"]["field"], refusal["errorInfo"]["rule"]) == ("input.parts", rule)

    async def test_a_part_carries_a_checksum_of_the_uploads_algorithm(self, school: School) -> None:
        ada = school.as_("ada")
        told = checksum_of(VIDEO, "CRC32C")
        upload = await initiate(ada, VIDEO, "video/mp4", multipart=True, checksum=told)
        crc32 = checksum_of(VIDEO, "CRC32")
        asked = {"uploadId": upload["id"], "parts": [{"partNumber": 1, "checksum": crc32}]}
        assert (await ada.refusal(SIGN, input=asked))["errorInfo"]["rule"] == "ALGORITHM"
        asked["parts"][0]["checksum"] = told
        assert len((await ada.data(SIGN, input=asked))["signUploadParts"]) == 1

    async def test_an_upload_resumes_on_another_device(self, school: School) -> None:
        """Invariant 53: the list of stored parts and the missing ones give the same bytes."""
        ada = school.as_("ada")
        upload = await video(ada)
        await send_parts(ada, upload, VIDEO, [3, 1])

        elsewhere = school.as_("ada")
        [found] = (await elsewhere.data(MINE, status="UPLOADING"))["listMyUploads"]["items"]
        first = (await elsewhere.data(PARTS, id=found["id"], limit=1))["listUploadParts"]
        rest = (await elsewhere.data(PARTS, id=found["id"], limit=1, next=first["nextToken"]))["listUploadParts"]
        stored = [*first["items"], *rest["items"]]
        assert [(part["partNumber"], part["sizeBytes"]) for part in stored] == [(1, PART), (3, 400)]
        assert rest["nextToken"] is None
        missing = await send_parts(elsewhere, upload, VIDEO, [2])
        parts = [{"partNumber": part["partNumber"], "etag": part["etag"]} for part in stored] + missing
        parts.sort(key=lambda part: part["partNumber"])
        told = checksum_of(VIDEO, "CRC64NVME")
        assert (await complete(elsewhere, upload, parts, checksum=told))["status"] == "COMPLETED"

    async def test_missing_parts_are_named_and_leave_the_upload_open(self, school: School) -> None:
        ada = school.as_("ada")
        upload = await video(ada)
        unsigned = await refused(ada, upload, [{"partNumber": number, "etag": "x"} for number in (1, 2, 3)])
        assert unsigned["errorInfo"]["missingParts"] == [1, 2, 3]
        parts = await send_parts(ada, upload, VIDEO, [1, 3])

        not_named = await refused(ada, upload, parts)
        not_stored = await refused(ada, upload, [parts[0], {"partNumber": 2, "etag": "x"}, parts[1]])

        for refusal in (not_named, not_stored):
            assert (refusal["errorType"], refusal["errorInfo"]["missingParts"]) == ("UPLOAD_INCOMPLETE", [2])
        assert await status(ada, upload) == "UPLOADING"
        second = await send_parts(ada, upload, VIDEO, [2])
        assert (await complete(ada, upload, [parts[0], *second, parts[1]]))["status"] == "COMPLETED"

    async def test_parts_that_are_not_the_stored_ones_leave_the_upload_open(self, school: School) -> None:
        ada = school.as_("ada")
        upload = await video(ada)
        parts = await send_parts(ada, upload, VIDEO, [1, 2, 3])
        faults = {
            "ETAG": [parts[0], {**parts[1], "etag": parts[0]["etag"]}, parts[2]],
            "REPEATED": [parts[0], *parts],
            "ORDER": parts[::-1],
            "RANGE": [*parts, {"partNumber": 10_001, "etag": "x"}],
        }
        for rule, wrong in faults.items():
            refusal = await refused(ada, upload, wrong)
            assert (refusal["errorType"], refusal["errorInfo"]["rule"]) == ("BAD_REQUEST", rule)
        quoted = [{**part, "etag": f'"{part["etag"]}"'} for part in parts]
        assert (await complete(ada, upload, quoted))["status"] == "COMPLETED"


class TestChecks:
    """Invariant 54: what is not as declared ends the upload, and nothing is left of it."""

    async def test_wrong_first_bytes(self, school: School) -> None:
        ada = school.as_("ada")
        for content, content_type in (
            (b"<!doctype html><script>alert(1)</script>", "video/mp4"),
            (b"MZ" + bytes(100), "image/png"),
            (b"\x00\x01", "text/plain"),
        ):
            upload = await initiate(ada, content, content_type)
            await send(ada, upload["request"], content)
            assert (await refused(ada, upload))["errorType"] == "UPLOAD_TYPE_NOT_ALLOWED"
            await self.nothing_is_left(school, ada, upload)

    async def test_a_wrong_checksum_of_the_whole(self, school: School, monkeypatch: pytest.MonkeyPatch) -> None:
        async def mismatch(*_: Any, **__: Any) -> Blob:  # moto joins parts whatever their checksum
            raise ChecksumRefused

        ada = school.as_("ada")
        upload = await video(ada)
        parts = await send_parts(ada, upload, VIDEO, [1, 2, 3])
        monkeypatch.setattr(school.blobs, "complete_multipart", mismatch)
        told = checksum_of(b"other", "CRC64NVME")
        assert (await refused(ada, upload, parts, checksum=told))["errorType"] == "CHECKSUM_MISMATCH"
        await self.nothing_is_left(school, ada, upload)

    async def test_another_size_or_type_than_declared(self, school: School) -> None:
        """As if the store had taken what was not signed."""
        ada = school.as_("ada")
        for content, content_type, code in (
            (PNG + b"more", "image/png", "CHECKSUM_MISMATCH"),
            (PNG, "text/html", "UPLOAD_TYPE_NOT_ALLOWED"),
        ):
            upload = await initiate(ada, PNG)
            key = f"incoming/{ada.id}/{upload['id']}"
            await school.blobs.store(key, content, content_type=content_type)
            assert (await refused(ada, upload))["errorType"] == code
            await self.nothing_is_left(school, ada, upload)

    async def nothing_is_left(self, school: School, ada: Client, upload: dict[str, Any]) -> None:
        assert await status(ada, upload) == "FAILED"
        assert (await ada.data(GET, id=upload["id"]))["getUpload"]["errorMessage"]
        assert await school.store.get(MEDIA, {"mediaId": upload["id"]}) is None
        assert await school.blobs.list_keys("") == []
        assert await school.blobs.open_multiparts() == []
        assert await used(school, ada) == 0
        assert (await refused(ada, upload))["errorType"] == "UPLOAD_NOT_OPEN"


class TestEnds:
    async def test_completed_once_whoever_calls_how_often(
        self, school: School, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Invariant 52: one completion at the store, one media, equal results."""
        ada = school.as_("ada")
        upload = await video(ada)
        parts = await send_parts(ada, upload, VIDEO, [1, 2, 3])

        joined, completions = school.blobs.complete_multipart, []

        async def counting(*given: Any, **more: Any) -> Blob:
            completions.append(await joined(*given, **more))
            return completions[-1]

        monkeypatch.setattr(school.blobs, "complete_multipart", counting)
        answers = await at_once([call(ada, COMPLETE, input={"uploadId": upload["id"], "parts": parts})] * 10)

        assert all("errors" not in answer for answer in answers), answers
        assert len({msgspec.json.encode(answer) for answer in answers}) == 1
        assert len(completions) == 1
        assert (await complete(ada, upload, parts))["status"] == "COMPLETED"

    async def test_either_given_up_or_completed(self, school: School) -> None:
        ada = school.as_("ada")
        for _ in range(5):
            upload = await initiate(ada, PNG)
            await send(ada, upload["request"], PNG)
            before = await used(school, ada)
            done, given_up = await at_once(
                [call(ada, COMPLETE, input={"uploadId": upload["id"], "parts": []}), call(ada, ABORT, id=upload["id"])]
            )
            ended = await status(ada, upload)
            assert ended in ("COMPLETED", "ABORTED")
            assert ("errors" in done, "errors" in given_up) == (ended == "ABORTED", ended == "COMPLETED")
            is_there = await school.store.get(MEDIA, {"mediaId": upload["id"]}) is not None
            assert is_there == (ended == "COMPLETED")
            assert await used(school, ada) == (before if is_there else before - len(PNG))

    async def test_a_call_that_died_is_made_good_by_the_next(self, school: School) -> None:
        """Its lease has ended, the store has joined the parts, and the row does not know."""
        ada = school.as_("ada")
        upload = await video(ada)
        parts = await send_parts(ada, upload, VIDEO, [1, 2, 3])
        row = await school.store.get(UPLOADS, {"uploadId": upload["id"]})
        assert row is not None
        chosen = [ChosenPart(part["partNumber"], part["etag"]) for part in parts]
        await school.blobs.complete_multipart(row["key"], row["multipartId"], chosen)
        dead = {**row, "status": "COMPLETING", "lease": "dead", "leaseUntil": school.clock.now()}
        await school.store.put(UPLOADS, dead)

        assert (await complete(ada, upload, parts))["status"] == "COMPLETED"

    async def test_given_up_leaves_nothing_and_may_be_said_twice(self, school: School) -> None:
        ada = school.as_("ada")
        upload = await video(ada)
        await send_parts(ada, upload, VIDEO, [1])
        for _ in range(2):
            assert (await ada.data(ABORT, id=upload["id"]))["abortUpload"]["status"] == "ABORTED"
        assert await school.blobs.open_multiparts() == []
        assert (await ada.data(PARTS, id=upload["id"]))["listUploadParts"]["items"] == []
        refusals = [
            await ada.refusal(SIGN, input={"uploadId": upload["id"], "parts": [{"partNumber": 1}]}),
            await refused(ada, upload, [{"partNumber": 1, "etag": "x"}]),
        ]
        assert [(each["errorType"], each["errorInfo"]["status"]) for each in refusals] == [
            ("UPLOAD_NOT_OPEN", "ABORTED")
        ] * 2

    async def test_what_is_completed_is_not_given_up(self, school: School) -> None:
        ada = school.as_("ada")
        upload = await initiate(ada, PNG)
        await send(ada, upload["request"], PNG)
        await complete(ada, upload)
        assert (await ada.refusal(ABORT, id=upload["id"]))["errorInfo"]["status"] == "COMPLETED"

    async def test_after_seven_days_it_is_over(self, school: School) -> None:
        ada = school.as_("ada")
        upload = await video(ada)
        await send_parts(ada, upload, VIDEO, [1])
        school.clock.advance(days=7)
        assert (await ada.refusal(SIGN, input={"uploadId": upload["id"], "parts": [{"partNumber": 2}]}))["errorInfo"][
            "status"
        ] == "EXPIRED"

        await school.drain()

        assert await status(ada, upload) == "EXPIRED"
        assert await school.blobs.open_multiparts() == []
        assert await used(school, ada) == 0


class TestRights:
    async def test_anothers_upload_is_as_one_that_does_not_exist(self, school: School) -> None:
        ada, eve = school.as_("ada"), school.as_("eve", "Admins")
        upload = await video(ada)
        row = await school.store.get(UPLOADS, {"uploadId": upload["id"]})

        async def attempts(upload_id: str) -> list[Any]:
            part = {"partNumber": 1, "etag": "x"}
            return [
                await eve.run(GET, id=upload_id),
                await eve.run(PARTS, id=upload_id),
                await eve.run(SIGN, input={"uploadId": upload_id, "parts": [{"partNumber": 1}]}),
                await eve.run(COMPLETE, input={"uploadId": upload_id, "parts": [part]}),
                await eve.run(ABORT, id=upload_id),
            ]

        assert await attempts(upload["id"]) == await attempts("01J00000000000000000000000")
        assert await school.store.get(UPLOADS, {"uploadId": upload["id"]}) == row
        assert (await eve.data(MINE))["listMyUploads"]["items"] == []

    async def test_the_list_pages_newest_first(self, school: School) -> None:
        ada = school.as_("ada")
        begun = []
        for _ in range(5):
            begun.append((await initiate(ada, PNG))["id"])
            school.clock.advance(seconds=1)
        await ada.data(ABORT, id=begun[2])
        walked, token = [], None
        while True:
            page = (await ada.data(MINE, limit=2, next=token))["listMyUploads"]
            walked += [item["id"] for item in page["items"]]
            token = page["nextToken"]
            if token is None:
                break
        assert walked == begun[::-1]
        [ended] = (await ada.data(MINE, status="ABORTED"))["listMyUploads"]["items"]
        assert ended["id"] == begun[2]

    async def test_a_repeated_call_begins_one_upload(self, school: School) -> None:
        ada = school.as_("ada")
        asked = declared(VIDEO, "video/mp4", multipart=True, clientToken="t1")
        answers = await at_once([call(ada, INITIATE, input=asked)] * 5)
        ids = {answer["data"]["initiateUpload"]["id"] for answer in answers}
        assert len(ids) == 1
        assert len(await school.blobs.open_multiparts()) == 1
        assert await used(school, ada) == len(VIDEO)
        refusal = await ada.refusal(INITIATE, input={**asked, "sizeBytes": 7})
        assert refusal["errorType"] == "IDEMPOTENCY_MISMATCH"

    async def test_5_tib_are_exact(self, school: School) -> None:
        """Invariant 56, where a deployment allows it."""
        size = 5_497_558_138_880
        wide = dataclasses.replace(school, file_rules=FileRules(UploadLimits(video_bytes=size, user_bytes=2 * size)))
        ada = wide.as_("ada")
        upload = await initiate(ada, MP4, "video/mp4", sizeBytes=size)
        assert upload["sizeBytes"] == size
        assert (upload["partSizeBytes"], upload["partCount"]) == (525 * MIB, 9987)
        assert (await wide.store.get(UPLOADS, {"uploadId": upload["id"]}) or {})["sizeBytes"] == size
        [last] = await sign(ada, upload, [9987])
        assert last["partNumber"] == 9987


def call(client: Client, query: str, **variables: Any) -> Callable[[], Awaitable[dict[str, Any]]]:
    """For a race."""
    return lambda: client.run(query, **variables)
