"""Whose Twilio account a number is in: that of the tenant whose assistant it is to ring at, where it has one."""

from __future__ import annotations

from agentctl.errors import UsageError
from agentctl.resources.assistant import Assistant
from agentctl.settings import nearest
from agentctl.sources.loaded import Loaded, apart
from agentctl.tenants import Access
from agentctl.verbs.rows.outside import need_right, row_of
from agentctl.wiring import Control


async def served(control: Control, loaded: Loaded, number: str, key: str) -> Assistant:
    """The assistant `key`, for whose numbers this control's credentials are. Raises UsageError, StoreError."""
    if tenant := loaded.elsewhere.get(key):
        raise apart(key, tenant)
    assistant = _chosen(loaded, number, key)
    owner = _owner((await control.tenants()).of(assistant.tenant))
    if owner != _owner(control.access):
        has = "a Twilio account of its own" if owner else "the project's Twilio account"
        way = _add(owner) if owner else "Leave --tenant out."
        raise UsageError(f"{key} is of tenant {assistant.tenant}, which has {has}", way)
    return assistant


def _owner(access: Access) -> str:
    return access.tenant if access.has_twilio else ""


def _add(tenant: str) -> str:
    return f"Add --tenant {tenant}."


def _chosen(loaded: Loaded, number: str, key: str) -> Assistant:
    """The assistant `key`. Raises UsageError where there is none, or a file of another one declares `number`.

    What other rows say of it is no obstacle: whoever imports it decides between them.
    """
    assistants = loaded.assistants
    chosen = next((assistant for assistant in assistants if assistant.key == key), None)
    if chosen is None:
        need_right(loaded, [key])
        keys = [assistant.key for assistant in assistants]
        guess = nearest(key, keys)
        hint = f"Did you mean {guess}?" if guess else f"There are: {', '.join(keys) or 'none'}."
        raise UsageError(f"there is no assistant {key!r}", hint)
    for other in assistants:
        if number in other.phone.numbers and other is not chosen and row_of(loaded, other.key) is None:
            raise UsageError(
                f"{number} is declared in {other.where}", f"Take it out there, or use --assistant {other.key}."
            )
    return chosen
