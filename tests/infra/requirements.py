"""What is asked of the infrastructure, row by row, and which tests hold it.

A test names its rows: `@pytest.mark.requirement("E4", "K82")`. `python -m tests.infra.requirements` writes the table
docs/infrastructure-requirements.md from the marks.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parent.parent / "docs" / "infrastructure-requirements.md"

ROWS = {
    "E2": "TLS from the client to CloudFront, the load balancer or AppSync",
    "E4": "CloudFront before the API, Route 53 before CloudFront",
    "E5": "The API's front door: AppSync, or a load balancer before Fargate",
    "E11": "Logs and metrics of Lambda in CloudWatch",
    "E15": "Least privilege of each role: no wildcard action on a wildcard resource",
    "E34": "Images of faces: a place and a key of their own, a short life, never listed",
    "E36": "Buckets for backups and access logs, with object lock as an option",
    "E37": "AWS Backup of tables and buckets, chosen by tag",
    "E40": "Customer keys for tables, buckets, queues and topics",
    "E41": "WAF: rates, managed rules, size of bodies",
    "E42": "Shield Advanced as a flag",
    "E43": "Protection from floods at the edge",
    "E44": "Log groups, each with a retention",
    "E45": "Alarms, by EventBridge to an SNS topic",
    "E46": "A dashboard made from the schema's root fields",
    "E47": "Traces in X-Ray",
    "E48": "An event bus, rules and schedules",
    "E49": "CloudFront before the API",
    "E50": "Traces of Lambda",
    "E51": "Point-in-time recovery and streams of tables",
    "E52": "Lifecycle rules of buckets, uploads left open included",
    "E54": "Metrics of our own, dashboards, alarms",
    "E55": "Several availability zones",
    "E56": "A global distribution and DNS",
    "E57": "Scaling by open sockets as well as CPU",
    "E58": "Backup and disaster recovery",
    "E61": "Provisioned concurrency of Lambda as a flag",
    "E62": "Transfer Acceleration as a flag",
    "E65": "Intelligent tiering",
    "E66": "Tables on demand, or provisioned with scaling",
    "E67": "CloudFront's price class as a setting",
    "V2": "CloudFront and WAF before uploads' API",
    "V3": "A rate rule",
    "V7": "A Cognito user pool",
    "V9": "A second factor, and protection against stolen passwords",
    "V12": "KMS keys, rotated",
    "V13": "Lifecycle rules of uploads",
    "V14": "Metrics of uploads on the dashboard",
    "V15": "Traces of uploads",
    "V16": "CloudTrail with the data events of media",
    "V17": "Rights of what signs uploads: few actions, on its bucket",
    "V18": "Security groups, network ACLs, VPC endpoints",
    "V25": "CORS that shows ETag to uploading browsers",
    "V31": "Malware scans of uploads, from GuardDuty to a queue",
    "V32": "Floods of uploads are held by WAF",
    "V34": "No public bucket, TLS only, an audit trail",
    "V35": "Protection of API, functions, buckets, user data and keys",
    "V38": "Cheaper storage with age, price classes, scaling",
    "V40": "Pay per use, with budgets and a watch for anomalies",
    "V45": "An alarm on cold starts",
    "V48": "The CDN's hit rate, on the dashboard and with an alarm",
    "V49": "Scaling events on the dashboard",
    "K2": "Static content over CloudFront",
    "K5": "Second factor by app and text message",
    "K6": "Sign-in with Google, Facebook and LinkedIn",
    "K9": "Rules for passwords, recovery of accounts",
    "K12": "AppSync from the same schema, with a resolver for each field",
    "K16": "AppSync's cache as an option",
    "K17": "Scaling by itself",
    "K27": "Fargate services for the API and for workers",
    "K28": "Tables, indexes, streams, both billing modes, recovery",
    "K29": "Buckets with lifecycle, encryption, replication as an option",
    "K31": "Redis (Valkey) between processes",
    "K47": "Logs, metrics, dashboards, alarms in CloudWatch",
    "K48": "Traces and the map of services",
    "K73": "Private subnets, security groups, network ACLs",
    "K74": "WAF and Shield",
    "K75": "Encryption at rest and in transit",
    "K76": "Sign-in of services by IAM, with few rights",
    "K81": "Data stays in its region",
    "K82": "Media over CloudFront by signed requests",
    "K88": "Limits of Lambda's concurrency; scaling of tables and services",
    "K89": "A load balancer with health checks and draining",
    "K90": "Tables and files in several regions, as a flag",
    "K91": "Spot capacity for workers, cheaper storage tiers",
    "K92": "Tags for cost allocation, budgets",
    "K93": "Scaling policies",
    "K94": "Daily backups, copies in another region, retention",
    "K95": "Several zones, recovery in another region",
    "K96": "CloudFormation templates, made and checked without an account",
    "K100": "Staging and production; blue/green deployments that roll back",
    "K101": "Alarms to those on call",
    "K106": "Health checks and alarms at all hours",
    "C2": "A web client on S3 behind CloudFront",
    "C23": "Lambda and tables that scale with connections",
    "C27": "Costs held by expiry, on-demand tables, reserved concurrency",
    "C28": "Several zones",
    "C29": "Dead letters of every queue",
    "C31": "Recovery, backups, replication as an option",
    "C32": "TLS, VPC endpoints, security groups and network ACLs",
    "C33": "Bucket policies, encryption, few rights",
    "C35": "Logs of functions and of the API",
    "C36": "Alarms on errors, throttling, capacity and failed connections",
    "Y3": "Browsers reach the API over CloudFront",
    "Y10": "Tables pay per request, with recovery",
    "Y11": "Audio in a bucket with versions, lifecycle and CORS",
    "Y13": "The web client's bucket as a CloudFront origin",
    "Y15": "HTTPS, CORS and rates of the API",
    "Y16": "CloudFront with caches",
    "Y17": "Logs, metrics and alarms",
    "Y18": "Secrets in Secrets Manager",
    "Y21": "Several zones, caches at the edge",
    "Y22": "Cognito, TLS everywhere, secrets, an isolated network",
    "Y23": "Lambda, Fargate and tables scale by use",
    "Y24": "Spot capacity, on-demand tables, lifecycle rules",
    "Y25": "Infrastructure in CDK",
}
"""Row of the list of requirements -> what it asks. Y6, devices on AWS IoT Core, comes with the devices."""


def marks() -> Iterator[tuple[str, str]]:
    """Row and test ("test_data.py::test_...") of each mark."""
    for path in sorted(HERE.glob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                for decorator in node.decorator_list:
                    if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.requirement":
                        for argument in decorator.args:
                            yield ast.literal_eval(argument), f"{path.name}::{node.name}"


def page() -> str:
    """The table. Raises KeyError for a mark of a row that is not there."""
    tests: dict[str, list[str]] = {row: [] for row in ROWS}
    for row, test in marks():
        tests[row].append(test)
    lines = [
        f"| {row} | {asked} | {'<br>'.join(_in_words(test) for test in tests[row])} |" for row, asked in ROWS.items()
    ]
    return "\n".join([*_HEAD, *lines, ""])


_HEAD = (
    "# What is asked of the infrastructure, and what holds it",
    "",
    "Written by `python -m tests.infra.requirements` from the marks of the tests in `tests/infra/`, which look at the",
    "templates of every environment. A test fails when this page is not as the tests are, or when a row has none.",
    "",
    "| Row | What is asked | Tests |",
    "|---|---|---|",
)


def _in_words(test: str) -> str:
    file, _, name = test.partition("::")
    return f"{name.removeprefix('test_').replace('_', ' ')} (`{file}`)"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
