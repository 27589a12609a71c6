"""agentctl.cli.stats_page: one file, no script, nothing of what callers or files say becomes markup."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

from agentctl.cli.stats_page import HEIGHT, WIDTH, page, volume

SPAN = (datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 22, tzinfo=UTC))
EVIL = '"><script>alert(1)</script>'


def figures(**changes: Any) -> dict[str, Any]:
    return {
        "project": "praxis", "environment": "production", "assistant": "empfang", "calls": 3, "failed": 0,
        "seconds": 120, "mean_seconds": 40, "cost_credits": 300, "cost_fiat": None, "success_rate": 0.5,
        "outcomes": {"callback": 2, "other": 1}, "days": [{"day": "2026-11-20", "calls": 3}], "answers": 9,
        "answer_ms_p50": 500, "answer_ms_p95": 1500, **changes,
    }  # fmt: skip


class Page(HTMLParser):
    """The tags of a page, and the words between them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data.strip())


def test_the_page_is_complete_in_itself_and_shows_every_figure() -> None:
    both = [figures(), figures(assistant=None, success_rate=None, answer_ms_p50=None, answer_ms_p95=None)]
    seen = Page(page({"all": figures(calls=6), "assistants": both}, SPAN))
    assert not {"script", "link", "img", "iframe"} & {tag for tag, _ in seen.tags}
    assert not [attrs for _, attrs in seen.tags if {"src", "href"} & set(attrs)]
    for word in ("empfang", "(not ours)", "all", "0.50 s", "1.50 s", "callback 2, other 1", "50%", "300 credits"):
        assert word in seen.words, word
    charts = [attrs for tag, attrs in seen.tags if tag == "svg"]
    assert all(chart.get("role") == "img" or chart.get("aria-hidden") == "true" for chart in charts)
    assert seen.words.count("2026-11-22") >= 2  # beside its bar, and in the table


def test_nothing_that_is_shown_becomes_markup() -> None:
    evil = figures(assistant=EVIL, outcomes={EVIL: 1}, project=EVIL)
    seen = Page(page({"all": evil, "assistants": [evil]}, SPAN))
    assert "script" not in {tag for tag, _ in seen.tags}
    assert EVIL in seen.words


def test_without_calls_there_is_a_page_all_the_same() -> None:
    nothing = figures(
        calls=0, seconds=0, mean_seconds=None, cost_credits=None, success_rate=None, outcomes={}, days=[],
        answers=0, answer_ms_p50=None, answer_ms_p95=None,
    )  # fmt: skip
    seen = Page(page({"all": nothing, "assistants": []}, SPAN))
    assert [tag for tag, _ in seen.tags].count("svg") == 0


def test_bars_have_room_whatever_the_span() -> None:
    for length, unit in ((10, "day"), (62, "day"), (63, "week"), (434, "week"), (435, "month"), (1200, "month")):
        first = date(2026, 11, 22) - timedelta(days=length - 1)
        days = [{"day": f"{first + timedelta(days=at)}", "calls": at + 1} for at in range(0, length, 3)]
        found, bars = volume(days, date(2026, 11, 22))
        assert found == unit
        assert sum(bar.value for bar in bars) == sum(one["calls"] for one in days)
        assert len(bars) <= 63
        assert max(bar.height for bar in bars) == HEIGHT
        assert all(bar.x >= 0 and bar.x + bar.width <= WIDTH and bar.y + bar.height == HEIGHT for bar in bars)
