"""The nearest media region, by time zone."""

import pytest

from domain.media_regions import nearest

ALL = (
    "us-east-1",
    "us-west-2",
    "sa-east-1",
    "ca-central-1",
    "eu-central-1",
    "eu-west-2",
    "af-south-1",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-northeast-1",
)


@pytest.mark.parametrize(
    ("time_zone", "region"),
    [
        ("Europe/Berlin", "eu-central-1"),
        ("Europe/London", "eu-west-2"),
        ("America/Los_Angeles", "us-west-2"),
        ("America/Sao_Paulo", "sa-east-1"),
        ("Africa/Johannesburg", "af-south-1"),
        ("Asia/Kolkata", "ap-south-1"),
        ("Asia/Tokyo", "ap-northeast-1"),
        ("Australia/Sydney", "ap-southeast-2"),
        ("Pacific/Auckland", "ap-southeast-2"),
    ],
)
def test_a_region_is_near_the_time_zone(time_zone: str, region: str) -> None:
    assert nearest(time_zone, ALL) == region


@pytest.mark.parametrize("time_zone", ["UTC", "Etc/GMT+5", "EST"])
def test_a_time_zone_that_says_no_place_gives_the_first(time_zone: str) -> None:
    assert nearest(time_zone, ("sa-east-1", "eu-central-1")) == "sa-east-1"


def test_of_those_that_may_be_used_one_is_taken_however_far() -> None:
    assert nearest("Asia/Tokyo", ("eu-west-1",)) == "eu-west-1"
    assert nearest("Asia/Tokyo", ("us-gov-west-1", "eu-west-1")) == "eu-west-1"
