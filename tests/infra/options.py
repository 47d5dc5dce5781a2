"""Templates of what no environment turns on by now: `.venv-infra/bin/python -m tests.infra.options FOLDER`."""

import sys
from dataclasses import replace

import aws_cdk as cdk

from infra.deployment import FLAGS, build
from infra.environments import ENVIRONMENTS, Capacity, Replica, SocialSignIn
from infra.stacks.data import DataStack
from infra.stacks.identity import IdentityStack

ELSEWHERE = Replica(region="eu-west-1", key_arn="arn:aws:kms:eu-west-1:111122223333:key/mrk-1234")


def main() -> None:
    app = cdk.App(outdir=sys.argv[1], analytics_reporting=False, context=FLAGS)
    prod = ENVIRONMENTS["prod"]
    DataStack(cdk.Stage(app, "scaled"), replace(prod, table_capacity=Capacity(least=5, most=500)))
    DataStack(cdk.Stage(app, "global"), replace(prod, replicas=(ELSEWHERE,)))
    social = tuple(
        SocialSignIn(provider=provider, client_id=f"{provider}-id") for provider in ("Google", "Facebook", "LinkedIn")
    )
    IdentityStack(cdk.Stage(app, "social"), replace(prod, social_sign_in=social))
    app.synth()
    _serverless(f"{sys.argv[1]}/assembly-serverless")


def _serverless(folder: str) -> None:
    """AppSync without our server, with every way to sign in, and what else costs extra."""
    environment = replace(
        ENVIRONMENTS["dev"],
        fargate=False,
        lambda_authorizer="doorman:authorize",
        oidc_issuer="https://identity.educonnect.example",
        oidc_client_ids=("web", "phones"),
        shield_advanced=True,
        analytics_database=True,
    )
    build(environment, folder=folder).synth()


if __name__ == "__main__":
    main()
