"""A product's table, synced: rows become agents, and each row is told what became of it; over both transports."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agentctl.sandbox.harness import running
from tests.product import BACK, MADE, TABLE, Product

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["postgres", "supabase"])
async def product(tmp_path: Path, dsn: str, request: pytest.FixtureRequest) -> AsyncIterator[Product]:
    store: dict[str, Any] = {}
    if request.param == "supabase":
        api = request.getfixturevalue("supabase_api")
        store = {"supabase_url": api.url, "supabase_service_role_key": api.service_key}
    async with running() as sandbox:
        made = Product(tmp_path, dsn, sandbox, **store)
        made.sql(MADE)
        made.sql(BACK)
        yield made


async def test_rows_become_agents_and_are_told_what_became_of_them(product: Product) -> None:
    await product.sandbox.add_number("+498999998100")
    product.insert(
        1,
        behavior_prompt="Du bist [[ kein Jinja ]] [% if %] {{system__caller_id}}.",
        documentation={"knowledge_base": [{"title": "Zeiten", "text": "Mo-Fr"}, "Parken im Hof"]},
        voice_settings={"voice_id": "Polly.Vicki", "stability": 0.4, "provider": "polly"},
        phone="+49 89 9999-8100",
        locale="de-DE",
        notify="buero@example.org",
    )
    product.insert(2, documentation={"knowledge_base": "Ein Text."}, voice_settings="cjVigY5qzO86Huf0OWal")
    product.insert(3, behavior_prompt="Sag {{vorname}} hallo.", documentation={})
    product.insert(4, behavior_prompt=" ")
    product.insert(5, active=False)

    plan = await product.plan()
    told = [str(notice) for notice in plan.notices]
    assert any("row 3: prompt: uses {{vorname}}" in one for one in told), told
    assert any("row 5: is disabled and has no agent" in one for one in told), told
    assert product.rows("elevenlabs_sync_error") == dict.fromkeys(range(1, 6)), "a plan writes nothing"

    applied = await product.sync()
    assert [str(one.error.message) for one in applied.failures] == [
        f"table {TABLE}, row 4: prompt (column behavior_prompt): is missing"
    ]
    told = product.rows("elevenlabs_agent_id", "elevenlabs_phone_number_id", "elevenlabs_sync_error")
    agents = await product.agents()
    assert {row[0] for row in told.values() if row[0]} == agents.keys()
    assert [told[n][0] is not None for n in range(1, 6)] == [True, True, True, False, False]
    assert told[1][1] is None, "the number waits for its import"
    assert told[4] == (None, None, "prompt (column behavior_prompt): is missing")
    first = agents[told[1][0]]["conversation_config"]
    assert first["agent"]["prompt"]["prompt"] == "Du bist [[ kein Jinja ]] [% if %] {{system__caller_id}}."
    assert (first["agent"]["language"], first["tts"]["voice_id"]) == ("de", "cjVigY5qzO86Huf0OWal")
    assert sorted(one["name"] for one in first["agent"]["prompt"]["knowledge_base"]) == ["Zeiten", "knowledge_base 2"]
    assert set(product.rows("updated").values()) == {0}, "writing back is no edit"

    before = product.rows("elevenlabs_synced_at", "xmin::text")
    await product.sandbox.clear_log()
    applied = await product.sync()
    assert (applied.done, await product.writes()) == ((), [])
    assert product.rows("elevenlabs_synced_at", "xmin::text") == before, "nothing to do writes nothing"

    await product.bring("+498999998100", "1")
    await product.sync()
    assert product.rows("elevenlabs_phone_number_id")[1] in (await product.sandbox.state())["numbers"]

    before = product.rows("elevenlabs_synced_at", "xmin::text")
    product.sql(f"update {TABLE} set behavior_prompt = 'Neu.' where id in (2, 4)")
    applied = await product.sync()
    assert applied.ok
    after = product.rows("elevenlabs_synced_at", "elevenlabs_sync_error")
    assert [after[n][0] != before[n][0] for n in range(1, 6)] == [False, True, False, True, False]
    assert {row[1] for row in after.values()} == {None}
    assert len(await product.agents()) == 4
