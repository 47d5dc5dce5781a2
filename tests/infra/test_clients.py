"""What front ends are told of what was deployed."""

import json

import pytest

from app.amplify_outputs import OUTPUT
from tests.infra.templates import Deployed


@pytest.mark.parametrize("stack", ["appsync", "service"])
def test_a_file_for_amplify_comes_out_of_the_stack(deployed: Deployed, stack: str) -> None:
    value = deployed.stacks[stack]["Outputs"][OUTPUT]["Value"]["Fn::Join"][1]
    file = json.loads("".join(part if isinstance(part, str) else "filled-in" for part in value))
    assert file["data"]["url"].startswith("https://")
    assert file["data"]["default_authorization_type"] == "AMAZON_COGNITO_USER_POOLS"
    assert file["auth"]["password_policy"]["min_length"] >= 12
    assert ("api_key" in file["data"]) is (stack == "appsync")
