"""Credentials that tenants have of their own: where each is, and whether it opens anything. Nothing here shows one."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace

from agentctl.errors import StoreError, UsageError
from agentctl.references import is_reference, of_the_project
from agentctl.settings import nearest
from agentctl.tenants import KEY, SETTINGS, SIGNATURE, TWILIO
from agentctl.verbs.calls.audit import actor
from agentctl.verbs.examination import tenant_side
from agentctl.verbs.examination.finding import Finding
from agentctl.wiring import Control

_PART = "tenants"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
_OPENED = {"elevenlabs": "ElevenLabs", "webhook": "webhook", "twilio": "Twilio"}
_LEFT_HINT = (
    "Once nobody calls there any more, say it again with --force. The agents stay there; who owns that workspace can "
    "delete them."
)


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


async def save(control: Control, tenant: str, changes: Mapping[str, str | None], *, force: bool = False) -> str:
    """Say where credentials of `tenant` are; None takes one away, and what is not named stays.

    The answer says what is odd about its name; empty where that is known. The audit log tells who has said so, and the
    next worker syncs its assistants again. Raises UsageError for what is no reference, which may be the secret itself,
    for a setting of the project's own, for the key of another tenant, for the end of a key by which another tenant
    lives, and while agents are in its workspace, unless `force`; ConfigurationError for a variable while agentctl.toml
    cannot be read, which tells the project's own; StoreError.
    """
    wrong = [name for name, value in changes.items() if name in SETTINGS and value and not is_reference(value)]
    if wrong:
        raise UsageError(
            f"tenant {tenant}: {', '.join(wrong)} is no reference; nothing was stored",
            "Write env:NAME, the name of a variable in capitals, or vault:NAME, of a secret in Supabase Vault. If that "
            "was the secret itself, it stands in the history of your shell: replace it.",
        )
    variables = [one for name, one in changes.items() if name in SETTINGS and one and one.startswith("env:")]
    if variables and (ours := next(filter(of_the_project(control.directory).__contains__, variables), None)):
        raise UsageError(
            f"tenant {tenant}: {ours} is a setting of the project's own, and no tenant's; nothing was stored",
            "Put the tenant's own under a name of its own, such as env:ACME_XI_KEY. Who has none has the project's.",
        )
    known = await every(control)
    _must_fit(tenant, changes, known)
    if not force and changes.get(KEY, "") is None:
        _must_be_empty(tenant, await _agents(control, tenant))
    store = await control.store()
    seen = [*(row["tenant"] for row in await store.call("tenants", {})), *(one.name for one in known)]
    try:
        await store.call("save_tenant", {"tenant": tenant, "set": dict(changes), "actor": actor(control)})
    except StoreError:
        _must_fit(tenant, changes, await every(control))  # another one may have been quicker
        raise
    return "" if tenant in seen else _unknown(tenant, seen)


def _unknown(tenant: str, seen: list[str]) -> str:
    """A name that is misspelt is a tenant of its own, and its credentials are nobody's."""
    near = nearest(tenant, seen)
    meant = f"; did you mean {near}? Then: agentctl tenants unset {tenant}" if near else ""
    return f"nothing of a tenant {tenant} is known yet, and its rows have to name it exactly so{meant}"


