"""One assistant at the console: a genuine browser, the sandbox for the platform, a worker that syncs what is saved."""

from __future__ import annotations

import asyncio

import psycopg
import pytest

from agentctl.console import app
from tests.browser import Visit
from tests.e2e.test_console import PHONE, House, house, seen

__all__ = ["house"]

pytestmark = pytest.mark.anyio
ROW = """
    insert into agentctl.declared_assistants (key, name, prompt, first_message, language, knowledge, post_call)
    values ('theke', 'Theke im Erdgeschoss', E'Nimm Bestellungen an.\\nFrage nach dem Namen.', 'Guten Tag, die Theke.',
        'de', '[{"title": "Öffnungszeiten", "text": "Ab 8 Uhr."}]', '{"mail_to": "team@example.org"}')"""
WATCHED = """
    select agentctl.watch('agentctl.declared_assistants', 'key',
        array['name', 'prompt', 'first_message', 'language', 'voice', 'knowledge', 'post_call'], 'tenant')"""


async def declare(house: House, *statements: str) -> None:
    """Have our own table declare assistants, too."""
    with (house.root / "agentctl.toml").open("a") as file:
        file.write("[source.table]\n")
    dsn = house.control.settings.database_url
    assert dsn is not None
    async with await psycopg.AsyncConnection.connect(dsn.get_secret_value(), autocommit=True) as connection:
        for statement in statements:
            await connection.execute(statement.encode())


async def test_one_of_the_files(house: House, visit: Visit) -> None:
    # What somebody did at the platform goes into the files, as it was shown.
    await house.edit_there(name="Rezeption")
    page = await visit()
    await page.goto(house.link())
    await page.get_by_role("link", name="Empfang").click()
    await page.get_by_role("link", name="In die Dateien übernehmen").wait_for()
    await seen(page, "assistant-drift")
    await page.get_by_role("link", name="In die Dateien übernehmen").click()
    await page.locator("ins", has_text="Rezeption").wait_for()
    await seen(page, "take")
    await page.get_by_role("button", name="In die Dateien schreiben").click()
    await page.get_by_text("Die Dateien sagen jetzt").wait_for()
    await page.get_by_text("abgeglichen", exact=True).wait_for()
    assert 'name = "Rezeption"' in (house.root / "assistants" / "empfang" / "assistant.toml").read_text()

    # It goes back to what it was, and is held there.
    house.prompt.write_text("Hilf gar nicht.\n")
    await page.get_by_role("link", name="Plan").click()
    await page.get_by_role("button", name="anwenden").click()
    await page.get_by_role("heading", name="Abgeglichen").wait_for()
    await page.goto(f"{house.url}/assistants/empfang")
    await page.get_by_role("link", name="Zurück zu Stand 1").click()
    await page.locator("del", has_text="Hilf gar nicht.").wait_for()
    await seen(page, "rollback")
    await page.get_by_role("button", name="Zurück und festhalten").click()
    await page.get_by_role("heading", name="Abgeglichen").wait_for()
    assert "Frage nach dem Namen." in str(house.sandbox.state()["agents"])
    await page.goto(f"{house.url}/assistants/empfang")
    await page.get_by_text("Auf Stand 1 festgehalten").wait_for()
    await seen(page, "assistant-held")
    await page.get_by_role("button", name="Nicht mehr festhalten").click()
    await page.get_by_text("nicht mehr festgehalten").wait_for()


async def test_one_of_the_table(house: House, visit: Visit) -> None:
    await declare(house, ROW, WATCHED)
    page = await visit()
    await page.goto(house.link())
    await page.goto(f"{house.url}/assistants/theke/edit")
    await page.get_by_role("heading", name="Theke im Erdgeschoss bearbeiten").wait_for()

    # The differences follow what is typed, and what is wrong is said.
    await page.get_by_label("Sprache", exact=True).fill("Klingonisch")
    await page.locator("#preview .problem").wait_for()
    await page.get_by_label("Sprache", exact=True).fill("de")
    await page.get_by_label("Stimme").select_option(label="Rachel")
    await page.get_by_label("Prompt").fill("Nimm Bestellungen an.\nFrage nach Namen und Nummer.\n")
    await page.locator("ins", has_text="Frage nach Namen und Nummer.").wait_for()
    await page.locator("#preview .problem").wait_for(state="detached")
    played = "audio => new Promise(done => { audio.onplaying = () => done(true); audio.play(); })"
    assert await page.locator("#sample audio").evaluate(played)
    await page.get_by_text("Wissen hinzufügen").click()
    await page.get_by_label("Titel").last.fill("Karte")
    await page.get_by_label("Adresse einer Seite").last.fill("https://example.org/karte")
    await page.locator("#preview dt", has_text="Karte").wait_for()
    await seen(page, "edit-changed")
    leaving = "dispatchEvent(new Event('beforeunload', { cancelable: true }))"
    assert not await page.evaluate(leaving), "what was typed would be lost"

    # What is saved flows to the platform by itself, and the page tells when it is there.
    await page.get_by_role("button", name="Speichern").click()
    await page.get_by_text("Gespeichert.").wait_for()
    await seen(page, "assistant-saved")
    async with asyncio.timeout(60):
        while "Namen und Nummer" not in str(house.sandbox.state()["agents"]):  # noqa: ASYNC110  (another's state)
            await asyncio.sleep(0.05)
    await page.get_by_text("abgeglichen", exact=True).wait_for()


async def test_one_of_the_table_without_scripts_and_on_a_phone(house: House, visit: Visit) -> None:
    await declare(house, ROW)
    page = await visit(java_script_enabled=False)
    await page.goto(house.link())
    await page.goto(f"{house.url}/assistants/theke/edit")
    await page.get_by_label("Name", exact=True).fill("Tresen")
    await page.get_by_role("button", name="Vorschau").click()
    await page.locator("ins", has_text="Tresen").wait_for()
    await page.get_by_role("button", name="Speichern").click()
    await page.get_by_role("link", name="Plan").click()
    await page.get_by_text("Tresen").first.wait_for()

    phone = await visit(**PHONE)
    await phone.goto(house.url + await app.link(house.control))
    for path, name in (("", "assistant-phone"), ("/edit", "edit-phone")):
        await phone.goto(f"{house.url}/assistants/theke{path}")
        wide = await phone.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{path} has to be pushed about sideways"
        await seen(phone, name)
