"""Examinations of what tenants have of their own: credentials, and what stands in the workspaces that they open."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from agentctl.errors import Unauthorized
from agentctl.tenants import Access
from agentctl.verbs.commands import Whose
from agentctl.verbs.examination import numbers, own_side, vendor_side
from agentctl.verbs.examination.finding import Finding
from agentctl.verbs.examination.part import Part, examined
from agentctl.wiring import Control

_USER = "/v1/user"


async def tenants(control: Control) -> AsyncIterator[Finding]:
    """Of each of them, with its name; what is wrong with one keeps no other from being examined. Raises StoreError."""
    found = (await control.tenants()).own
    if not found:
        yield Finding("tenants", "skipped", "no tenant has credentials of its own")
    for _, access in sorted(found.items()):
        async for one in _of(control, access, _parts(access)):
            yield one


async def tenant(control: Control, name: str) -> AsyncIterator[Finding]:
    """Of that one alone; nothing of one that has nothing of its own. Raises StoreError."""
    access = (await control.tenants()).own.get(name)
    if access is not None:
        async for one in _of(control, access, _parts(access)):
            yield one


async def credentials(control: Control, access: Access) -> AsyncIterator[Finding]:
    """What the credentials of one open, without writing anything."""
    opens = (Part("elevenlabs", _key),) if access.workspace else ()
    signs = (Part("webhook", _signature),) if _is_landlord(access) else ()
    async for one in _of(control, access, (*opens, *signs, *_account(access))):
        yield one


async def _of(control: Control, access: Access, parts: Sequence[Part]) -> AsyncIterator[Finding]:
    """With the tenant's name, also in commands, and without any secret."""
    to = Whose(access.tenant)
    async with control.within(access) as there:
        async for one in examined(parts, there):
            what, remedy = (there.veil(to(text)) for text in (one.what, one.remedy))
            yield replace(one, tenant=access.tenant, what=what, remedy=remedy)


def _parts(access: Access) -> tuple[Part, ...]:
    """Whoever has a workspace answers for all that is in it; for its numbers, whoever they are of."""
    if not _is_landlord(access):
        return (_ROWS, *_account(access), Part("numbers", numbers.numbers, needs=("project",)))
    return (_ROWS, Part("elevenlabs", _key), *_WORKSPACE, *_account(access), _NUMBERS)


def _is_landlord(access: Access) -> bool:
    return bool(access.workspace) and access.workspace == access.tenant


def _account(access: Access) -> tuple[Part, ...]:
    return (Part("twilio", _twilio),) if access.has_twilio else ()


async def _key(there: Control) -> AsyncIterator[Finding]:
    async for finding in vendor_side.scopes(there):
        yield finding
    yield Finding("elevenlabs", "ok", await _user(there))


async def _user(there: Control) -> str:
    try:
        told = await there.api.get(_USER)
    except Unauthorized:
        return "the key may not tell whose it is (user_read)"
    name = told.get("first_name") if isinstance(told, dict) else None
    return f"the key is of {name}" if name else "whose key it is has no name"


async def _signature(there: Control) -> AsyncIterator[Finding]:
    if trouble := there.access.troubles.get("elevenlabs_webhook_secret"):
        yield Finding("webhook", "broken", trouble.message, trouble.hint)


async def _twilio(there: Control) -> AsyncIterator[Finding]:
    account = await there.twilio.account()
    whose = account.name or "an account that may not be named"
    yield Finding("twilio", "ok", f"{whose}, {account.status or 'reachable'}")


_NEEDED = ("project", "elevenlabs")
_ROWS = Part("project", own_side.rows)
_NUMBERS = Part("numbers", numbers.numbers, needs=_NEEDED)
_WORKSPACE = (
    Part("voices", vendor_side.voices, needs=_NEEDED),
    Part("agents", vendor_side.agents, needs=_NEEDED),
    Part("webhook", vendor_side.webhook, needs=_NEEDED),
    Part("door", own_side.signature),
)
