"""verbs/signatures.py: a door takes what tenants' workspaces sign, and a new secret without a restart."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from pathlib import Path

import httpx
import psycopg
import pytest
from pydantic import SecretStr
from starlette.applications import Starlette

from agentctl.settings import Settings
from agentctl.tenants import Access, Tenants
from agentctl.verbs.signatures import Signatures
from agentctl.wiring import connect
from webhooks.address import PATH
from webhooks.app import door
from webhooks.body import SMALL
from webhooks.signature import HEADER, sign

pytestmark = pytest.mark.anyio
SAMPLE = (Path(__file__).parents[2] / "samples" / "post_call_transcription.json").read_bytes()


async def test_what_a_tenant_signs_is_taken_and_so_is_a_secret_that_replaced_another(
    tmp_path: Path, dsn: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("ACME_SIGN", raising=False)
    caplog.set_level(logging.ERROR)
    settings = Settings(database_url=SecretStr(dsn), elevenlabs_webhook_secret=(SecretStr("of-the-project"),))
    async with connect(tmp_path, settings=settings) as control:
        store = await control.store()
        signatures = Signatures(control, apart_seconds=0.01)
        app = door(store, secrets=signatures, signers=signatures.signers, renew=signatures.renewed)

        async def status(secret: str, body: bytes = SAMPLE) -> int:
            return await posted(app, secret, body)

        places = {"elevenlabs_key": "env:ACME_KEY", "elevenlabs_webhook_secret": "env:ACME_SIGN"}
        await store.call("save_tenant", {"tenant": "acme", "set": places})
        assert [await status(one) for one in ("of-the-project", "of-acme")] == [200, 503], "it is sent again later"
        assert "tenant acme: elevenlabs_webhook_secret: env:ACME_SIGN is not set" in caplog.text
        (tmp_path / ".env").write_text("ACME_SIGN=of-acme\n")
        large = SAMPLE + b" " * SMALL
        answers = [await status("of-acme"), await status("of-acme", large), await status("of-the-project", large)]
        assert answers == [200] * 3, "known when it is met"
        assert [await status("of-nobody"), await status("of-nobody", large)] == [401] * 2
        (tmp_path / ".env").write_text("ACME_SIGN=of-acme,of-acme-anew\n")
        assert [await status(one, large) for one in ("of-acme-anew", "of-acme")] == [200, 200]
        for half in ("ACME_SIGN=of-acme-anew\nhalf a line\n", ""):
            (tmp_path / ".env").write_text(half)
            await signatures.look()
            assert [await status(one) for one in ("of-acme", "of-acme-anew", "of-nobody")] == [200, 200, 503]
        assert "env:ACME_SIGN cannot be read" in caplog.text
        (tmp_path / ".env").write_text("ACME_SIGN=of-acme-anew\n")
        await signatures.look()
        assert [await status(one) for one in ("of-acme", "of-acme-anew", "of-the-project")] == [401, 200, 200]
        assert "of-acme" not in caplog.text
        await store.call("save_tenant", {"tenant": "acme", "set": {"elevenlabs_webhook_secret": None}})
        await signatures.look()
        assert await status("of-acme-anew") == 401


async def test_many_that_are_nobodys_are_one_look(tmp_path: Path) -> None:
    class Counted:
        settings = Settings(elevenlabs_webhook_secret=(SecretStr("of-the-project"),))
        looks = 0

        async def tenants(self) -> Tenants:
            self.looks += 1
            return Tenants(Access("", self.settings))

    control = Counted()
    signatures = Signatures(control)  # type: ignore[arg-type]
    assert await asyncio.gather(*(signatures.renewed() for _ in range(50))) == [True] * 50
    assert control.looks == 1


async def test_what_a_tenant_signs_is_of_its_own_agents_or_its_own(
    tmp_path: Path, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ACME", "BETA"):
        monkeypatch.setenv(f"{name}_SIGN", f"of-{name.lower()}")
        monkeypatch.setenv(f"{name}_XI", f"key-of-{name.lower()}")
    settings = Settings(database_url=SecretStr(dsn), elevenlabs_webhook_secret=(SecretStr("of-the-project"),))
    async with connect(tmp_path, settings=settings) as control:
        store = await control.store()
        for tenant in ("acme", "beta"):
            own = {
                "elevenlabs_key": f"env:{tenant.upper()}_XI",
                "elevenlabs_webhook_secret": f"env:{tenant.upper()}_SIGN",
            }
            await store.call("save_tenant", {"tenant": tenant, "set": own})
            row = {"project": "p", "environment": "e", "key": tenant, "name": tenant, "tenant": tenant}
            for workspace in ("api", f"api/{tenant}"):  # it has moved
                there = {"workspace": workspace, "agent_id": f"agent {workspace} {tenant}", "language": "de"}
                await store.call("save_assistant", {**row, **there, "post_call": {}})
        signatures = Signatures(control)
        app = door(store, secrets=signatures, signers=signatures.signers, renew=signatures.renewed)
        await signatures.look()
        cases = [
            ("of-acme", "agent api/acme acme", "acme"),
            ("of-the-project", "agent api acme", "acme"),
            ("of-the-project", "agent api/acme acme", "acme"),
            ("of-beta", "agent api/acme acme", "beta"),
            ("of-beta", "agent api acme", "beta"),
            ("of-beta", "agent of nobody", "beta"),
            ("of-the-project", "agent of nobody", "default"),
        ]
        for size in (0, SMALL):
            for number, (secret, agent, tenant) in enumerate(cases):
                conversation = f"conv_{size}_{number}"
                data = {"agent_id": agent, "conversation_id": conversation, "much": "x" * size}
                body = json.dumps({"type": "post_call_transcription", "data": data}).encode()
                assert await posted(app, secret, body) == 200
                with psycopg.connect(dsn) as connection:
                    query = "select tenant from agentctl.events where conversation_id = %s"
                    assert connection.execute(query, [conversation]).fetchall() == [(tenant,)], (secret, agent)


async def posted(app: Starlette, secret: str, body: bytes) -> int:
    signed = {HEADER: sign(body, SecretStr(secret), int(time.time()))}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://door") as client:
        return (await client.post(PATH, content=body, headers=signed)).status_code
