"""All that a store holds, read past the port, which has no way to read a whole table."""

from typing import Any

from moto.dynamodb.models import dynamodb_backends

from datasources.aws.attributes import from_wire
from datasources.local.sqlite import SQLiteStore
from datasources.local.sqlite_schema import decode
from datasources.ports import Item, RecordStore
from datasources.tables import ALL
from tests.dynamodb_emulator import PREFIX
from tests.moto_dynamodb import ACCOUNT, REGION

Dump = dict[str, list[Item]]
"""Items by table, in a fixed order."""


async def dump(store: RecordStore) -> Dump:
    """Every table; and of SQLite the change feed, which holds copies."""
    return await store.read_with(_of_sqlite) if isinstance(store, SQLiteStore) else _of_emulator()


def _of_sqlite(connection: Any) -> Dump:
    found: Dump = {}
    for table in ALL:
        rows = connection.execute(f'SELECT _item FROM "{table.name}"')  # noqa: S608 - names are ours
        found[table.name] = _sorted([decode(data) for (data,) in rows])
    images = connection.execute("SELECT sequence, old, new FROM _changes").fetchall()
    found["_changes"] = [{"at": n, "old": old and decode(old), "new": new and decode(new)} for n, old, new in images]
    return found


def _of_emulator() -> Dump:
    tables = dynamodb_backends[ACCOUNT][REGION].tables
    stored = {table.name: tables[PREFIX + table.name].all_items() for table in ALL}
    return {
        name: _sorted([from_wire(item.to_json()["Attributes"]) for item in items]) for name, items in stored.items()
    }


def _sorted(items: list[Item]) -> list[Item]:
    return sorted(items, key=repr)
