"""The rules of WAF, the same before CloudFront and before AppSync."""

from typing import Literal

import aws_cdk as cdk
from aws_cdk import aws_logs as logs
from aws_cdk import aws_wafv2 as waf

from infra.stacks.base import EnvironmentStack, retention

MANAGED = ("AmazonIpReputationList", "KnownBadInputsRuleSet", "CommonRuleSet")
COUNTED = ("SizeRestrictions_BODY", "CrossSiteScripting_BODY", "GenericRFI_BODY", "EC2MetaDataSSRF_BODY")
"""Rules of the common set that only count: lessons and messages are texts with links and markup, and may be long."""
SECRET_HEADERS = ("authorization", "x-api-key", "cookie", "sec-websocket-protocol")
"""Not logged. AppSync's clients put their credentials into the last one, or into the query string, to open a socket."""


def firewall(stack: EnvironmentStack, scope: Literal["CLOUDFRONT", "REGIONAL"]) -> waf.CfnWebACL:
    """A web ACL with its log, to be associated with what it protects. One a stack."""
    own = [_requests_of_one_address(stack.settings.requests_per_address), _large_bodies()]
    acl = waf.CfnWebACL(
        stack,
        "Firewall",
        scope=scope,
        default_action=waf.CfnWebACL.DefaultActionProperty(allow={}),
        visibility_config=_visible("Firewall"),
        rules=[*own, *(_managed(name, priority) for priority, name in enumerate(MANAGED, start=len(own)))],
    )
    _log(stack, acl)
    return acl


def _requests_of_one_address(limit: int) -> waf.CfnWebACL.RuleProperty:
    statement = waf.CfnWebACL.RateBasedStatementProperty(limit=limit, aggregate_key_type="IP")
    return _blocking("RequestsOfOneAddress", 0, waf.CfnWebACL.StatementProperty(rate_based_statement=statement))


def _large_bodies() -> waf.CfnWebACL.RuleProperty:
    """Bodies that say of themselves that they have a million bytes. WAF sees only the beginning of a body, so those
    that say nothing are left to the server, which measures them, and to AppSync."""
    statement = waf.CfnWebACL.RegexMatchStatementProperty(
        field_to_match=waf.CfnWebACL.FieldToMatchProperty(single_header={"Name": "content-length"}),
        regex_string=r"^\d{7,}$",
        text_transformations=[waf.CfnWebACL.TextTransformationProperty(priority=0, type="NONE")],
    )
    return _blocking("LargeBodies", 1, waf.CfnWebACL.StatementProperty(regex_match_statement=statement))


def _blocking(name: str, priority: int, statement: waf.CfnWebACL.StatementProperty) -> waf.CfnWebACL.RuleProperty:
    return waf.CfnWebACL.RuleProperty(
        name=name,
        priority=priority,
        action=waf.CfnWebACL.RuleActionProperty(block={}),
        statement=statement,
        visibility_config=_visible(name),
    )


def _managed(name: str, priority: int) -> waf.CfnWebACL.RuleProperty:
    counted = COUNTED if name == "CommonRuleSet" else ()
    group = waf.CfnWebACL.ManagedRuleGroupStatementProperty(
        vendor_name="AWS",
        name=f"AWSManagedRules{name}",
        rule_action_overrides=[
            waf.CfnWebACL.RuleActionOverrideProperty(
                name=rule, action_to_use=waf.CfnWebACL.RuleActionProperty(count={})
            )
            for rule in counted
        ],
    )
    return waf.CfnWebACL.RuleProperty(
        name=name,
        priority=priority,
        override_action=waf.CfnWebACL.OverrideActionProperty(none={}),
        statement=waf.CfnWebACL.StatementProperty(managed_rule_group_statement=group),
        visibility_config=_visible(name),
    )


def _log(stack: EnvironmentStack, acl: waf.CfnWebACL) -> None:
    group = logs.LogGroup(
        stack,
        "FirewallLog",
        log_group_name=f"aws-waf-logs-{stack.stack_name}",  # WAF writes to no other names
        retention=retention(stack.settings.log_days),
        removal_policy=stack.removal,
    )
    where = stack.format_arn(
        service="logs",
        resource="log-group",
        resource_name=group.log_group_name,
        arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
    )
    secret = [waf.CfnLoggingConfiguration.FieldToMatchProperty(single_header={"Name": name}) for name in SECRET_HEADERS]
    waf.CfnLoggingConfiguration(
        stack,
        "FirewallLogging",
        resource_arn=acl.attr_arn,
        log_destination_configs=[where],
        redacted_fields=[*secret, waf.CfnLoggingConfiguration.FieldToMatchProperty(query_string={})],
    )


def _visible(name: str) -> waf.CfnWebACL.VisibilityConfigProperty:
    return waf.CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=name, sampled_requests_enabled=False
    )
