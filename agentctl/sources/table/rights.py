"""What the role that reads the source table, and writes back into it, may not do there, with the grants that end it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Any

from agentctl.errors import StoreBehind, StoreError, StoreUnavailable
from agentctl.sources.mapping import SourceTable
from agentctl.sync.bindings import Store

Unwritable = Mapping[str, Any]
"""`columns` that are there and not the `caller`'s to write, and the grant (`write`) that has them written."""


@asynccontextmanager
async def granted(store: Store, source: SourceTable) -> AsyncIterator[None]:
    """A refusal within it is told with the grants that are lacking, if any are. Raises StoreError."""
    try:
        yield
    except (StoreUnavailable, StoreBehind):
        raise
    except StoreError as error:
        found = await _asked(store, source, ())
        if not (grants := found.get("read")):
            raise
        what = f"table {source.table} may not be read by {found['caller']}"
        raise StoreError(what, f"The table's owner can grant it; then run this again: {' '.join(grants)}") from error


async def unwritable(
    store: Store, source: SourceTable, names: Collection[str], writable: Collection[str]
) -> Unwritable:
    """What is lacking to write back. `names`: the table's columns; `writable`: those that may be written."""
    columns = [column for column in source.wanted.values() if column in names and column not in writable]
    return await _asked(store, source, columns) if columns else {}


async def _asked(store: Store, source: SourceTable, columns: Collection[str]) -> Mapping[str, Any]:
    found: Mapping[str, Any] | None = await store.call("source_rights", {**source.named, "columns": list(columns)})
    return found or {}
