"""Where tenants' credentials are: references alone, however they are written; over both transports."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from agentctl.errors import StoreError
from tests.stores import Store

pytestmark = pytest.mark.anyio
SECRET = "sk_" + "0123456789abcdef" * 3
PASTED = (SECRET, "ab" * 16, f"env:{SECRET}", f"vault:{SECRET}", "env:" + "AB" * 16, "env:lower", "env:", "vault:", "")
EVERY = {
    "elevenlabs_key": "env:ACME_XI_KEY",
    "elevenlabs_webhook_secret": "vault:acme webhook",
    "twilio_account_sid": "env:ACME_TWILIO_SID",
    "twilio_auth_token": "vault:acme/twilio.token",
}
# As on Supabase, where the view decrypts; here there is nothing to decrypt.
VAULT = """
create schema vault;
create table vault.secrets (name text unique, secret text);
create view vault.decrypted_secrets as select name, secret as decrypted_secret from vault.secrets;
insert into vault.secrets values ('acme webhook', 'wsec_one'), ('somebody''s', 'nobody asked for it');
"""


async def save(store: Store, tenant: str, **places: str | None) -> None:
    await store.call("save_tenant", {"tenant": tenant, "set": places})


async def known(store: Store) -> dict[str, dict[str, str | None]]:
    rows = await store.call("tenant_credentials", {})
    return {row.pop("tenant"): {name: row[name] for name in row if name != "updated_at" and row[name]} for row in rows}


async def test_what_is_set_stays_until_it_is_taken_away(store: Store) -> None:
    await save(store, "acme", **EVERY)
    await save(store, "acme", elevenlabs_key="vault:acme xi")
    await save(store, "beta", workspace_of="acme")
    assert await known(store) == {
        "acme": {**EVERY, "elevenlabs_key": "vault:acme xi"},
        "beta": {"workspace_of": "acme"},
    }
    await save(store, "acme", twilio_account_sid=None, twilio_auth_token=None)
    assert set((await known(store))["acme"]) == {"elevenlabs_key", "elevenlabs_webhook_secret"}
    with pytest.raises(StoreError, match="acme: others live in its workspace"):
        await save(store, "acme", elevenlabs_key=None, elevenlabs_webhook_secret=None)
    with pytest.raises(StoreError, match="acme: others live in its workspace"):
        await store.call("remove_tenant", {"tenant": "acme"})
    with pytest.raises(StoreError, match="gamma: nobody has no workspace of its own"):
        await save(store, "gamma", workspace_of="nobody")
    with pytest.raises(StoreError, match="default is the operator itself"):
        await save(store, "default", **EVERY)
    with pytest.raises(StoreError, match="gamma: its key is that of another tenant already"):
        await save(store, "gamma", elevenlabs_key="vault:acme xi")
    for half in ({"twilio_auth_token": "env:T"}, {"elevenlabs_webhook_secret": "env:S"}):
        with pytest.raises(StoreError):
            await save(store, "gamma", **half)
    assert [await store.call("remove_tenant", {"tenant": one}) for one in ("beta", "acme", "acme")] == [
        {"removed": True}, {"removed": True}, {"removed": False},
    ]  # fmt: skip
    assert await known(store) == {}


async def test_who_changed_it_is_written_down_and_its_assistants_are_synced_anew(store: Store) -> None:
    place = {"project": "p", "environment": "e", "workspace": "host"}
    for key, tenant in (("a", "acme"), ("b", "beta"), ("g", "gamma")):
        row = {"key": key, "name": key, "agent_id": f"agent_{key}", "post_call": {}, "tenant": tenant}
        await store.call("save_assistant", {**place, **row, "language": "de"})

    async def due() -> list[str]:
        terms = {"project": "p", "environment": "e", "worker": "w", "limit": 1, "lease_seconds": 60}
        found = []
        while jobs := (await store.call("claim_sync_jobs", {**terms, "quiet_seconds": 0, "longest_seconds": 0}))[
            "jobs"
        ]:
            found += [f"{one['tenant']} {one['key']}" for one in jobs]
            for one in jobs:
                fence = {name: one[name] for name in ("tenant", "id", "attempt")}
                await store.call("sync_job_done", {**fence, "held": False, "error": None})
        return sorted(found)

    await due()
    key = {"elevenlabs_key": "env:ACME_XI_KEY"}
    await store.call("save_tenant", {"tenant": "acme", "set": {**key, "nothing": SECRET}, "actor": "ada"})
    assert await due() == ["acme a"]
    await store.call("save_tenant", {"tenant": "beta", "set": {"workspace_of": "acme"}, "actor": "bob"})
    assert await due() == ["beta b"]
    await store.call("save_tenant", {"tenant": "acme", "set": {"elevenlabs_key": "vault:acme"}, "actor": "ada"})
    assert await due() == ["acme a", "beta b"], "who lives in its workspace lives by its key"
    with pytest.raises(StoreError):
        await store.call("save_tenant", {"tenant": "acme", "set": {"elevenlabs_key": SECRET}, "actor": "eve"})
    for _ in range(2):
        await store.call("remove_tenant", {"tenant": "beta", "actor": "bob"})
    assert await due() == ["beta b"]
    told = await store.call("list_audit", {"limit": 9})
    assert [(one["tenant"], one["actor"], one["action"], one["subject"]) for one in told] == [
        ("beta", "bob", "tenants unset", {"workspace_of": "acme"}),
        ("acme", "ada", "tenants set", {"elevenlabs_key": "vault:acme"}),
        ("beta", "bob", "tenants set", {"workspace_of": "acme"}),
        ("acme", "ada", "tenants set", key),
    ]


async def test_what_is_to_be_synced_over_it_where_no_worker_is_waits_and_troubles_nobody(store: Store) -> None:
    row = {"workspace": "host", "key": "a", "name": "a", "agent_id": "agent_a", "post_call": {}, "language": "de"}
    for place in ("served", "left"):
        await store.call("save_assistant", {**row, "tenant": "acme", "project": "p", "environment": place})

    async def changed() -> tuple[int, bool]:
        """How many syncs are said to wait, and whether for some time."""
        await save(store, "acme", elevenlabs_key="env:ACME_XI_KEY")
        found = await store.call("sync_queue", {})
        return found["syncs"]["pending"], found["oldest_sync_seconds"] is not None

    assert await changed() == (0, False)
    terms = {"project": "p", "worker": "w", "limit": 9, "lease_seconds": 60, "quiet_seconds": 0, "longest_seconds": 0}
    [job] = (await store.call("claim_sync_jobs", {**terms, "environment": "served"}))["jobs"]
    fence = {name: job[name] for name in ("tenant", "id", "attempt")}
    await store.call("sync_job_done", {**fence, "held": False, "error": None})
    assert await changed() == (1, True)
    await store.call("request_sync", {"key": "a", "project": "p", "environment": "left"})
    assert (await store.call("sync_queue", {}))["syncs"]["pending"] == 2
    assert (await store.call("claim_sync_jobs", {**terms, "environment": "left"}))["jobs"], "for whoever comes"


async def test_a_secret_itself_cannot_be_stored_and_is_not_repeated(store: Store, dsn: str) -> None:
    for text in PASTED:
        for name in EVERY:
            with pytest.raises(StoreError, match=f"tenant acme: .*{name}.* is no reference") as refused:
                await save(store, "acme", **{**EVERY, name: text})
            assert SECRET not in str(refused.value)
            with psycopg.connect(dsn) as connection, pytest.raises(psycopg.Error) as error:
                connection.execute(
                    f"insert into agentctl.tenants (tenant, {name}) values ('acme', %s)".encode(), [text]
                )
            told = f"{error.value} {error.value.diag.message_detail}"
            assert (f"tenant acme: {name} is no reference" in told, SECRET in told) == (True, False)
    assert await known(store) == {}


async def test_vault_gives_what_is_referred_to_and_nothing_else(store: Store, dsn: str) -> None:
    await save(store, "acme", **EVERY)
    assert await store.call("tenant_secrets", {}) == {"vault": False, "secrets": {}}
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(VAULT.encode())
    try:
        every = {"vault": True, "secrets": {"acme webhook": "wsec_one"}}
        assert await store.call("tenant_secrets", {}) == every
        assert await store.call("tenant_secrets", {"names": ["acme webhook", "somebody's"]}) == every
        assert await store.call("tenant_secrets", {"names": ["acme/twilio.token"]}) == {"vault": True, "secrets": {}}
    finally:
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("drop schema vault cascade")


async def test_whose_agents_are_bound_in_another_workspace_of_the_project(store: Store) -> None:
    place = {"project": "p", "environment": "e", "kind": "agent"}
    for workspace, key, remote_id in (
        ("host", "a", "agent_a"),
        ("host/acme", "b", "agent_b"),
        ("x@host", "c", "agent_c"),
        ("host", "d", "agent_d"),
    ):
        row = {"workspace": workspace, "key": key, "remote_id": remote_id, "applied": {}}
        await store.call("bind", {**place, **row})
    ids = {one: f"agent_{one}" for one in "abc"} | {"d": "agent_a"}

    async def elsewhere(workspace: str, **changes: Any) -> list[str]:
        found: list[str] = await store.call("bound_elsewhere", {**place, "workspace": workspace, "ids": ids, **changes})
        return found

    assert await elsewhere("host") == ["agent_b"]
    assert await elsewhere("host/acme") == ["agent_a"]
    assert await elsewhere("host/beta") == ["agent_a", "agent_b"]
    assert await elsewhere("x@host/acme") == ["agent_c"]
    assert await elsewhere("host/beta", environment="other") == []
    # Several may carry the mark of one key; and without ids it is whatever was bound there last.
    assert await elsewhere("host/beta", ids={"a": ["agent_b", "agent_a"], "b": []}) == ["agent_a"]
    assert await elsewhere("host/acme", ids=None) == ["agent_a", "agent_d"]
    assert await elsewhere("host/acme", ids=None, newest=1) == ["agent_d"]
