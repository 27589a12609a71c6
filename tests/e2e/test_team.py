"""A team at the console of a Supabase project, in a genuine browser: sign in, roles, tokens that end, sign out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agentctl.verbs import door
from tests.browser import Visit, Watch, shot, violations
from tests.postgrest import Project
from tests.team import PASSWORD, Team, team

if TYPE_CHECKING:
    from playwright.async_api import Page

pytestmark = pytest.mark.anyio
PHONE = {"viewport": {"width": 390, "height": 800}, "is_mobile": True, "has_touch": True, "locale": "en-GB"}
NO_SCRIPTS = {"java_script_enabled": False}


@dataclass
class House:
    """The team's server."""

    url: str
    team: Team

    async def enter(self, page: Page, name: str, password: str = PASSWORD) -> None:
        """Fill the form."""
        await page.locator("#email").fill(f"{name}@example.org")
        await page.locator("#password").fill(password)
        await page.locator("button.main").click()


@pytest.fixture
async def house(supabase_api: Project, dsn: str, tmp_path: Path) -> AsyncIterator[House]:
    async with team(supabase_api, dsn, tmp_path) as made:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        address: asyncio.Future[str] = loop.create_future()
        serving = asyncio.create_task(
            door.serve(
                made.control, port=0, worker=False, beside=made.console.routes, ready=address.set_result, stop=stop
            )
        )
        await asyncio.wait({serving, address}, return_when=asyncio.FIRST_COMPLETED)
        try:
            yield House(address.result().removesuffix("/webhooks/elevenlabs"), made)
        finally:
            made.stop.set()
            stop.set()
            await asyncio.wait_for(serving, 20)


async def seen(page: Page, name: str) -> None:
    assert await violations(page) == []
    await shot(page, name)


async def test_a_team(house: House, visit: Visit, watch: Watch) -> None:
    watch.expect("the server responded with a status of 40[13]")
    page = await visit()
    await page.goto(f"{house.url}/calls")
    await page.get_by_role("heading", name="Anmelden").wait_for()
    await house.enter(page, "editor", "falsch")
    await page.get_by_role("alert").wait_for()
    await seen(page, "sign-in-wrong")
    house.team.auth.seconds = 60
    await house.enter(page, "editor")
    await page.locator("#calls .row").first.wait_for()
    assert page.url == f"{house.url}/calls", "where they wanted to go"
    await page.get_by_text("editor@example.org").wait_for()
    assert await page.evaluate("document.cookie") == "", "no script can read who they are"

    # A second tab, with a token that is about to end: nobody is signed out, and what is new still appears.
    asked = house.team.auth.requests
    house.team.auth.seconds, before = 3600, asked.count("token_refresh_token")
    second = await page.context.new_page()
    await asyncio.gather(second.goto(f"{house.url}/items"), page.reload())
    assert asked.count("token_refresh_token") == before + 1
    tick = second.locator(".tick").first
    await tick.click()
    await second.locator("#items li").nth(1).wait_for()

    # A viewer can press no button that is for others.
    viewer = await visit(**PHONE)
    await viewer.goto(house.url)
    await seen(viewer, "sign-in-phone")
    await house.enter(viewer, "viewer")
    await viewer.goto(f"{house.url}/items")
    assert await viewer.locator(".tick:not(:disabled)").count() == 0

    # Out in one tab is out in the other.
    await page.locator(".menu summary").click()
    await page.get_by_role("button", name="Abmelden").click()
    await page.get_by_role("heading", name="Sie sind abgemeldet").wait_for()
    await second.reload()
    await second.get_by_role("heading", name="Anmelden").wait_for()


async def test_a_link_by_mail_and_somebody_of_no_tenant(house: House, visit: Visit, watch: Watch) -> None:
    watch.expect("the server responded with a status of 403")
    house.team.auth.users["stranger@example.org"].code = "123456"
    page = await visit(**NO_SCRIPTS)
    await page.goto(house.url)
    await page.locator("#email").fill("stranger@example.org")
    await page.get_by_role("button", name="Stattdessen einen Link per Mail").click()
    await page.get_by_role("heading", name="Ein Link ist unterwegs").wait_for()
    await asyncio.gather(*house.team.gate.entry.sending)
    ((_, link),) = house.team.auth.mails
    other = await visit()
    await other.goto(link)
    await seen(other, "sign-in-link")
    await other.get_by_role("button", name="Anmelden").click()
    await other.get_by_role("heading", name="Ihr Code").wait_for()
    await seen(other, "sign-in-code")
    await other.get_by_label("Code").fill("123 456")
    await other.get_by_role("button", name="Anmelden").click()
    await other.get_by_role("heading", name="Sie gehören noch zu keinem Mandanten").wait_for()
    await seen(other, "sign-in-nobody")
    await other.get_by_role("button", name="Abmelden").click()
    await other.get_by_role("heading", name="Sie sind abgemeldet").wait_for()
