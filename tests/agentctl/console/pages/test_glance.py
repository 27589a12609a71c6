"""agentctl.console.pages.glance: what the calls come to."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agentctl.verbs.calls import audit
from tests.console import Guest, demoted, text

pytestmark = pytest.mark.anyio
HOSTILE = "<script>alert(1)</script>"


async def called(guest: Guest, name: str, days: int, **call: Any) -> None:
    moment = datetime.now(UTC) - timedelta(days=days)
    await guest.put(name, started_at=moment.isoformat(), cost_fiat=0.25, answer_ms=[800, 1200], **call)


async def cells(guest: Guest, query: str) -> list[dict[str, str]]:
    answer = await guest.http.get(f"/glance.csv?{query}")
    assert answer.headers["content-type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))


async def test_figures_are_of_the_days_and_the_assistant_that_are_asked_for(operator: Guest) -> None:
    assert "No calls in this time" in text(await operator.see("/glance"))
    await called(operator, "conv_1", 0)
    await called(operator, "conv_2", 20, assistant="praxis", successful="failure")
    await called(operator, "conv_3", 60)

    page = await operator.see("/glance")
    assert "Calls 2 Successful 50 % Mean duration 0:42 Talked 1:24" in text(page)
    assert page.count('role="img"') == 5
    assert page.count("<details><summary id=") == 5, "each has its figures as a table"
    assert "Calls 1 " in text(await operator.see("/glance?days=7"))
    assert "Calls 3 " in text(await operator.see("/glance?days=90"))
    assert "Calls 2 " in text(await operator.see("/glance?days=1e9")), "is no span"
    assert "Successful 0 %" in text(await operator.see("/glance?assistant=praxis"))
    assert "No calls in this time" in text(await operator.see("/glance?assistant=nobody"))


async def test_finished_days_are_kept_and_counted_again_once_one_of_their_calls_is_written(operator: Guest) -> None:
    await called(operator, "conv_1", 3)
    await operator.see("/glance")
    since = {"tenant": "default", "since": (datetime.now(UTC) - timedelta(days=9)).isoformat()}
    assert await (await operator.control.store()).call("keep_days", since) == {"kept": 0, "left": 0}

    await called(operator, "conv_2", 3)
    assert "Calls 2 " in text(await operator.see("/glance"))


async def test_each_table_is_one_for_a_spreadsheet(operator: Guest) -> None:
    await called(operator, "conv_1", 0)
    await called(operator, "conv_2", 1, assistant="praxis", outcome="=1+1")
    days = await cells(operator, "table=day")
    assert {(one["assistant"], one["calls"], one["cost_fiat"]) for one in days} == {
        ("empfang", "1", "0.25"),
        ("praxis", "1", "0.25"),
    }
    assert [one["assistant"] for one in await cells(operator, "table=assistant&assistant=praxis")] == ["praxis"]
    assert [one["outcome"] for one in await cells(operator, "table=outcome&assistant=praxis")] == ["'=1+1"]
    assert (await operator.http.get("/glance.csv?table=secrets")).status_code == 404
    rows = await audit.audit(operator.control)
    assert {one["action"] for one in rows if one["actor"] == "operator"} == {"export"}


async def test_what_callers_and_owners_say_is_text(operator: Guest) -> None:
    await called(operator, "conv_1", 0, assistant=HOSTILE, outcome=HOSTILE)
    page = await operator.see("/glance")
    assert "<script>alert" not in page
    assert HOSTILE in text(page)


async def test_costs_are_for_admins(operator: Guest, monkeypatch: pytest.MonkeyPatch) -> None:
    await called(operator, "conv_1", 0)
    assert "Cost $0.25" in text(await operator.see("/glance"))
    demoted("editor", monkeypatch)
    assert "Cost" not in text(await operator.see("/glance"))
    assert not [name for one in await cells(operator, "table=day") for name in one if "cost" in name]
