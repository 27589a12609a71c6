"""What calls come to, as one page without scripts: the server draws the charts, each with its figures as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from agentctl.cli import render_stats

WIDTH, HEIGHT = 720, 180  # of the chart over time, in its own units
_MOST_BARS = 62


@dataclass(frozen=True)
class Bar:
    """One bar: where it stands, and what it says."""

    label: str
    value: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Share:
    """One line of horizontal bars: parts of 100, for as many values as the chart compares."""

    label: str
    values: Sequence[tuple[str, float]]


def page(counted: Mapping[str, Any], span: tuple[datetime, datetime]) -> str:
    """The page. `span`: the time that was counted."""
    everyone = counted["assistants"]
    names = [render_stats.name_of(one, everyone) for one in everyone]
    unit, bars = volume(counted["all"]["days"], span[1].date())
    return (
        _templates()
        .get_template("page.html.j2")
        .render(
            began=f"{span[0].astimezone():%Y-%m-%d %H:%M}",
            ended=f"{span[1].astimezone():%Y-%m-%d %H:%M}",
            all=counted["all"],
            show=render_stats,
            head=render_stats.HEAD,
            rows=list(render_stats.rows(counted)),
            unit=unit,
            bars=bars,
            width=WIDTH,
            height=HEIGHT,
            latencies=_latencies(names, everyone),
            outcomes=_outcomes(counted["all"]),
        )
    )


def volume(days: Sequence[Mapping[str, Any]], last: date) -> tuple[str, list[Bar]]:
    """Calls per day from the first one to `last`; per week or month where days would be too many bars."""
    counts = {date.fromisoformat(one["day"]): one["calls"] for one in days}
    if not counts:
        return "day", []
    first = min(counts)
    unit, begins = _unit((max(last, *counts) - first).days + 1)
    sums: dict[date, int] = {}
    for offset in range((max(last, *counts) - first).days + 1):
        day = first + timedelta(days=offset)
        start = begins(day)
        sums[start] = sums.get(start, 0) + counts.get(day, 0)
    highest, room = max(sums.values()), WIDTH / len(sums)
    return unit, [
        Bar(f"{start}", many, at * room + room * 0.1, HEIGHT - (tall := HEIGHT * many / highest), room * 0.8, tall)
        for at, (start, many) in enumerate(sums.items())
    ]


def _unit(days: int) -> tuple[str, Any]:
    if days <= _MOST_BARS:
        return "day", lambda day: day
    if days <= 7 * _MOST_BARS:
        return "week", lambda day: day - timedelta(days=day.weekday())
    return "month", lambda day: day.replace(day=1)


def _latencies(names: Sequence[str], everyone: Sequence[Mapping[str, Any]]) -> list[Share]:
    measured = [(name, one) for name, one in zip(names, everyone, strict=True) if one["answer_ms_p95"] is not None]
    longest = max((one["answer_ms_p95"] for _, one in measured), default=0) or 1
    return [
        Share(
            name,
            [
                (render_stats.latency(one[f"answer_ms_{which}"]), 100 * one[f"answer_ms_{which}"] / longest)
                for which in ("p50", "p95")
            ],
        )
        for name, one in measured
    ]


def _outcomes(figures: Mapping[str, Any]) -> list[Share]:
    ranked = sorted(figures["outcomes"].items(), key=lambda pair: (-pair[1], pair[0]))
    most = ranked[0][1] if ranked else 1
    return [Share(name, [(f"{many:,}", 100 * many / most)]) for name, many in ranked]


def _templates() -> Environment:
    folder = Path(__file__).parent.parent / "templates" / "stats"
    return Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
