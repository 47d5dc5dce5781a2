"""Findings of cdk-nag that are as they should be, each with its reason."""

import aws_cdk as cdk
from constructs import IConstruct


def acknowledge(construct: IConstruct, rule: str, reason: str) -> None:
    """One rule of the AWS Solutions pack ("S1", or "IAM5[Action::s3:*]" for one finding), for a construct and what is
    below it."""
    cdk.Validations.of(construct).acknowledge(
        cdk.Acknowledgment(id=f"AwsSolutions::AwsSolutions-{rule}", reason=reason)
    )
