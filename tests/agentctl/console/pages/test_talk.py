"""agentctl.console.pages.talk: who may talk to an assistant, how often, and where the page may connect to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from agentctl.cli.app import run
from agentctl.console.menu import PAGES
from agentctl.sandbox.harness import BlockingSandbox, running, running_thread
from agentctl.sandbox.options import Options
from agentctl.settings import Settings
from agentctl.verbs import sync
from agentctl.verbs.calls import audit
from agentctl.wiring import connect
from tests.console import Guest, text, visited
from tests.gateway import gateway
from tests.product import Product, lender

__all__ = ["lender"]

pytestmark = pytest.mark.anyio
PATH = "/talk/empfang"
SIGNED = "/v1/convai/conversation/get-signed-url"


@dataclass
class Hall:
    """The operator in the console of a project with one assistant that is synced, and one that is not yet."""

    guest: Guest
    sandbox: BlockingSandbox

    async def call(self) -> httpx.Response:
        return await self.guest.send(PATH, PATH)


@pytest.fixture
async def hall(dsn: str, tmp_path: Path) -> AsyncIterator[Hall]:
    (tmp_path / "agentctl.toml").write_text('project = "beispiel"\n')
    with running_thread() as sandbox:
        key = SecretStr(sandbox.key)
        settings = Settings(database_url=SecretStr(dsn), elevenlabs_base_url=sandbox.url, elevenlabs_api_key=key)
        async with connect(tmp_path, settings=settings) as control:
            for name in ("empfang", "neu"):
                folder = tmp_path / "assistants" / name
                folder.mkdir(parents=True)
                (folder / "assistant.toml").write_text(f'name = "{name.title()}"\nlanguage = "de"\n')
                (folder / "prompt.md").write_text("Hilf freundlich weiter.\n")
            await sync.apply(control, await sync.plan(control, ["empfang"]))
            async with visited(control) as guest:
                await guest.enter()
                yield Hall(guest, sandbox)


async def test_an_address_is_for_one_conversation_and_the_key_stays_here(hall: Hall) -> None:
    answer = await hall.call()
    told = answer.json()
    assert told["url"].startswith(f"{hall.sandbox.url.replace('http', 'ws')}/v1/convai/conversation?agent_id=agent_")
    assert (told["text_only"], told["untold"]) == (False, True)
    assert answer.headers["cache-control"] == "no-store"
    assert hall.sandbox.key not in answer.text + await hall.guest.see(f"{PATH}?look=1")
    rows = await audit.audit(hall.guest.control)
    (agent,) = hall.sandbox.state()["agents"]
    assert [(row["actor"], row["action"], row["subject"]) for row in rows] == [
        ("operator", "talk", {"assistant": "empfang", "agent": agent})
    ]


async def test_this_page_alone_connects_to_the_platform(hall: Hall) -> None:
    where = hall.sandbox.url.replace("http", "ws")
    for page in PAGES:
        path = page.path.replace("{key}", "empfang")
        if not page.writes and "{" not in path and path != "/live":
            policy = (await hall.guest.http.get(path)).headers["content-security-policy"]
            wanted = f"connect-src 'self' {where}" if path == PATH else "connect-src 'self'"
            assert wanted in policy.split("; "), path
            assert "script-src 'self'" in policy.split("; ")


async def test_nobody_calls_too_often(hall: Hall) -> None:
    for _ in range(10):
        assert (await hall.call()).status_code == 200
    asked = len(hall.sandbox.log())
    refused = await hall.call()
    assert refused.status_code == 429
    assert "each costs money. Try again in a minute" in refused.json()["problem"]
    assert 0 < int(refused.headers["retry-after"]) <= 60
    assert len(hall.sandbox.log()) == asked
    assert len(await audit.audit(hall.guest.control)) == 10


async def test_what_the_platform_has_against_it_is_said(hall: Hall) -> None:
    hall.sandbox.fault(path=SIGNED, status=403, body={"detail": {"status": "x", "message": "no <b>quota</b>"}})
    refused = await hall.call()
    assert refused.status_code == 502
    assert "no <b>quota</b>" in refused.json()["english"]
    assert refused.json()["problem"] == "", "in English nothing else is to be said"
    hall.sandbox.fault(path=SIGNED, status=403)
    hall.guest.http.headers["accept-language"] = "de"
    assert (await hall.call()).json()["problem"] == "Der Schlüssel wird abgelehnt"
    hall.guest.http.headers["accept-language"] = "en"
    hall.sandbox.fault(path="/v1/convai/agents/*", method="GET", status=404)
    page = await hall.guest.see(f"{PATH}?look=1")
    assert 'role="alert"' in page
    assert "Talk to Empfang" in text(page)
    assert await audit.audit(hall.guest.control) == []


async def test_only_an_agent_can_be_talked_to(hall: Hall) -> None:
    page = await hall.guest.see("/")
    assert f'href="{PATH}"' in page
    assert 'href="/talk/neu"' not in page
    for key in ("neu", "nobody", "%00"):
        assert "There is no agent to talk to" in text(await hall.guest.see(f"/talk/{key}", 404))


async def test_a_page_that_the_agent_does_not_answer_says_so(hall: Hall) -> None:
    (agent,) = hall.sandbox.state()["agents"]
    auth = {"platform_settings": {"auth": {"allowlist": [{"hostname": "shop.example.org"}]}}}
    async with httpx.AsyncClient(base_url=hall.sandbox.url, headers={"xi-api-key": hall.sandbox.key}) as http:
        assert (await http.patch(f"/v1/convai/agents/{agent}", json=auth)).status_code == 200
    page = text(await hall.guest.see(f"{PATH}?look=1"))
    assert "answers pages of shop.example.org alone, and this one is of 127.0.0.1:8080" in page


async def test_a_tenants_agent_is_reached_in_its_own_workspace_and_by_nobody_else(
    dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running() as ours, running(Options(api_key="key-of-acme", read_only_key="no-key")) as acme:
        with gateway([ours, acme]) as url, closing(Product(tmp_path, dsn, ours)) as product:
            product.settings |= {"elevenlabs_base_url": url}
            for name, value in product.settings.items():
                monkeypatch.setenv(name.upper(), str(value))
            (tmp_path / ".env").write_text("ACME_XI_KEY=key-of-acme\n")
            product.insert(1, customer="acme")
            product.insert(2, customer="beta")
            for words in (("tenants", "set", "acme", "--elevenlabs", "env:ACME_XI_KEY"), ("sync", "--yes")):
                assert await asyncio.to_thread(run, ["-C", str(tmp_path), *words]) == 0
            async with product.opened() as control, visited(control) as guest:
                await guest.enter()
                # Each sandbox names an address of its own, not the host's before it: so it is seen who answered.
                for path, there in (("/talk/1?tenant=acme", acme), ("/talk/2?tenant=beta", ours)):
                    refused = await guest.send(path, path)
                    assert there.url.removeprefix("http://") in refused.json()["english"]
                    assert refused.status_code == 502
                    assert "Not all that is said" in text(await guest.see(f"{path}&look=1"))
                for path in ("/talk/1", "/talk/1?tenant=beta", "/talk/2?tenant=acme"):
                    await guest.see(path, 404)
