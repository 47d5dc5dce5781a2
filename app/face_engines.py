"""Which engine knows faces, as the settings choose. Its libraries are loaded with the first picture."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app import key_file
from app.aws_session import AwsSession
from app.settings import Settings
from datasources.face_engine import FaceEngine
from datasources.ports import RecordStore

FACE_SECRET_FILE = "face-secret"  # noqa: S105 - a file's name, no secret


@asynccontextmanager
async def open_face_engine(settings: Settings, store: RecordStore, aws: AwsSession) -> AsyncIterator[FaceEngine]:
    """Open until the context ends, also where faces are switched off: what was learned before has to be forgotten.

    Raises:
        OSError: DATA_DIR cannot be written.
    """
    if settings.faces == "rekognition":
        from datasources.aws.rekognition import open_rekognition

        region, endpoint = settings.aws_region, settings.aws_endpoint_url
        opened = open_rekognition(
            settings.rekognition_collection, region=region, endpoint_url=endpoint, session=aws.get()
        )
        async with opened as rekognition:
            yield rekognition
    else:
        from datasources.local.faces import open_faces

        async with open_faces(store, _secret(settings), processes=settings.face_processes) as faces:
            yield faces


def _secret(settings: Settings) -> bytes:
    if settings.face_secret is not None:
        return settings.face_secret.encode()
    if settings.records == "sqlite":
        return key_file.secret(settings.data_dir / FACE_SECRET_FILE)
    return secrets.token_bytes(32)  # nothing is learned: the settings want a secret for that
