"""What tests of execution share."""

import pytest

from tests.app.small_school import School


@pytest.fixture(params=["by graphql-core", "by plans"])
def each_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test holds whoever executes."""
    monkeypatch.setattr(School, "planned", request.param == "by plans")
