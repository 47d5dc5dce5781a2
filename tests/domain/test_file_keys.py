"""Keys of files: made of ids alone, each owner's under a prefix of their own."""

import pytest

from domain.file_keys import incoming, media_folder, media_id_of, original

USER = "7b0f1c52-95d2-4b33-a4c0-6f7f5f3f1c11"


def test_an_owners_files_lie_under_the_owners_prefix() -> None:
    assert incoming(USER, "u1") == f"incoming/{USER}/u1"
    assert original(USER, "m1") == f"{media_folder(USER, 'm1')}original" == f"media/{USER}/m1/original"


@pytest.mark.parametrize("owner", ["..", "../ada", "auth0|5/../x", "%2e%2e", "a" * 128, "~"])
def test_an_id_that_means_something_in_a_path_is_hashed(owner: str) -> None:
    folder = incoming(owner, "u1").split("/")
    assert len(folder) == 3
    assert folder[1].startswith("~")
    assert len(folder[1]) == 65
    assert folder[1] not in {incoming(other, "u1").split("/")[1] for other in (USER, "ada", owner + ".")}


def test_the_media_of_an_original_is_told_by_its_key() -> None:
    assert media_id_of(original(USER, "m1")) == "m1"
    for key in ("incoming/u/m1", "media/u/m1/thumbnails/1", "media/u/original", "media/u//original", ""):
        assert media_id_of(key) is None