def _must_fit(tenant: str, changes: Mapping[str, str | None], known: Sequence[Tenant]) -> None:
    """What the table would refuse with a code alone. What was given is not repeated: it may be a secret."""
    if not _NAME.fullmatch(tenant):
        raise UsageError(
            "that is no name of a tenant", "Letters, digits, - and _, at most 128, as the source names it."
        )
    had = next((one for one in known if one.name == tenant), None)
    now = {**(had.references if had else {}), "workspace_of": had.workspace_of if had else None, **changes}
    keyed = [one.name for one in known if KEY in one.references and one.name != tenant]
    if double := next((one.name for one in known if one.name in keyed and one.references[KEY] == changes.get(KEY)), ""):
        hint = f"To share its workspace: --with {double}. If that name is misspelt: agentctl tenants unset {double}"
        raise UsageError(f"that is the key of tenant {double} already; nothing was stored", hint)
    if now["workspace_of"] and now["workspace_of"] not in keyed:
        hint = f"There are: {', '.join(keyed)}." if keyed else "None has a key of its own yet."
        raise UsageError("--with names no tenant that has a workspace of its own", hint)
    if now["workspace_of"] and now.get(KEY):
        raise _homes(tenant, had)
    if not now.get(KEY):
        _must_house_nobody(tenant, known)
    if now.get(SIGNATURE) and not now.get(KEY):
        raise UsageError(
            f"tenant {tenant}: a webhook secret is of a workspace of its own", "Name its key: --elevenlabs."
        )
    if len([name for name in TWILIO if now.get(name)]) == 1:
        hint = "Name both: --twilio-account-sid and --twilio-auth-token."
        raise UsageError(f"tenant {tenant}: a Twilio account is its SID and its token", hint)


def _homes(tenant: str, had: Tenant | None) -> UsageError:
    """Why it cannot have a key and live with another, by what it has until now."""
    alone = "and lives in one alone; nothing was stored"
    if had and KEY in had.references:
        hint = f'To give that up: agentctl tenants set {tenant} --elevenlabs "" --webhook-secret "" --with NAME'
        return UsageError(f"tenant {tenant} has a workspace of its own, {alone}", hint)
    if had and had.workspace_of:
        hint = f'To have one of its own: agentctl tenants set {tenant} --with "" --elevenlabs env:NAME'
        return UsageError(f"tenant {tenant} is in the workspace of {had.workspace_of}, {alone}", hint)
    return UsageError(
        f"tenant {tenant}: --elevenlabs and --with exclude each other; nothing was stored",
        "It has a workspace of its own, or lives in that of another.",
    )


def _must_house_nobody(tenant: str, known: Sequence[Tenant]) -> None:
    """Who lives in its workspace lives by its key, which therefore goes after them, whatever is forced."""
    if lodgers := [one.name for one in known if one.workspace_of == tenant]:
        ways = "; ".join(f'agentctl tenants set {one} --with ""' for one in lodgers)
        raise UsageError(
            f"tenant {tenant}: others live in its workspace, by its key: {', '.join(lodgers)}; nothing was changed",
            f"Let each live elsewhere first, in the project's workspace or (--with) in another tenant's: {ways}",
        )


async def remove(control: Control, tenant: str, *, force: bool = False) -> tuple[bool, int]:
    """Let it have the project's credentials from now on: whether it had others, and how many agents are left there.

    Raises UsageError where any would be, unless `force`, and where another tenant lives in its workspace; StoreError.
    """
    _must_house_nobody(tenant, await every(control))
    left = await _agents(control, tenant)
    if not force:
        _must_be_empty(tenant, left)
    told = await (await control.store()).call("remove_tenant", {"tenant": tenant, "actor": actor(control)})
    return told["removed"], left


async def _agents(control: Control, tenant: str) -> int:
    """How many are in its own workspace, of any project; none where it has no key to one."""
    had = next((one for one in await every(control) if one.name == tenant), None)
    if had is None or KEY not in had.references:
        return 0
    return int(await (await control.store()).call("tenant_agents", {"tenant": tenant}))


def _must_be_empty(tenant: str, left: int) -> None:
    """Without the key and the secret, nothing that is said there comes in by door or backfill, or can be erased."""
    if left:
        what = (
            f"tenant {tenant}: {left} agents are in its workspace, and what they are told would reach nobody any more"
        )
        raise UsageError(f"{what}; nothing was changed", _LEFT_HINT)


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
        if tenant not in (None, name):
            continue
        if others := tenants.doubles.get(name):
            yield Finding(_PART, "broken", f"its key is the key of {' and '.join(others)}, too", tenant=name)
        async for one in tenant_side.credentials(control, access):
            yield replace(one, subject=_PART, what=f"{_OPENED[one.subject]}: {one.what}")
