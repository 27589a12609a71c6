"""agentctl.console.pages.numbers: what rings where."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator

import httpx
import psycopg
import pytest

from agentctl.verbs.numbers import number
from agentctl.wiring import connect
from tests.console import Guest, demoted, text, visited
from tests.telephony import NUMBER, QUIET, Bench, bench

__all__ = ["bench"]
pytestmark = pytest.mark.anyio


@pytest.fixture
async def guest(bench: Bench) -> AsyncIterator[Guest]:
    """Before the console of a project with one number that rings, and one that is only declared."""
    async with connect(bench.root) as control:
        await number.import_number(control, await number.look(control, NUMBER, "empfang"))
    bench.toml.write_text(bench.toml.read_text().replace(f'"{NUMBER}"', f'"{NUMBER}", "{QUIET}"'))
    async with connect(bench.root) as control, visited(control) as one:
        yield one


async def test_a_page_asks_nobody_until_it_is_there(operator: Guest, bench: Bench) -> None:
    before = len(bench.sandbox.log(0))
    page = text(await operator.see("/numbers"))
    assert "+49 89 99998100" in page
    assert "looking" in page
    assert len(bench.sandbox.log(0)) == before


async def test_each_number_has_what_both_platforms_say(operator: Guest) -> None:
    page = text(await operator.see("/numbers?look=1"))
    assert "rings ElevenLabs: rings at Empfang Twilio: hands calls over" in page
    assert f"{QUIET} is not at ElevenLabs yet agentctl import-number {QUIET} --assistant empfang" in page
    assert "ElevenLabs: not there Twilio: leads elsewhere https://demo.twilio.com/welcome/voice/" in page
    answer = await operator.http.get("/numbers.csv")
    told = {one["number"]: one for one in csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff")))}
    assert [told[f"'{one}"]["carrier"] for one in (NUMBER, QUIET)] == ["elevenlabs", "elsewhere"]


async def test_a_number_that_nobody_declares_any_more_is_still_shown_where_it_rings(
    operator: Guest, bench: Bench
) -> None:
    bench.toml.write_text(bench.toml.read_text().replace(f'"{NUMBER}", "{QUIET}"', ""))
    page = text(await operator.see("/numbers?look=1"))
    assert f"no assistant declares {NUMBER}, and it rings at empfang" in page
    assert "not declared ElevenLabs: rings at Empfang" in page
    assert QUIET not in page


async def test_a_number_is_not_said_to_be_nobodys_where_somebody_else_declares_it_or_may(
    operator: Guest, bench: Bench, dsn: str
) -> None:
    declared = bench.toml.read_text().replace(f'"{NUMBER}", "{QUIET}"', "")
    bench.toml.write_text("nmae = 1\n")
    page = text(await operator.see("/numbers?look=1"))
    assert f"what declares {NUMBER} cannot be read now" in page
    assert "unknown ElevenLabs: rings at" in page

    bench.toml.write_text(declared)
    (bench.root / "agentctl.toml").write_text('project = "beispiel"\n[source.table]\n')
    row = "insert into agentctl.declared_assistants (tenant, key, name, prompt, language, numbers) values "
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(f"{row} ('acme', 'theke', 'Theke', 'x', 'de', %s)".encode(), [[NUMBER]])
    await operator.send("/assistants/empfang/unhold", page="/numbers")  # what was asked before is asked anew
    page = text(await operator.see("/numbers?look=1"))
    assert f"{NUMBER} is declared elsewhere, and it rings at empfang" in page
    assert "declared elsewhere ElevenLabs: rings at Empfang" in page
    assert "release-number" not in page

    with psycopg.connect(dsn, autocommit=True) as connection:
        for key in ("foyer", "lager"):
            connection.execute(f"{row} ('default', %s, 'Foyer', 'x', 'de', %s)".encode(), [key, [NUMBER]])
    await operator.send("/assistants/empfang/unhold", page="/numbers")
    page = text(await operator.see("/numbers?look=1"))
    assert f"{NUMBER} is declared by another assistant too, and neither gets it" in page
    assert "not settled ElevenLabs: rings at Empfang" in page


async def test_what_was_changed_from_a_page_is_asked_for_anew(operator: Guest) -> None:
    assert f"{QUIET} is not at ElevenLabs yet" in text(await operator.see("/numbers?look=1"))
    async with operator.control.afresh() as control:
        await number.import_number(control, await number.look(control, QUIET, "empfang"))
    await operator.send("/assistants/empfang/unhold", page="/numbers")
    assert f"{QUIET} is not at ElevenLabs yet" not in text(await operator.see("/numbers?look=1"))


async def test_a_platform_that_is_away_is_told_and_the_numbers_stay(operator: Guest, bench: Bench) -> None:
    async with httpx.AsyncClient(base_url=bench.sandbox.url) as http:
        fault = {"path": "/v1/convai/phone-numbers", "status": 401, "times": 9}
        assert (await http.post("/_sandbox/faults", json=fault)).is_success
    page = await operator.see("/numbers?look=1")
    assert 'role="alert"' in page
    assert "+49 89 99998100" in page
    assert bench.sandbox.key not in page
    told = csv.DictReader(io.StringIO((await operator.see("/numbers.csv")).removeprefix("\ufeff")))
    assert ("'+498999998100", "") in [(one["number"], one["state"]) for one in told]


async def test_a_viewer_sees_what_rings_and_not_where_calls_lead(
    operator: Guest, monkeypatch: pytest.MonkeyPatch
) -> None:
    demoted("viewer", monkeypatch)
    page = text(await operator.see("/numbers?look=1"))
    assert "leads elsewhere" in page
    for hidden in ("demo.twilio.com", "agentctl import-number"):
        assert hidden not in page
        assert hidden not in (await operator.http.get("/numbers.csv")).text
