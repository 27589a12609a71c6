"""Conversations at ElevenLabs: whose they are, and whether what is not found is gone, or not where the key leads."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from agentctl.calls import inbox
from agentctl.calls.backfill import as_event
from agentctl.calls.made_test import call_digest
from agentctl.clients.recordings import Directory
from agentctl.errors import UsageError
from agentctl.sandbox.harness import Sandbox
from agentctl.verbs.calls import forget
from agentctl.verbs.calls.backfill import backfill
from agentctl.verbs.calls.to_test import to_test
from agentctl.verbs.door import door
from agentctl.verbs.work import process
from agentctl.wiring import Control
from tests.agentctl.verbs.calls.test_forget import CALLER, called
from tests.e2e.test_tenants import FILES, KEY, House, _post, house, lender
from tests.product import TABLE
from tests.telephony import Bench, bench

__all__ = ["bench", "house", "lender"]
pytestmark = pytest.mark.anyio


def delete(bench: Bench, what: str) -> None:
    url, headers = f"{bench.sandbox.url}/v1/convai/{what}", {"xi-api-key": bench.sandbox.key}
    httpx.delete(url, headers=headers, trust_env=False).raise_for_status()


def test_one_that_is_not_there_is_gone_where_an_agent_is_and_else_said_to_be_unknown(bench: Bench) -> None:
    first, second = called(bench, CALLER, CALLER)
    agent_id = bench.agent()["agent_id"]
    delete(bench, f"conversations/{first}")
    done = bench.json("calls", "forget", first, "--yes")
    assert (done["remote"], done["failed"]) == (0, [])

    delete(bench, f"conversations/{second}")
    delete(bench, f"agents/{agent_id}")
    for who in (second, CALLER):  # as remembered, in each way to name it
        code, out, _ = bench("calls", "forget", who, "--yes")
        assert code == 1
        assert f"{second} may still be at ElevenLabs: no key is known to open the workspace in which it was" in out
    # That word settles it.
    assert bench("calls", "forget", CALLER, "--yes", "--keep-remote")[0] == 0
    for who in (second, CALLER):
        assert bench("calls", "forget", who, "--yes")[0] == 0
    [word] = [row for row in bench.json("calls", "audit") if row["subject"].get("keep_remote")]
    assert word["action"] == "forget"


async def _shared(house: House) -> dict[str, str]:
    """By tenant, its agent: acme's in a workspace of its own, with a secret of its own, the others in the project's."""
    house.insert(1, customer="acme", title="Acme")
    house.insert(2, customer="beta", title="Beta")
    (house.root / "assistants/mine").mkdir(parents=True)
    (house.root / "assistants/mine/assistant.toml").write_text(FILES)
    (house.root / "assistants/mine/prompt.md").write_text("Help.")
    house.env(ACME_XI_KEY=KEY, ACME_SIGN="wsec_of_acme")
    await house.cli("tenants", "set", "acme", "--elevenlabs", "env:ACME_XI_KEY", "--webhook-secret", "env:ACME_SIGN")
    assert await house.cli("sync", "--yes") == 0
    names = {"Acme": "acme", "Beta": "beta", "Mine": "default"}
    agents = [*(await house.acme.state())["agents"].values(), *(await house.sandbox.state())["agents"].values()]
    return {names[one["name"]]: one["agent_id"] for one in agents}


async def _held(sandbox: Sandbox, agent_id: str) -> str:
    return str((await sandbox.call(agent_id=agent_id, deliver=False, audio=False))["conversation_id"])


async def _there(sandbox: Sandbox) -> Mapping[str, Any]:
    found: Mapping[str, Any] = (await sandbox.state())["conversations"]
    return found


def _as(control: Control, house: House, tenant: str | None) -> Control:
    control.tenant = tenant
    vars(control.workshop)["recordings"] = Directory(house.root / "recordings")  # no Storage is here
    return control


async def _forgotten(house: House, which: str, tenant: str | None) -> forget.Forgotten:
    async with house.opened() as control:
        return await forget.forget(_as(control, house, tenant), await forget.find(control, which))


async def test_an_event_that_names_anothers_conversation_deletes_nothing_of_it(house: House) -> None:
    agents = await _shared(house)
    call = await _held(house.sandbox, agents["default"])
    async with house.opened() as control:
        _as(control, house, None)
        assert (await backfill(control)).entered == (call,)
        await process(control)
        made = (await to_test(control, call, 1)).path
        for agent in ("agent_x", agents["default"]):
            told = {"conversation_id": call, "agent_id": agent, "status": "done", "transcript": [], "metadata": {}}
            body = {"type": "post_call_transcription", "event_timestamp": 1, "data": told}
            assert await _post(await door(control), json.dumps(body).encode(), SecretStr("wsec_of_acme")) == 200
        await process(control)
    assert sorted(house.sql("select tenant from agentctl.calls")) == [("acme",), ("default",)]

    done = await _forgotten(house, call, "acme")
    assert (done.remote, [who for who, _ in done.failed]) == (0, [call])
    assert "it is a call of another tenant there (default)" in done.failed[0][1].message
    assert call in await _there(house.sandbox)
    assert made.exists()
    assert house.sql("select tenant from agentctl.calls") == [("default",)]
    async with house.opened() as control:
        found = await forget.find(_as(control, house, "acme"), call, keep_remote=True)
        assert (await forget.forget(control, found, keep_remote=True)).is_whole
    assert (await _forgotten(house, call, "acme")).is_nothing, "it was said to stay, which settles it"
    assert call in await _there(house.sandbox)

    done = await _forgotten(house, call, None)
    assert (done.remote, done.failed, done.counts["tests"]) == (1, (), 1)
    assert not made.exists()
    assert await _there(house.sandbox) == {}


async def test_what_never_arrived_is_deleted_by_whom_it_belongs_to_alone(house: House) -> None:
    agents = await _shared(house)
    async with house.opened() as control:
        body = {"conversation_config": {}, "name": "private"}
        private = (await control.api.post("/v1/convai/agents/create", json=body))["agent_id"]
    held = [
        (await _held(house.sandbox, agents["beta"]), "beta", house.sandbox),
        (await _held(house.sandbox, agents["default"]), "default", house.sandbox),
        (await _held(house.sandbox, private), "default", house.sandbox),
        (await _held(house.acme, agents["acme"]), "acme", house.acme),
    ]
    for call, owner, sandbox in held:
        event = as_event((await _there(sandbox))[call]["data"])
        for tenant in {"acme", "beta", "default"} - {owner}:
            async with house.opened() as control:
                if (tenant, owner) == ("beta", "acme"):  # who lives in the project's workspace sees no other
                    continue
                with pytest.raises(UsageError, match="is a call of another tenant; nothing was erased") as refused:
                    await forget.find(_as(control, house, tenant), call)
                assert refused.value.hint == f"Add --tenant {owner}."
        assert (await _forgotten(house, call, owner)).remote == 1
        async with house.opened() as control:
            again = await inbox.accept(await control.store(), event, inbox.peek(event), "webhook")
            assert (again.id, again.new) == (None, False)
    assert {**await _there(house.sandbox), **await _there(house.acme)} == {}


async def test_who_had_an_agent_before_deletes_the_calls_that_it_had_then(house: House) -> None:
    agents = await _shared(house)
    before = await _held(house.sandbox, agents["beta"])
    async with house.opened() as control:
        assert (await backfill(control)).entered == (before,)
        await process(control)
    house.sql(f"update {TABLE} set customer = 'gamma' where id = 2")
    assert await house.cli("sync", "--yes") == 0
    later = await _held(house.sandbox, agents["beta"])
    async with house.opened() as control:
        with pytest.raises(UsageError, match="is a call of another tenant; nothing was erased") as refused:
            await forget.find(_as(control, house, "beta"), later)
        assert refused.value.hint == "Add --tenant gamma."
    assert (await _forgotten(house, before, "beta")).remote == 1
    assert [*await _there(house.sandbox)] == [later]


async def test_a_tenants_tests_are_its_own_also_those_of_an_earlier_version(house: House) -> None:
    agents = await _shared(house)
    first, second = [await _held(house.sandbox, agents["beta"]) for _ in "12"]
    async with house.opened() as control:
        _as(control, house, "beta")
        await backfill(control)
        await process(control)
        made = [(await to_test(control, one, 1, assistant="mine")).path for one in (first, second)]
    await asyncio.to_thread(_older, made[1], second)
    assert (await _forgotten(house, first, "beta")).counts["tests"] == 1
    assert [path.exists() for path in made] == [False, True]
    assert (await _forgotten(house, second, "beta")).counts["tests"] == 1
    assert not made[1].exists()


def _older(path: Path, conversation_id: str) -> None:
    """As an earlier version wrote it, by the id alone."""
    digests = [call_digest(conversation_id, tenant) for tenant in ("beta", "default")]
    text = path.read_text()
    assert digests[0] in text
    path.write_text(text.replace(*digests))
