"""Where a revision of a row leads callers: whoever they are transferred to may have passed to another tenant since."""

from __future__ import annotations

from agentctl.errors import SyncError
from agentctl.resources.assistant import Assistant
from agentctl.sources.source import Gone
from agentctl.verbs.owner import tenant_of
from agentctl.wiring import Control


async def must_stay_within(control: Control, was: Assistant) -> None:
    """Raise SyncError where a row, as it was, transfers to what is neither its tenant's by now nor the project's.

    Raises StoreError, and what a look at one that was not read may raise.
    """
    if was.key not in control.loaded.rows_keys:
        return
    tool = was.built_in_tools.transfer_to_agent
    for to in sorted({one.assistant for one in (tool.transfers if tool else ()) if one.assistant}):
        if not await _is_own(control, to, was.tenant):
            what = f"{was.where} transfers to {to}, which is no assistant of its tenant by now"
            raise SyncError(what, "Choose another revision with --to.")


async def _is_own(control: Control, key: str, tenant: str) -> bool:
    loaded = control.loaded
    if loaded.target is not None and key not in loaded.rows_keys:
        found = await control.source.one(key)
        if isinstance(found, Gone):
            return await tenant_of(control, key) == tenant
        loaded = found
    rows = {row.key: row.tenant for row in (loaded.rows.rows if loaded.rows else ())}
    if whose := rows.get(key) or loaded.elsewhere.get(key):
        return whose == tenant
    is_of_files = any(one.key == key for one in loaded.assistants)
    return is_of_files or await tenant_of(control, key) == tenant
