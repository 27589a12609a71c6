"""Whose an assistant is, as the store knows it by the last sync."""

from __future__ import annotations

from dataclasses import asdict

from agentctl.wiring import Control


async def tenant_of(control: Control, key: str) -> str | None:
    """The tenant of the assistant that was last synced under that key here; None where none was. Raises StoreError."""
    rows = await (await control.store()).call("assistants", {**asdict(control.scope), "key": key})
    return next((str(row["tenant"]) for row in rows), None)
