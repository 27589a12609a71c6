"""What the calls come to: drawn by day, by assistant, by outcome; each of it as a table of cells, too."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from starlette.responses import Response

from agentctl.console import charts, measures
from agentctl.console.acting import acting
from agentctl.console.measures import Days, Figures
from agentctl.console.page import Page
from agentctl.console.pages.calls import named
from agentctl.console.tables import sent, table
from agentctl.console.visit import Refused, Visit
from agentctl.verbs.calls import audit

SPANS = (7, 30, 90)
_USUAL = 30
_SECONDS = 60.0  # a quarter of a million calls take the store some seconds
_COUNTED = ("calls", "failed", "seconds", "successes", "judged", "answer_ms_p50", "answer_ms_p95")
_COSTS = ("cost_credits", "cost_fiat")


@dataclass(frozen=True)
class Asked:
    """The last `span` days until `last`, of one assistant or all."""

    span: int
    last: date
    assistant: str = ""

    @property
    def first(self) -> date:
        """The first of those days."""
        return self.last - timedelta(days=self.span - 1)

    @classmethod
    def of(cls, visit: Visit) -> Asked:
        """What the address asks for; the usual span for what is none."""
        query = visit.request.query_params
        told = query.get("days", "")
        span = next((one for one in SPANS if told == str(one)), _USUAL)
        return cls(span, datetime.now(visit.zone).date(), query.get("assistant", "").strip()[:200])

    @property
    def query(self) -> dict[str, Any]:
        """The same as an address has it."""
        return {"days": self.span if self.span != _USUAL else None, "assistant": self.assistant}


async def glance(visit: Visit) -> Response:
    """Drawings with their tables, the assistants beside each other, and how calls ended."""
    asked = Asked.of(visit)
    found, names = await _counted(visit, asked), dict(await named(visit))
    return await asyncio.to_thread(_drawn, visit, asked, found, names)


def _drawn(visit: Visit, asked: Asked, found: Figures, names: Mapping[str, str]) -> Response:
    days = _days(asked, found["all"])
    return visit.show(
        "glance.html.j2",
        asked=asked,
        spans=SPANS,
        all=found["all"],
        measures=measures.measures(days, visit.words, costs=visit.may("admin")) if found["all"]["calls"] else [],
        labels=days.labels(visit.words),
        each=len(days.labels(visit.words)) == len(days.days),
        assistants=[_Line.of(one, found["assistants"], names, asked) for one in found["assistants"]],
        outcomes=_outcomes(found["all"]),
        choices=list(names.items()),
        show=measures,
        share=charts.share,
    )


@dataclass(frozen=True)
class _Line:
    """One assistant. `drawn`: its calls by day."""

    key: str
    name: str
    figures: Figures
    drawn: Any

    @classmethod
    def of(cls, one: Figures, among: Sequence[Figures], names: Mapping[str, str], asked: Asked) -> _Line:
        key = one["assistant"] or ""
        homes = {(other["project"], other["environment"]) for other in among if other["assistant"] == one["assistant"]}
        home = f" ({one['project']}/{one['environment']})" if len(homes) > 1 else ""
        values = _days(asked, one).values(lambda day: day["calls"])
        return cls(key, f"{names.get(key, key)}{home}", one, charts.spark(values))


async def exported(visit: Visit) -> Response:
    """One of those tables for a spreadsheet, with plain numbers."""
    asked, which = Asked.of(visit), visit.request.query_params.get("table", "")
    if which not in _TABLES:
        raise Refused(404, "refused.absent")
    found = await _counted(visit, asked)
    async with acting(visit) as control:
        subject = audit.asked(assistant=asked.assistant, since=asked.first)
        await audit.note(control, "export", asked=subject, what=which, format="csv")
    head, rows = _TABLES[which](found, _COUNTED + (_COSTS if visit.may("admin") else ()))
    return table(f"calls-by-{which}", head, sent(rows))


def _by_day(found: Figures, columns: Sequence[str]) -> tuple[Sequence[str], Iterable[Sequence[object]]]:
    rows = (
        (day["day"], *(one[name] for name in _WHOSE), *(day.get(name) for name in columns))
        for one in found["assistants"]
        for day in one["days"] or ()
    )
    return ("day", *_WHOSE, *columns), rows


def _by_assistant(found: Figures, columns: Sequence[str]) -> tuple[Sequence[str], Iterable[Sequence[object]]]:
    names = (*_WHOSE, *columns)
    return names, ([one.get(name) for name in names] for one in found["assistants"])


def _by_outcome(found: Figures, columns: Sequence[str]) -> tuple[Sequence[str], Iterable[Sequence[object]]]:
    rows = (
        (*(one[name] for name in _WHOSE), outcome, many)
        for one in found["assistants"]
        for outcome, many in sorted(one["outcomes"].items(), key=lambda pair: (-pair[1], pair[0]))
    )
    return (*_WHOSE, "outcome", "calls"), rows


_WHOSE = ("project", "environment", "assistant")
_TABLES = {"day": _by_day, "assistant": _by_assistant, "outcome": _by_outcome}


async def _counted(visit: Visit, asked: Asked) -> Any:
    """What the store says of those days, as they are where the project is."""
    since = datetime.combine(asked.first, time(), visit.zone).isoformat()
    only = {"assistant": asked.assistant} if asked.assistant else {}
    async with visit.desk.counting:
        return await visit.ask("counts", {"since": since, "zone": str(visit.zone), **only}, timeout=_SECONDS)


def _days(asked: Asked, figures: Figures) -> Days:
    return Days.of(figures["days"] or (), asked.first, asked.last)


def _outcomes(figures: Figures) -> list[tuple[str, int, float]]:
    """Each with how many calls ended so, and what part of all that have an outcome."""
    every = sum(figures["outcomes"].values())
    ranked = sorted(figures["outcomes"].items(), key=lambda pair: (-pair[1], pair[0]))
    return [(name, many, many / every) for name, many in ranked]


PAGES = (Page("/glance", glance), Page("/glance.csv", exported))
