"""What holds for the rights of every role."""

import pytest

from tests.infra.policies import allowed, listed
from tests.infra.templates import Deployed


@pytest.mark.requirement("E15", "C33", "K76")
def test_no_action_is_a_wildcard(deployed: Deployed) -> None:
    wild = [
        action for statement in allowed(deployed) for action in listed(statement["Action"]) if action in ("*", "s3:*")
        or action.endswith(":*")
    ]  # fmt: skip
    assert wild == []


@pytest.mark.requirement("E15", "V35")
def test_a_wildcard_resource_is_for_actions_that_know_no_other(deployed: Deployed) -> None:
    free = {
        "chime:CreateMediaCapturePipeline", "chime:CreateMediaConcatenationPipeline", "chime:CreateMeeting",
        "ecr:GetAuthorizationToken", "mediaconvert:Probe", "rekognition:CreateFaceLivenessSession",
        "rekognition:GetFaceLivenessSessionResults", "transcribe:StartStreamTranscription", "sns:Publish",
        "xray:PutTelemetryRecords", "xray:PutTraceSegments",
    }  # fmt: skip
    # sns:Publish is Cognito's, whose text messages go to numbers and not to topics.
    for statement in allowed(deployed):
        if "*" in listed(statement["Resource"]):
            assert set(listed(statement["Action"])) <= free, statement
