"""A day at the console: a genuine browser, the sandbox for the platform, the door, and nothing of ours between."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import pytest
from pydantic import SecretStr

from agentctl.console import app
from agentctl.sandbox.conversations import AUDIO
from agentctl.sandbox.harness import BlockingSandbox, running_thread
from agentctl.sandbox.options import Options
from agentctl.settings import Settings
from agentctl.verbs import door, sync
from agentctl.wiring import Control, connect
from tests.browser import Visit, Watch, shot, violations
from webhooks.signature import HEADER, sign

if TYPE_CHECKING:
    from playwright.async_api import Page

pytestmark = pytest.mark.anyio
SECRET = SecretStr("wsec_only_for_tests")
SAMPLE = (Path(__file__).parents[1] / "samples" / "post_call_transcription.json").read_bytes()
AGENT = b"agent_7101k5zvyjhmfg983brhmhkd98n6"
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
IN_VIEW = "turn => { const { top, bottom } = turn.getBoundingClientRect(); return top >= 0 && bottom <= innerHeight; }"
UNSEEN = """Object.defineProperty(document, "hidden", { get: () => !window.looked });
    document.addEventListener("htmx:finally:request", () => { window.refused = true; });"""
STOPPED = """button => new Promise(stopped => {
    navigation.addEventListener("navigateerror", () => stopped(), { once: true });
    navigation.addEventListener("navigate", () => setTimeout(() => stop()), { once: true });
    button.click();
})"""
PHONE = {"viewport": {"width": 390, "height": 800}, "is_mobile": True, "has_touch": True, "locale": "en-GB"}


@dataclass
class House:
    """A project that was synced once, and its server."""

    root: Path
    sandbox: BlockingSandbox
    control: Control
    url: str
    link: Callable[[], str]

    @property
    def prompt(self) -> Path:
        return self.root / "assistants" / "empfang" / "prompt.md"

    async def edit_there(self, **changes: object) -> None:
        """What somebody does on the platform's own pages."""
        (agent,) = self.sandbox.state()["agents"]
        async with httpx.AsyncClient(base_url=self.sandbox.url, headers={"xi-api-key": self.sandbox.key}) as http:
            assert (await http.patch(f"/v1/convai/agents/{agent}", json=changes)).status_code == 200

    async def deliver(self, said: str | None = None, *, sound: bytes = b"") -> None:
        """Another call of that agent ends, after which somebody has to be called back; its caller has `said` that at
        last. `sound`: its recording.
        """
        (agent,) = self.sandbox.state()["agents"]
        event = json.loads(SAMPLE.replace(AGENT, agent.encode()))
        name = event["data"]["conversation_id"] = f"conv_{secrets.token_hex(14)}"
        collected = event["data"]["analysis"]["data_collection_results"]
        item = {"value": "Rückruf zum Angebot | Erika Muster | morgen 10 Uhr"}
        collected["action_items"] = {**collected["caller_name"], "data_collection_id": "action_items", **item}
        if said:
            event["data"]["transcript"].append({"role": "user", "message": said, "time_in_call_secs": 60})
        await self._send(event)
        if sound:
            told = {"agent_id": agent, "conversation_id": name, "full_audio": b64encode(sound).decode()}
            await self._send({**event, "type": "post_call_audio", "data": told})

    async def _send(self, event: object) -> None:
        body = json.dumps(event).encode()
        async with httpx.AsyncClient() as http:
            signed = {HEADER: sign(body, SECRET, int(time.time()))}
            assert (await http.post(f"{self.url}/webhooks/elevenlabs", content=body, headers=signed)).status_code == 200


