"""Personal settings: defaults, choices, and what may not be chosen."""

from functools import partial
from typing import Any

import pytest

from tests.races import at_once, successes
from tests.school import School

FIELDS = "locale timeZone captionsEnabled playbackSpeed readReceiptsEnabled presenceVisible version"
READ = f"{{ getMe {{ settings {{ userId updatedAt {FIELDS} }} }} }}"
UPDATE = f"mutation ($input: UpdateSettingsInput!) {{ updateSettings(input: $input) {{ {FIELDS} }} }}"
DEFAULTS = {
    "locale": "en",
    "timeZone": "UTC",
    "captionsEnabled": False,
    "playbackSpeed": 1.0,
    "readReceiptsEnabled": True,
    "presenceVisible": True,
    "version": 1,
}


async def test_settings_that_nobody_chose_are_the_defaults(school: School) -> None:
    ada = school.as_("ada")
    made_at = school.clock.now()
    await ada.data(READ)
    school.clock.advance(days=1)
    settings = (await ada.data(READ))["getMe"]["settings"]
    assert settings == {"userId": ada.id, "updatedAt": made_at, **DEFAULTS}


async def test_a_choice_stays_and_the_rest_with_it(school: School) -> None:
    ada = school.as_("ada")
    first = {"timeZone": "Europe/Paris", "playbackSpeed": 1.25}
    assert (await ada.data(UPDATE, input=first))["updateSettings"] == {**DEFAULTS, **first, "version": 2}
    second = {"locale": "fr-CA", "presenceVisible": False, "expectedVersion": 2}
    chosen = {**DEFAULTS, **first, "locale": "fr-CA", "presenceVisible": False, "version": 3}
    assert (await ada.data(UPDATE, input=second))["updateSettings"] == chosen
    settings = (await ada.data(READ))["getMe"]["settings"]
    assert settings == {"userId": ada.id, "updatedAt": school.clock.now(), **chosen}


@pytest.mark.parametrize(
    ("given", "field", "rule"),
    [
        ({"locale": "not a tag"}, "input.locale", "LANGUAGE_TAG"),
        ({"locale": None}, "input.locale", "NULL"),
        ({"timeZone": "Mars/Olympus"}, "input.timeZone", "TIME_ZONE"),
        ({"timeZone": "../../etc/passwd"}, "input.timeZone", "TIME_ZONE"),
        ({"timeZone": None}, "input.timeZone", "NULL"),
        ({"playbackSpeed": 0.49}, "input.playbackSpeed", "RANGE"),
        ({"playbackSpeed": 2.01}, "input.playbackSpeed", "RANGE"),
        ({"captionsEnabled": None}, "input.captionsEnabled", "NULL"),
    ],
)
async def test_settings_that_break_a_rule_change_nothing(
    school: School, given: dict[str, Any], field: str, rule: str
) -> None:
    ada = school.as_("ada")
    error = await ada.refusal(UPDATE, input={"presenceVisible": False, **given})
    assert error["errorType"] == "BAD_REQUEST"
    assert (error["errorInfo"]["field"], error["errorInfo"]["rule"]) == (field, rule)
    settings = (await ada.data(READ))["getMe"]["settings"]
    assert settings["presenceVisible"] is True
    assert settings["version"] == 1


@pytest.mark.parametrize("expected", [1, 2])
async def test_of_twenty_choices_at_once_on_one_version_one_is_made(school: School, expected: int) -> None:
    ada = school.as_("ada")
    for _ in range(1, expected):
        await ada.data(UPDATE, input={"captionsEnabled": True})
    call = partial(ada.run, UPDATE, input={"playbackSpeed": 1.5, "expectedVersion": expected})
    payloads = successes(await at_once([call] * 20))
    errors = [payload["errors"][0] for payload in payloads if "errors" in payload]
    assert [(error["errorType"], error["errorInfo"]["currentVersion"]) for error in errors] == [
        ("CONFLICT", expected + 1)
    ] * 19
    assert (await ada.data(READ))["getMe"]["settings"]["version"] == expected + 1


async def test_a_version_that_never_was_is_a_conflict(school: School) -> None:
    ada = school.as_("ada")
    for version in (-1, 0, 2, 2147483647):
        error = await ada.refusal(UPDATE, input={"captionsEnabled": True, "expectedVersion": version})
        assert (error["errorType"], error["errorInfo"]["currentVersion"]) == ("CONFLICT", 1)
