"""verbs/signatures.py: a door takes what tenants' workspaces sign, and a new secret without a restart."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from agentctl.settings import Settings
from agentctl.verbs.signatures import Signatures
from agentctl.wiring import connect
from webhooks.address import PATH
from webhooks.app import door
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
        signatures = Signatures(control)
        app = door(store, secrets=signatures, complete=lambda: signatures.complete)
        transport = httpx.ASGITransport(app)

        async def status(secret: str) -> int:
            signed = {HEADER: sign(SAMPLE, SecretStr(secret), int(time.time()))}
            async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:
                return (await client.post(PATH, content=SAMPLE, headers=signed)).status_code

        places = {"elevenlabs_key": "env:ACME_KEY", "elevenlabs_webhook_secret": "env:ACME_SIGN"}
        await store.call("save_tenant", {"tenant": "acme", "set": places})
        assert [await status(one) for one in ("of-the-project", "of-acme")] == [200, 503], "it is sent again later"
        await signatures.look()
        assert [await status(one) for one in ("of-the-project", "of-acme")] == [200, 401]
        assert "tenant acme: elevenlabs_webhook_secret: env:ACME_SIGN is not set" in caplog.text
        (tmp_path / ".env").write_text("ACME_SIGN=of-acme\n")
        await signatures.look()
        assert [await status(one) for one in ("of-the-project", "of-acme", "of-nobody")] == [200, 200, 401]
        (tmp_path / ".env").write_text("ACME_SIGN=of-acme,of-acme-anew\n")
        await signatures.look()
        assert [await status(one) for one in ("of-acme", "of-acme-anew")] == [200, 200]
        (tmp_path / ".env").write_text("ACME_SIGN=of-acme-anew\n")
        await signatures.look()
        assert [await status(one) for one in ("of-acme", "of-acme-anew", "of-the-project")] == [401, 200, 200]
        assert "of-acme" not in caplog.text