@asynccontextmanager
async def served(control: Control) -> AsyncIterator[tuple[str, app.Console]]:
    """Door, console and worker, as `agentctl serve` has them."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    address: asyncio.Future[str] = loop.create_future()
    async with app.opened(control, "127.0.0.1", stop=stop) as console:
        serving = asyncio.create_task(
            door.serve(control, port=0, beside=console.routes, ready=address.set_result, stop=stop)
        )
        await asyncio.wait({serving, address}, return_when=asyncio.FIRST_COMPLETED)
        try:
            yield address.result().removesuffix("/webhooks/elevenlabs"), console
        finally:
            stop.set()
            await asyncio.wait_for(serving, 20)


@pytest.fixture
async def house(dsn: str, tmp_path: Path) -> AsyncIterator[House]:
    (tmp_path / "agentctl.toml").write_text('project = "beispiel"\n[digest]\ntimezone = "Europe/Berlin"\n')
    folder = tmp_path / "assistants" / "empfang"
    folder.mkdir(parents=True)
    (folder / "assistant.toml").write_text('name = "Empfang"\nlanguage = "de"\n')
    (folder / "prompt.md").write_text("Hilf freundlich weiter.\nFrage nach dem Namen.\n")
    with running_thread(Options()) as sandbox:
        settings = Settings(
            database_url=SecretStr(dsn),
            elevenlabs_base_url=sandbox.url,
            elevenlabs_api_key=SecretStr(sandbox.key),
            elevenlabs_webhook_secret=(SECRET,),
        )
        async with connect(tmp_path, settings=settings) as control:
            await sync.apply(control, await sync.plan(control))
            async with served(control) as (url, console):
                link = await console.link()
                yield House(tmp_path, sandbox, control, url, lambda: f"{url}{link}")


async def seen(page: Page, name: str) -> None:
    """A page that somebody looks at is whole, and nobody is kept from it."""
    assert await violations(page) == []
    await shot(page, name)


def asked_for(page: Page, path: str) -> list[str]:
    """Grows by the method of each request that the page sends there from now on."""
    seen: list[str] = []
    page.on("request", lambda request: seen.append(request.method) if urlsplit(request.url).path == path else None)
    return seen


async def followed(page: Page) -> None:
    """The turns of a call go with its sound, unless somebody reads elsewhere."""
    while not await page.locator("#sound").count():  # it comes by a delivery of its own
        await page.reload()
    await page.set_viewport_size({"width": 1280, "height": 420})
    turns = page.locator(".turn[data-at]")
    await turns.first.locator(".at").click()
    await page.locator(".turn.playing").wait_for()
    assert not await turns.last.evaluate(IN_VIEW)
    await page.locator("#sound").evaluate("sound => { sound.currentTime = 19.5; }")
    await page.locator(".turn.playing", has_text="Wiederhören").wait_for()
    assert await turns.last.evaluate(IN_VIEW)
    await page.evaluate("scrollTo(0, 0)")
    await page.locator("#sound").evaluate("sound => { sound.currentTime = 11.5; }")
    await page.locator(".turn.playing", has_text="Rückruf").wait_for()
    assert await page.evaluate("scrollY") == 0, "who has scrolled away is left there"
    await page.set_viewport_size({"width": 1280, "height": 720})


async def unseen(page: Page, url: str) -> None:
    """A page that is opened beside another has no stream until somebody looks at it, and then one."""
    await page.add_init_script(UNSEEN)
    asked = asked_for(page, "/live")
    await page.goto(url)
    while not await page.evaluate("window.refused"):
        pass
    assert asked == []
    async with page.expect_response("**/live"):
        await page.evaluate("window.looked = true; document.dispatchEvent(new Event('visibilitychange'))")
    assert asked == ["GET"]
    await page.close()


async def test_a_day(house: House, visit: Visit, watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    watch.expect(r"/(enter|nowhere|live|items)\b.*(401|404|503|403)")
    page = await visit()
    for path, name in (("/enter", "door"), ("/nowhere", "error")):
        await page.goto(f"{house.url}{path}")
        await seen(page, name)
    await page.goto(house.link())
    await page.get_by_text("abgeglichen", exact=True).wait_for()
    await seen(page, "assistants")

    # What is changed here is planned, applied as it was shown, and then there is nothing to do.
    house.prompt.write_text("Hilf freundlich weiter.\nFrage nach Namen und Nummer.\n")
    await page.get_by_role("link", name="Plan").click()
    await page.locator("ins", has_text="Frage nach Namen und Nummer.").wait_for()
    await seen(page, "plan")
    house.sandbox.fault(method="PATCH", path="/v1/convai/agents/*", delay_ms=1500)
    await page.route("**/plan", lambda route: None)
    await page.get_by_role("button", name="Diese Änderung anwenden").evaluate(STOPPED)
    await page.unroute("**/plan")
    sent = asked_for(page, "/plan")
    await page.get_by_role("button", name="Diese Änderung anwenden").dblclick()
    await page.get_by_role("heading", name="Abgleich läuft").wait_for()
    assert sent.count("POST") == 1
    await seen(page, "syncing")
    await page.get_by_role("heading", name="Abgeglichen").wait_for()
    await seen(page, "synced")
    await page.goto(f"{house.url}/plan")
    await page.get_by_text("Nichts zu tun").wait_for()

    # What somebody did at the platform is shown as theirs, and overwritten only by a word of its own.
    await house.edit_there(name="Umbenannt")
    await page.reload()
    await page.get_by_text("bei ElevenLabs geändert", exact=True).first.wait_for()
    await seen(page, "drift")
    await page.get_by_label("Überschreiben, was dort geändert wurde").check()
    await page.get_by_role("button", name="Diese Änderung anwenden").click()
    await page.get_by_role("heading", name="Abgeglichen").wait_for()
    (agent,) = house.sandbox.state()["agents"].values()
    assert agent["name"] == "Empfang"

    # A plan that has gone stale is not applied.
    house.prompt.write_text("Hilf sehr freundlich weiter.\n")
    await page.goto(f"{house.url}/plan")
    house.prompt.write_text("Hilf gar nicht.\n")
    await page.get_by_role("button", name="Diese Änderung anwenden").click()
    await page.get_by_role("heading", name="Der Plan war überholt").wait_for()
    assert "gar nicht" not in str(house.sandbox.state()["agents"])

    # A call that ends while the page is open appears by itself, though nobody heard the page at first.
    streams: list[int] = []
    page.on("response", lambda answer: streams.append(answer.status) if answer.url.endswith("/live") else None)
    monkeypatch.setattr("agentctl.console.pages.live._MOST_PAGES", 0)
    async with page.expect_response("**/live"):
        await page.goto(f"{house.url}/calls")
    monkeypatch.undo()
    await page.get_by_text("Noch keine Anrufe").wait_for()
    await house.deliver(sound=AUDIO * 30)
    await page.locator("#calls .row").first.wait_for()
    assert (streams[0], streams.count(200)) == (503, 1)
    await unseen(await page.context.new_page(), f"{house.url}/calls")
    await page.get_by_role("searchbox").fill("Erika")
    await page.get_by_role("button", name="Zeigen").click()
    await page.locator("mark").first.wait_for()
    await seen(page, "search")

    await page.locator("#calls .row").first.click()
    await page.get_by_role("heading", name="Gespräch").wait_for()
    await page.locator(".turn mark").first.wait_for()
    await seen(page, "call")
    await followed(page)
    sent = asked_for(page, "/items")
    for name, pressed in (("Erledigt:", "true"), ("Wieder offen:", "false")):
        await page.get_by_role("button", name=name).dblclick()
        await page.locator(f'#items .tick[aria-pressed="{pressed}"]').wait_for()
    await page.locator("#items [name=_token]").evaluate("field => { field.value = 'old'; }")
    await page.get_by_role("button", name="Erledigt:").click()
    await page.get_by_role("heading", name="Diese Seite war zu alt").wait_for()
    assert sent == ["POST"] * 3, "neither a double-click nor to be told of a refusal sends anything twice"
    await page.reload()
    await page.get_by_role("link", name="Vergessen").click()
    await page.get_by_role("button", name="Endgültig löschen").wait_for()
    await seen(page, "forget")
    await page.goto(f"{house.url}/items?items=any")
    await page.evaluate("window.stayed = true")
    sent = asked_for(page, "/items")
    await page.get_by_role("button", name="Erledigt:").first.focus()
    await page.keyboard.down("Enter")
    await page.locator('.tick[aria-pressed="true"]').wait_for()
    await page.keyboard.down("Enter")
    await page.keyboard.up("Enter")
    assert sent.count("POST") == 1, "a key that is held is one stroke"
    assert await page.evaluate("window.stayed && document.activeElement.matches('.tick')"), "a tick loads nothing anew"
    await page.reload()
    assert await page.locator('.tick[aria-pressed="true"]').count() == 1
    await seen(page, "items")

    # A server that does not answer is told so, and asked again by itself; who is out is led to the door and back.
    watch.expect("Failed to (load resource|fetch)")
    await page.route("**/items*", lambda route: route.fulfill(status=429))
    await house.deliver()
    await page.get_by_text("Keine Verbindung seit").wait_for()
    await page.unroute("**/items*")
    await page.get_by_text("Keine Verbindung seit").wait_for(state="hidden")
    await page.context.clear_cookies()
    await house.deliver()
    await page.wait_for_url("**/enter?after=%2Fitems%3Fitems%3Dany")


async def test_on_a_phone(house: House, visit: Visit) -> None:
    page = await visit(**PHONE)
    await page.goto(house.link())
    await house.deliver("A" * 1_000_000)
    for path, name in (("/", "assistants-phone"), ("/calls", "calls-phone"), ("/items", "items-phone")):
        await page.goto(f"{house.url}{path}")
        assert await page.evaluate(SIDEWAYS) <= 0, f"{path} has to be pushed about sideways"
        await seen(page, name)

    # One word of a megabyte keeps nobody waiting.
    await page.goto(f"{house.url}/calls")
    await page.locator("#calls .row").click()
    await page.locator(".turn", has_text="A" * 100).wait_for(timeout=20_000)
    assert await page.evaluate(SIDEWAYS) <= 0


async def test_without_scripts(house: House, visit: Visit) -> None:
    page = await visit(java_script_enabled=False)
    await page.goto(house.link())
    await page.get_by_role("link", name="Bei ElevenLabs nachsehen").click()
    await page.get_by_text("abgeglichen", exact=True).wait_for()
    house.prompt.write_text("Hilf anders.\n")
    await page.get_by_role("link", name="Plan").click()
    await page.get_by_role("button", name="Diese Änderung anwenden").click()
    while await page.get_by_role("heading", name="Abgleich läuft").count():
        await page.get_by_role("link", name="Noch einmal nachsehen").click()
    assert await page.get_by_role("heading", name="Abgeglichen").count() == 1
    assert "Hilf anders." in str(house.sandbox.state()["agents"])
