"""Who users are: a Cognito user pool with our groups, and an identity pool for AWS credentials of signed-in users."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_cognito as cognito
from aws_cdk import aws_iam as iam
from constructs import Construct

from domain.callers import Group
from infra.acknowledgements import acknowledge
from infra.environments import Environment, SocialSignIn
from infra.stacks.base import EnvironmentStack

_PROVIDERS: dict[str, dict[str, str]] = {
    "Google": {"authorize_scopes": "openid email profile"},
    "Facebook": {"authorize_scopes": "public_profile,email", "api_version": "v21.0"},
    "LinkedIn": {
        "authorize_scopes": "openid email profile",
        "oidc_issuer": "https://www.linkedin.com/oauth",
        "attributes_request_method": "GET",
    },
}


class IdentityStack(EnvironmentStack):
    """Offers `pool`, the web client's `client`, and `signed_in`, the role of the identity pool's users."""

    def __init__(self, scope: Construct, environment: Environment) -> None:
        super().__init__(scope, "identity", environment)
        self.pool = self._pool()
        for group in Group:
            cognito.CfnUserPoolGroup(self, group.value, user_pool_id=self.pool.user_pool_id, group_name=group.value)
        providers = [self._provider(each) for each in environment.social_sign_in]
        self.client = self._client(providers)
        self.identity_pool, self.signed_in = self._identity_pool()

    def _pool(self) -> cognito.UserPool:
        pool = cognito.UserPool(
            self,
            "Users",
            user_pool_name=f"{self.settings.prefix}users",
            sign_in_aliases=cognito.SignInAliases(email=True),
            sign_in_case_sensitive=False,
            self_sign_up_enabled=True,
            auto_verify=cognito.AutoVerifiedAttrs(email=True),
            keep_original=cognito.KeepOriginalAttrs(email=True),
            account_recovery=cognito.AccountRecovery.EMAIL_ONLY,
            password_policy=cognito.PasswordPolicy(
                min_length=12,
                require_lowercase=True,
                require_uppercase=True,
                require_digits=True,
                require_symbols=True,
                password_history_size=5,
                temp_password_validity=cdk.Duration.days(3),
            ),
            mfa=cognito.Mfa.OPTIONAL,
            mfa_second_factor=cognito.MfaSecondFactor(otp=True, sms=True),
            feature_plan=cognito.FeaturePlan.PLUS,
            standard_threat_protection_mode=cognito.StandardThreatProtectionMode.FULL_FUNCTION,
            device_tracking=cognito.DeviceTracking(
                challenge_required_on_new_device=True, device_only_remembered_on_user_prompt=True
            ),
            deletion_protection=self.settings.keeps_data,
            removal_policy=self.removal,
        )
        acknowledge(
            pool, "COG2", "Learners choose a second factor; whoever must have one is asked for it by the school."
        )
        acknowledge(
            pool, "IAM5[Resource::*]", "A text message goes to a number, which is no resource that can be named."
        )
        return pool

    def _provider(self, chosen: SocialSignIn) -> cognito.CfnUserPoolIdentityProvider:
        """Whoever signs in there becomes a user of the pool. LinkedIn speaks plain OpenID Connect."""
        secret = cdk.SecretValue.secrets_manager(f"{self.settings.prefix}{chosen.provider}")
        return cognito.CfnUserPoolIdentityProvider(
            self,
            chosen.provider,
            user_pool_id=self.pool.user_pool_id,
            provider_name=chosen.provider,
            provider_type="OIDC" if chosen.provider == "LinkedIn" else chosen.provider,
            provider_details={
                "client_id": chosen.client_id,
                "client_secret": secret.unsafe_unwrap(),  # a reference that CloudFormation resolves
                **_PROVIDERS[chosen.provider],
            },
            attribute_mapping={"email": "email", "name": "name"},
        )

    def _client(self, providers: Sequence[cognito.CfnUserPoolIdentityProvider]) -> cognito.UserPoolClient:
        """Of the web and mobile clients, which keep no secret."""
        client = self.pool.add_client(
            "Clients",
            generate_secret=False,
            auth_flows=cognito.AuthFlow(user_srp=True),
            prevent_user_existence_errors=True,
            enable_token_revocation=True,
            access_token_validity=cdk.Duration.hours(1),
            id_token_validity=cdk.Duration.hours(1),
            refresh_token_validity=cdk.Duration.days(30),
            o_auth=cognito.OAuthSettings(
                flows=cognito.OAuthFlows(authorization_code_grant=True),
                scopes=[cognito.OAuthScope.OPENID, cognito.OAuthScope.EMAIL, cognito.OAuthScope.PROFILE],
                callback_urls=[f"{origin}/" for origin in self.settings.web_origins],
                logout_urls=[f"{origin}/" for origin in self.settings.web_origins],
            ),
            supported_identity_providers=[
                cognito.UserPoolClientIdentityProvider.COGNITO,
                *(cognito.UserPoolClientIdentityProvider.custom(each.provider_name) for each in providers),
            ],
        )
        for provider in providers:
            client.node.add_dependency(provider)
        return client

    def _identity_pool(self) -> tuple[cognito.CfnIdentityPool, iam.Role]:
        pool = cognito.CfnIdentityPool(
            self,
            "Credentials",
            allow_unauthenticated_identities=False,
            cognito_identity_providers=[
                cognito.CfnIdentityPool.CognitoIdentityProviderProperty(
                    client_id=self.client.user_pool_client_id,
                    provider_name=self.pool.user_pool_provider_name,
                    server_side_token_check=True,
                )
            ],
        )
        trusted = iam.WebIdentityPrincipal(
            "cognito-identity.amazonaws.com",
            {
                "StringEquals": {"cognito-identity.amazonaws.com:aud": pool.ref},
                "ForAnyValue:StringLike": {"cognito-identity.amazonaws.com:amr": "authenticated"},
            },
        )
        role = iam.Role(
            self, "SignedIn", assumed_by=trusted, description="Users who signed in; other stacks say what they may"
        )
        cognito.CfnIdentityPoolRoleAttachment(
            self, "Roles", identity_pool_id=pool.ref, roles={"authenticated": role.role_arn}
        )
        return pool, role
