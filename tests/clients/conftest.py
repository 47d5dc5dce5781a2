"""One server for all clients, with every sign-in mode on and the demo school in it."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.clients.openid import CLIENT_ID, Issuer, running_issuer
from tests.server_process import ServerProcess, server_process

NODE_FOLDER = Path(__file__).parent / "node"
ACCESS_KEY_ID, SECRET_ACCESS_KEY = "AKIDEXAMPLE", "a-secret-of-the-tests"
REGION = "us-east-1"


@dataclass(frozen=True)
class Service:
    """The server and what a client needs to sign in to it."""

    server: ServerProcess
    issuer: Issuer
    api_key: str

    @property
    def endpoint(self) -> str:
        return self.server.endpoint

    def token(self, user: str, *groups: str) -> str:
        return self.server.token(user, *groups)


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with (
        running_issuer() as issuer,
        server_process(
            tmp_path_factory.mktemp("clients") / "data",
            OIDC_ISSUER=issuer.url,
            OIDC_CLIENT_IDS=CLIENT_ID,
            LAMBDA_AUTHORIZER="tests.clients.authorizer:authorize",
            IAM_KEYS=f"{ACCESS_KEY_ID}:{SECRET_ACCESS_KEY}",
        ) as server,
    ):
        yield Service(server, issuer, server.app("api-key"))


@pytest.fixture(scope="session")
def node() -> Path:
    """The folder of the Node clients. Without Node these tests are skipped; in CI that is a failure."""
    if shutil.which("node") and (NODE_FOLDER / "node_modules").exists():
        return NODE_FOLDER
    reason = "Node.js or its packages are missing; ./dev test installs the packages"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
