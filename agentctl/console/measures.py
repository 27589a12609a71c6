"""What is shown of figures by day: each as a drawing with its scale, and as a table. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from markupsafe import Markup

from agentctl.console import charts, view
from agentctl.console.charts import Scale
from agentctl.console.wording import Words

Figures = Mapping[str, Any]
_FEW = 7  # so many days have their names under them, all of them
_DIME = 0.1  # dollars: days that cost less than that are told to the tenth of a cent
_NOTHING: Figures = {"calls": 0, "failed": 0, "seconds": 0, "judged": 0}


@dataclass(frozen=True)
class Measure:
    """`name`: as the words have it; `ticks` from above; `parts`: what its colours are; `head`, `rows`: a table."""

    name: str
    drawing: Markup
    ticks: tuple[str, ...]
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    parts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Days:
    """Every day of a span, also one without a call. `figures`: of each."""

    days: tuple[date, ...]
    figures: tuple[Figures, ...] = field(repr=False)

    @classmethod
    def of(cls, counted: Sequence[Figures], first: date, last: date) -> Days:
        """Of what the store has counted by day."""
        known = {one["day"]: one for one in counted}
        days = tuple(first + timedelta(days=at) for at in range((last - first).days + 1))
        return cls(days, tuple(known.get(day.isoformat(), _NOTHING) for day in days))

    def values(self, of: Callable[[Figures], float | None]) -> list[float | None]:
        """One for each day."""
        return [of(one) for one in self.figures]

    def labels(self, words: Words) -> tuple[str, ...]:
        """What stands under a drawing: every day of a week, else the first, the middle and the last."""
        shown = self.days
        if len(shown) > _FEW:
            shown = (shown[0], shown[len(shown) // 2], shown[-1])
        return tuple(words.day_of_year(day) for day in shown)


def measures(days: Days, words: Words, *, costs: bool) -> list[Measure]:
    """In the order in which they are shown; what nothing is known of is left out."""
    made = [_calls(days, words), _success(days, words), _duration(days, words), _latency(days, words)]
    if costs:
        made.append(_cost(days, words))
    return [one for one in made if one is not None]


def answered(figures: Figures) -> int:
    """How many calls took place."""
    return int(figures["calls"] - figures["failed"])


def mean(figures: Figures) -> float | None:
    """Seconds of a call that took place."""
    return figures["seconds"] / answered(figures) if answered(figures) else None


def rate(figures: Figures) -> float | None:
    """The part of the judged calls that succeeded."""
    return figures["successes"] / figures["judged"] if figures["judged"] else None


def percent(part: float | None, words: Words) -> str:
    """87 %."""
    return "–" if part is None else f"{words.number(100 * part)} %"


def latency(milliseconds: float | None, words: Words) -> str:
    """0.85 s."""
    return "–" if milliseconds is None else f"{words.number(milliseconds / 1000, 2)} s"


def duration(seconds: float | None) -> str:
    """1:05."""
    return "–" if seconds is None else view.duration(seconds)


def money(figures: Figures, words: Words, digits: int = 2) -> str:
    """Money where the platform says it, with so many `digits`, else its credits."""
    if figures.get("cost_fiat") is not None:
        return view.dollars(float(figures["cost_fiat"]), words, digits)
    counted = figures.get("cost_credits")
    return "–" if counted is None else words("glance.credits", many=words.number(float(counted)))


def _calls(days: Days, words: Words) -> Measure:
    values = days.values(answered), days.values(lambda one: one["failed"])
    told = [(words.number(answered(one)), words.number(one["failed"])) for one in days.figures]
    on = charts.counting(max(one["calls"] for one in days.figures))
    draft = _Draft("calls", (words("glance.held"), words("glance.failed")), values, told, on, words.number)
    return draft.measure(days, words, charts.bars)


def _success(days: Days, words: Words) -> Measure | None:
    values = days.values(rate)
    told = [(percent(one, words),) for one in values]
    draft = _Draft("success", (words("glance.success"),), (values,), told, Scale(1.0), lambda one: percent(one, words))
    return draft.measure(days, words, charts.lines) if draft.is_known else None


def _duration(days: Days, words: Words) -> Measure | None:
    values = days.values(mean)
    told = [(duration(one),) for one in values]
    draft = _Draft("duration", (words("glance.duration"),), (values,), told, charts.lasting(_most(values)), duration)
    return draft.measure(days, words, charts.lines) if draft.is_known else None


def _latency(days: Days, words: Words) -> Measure | None:
    half, most = days.values(lambda one: one.get("answer_ms_p50")), days.values(lambda one: one.get("answer_ms_p95"))
    told = [(latency(one, words), latency(other, words)) for one, other in zip(half, most, strict=True)]
    parts, on = (words("glance.p50"), words("glance.p95")), charts.scale(_most(most))
    draft = _Draft("latency", parts, (half, most), told, on, lambda one: latency(one, words))
    return draft.measure(days, words, charts.lines) if draft.is_known else None


def _cost(days: Days, words: Words) -> Measure | None:
    unit = next((name for name in ("cost_fiat", "cost_credits") if any(one.get(name) for one in days.figures)), "")
    values = days.values(lambda one: float(one[unit]) if one.get(unit) is not None else None)
    digits = 2 if _most(values) >= _DIME else 3
    told = [(money(one, words, digits),) for one in days.figures]
    on = charts.scale(_most(values))
    draft = _Draft("cost", (words("glance.cost"),), (values,), told, on, lambda one: money({unit: one}, words, digits))
    return draft.measure(days, words, charts.bars) if draft.is_known else None


@dataclass(frozen=True)
class _Draft:
    """A measure before it is drawn. `parts` are the names of its `values`, `told` each day's values in words."""

    name: str
    parts: tuple[str, ...]
    values: Sequence[charts.Values]
    told: Sequence[tuple[str, ...]]
    on: Scale
    tick: Callable[[float], str]

    @property
    def is_known(self) -> bool:
        """Whether any day has a value."""
        return any(one is not None for values in self.values for one in values)

    def measure(self, days: Days, words: Words, draw: Callable[..., Markup]) -> Measure:
        """It, drawn."""
        names = [words.day(day) for day in days.days]
        said = [f"{day}: {self._said(row)}" for day, row in zip(names, self.told, strict=True)]
        title = words(f"glance.drawn.{self.name}", first=names[0], last=names[-1])
        return Measure(
            self.name,
            draw(self.name, title, self.values, said, self.on),
            tuple(self.tick(one) for one in self.on.ticks),
            (words("glance.day"), *self.parts),
            tuple((day, *row) for day, row in zip(names, self.told, strict=True)),
            self.parts if len(self.parts) > 1 else (),
        )

    def _said(self, row: Sequence[str]) -> str:
        return ", ".join(f"{part} {text}" for part, text in zip(self.parts, row, strict=True))


def _most(values: charts.Values) -> float:
    return max((one for one in values if one is not None), default=0.0)
