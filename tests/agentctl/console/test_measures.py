"""agentctl.console.measures: figures by day, drawn and as tables, in the reader's language."""

from __future__ import annotations

from datetime import date
from typing import Any

from agentctl.console.measures import Days, measures
from agentctl.console.wording import words

FIRST, LAST = date(2026, 11, 20), date(2026, 11, 22)


def day(name: str, **figures: Any) -> dict[str, Any]:
    nothing = {"answer_ms_p50": None, "answer_ms_p95": None, "cost_credits": None, "cost_fiat": None}
    return {"day": name, "calls": 4, "failed": 1, "seconds": 195, "successes": 2, "judged": 3, **nothing, **figures}


def rows(*days: dict[str, Any], language: str = "en", costs: bool = True) -> dict[str, tuple[tuple[str, ...], ...]]:
    made = measures(Days.of(days, FIRST, LAST), words(language), costs=costs)
    return {one.name: one.rows for one in made}


def test_every_day_has_a_row_also_one_without_a_call() -> None:
    told = rows(
        day("2026-11-20", answer_ms_p50=850, answer_ms_p95=1450, cost_fiat=1.5), day("2026-11-22", cost_fiat=0.055)
    )
    assert told["calls"] == (("20 Nov 2026", "3", "1"), ("21 Nov 2026", "0", "0"), ("22 Nov 2026", "3", "1"))
    assert told["success"][:2] == (("20 Nov 2026", "67 %"), ("21 Nov 2026", "–"))
    assert told["duration"][0] == ("20 Nov 2026", "1:05"), "what never took place has no duration"
    assert told["latency"][0] == ("20 Nov 2026", "0.85 s", "1.45 s")
    assert told["cost"] == (("20 Nov 2026", "$1.50"), ("21 Nov 2026", "–"), ("22 Nov 2026", "$0.06"))


def test_a_reader_has_their_own_marks() -> None:
    told = rows(day("2026-11-20", answer_ms_p50=850, answer_ms_p95=1450, cost_credits=1200), language="de")
    assert told["latency"][0] == ("20.11.2026", "0,85 s", "1,45 s")
    assert told["cost"][0] == ("20.11.2026", "1.200 Credits")


def test_what_nobody_knows_or_may_know_is_left_out() -> None:
    assert list(rows(day("2026-11-20", judged=0, successes=0))) == ["calls", "duration"]
    assert "cost" not in rows(day("2026-11-20", cost_fiat=1.5), costs=False)


def test_a_week_has_all_its_days_under_a_drawing_and_a_quarter_three() -> None:
    english = words("en")
    assert Days.of([], FIRST, LAST).labels(english) == ("20 Nov", "21 Nov", "22 Nov")
    assert Days.of([], date(2026, 8, 26), LAST).labels(english) == ("26 Aug", "9 Oct", "22 Nov")
