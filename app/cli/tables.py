"""`tables`: DynamoDB's tables, made and looked at."""

import argparse
import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from app.cli.faults import Fault
from app.settings import Settings
from datasources.tables import ALL


def create(_: argparse.Namespace) -> int:
    return asyncio.run(_create_tables(Settings.load(os.environ)))


def list_all(_: argparse.Namespace) -> int:
    return asyncio.run(_list_tables(Settings.load(os.environ)))


async def _create_tables(settings: Settings) -> int:
    from app.tables import create_tables

    async with _dynamodb(settings) as client:
        for name in await create_tables(client, settings.table_prefix):
            sys.stdout.write(f"{name}\n")
    return 0


async def _list_tables(settings: Settings) -> int:
    from app.tables import missing_tables

    async with _dynamodb(settings) as client:
        missing = set(await missing_tables(client, settings.table_prefix))
    for table in ALL:
        name = settings.table_prefix + table.name
        sys.stdout.write(f"{name}\t{'missing' if name in missing else 'there'}\n")
    return 1 if missing else 0


@asynccontextmanager
async def _dynamodb(settings: Settings) -> AsyncIterator[Any]:
    if settings.records != "dynamodb":
        raise Fault("SQLite makes its tables by itself. For DynamoDB, set RECORDS=dynamodb.")
    from botocore.exceptions import BotoCoreError, ClientError

    from datasources.aws.dynamodb import aws_client

    try:
        async with aws_client("dynamodb", region=settings.aws_region, endpoint_url=settings.aws_endpoint_url) as client:
            yield client
    except (BotoCoreError, ClientError, TimeoutError) as error:
        raise Fault(f"DynamoDB: {error}") from error
