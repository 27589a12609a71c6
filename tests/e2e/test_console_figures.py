"""Figures, numbers and health in a genuine browser, over a project that was synced and has been called for weeks."""

from __future__ import annotations

import psycopg
import pytest

from agentctl.verbs.numbers import number
from agentctl.wiring import connect
from tests.browser import Visit
from tests.e2e.test_console import PHONE, House, house, seen, served
from tests.telephony import NUMBER, QUIET, Bench, bench

__all__ = ["bench", "house"]
pytestmark = pytest.mark.anyio
WEEKS = """
insert into agentctl.calls (
    tenant, conversation_id, agent_id, project, environment, assistant, assistant_name, status, direction,
    external_number, agent_number, channel, started_at, duration_secs, cost_credits, cost_fiat, language, successful,
    event_timestamp, source, detail, turn_count, answer_ms
)
select 'default', 'conv_' || i, 'agent_' || i % 3, 'beispiel', 'default',
    (array['empfang', 'empfang', 'rückruf', null])[1 + i % 4], 'Praxis',
    case when i % 23 = 0 then 'failed' else 'done' end,
    'inbound', '+4989' || lpad((i * 7919 % 400000)::text, 8, '0'), '+498999998100', 'phone',
    now() - make_interval(days => day, mins => (i % 7)::integer),
    case when i % 23 > 0 then 20 + i * 31 % (120 + day * 3) end,
    100 + i % 400, 0.01 * (i % 50), 'de', (array['success', 'success', 'success', 'failure', 'unknown'])[1 + i % 5],
    extract(epoch from now()), 'webhook', '{}', case when i % 23 = 0 then 0 else 9 end,
    array[500 + i * 13 % 400, 700 + i * 17 % 900]
from (
    select row_number() over () i, day from generate_series(0, 60) day
    cross join lateral generate_series(1, case when day % 7 in (2, 3) or day = 17 then 0 else 4 + day * 5 % 11 end)
) made
"""
OUTCOMES = """
insert into agentctl.digests (tenant, conversation_id, engine, title, summary, language, outcome)
select tenant, conversation_id, 'elevenlabs', 'Termin', 'Ein Termin.', 'de',
    (array['Termin', 'Termin', 'Auskunft', 'Rückruf', 'Beschwerde'])[1 + duration_secs * 7 % 5]
from agentctl.calls where duration_secs is not null
"""

TROUBLE = """
insert into agentctl.events (
    tenant, type, conversation_id, source, payload, payload_sha256, state, attempt, failures, error, finished_at
)
select 'default', 'post_call_transcription', 'conv_bad' || i, 'webhook', convert_to('{}' || i, 'utf8'),
    sha256(convert_to(i::text, 'utf8')), case when i < 3 then 'dead' else 'kept' end, 8, 8,
    case when i < 3 then 'the transcript has no turns: data.transcript is null' end, now()
from generate_series(1, 3) i
"""


async def test_figures(house: House, dsn: str, visit: Visit) -> None:
    page = await visit()
    await page.goto(house.link())
    await page.goto(f"{house.url}/glance")
    await page.get_by_text("Keine Anrufe in dieser Zeit").wait_for()
    await seen(page, "glance-empty")

    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as database:
        await database.execute(WEEKS)
        await database.execute(OUTCOMES)
    await page.reload()
    assert await page.locator("svg.plot").count() == 5
    await page.locator("summary", has_text="Anrufe am Tag").click()
    await seen(page, "glance")
    await page.get_by_role("link", name="90 Tage").click()
    await page.wait_for_url("**days=90*")
    await page.get_by_role("link", name="7 Tage", exact=True).click()
    await page.get_by_label("Assistent", exact=True).select_option("empfang")
    await page.wait_for_url("**/glance?days=7&assistant=empfang")

    phone = await visit(**PHONE)
    await phone.context.add_cookies(await page.context.cookies())
    await phone.goto(f"{house.url}/glance")
    here = await phone.locator(".bar [aria-current]").bounding_box()
    assert here is not None
    assert 0 <= here["x"] < here["x"] + here["width"] <= 390, "the menu is scrolled to where somebody is"
    wide = await phone.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0
    await seen(phone, "glance-phone")


async def test_numbers(bench: Bench, visit: Visit) -> None:
    async with connect(bench.root) as control:
        await number.import_number(control, await number.look(control, NUMBER, "empfang"))
    text = bench.toml.read_text()
    bench.toml.write_text(text.replace(f'"{NUMBER}"', f'"{NUMBER}", "{QUIET}"'))
    async with connect(bench.root) as control, served(control) as (url, console):
        page = await visit()
        await page.goto(f"{url}{await console.link()}")
        await page.goto(f"{url}/numbers")
        await page.get_by_text("übergibt Anrufe").wait_for()
        await page.get_by_text("klingelt", exact=True).wait_for()
        await page.get_by_text("ist noch nicht bei ElevenLabs").wait_for()
        await seen(page, "numbers")
        phone = await visit(**PHONE)
        await phone.context.add_cookies(await page.context.cookies())
        await phone.goto(f"{url}/numbers")
        await phone.get_by_text("hands calls over").wait_for()
        await seen(phone, "numbers-phone")


async def test_health(house: House, dsn: str, visit: Visit) -> None:
    page = await visit()
    await page.goto(house.link())
    await page.get_by_role("link", name="Betrieb").click()
    await page.get_by_text("kein Webhook", exact=True).wait_for()
    await page.get_by_role("button", name="Alles untersuchen").click()
    await page.locator(".checks").wait_for()
    await page.get_by_text("Wird untersucht").wait_for(state="hidden")
    await seen(page, "health-examined")

    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as database:
        await database.execute(TROUBLE)
    await page.goto(f"{house.url}/health")
    await page.get_by_text("aufgegeben", exact=True).first.wait_for()
    await seen(page, "health-trouble")
    phone = await visit(**PHONE)
    await phone.context.add_cookies(await page.context.cookies())
    await phone.goto(f"{house.url}/health?look=1")
    wide = await phone.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0
    await seen(phone, "health-phone")

    await page.get_by_role("button", name="Noch einmal versuchen: conv_bad1").click()
    await page.get_by_text("1 wartet wieder auf einen Worker.").wait_for()


async def test_without_scripts(house: House, visit: Visit) -> None:
    page = await visit(java_script_enabled=False)
    await page.goto(house.link())
    await page.goto(f"{house.url}/health")
    await page.get_by_role("link", name="Bei ElevenLabs nachsehen").click()
    await page.get_by_text("kein Webhook", exact=True).wait_for()
    await page.get_by_role("button", name="Alles untersuchen").click()
    while await page.get_by_text("Wird untersucht").count():
        await page.get_by_role("link", name="Noch einmal nachsehen").click()
    assert await page.locator(".checks li").count() > 5
    await page.goto(f"{house.url}/numbers")
    await page.get_by_role("link", name="Bei den Plattformen nachsehen").click()
    await page.get_by_text("Noch keine Nummern").wait_for()
    await page.goto(f"{house.url}/glance")
    await page.get_by_role("button", name="Zeigen").click()
    assert page.url.endswith("/glance?days=30&assistant=")
