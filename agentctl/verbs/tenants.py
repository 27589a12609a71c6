"""Credentials that tenants have of their own: where each is, and whether it opens anything. Nothing here shows one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from agentctl.errors import AgentctlError, Unauthorized, UsageError
from agentctl.tenants import SETTINGS, Access, is_reference
from agentctl.verbs.examination.finding import Finding
from agentctl.verbs.examination.vendor_side import scopes
from agentctl.wiring import Control

_PART = "tenants"
_USER = "/v1/user"


@dataclass(frozen=True)
class Tenant:
    """One with something of its own. `references`: where each is; `workspace_of`: in whose workspace it lives."""

    name: str
    references: Mapping[str, str]
    workspace_of: str | None


async def every(control: Control) -> list[Tenant]:
    """All of them, by name. Raises StoreError."""
    rows = await (await control.store()).call("tenant_credentials", {})
    return [
        Tenant(row["tenant"], {name: row[name] for name in SETTINGS if row[name]}, row["workspace_of"]) for row in rows
    ]


async def save(control: Control, tenant: str, changes: Mapping[str, str | None]) -> None:
    """Say where credentials of `tenant` are; None takes one away, and what is not named stays.

    Raises UsageError for what is no reference, which may be the secret itself, and StoreError.
    """
    wrong = [name for name, value in changes.items() if name in SETTINGS and value and not is_reference(value)]
    if wrong:
        raise UsageError(
            f"tenant {tenant}: {', '.join(wrong)} is no reference; nothing was stored",
            "Write env:NAME, the name of a variable in capitals, or vault:NAME, of a secret in Supabase Vault. If that "
            "was the secret itself, it stands in the history of your shell: replace it.",
        )
    await (await control.store()).call("save_tenant", {"tenant": tenant, "set": dict(changes)})


async def remove(control: Control, tenant: str) -> tuple[bool, int]:
    """Let it have the project's credentials from now on: whether it had others, and how many agents are left there.

    Raises StoreError.
    """
    access = (await control.tenants()).of(tenant)
    left = 0
    if access.workspace == tenant and control.has_project:
        async with control.within(access) as there:
            left = len((await there.bindings()).of("agent"))
    told = await (await control.store()).call("remove_tenant", {"tenant": tenant})
    return told["removed"], left


async def check(control: Control, tenant: str | None = None) -> AsyncIterator[Finding]:
    """Whether the credentials of `tenant`, or of all, are there and open what they are for, without writing anything.

    Raises UsageError for one without any, StoreError.
    """
    tenants = await control.tenants()
    if tenant is not None and tenant not in tenants.own:
        raise UsageError(f"tenant {tenant} has no credentials of its own", "agentctl tenants list shows who has.")
    if not tenants.own:
        yield Finding(_PART, "skipped", "no tenant has credentials of its own")
    for name, access in sorted(tenants.own.items()):
        if tenant in (None, name):
            async with control.within(access) as there:
                async for finding in _checked(there, access):
                    yield finding


async def _checked(there: Control, access: Access) -> AsyncIterator[Finding]:
    name = access.tenant
    if access.workspace:
        try:
            async for finding in scopes(there):
                yield Finding(_PART, finding.state, f"{name}: ElevenLabs: {finding.what}", finding.remedy)
            yield Finding(_PART, "ok", f"{name}: ElevenLabs: {await _user(there)}")
        except AgentctlError as error:
            yield Finding(_PART, "broken", f"{name}: ElevenLabs: {there.veil(error.message)}", there.veil(error.hint))
    if access.workspace == access.tenant and "elevenlabs_webhook_secret" in access.troubles:
        trouble = access.troubles["elevenlabs_webhook_secret"]
        yield Finding(_PART, "broken", trouble.message, trouble.hint)
    if access.has_twilio:
        try:
            account = await there.twilio.account()
            whose = account.name or "an account that may not be named"
            yield Finding(_PART, "ok", f"{name}: Twilio: {whose}, {account.status or 'reachable'}")
        except AgentctlError as error:
            yield Finding(_PART, "broken", f"{name}: Twilio: {there.veil(error.message)}", there.veil(error.hint))


async def _user(there: Control) -> str:
    try:
        told = await there.api.get(_USER)
    except Unauthorized:
        return "the key may not tell whose it is (user_read)"
    name = told.get("first_name") if isinstance(told, dict) else None
    return f"the key is of {name}" if name else "whose key it is has no name"
