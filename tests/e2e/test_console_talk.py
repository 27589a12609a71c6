"""Talking to an assistant: a genuine browser with a microphone that beeps, ElevenLabs' own client, the sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from agentctl.verbs import sync
from agentctl.verbs.calls import audit
from tests.browser import Visit, Watch, shot, violations
from tests.e2e.test_console import PHONE, SECRET, House, house  # noqa: F401  (a fixture)

if TYPE_CHECKING:
    from playwright.async_api import Locator, Page

pytestmark = pytest.mark.anyio
TOLD = """[elevenlabs.conversation_config.conversation]
client_events = ["audio", "interruption", "user_transcript", "agent_response", "agent_response_correction"]
"""
NO_MICROPHONE = "void (MediaDevices.prototype.getUserMedia = async () => { throw new DOMException('', 'NAME'); })"


async def seen(page: Page, name: str) -> None:
    """A page that somebody looks at is whole, and nobody is kept from it."""
    assert await violations(page) == []
    await shot(page, name)


async def hears_of_calls(house: House) -> None:  # noqa: F811
    """The platform tells the door of each call, signed by the secret that the door has."""
    async with httpx.AsyncClient(base_url=house.sandbox.url, headers={"xi-api-key": house.sandbox.key}) as http:
        url = f"{house.url}/webhooks/elevenlabs"
        made = await http.post(
            "/v1/workspace/webhooks", json={"settings": {"auth_type": "hmac", "name": "x", "webhook_url": url}}
        )
        bound = {"post_call_webhook_id": made.json()["webhook_id"], "events": ["transcript"]}
        assert (await http.patch("/v1/convai/settings", json={"webhooks": bound})).status_code == 200
    state = house.sandbox.state()
    state["webhooks"][bound["post_call_webhook_id"]]["secret"] = SECRET.get_secret_value()
    house.sandbox.reset(state)


async def declare(house: House, more: str) -> None:  # noqa: F811
    """What its assistant.toml says besides, at the platform, too."""
    path = house.root / "assistants" / "empfang" / "assistant.toml"
    path.write_text(f'name = "Empfang"\nlanguage = "de"\n{more}')
    async with house.control.afresh() as control:
        await sync.apply(control, await sync.plan(control))


def told(page: Page, words: str) -> Locator:
    """The state that everybody is told."""
    return page.get_by_role("status").filter(has_text=words)


async def test_a_call_is_read_along_and_is_among_the_calls(house: House, visit: Visit) -> None:  # noqa: F811
    await hears_of_calls(house)
    page = await visit()
    await page.goto(house.link())
    await page.get_by_role("link", name="Sprechen").click()
    await page.get_by_text("Während des Gesprächs ist nicht alles zu lesen").click()
    await seen(page, "talk-silent")
    example = await page.locator("#terms pre").inner_text()
    await declare(house, f"{example}\n[auth]\nenable_auth = true\n[built_in_tools.end_call]\n")
    await page.reload()
    await page.locator("#terms:not([hx-get])").wait_for(state="attached")
    assert await page.locator("#terms details").count() == 0

    await page.get_by_role("button", name="Anrufen").press("Enter")
    await told(page, "Verbunden").wait_for()
    assert await page.evaluate("document.activeElement.id") == "end", "whoever has no mouse is not lost"
    await page.locator(".turn.user").first.wait_for()
    await page.locator('#level:not([aria-valuenow="0"])').wait_for()
    await page.get_by_label("Schreiben statt sprechen").fill("Wann haben Sie <b>geöffnet</b>?\u202e")
    await page.keyboard.press("Enter")
    await page.locator(".turn.user", has_text="Wann haben Sie <b>geöffnet</b>?").wait_for()
    await page.locator(".turn.user", has_text="geöffnet").locator("~ .turn.agent").first.wait_for()
    await page.get_by_role("button", name="Stumm").click()
    await told(page, "Ihr Mikrofon ist aus").wait_for()
    await page.locator('#level[aria-valuenow="0"]').wait_for()
    await seen(page, "talk")  # which takes a while, and a caller who is heard says goodbye some time
    await page.get_by_role("button", name="Auflegen").click()
    await told(page, "Sie haben aufgelegt").wait_for()
    await seen(page, "talk-over")

    socket = [one for one in house.sandbox.log() if one["server"] == "conversation"]
    assert "conversation_signature" in socket[0]["query"]
    assert house.sandbox.key not in str(socket), "no key was in the browser"
    await page.get_by_role("link", name="Zu den Anrufen").click()
    await page.locator("#calls .row").first.click()
    await page.locator(".turn.user", has_text="Wann haben Sie <b>geöffnet</b>?").wait_for()
    rows = [row for row in await audit.audit(house.control) if row["action"] == "talk"]
    assert [(row["actor"], row["subject"]["assistant"]) for row in rows] == [("operator", "empfang")]


async def test_the_assistant_hangs_up_where_a_browser_cannot_set_a_rate(
    house: House,  # noqa: F811
    visit: Visit,
    watch: Watch,
) -> None:
    watch.expect("already in CLOSING or CLOSED state")  # sound that was on its way when the assistant hung up
    await declare(house, TOLD + "[built_in_tools.end_call]\n")
    page = await visit(**PHONE)
    await page.add_init_script("MediaDevices.prototype.getSupportedConstraints = () => ({})")
    await page.goto(house.link())
    await page.goto(f"{house.url}/talk/empfang")
    await page.get_by_role("button", name="Call").tap()
    await told(page, "Connected").wait_for()
    await page.locator(".turn.user").first.wait_for()
    wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, "it has to be pushed about sideways"
    await seen(page, "talk-phone")
    await page.get_by_label("Write instead").fill("Danke, auf Wiederhören!")
    await page.get_by_role("button", name="Send").tap()
    await told(page, "The assistant has hung up").wait_for()
    loaded = await page.evaluate("performance.getEntriesByType('resource').map(one => new URL(one.name).pathname)")
    assert not any("cdn" in one for one in loaded)


async def test_an_agent_that_is_written_to_needs_no_microphone(house: House, visit: Visit) -> None:  # noqa: F811
    await declare(house, TOLD + "[conversation]\ntext_only = true\n")
    page = await visit()
    await page.add_init_script(NO_MICROPHONE.replace("NAME", "NotFoundError"))
    await page.goto(house.link())
    await page.goto(f"{house.url}/talk/empfang")
    await page.get_by_text("ein Mikrofon braucht es nicht").wait_for()
    await page.get_by_role("button", name="Anrufen").click()
    await told(page, "Verbunden").wait_for()
    await page.get_by_label("Schreiben statt sprechen").fill("Guten Tag")
    await page.keyboard.press("Enter")
    await page.locator(".turn.user ~ .turn.agent").first.wait_for()
    assert await page.locator("#log").get_attribute("aria-live") == "polite"
    assert not await page.get_by_role("button", name="Stumm").is_visible()
    await seen(page, "talk-written")


async def test_what_goes_wrong_is_said(house: House, visit: Visit, watch: Watch) -> None:  # noqa: F811
    page = await visit()
    await page.goto(house.link())
    await page.goto(f"{house.url}/talk/empfang")
    problem, call = page.get_by_role("alert"), page.get_by_role("button", name="Anrufen")

    await page.evaluate(NO_MICROPHONE.replace("NAME", "NotAllowedError"))
    await call.click()
    await problem.filter(has_text="gibt dieser Seite kein Mikrofon").wait_for()
    await seen(page, "talk-refused")
    assert not [one for one in house.sandbox.log() if "signed" in one["path"]], "nothing was asked for"

    await page.reload()
    watch.expect("502")
    house.sandbox.fault(path="/v1/convai/conversation/get-signed-url", status=403)
    await call.click()
    await problem.filter(has_text="Der Schlüssel wird abgelehnt").get_by_text("Einzelheiten (englisch)").click()
    await problem.locator('[lang="en"]', has_text="get-signed-url").wait_for()
    await seen(page, "talk-failed")

    watch.expect("WebSocket connection to")
    house.sandbox.fault(path="/v1/convai/conversation", status=403)
    await call.click()
    await told(page, "Der Anruf kam nicht zustande").wait_for()

    house.sandbox.fault(path="/v1/convai/conversation", delay_ms=500)
    async with page.expect_websocket() as opening:
        await call.click()
    await page.get_by_role("button", name="Auflegen").click()
    await told(page, "Bereit").wait_for()
    line = await opening.value
    if not line.is_closed():  # who hangs up before is connected to nobody
        await line.wait_for_event("close")
    assert await told(page, "Bereit").is_visible()

    house.sandbox.fault(method="MESSAGE", path="/v1/convai/conversation", query="type=user_message", drop="before")
    await call.click()
    await told(page, "Verbunden").wait_for()
    await page.get_by_text("Dieser Agent teilt nichts mit").wait_for()
    await page.get_by_label("Schreiben statt sprechen").fill("Hallo?")
    await page.keyboard.press("Enter")
    await told(page, "Die Verbindung ist abgerissen").wait_for()
    assert await call.is_visible()
