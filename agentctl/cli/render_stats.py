"""What calls come to, as a table for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from agentctl.cli.render_call import line, table

Figures = Mapping[str, Any]

HEAD = ("ASSISTANT", "CALLS", "FAILED", "TALKED", "MEAN", "COST", "SUCCESS", "P50", "P95", "OUTCOMES")


def table_text(counted: Mapping[str, Any]) -> str:
    """One line per assistant, and one for all of them where there are several."""
    return table(HEAD, [tuple(cells) for cells in rows(counted)])


def rows(counted: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """The cells of that table."""
    several = len(counted["assistants"]) > 1
    names = [(name_of(one, counted["assistants"]), one) for one in counted["assistants"]]
    for name, one in [*names, ("all", counted["all"])] if several or not names else names:
        yield (
            name,
            f"{one['calls']:,}",
            f"{one['failed']:,}",
            length(one["seconds"]),
            length(one["mean_seconds"]),
            cost(one),
            "-" if one["success_rate"] is None else f"{one['success_rate']:.0%}",
            latency(one["answer_ms_p50"]),
            latency(one["answer_ms_p95"]),
            outcomes(one),
        )


def name_of(one: Figures, among: list[Figures]) -> str:
    """The assistant's key, with what else it takes to tell it from the others."""
    key = line(one["assistant"] or "(not ours)")
    places = {(other["project"], other["environment"]) for other in among if other["assistant"] == one["assistant"]}
    if len(places) == 1:
        return key
    return f"{key} ({line(one['project'])}/{line(one['environment'])})"


def length(seconds: float | None) -> str:
    """3905 -> 1:05:05, 65 -> 1:05."""
    if seconds is None:
        return "-"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"


def latency(milliseconds: float | None) -> str:
    """850 -> 0.85 s."""
    return "-" if milliseconds is None else f"{milliseconds / 1000:.2f} s"


def cost(one: Figures) -> str:
    """Money where the platform says it, else its credits."""
    if one["cost_fiat"] is not None:
        return f"{one['cost_fiat']:,.2f}"
    return "-" if one["cost_credits"] is None else f"{one['cost_credits']:,.0f} credits"


def outcomes(one: Figures) -> str:
    """The most frequent first."""
    ranked = sorted(one["outcomes"].items(), key=lambda pair: (-pair[1], pair[0]))
    return ", ".join(f"{line(name)} {many:,}" for name, many in ranked) or "-"
