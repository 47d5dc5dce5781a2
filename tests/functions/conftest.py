"""Functions over DynamoDB on this machine, with one container for the tests of a module."""

import pytest

from tests.dynamodb_emulator import PREFIX, REGION, Emulator


@pytest.fixture(scope="session")
def environ(emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What a deployment tells its functions; every table is there, and S3 is nowhere."""
    return {
        "ENVIRONMENT": "production",
        "RECORDS": "dynamodb",
        "TABLE_PREFIX": PREFIX,
        "BLOBS": "s3",
        "S3_BUCKET": "files-of-tests",
        "AWS_ENDPOINT_URL": emulator.url,
        "AWS_REGION": REGION,
        "CURSOR_SECRET": "a-secret-of-the-tests-that-is-long-enough",
        "CORS_ORIGINS": "*",
        "DATA_DIR": str(tmp_path_factory.mktemp("functions")),
        "PUBLIC_URL": "https://school.example",
        "COGNITO_USER_POOL_ID": "eu-central-1_EXAMPLE01",
        "COGNITO_CLIENT_IDS": "app-of-the-school",
        "LOG_LEVEL": "WARNING",
    }
