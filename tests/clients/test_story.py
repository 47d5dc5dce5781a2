"""The story of a morning at a school, told by the example as it stands, on both sets of engines."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import faces, media_files
from tests.clients.conftest import node
from tests.s3_emulator import BUCKET, REGION, S3Emulator
from tests.server_process import ROOT, ServerProcess, server_process

__all__ = ["node"]

TOLD = [
    "The film is there: 2 s, 320 x 240.",
    "What comes down is what went up.",
    "Without consent: CONSENT_REQUIRED.",
    "The face is ACTIVE until ",
    "The learner is invited, and told so.",
    "Before it begins: MEETING_NOT_LIVE.",
    "Two have joined one call.",
    "The learner is PRESENT, by FACE.",
    "The meeting has ENDED; its list says ",
    "The face is forgotten.",
]


@pytest.fixture(params=["embedded", "aws"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ServerProcess]:
    settings = {"SEED_DEMO": "off", "FFMPEG": "no-such-program"}
    if request.param == "aws":
        settings |= on_aws(request.getfixturevalue("s3_emulator"))
        make_tables(settings)
    with server_process(tmp_path / "data", **settings) as server:
        yield server


def on_aws(emulator: S3Emulator) -> dict[str, str]:
    """Records in DynamoDB and files in S3; nothing plays Chime and Rekognition over HTTP for another process."""
    emulator.empty()
    return {
        "RECORDS": "dynamodb",
        "BLOBS": "s3",
        "S3_BUCKET": BUCKET,
        "TABLE_PREFIX": "story-",
        "AWS_REGION": REGION,
        "AWS_ENDPOINT_URL": emulator.url,
        "AWS_ACCESS_KEY_ID": emulator.key_id,
        "AWS_SECRET_ACCESS_KEY": emulator.secret,
        "CURSOR_SECRET": "c" * 32,
        "FACE_ATTENDANCE": "true",
        "FACE_SECRET": "f" * 32,
    }


def make_tables(settings: dict[str, str]) -> None:
    command = [sys.executable, "-m", "app", "tables", "create"]
    subprocess.run(command, cwd=ROOT, env={**os.environ, **settings}, check=True, capture_output=True)


def test_the_story_is_true(server: ServerProcess, tmp_path: Path, node: Path) -> None:
    film = media_files.video(tmp_path / "film.mp4", seconds=2, width=320, height=240)
    for name, who in (("portrait", "eva"), ("selfie", "eva again")):
        faces.portrait(who).save(tmp_path / f"{name}.jpg", quality=95)
    command = [sys.executable, ROOT / "examples" / "story.py", "--endpoint", server.endpoint]
    command += ["--mentor", server.app("token", "ada", "--group", "Mentors"), "--learner", server.app("token", "eva")]
    command += ["--film", film, "--portrait", tmp_path / "portrait.jpg", "--selfie", tmp_path / "selfie.jpg"]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    lines = told.stdout.splitlines()
    assert [line[: len(expected)] for line, expected in zip(lines, TOLD, strict=True)] == TOLD
