"""Transactions whose every condition says what its failure means."""

from collections.abc import Sequence

from datasources.ports import RecordStore, TransactionFailed, Write

Guarded = tuple[Write, Exception]
"""A write, and what to raise when its condition does not hold."""


async def commit(store: RecordStore, writes: Sequence[Guarded]) -> None:
    """All or nothing. Raises the exception beside the first write whose condition did not hold."""
    try:
        await store.transact([write for write, _ in writes])
    except TransactionFailed as failure:
        for reason, (_, refusal) in zip(failure.reasons, writes, strict=True):
            if reason is not None:
                raise refusal from None
        raise
