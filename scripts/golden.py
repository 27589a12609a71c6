"""How good digests are: conversations of our own in tests/samples/golden, each with what a digest of it has to say.

An item is right if it rests on one of the turns that tell of it and has one of the words by which it can be known. What
is optional costs nothing, there or not.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from agentctl.calls.call import ActionItem, Call, Digest, Turn, Wanted

FOLDER = Path(__file__).parents[1] / "tests" / "samples" / "golden"


@dataclass(frozen=True)
class Expected:
    """An item. `dates`: any of them is right, None being no date; empty: not judged. `at`: None is not judged."""

    words: tuple[str, ...]
    turns: tuple[int, ...]
    dates: tuple[date | None, ...] = ()
    at: time | None = None
    optional: bool = False

    def meets(self, item: ActionItem) -> bool:
        """Whether `item` is this one."""
        said = f"{item.what} {item.quote or ''}".casefold()
        return item.turn in self.turns and any(word.casefold() in said for word in self.words)

    def due_right(self, item: ActionItem) -> bool | None:
        """Whether its date, and its time where one is expected, are right; None: not judged."""
        if not self.dates:
            return None
        return item.due_date in self.dates and self.at in (None, item.due_time)


@dataclass(frozen=True)
class Golden:
    """One conversation and what is expected of its digest; `fields`: name -> the values that are right."""

    name: str
    call: Call
    wanted: Wanted
    items: tuple[Expected, ...]
    fields: Mapping[str, tuple[Any, ...]]


@dataclass(frozen=True)
class Score:
    """What is right of how much. `found` of `expected` items, `given` in all, of which `right` or optional are due."""

    name: str
    engine: str
    expected: int
    found: int
    given: int
    wanted: int
    due_judged: int
    due_right: int
    fields: Mapping[str, bool]
    dropped: int
    seconds: float | None
    cost: float | None

    @property
    def outcome(self) -> bool:
        """Whether the call came to what is expected."""
        return self.fields["outcome"]


def load(folder: Path = FOLDER) -> list[Golden]:
    """All conversations of the folder, by name."""
    return [_golden(path.stem, tomllib.loads(path.read_text("utf-8"))) for path in sorted(folder.glob("*.toml"))]


def score(golden: Golden, digest: Digest) -> Score:
    """Compare a digest with what is expected."""
    left = list(golden.items)
    pairs: list[tuple[Expected, ActionItem]] = []
    for item in digest.action_items:
        # A required one first: an optional one may be told in the same turn.
        met = min((one for one in left if one.meets(item)), key=lambda one: one.optional, default=None)
        if met is not None:
            left.remove(met)
            pairs.append((met, item))
    judged = [right for met, item in pairs if (right := met.due_right(item)) is not None]
    return Score(
        name=golden.name,
        engine=digest.engine,
        expected=sum(not one.optional for one in golden.items),
        found=sum(not met.optional for met, _ in pairs),
        given=len(digest.action_items),
        wanted=len(pairs),
        due_judged=len(judged),
        due_right=sum(judged),
        fields={name: _plain(getattr(digest, name)) in values for name, values in golden.fields.items()},
        dropped=(digest.detail.get("dropped") or {}).get("count", 0),
        seconds=digest.seconds,
        cost=digest.cost,
    )


@dataclass(frozen=True)
class Total:
    """Ratios over all conversations, from 0 to 1; None where nothing was judged."""

    recall: float | None
    precision: float | None
    due: float | None
    outcome: float | None
    fields: float | None
    dropped: int
    fallbacks: int

    @classmethod
    def of(cls, scores: Sequence[Score]) -> Total:
        """Each item counts the same, whichever conversation it is of."""
        others = [right for one in scores for name, right in one.fields.items() if name != "outcome"]
        return cls(
            recall=_ratio(sum(one.found for one in scores), sum(one.expected for one in scores)),
            precision=_ratio(sum(one.wanted for one in scores), sum(one.given for one in scores)),
            due=_ratio(sum(one.due_right for one in scores), sum(one.due_judged for one in scores)),
            outcome=_ratio(sum(one.outcome for one in scores), len(scores)),
            fields=_ratio(sum(others), len(others)),
            dropped=sum(one.dropped for one in scores),
            fallbacks=sum(one.engine != "llm" for one in scores),
        )


def _golden(name: str, table: Mapping[str, Any]) -> Golden:
    expected = dict(table["expected"])
    items = tuple(_expected(item) for item in expected.pop("items", ()))
    began: datetime = table["began"]
    turns = tuple(Turn(position, role, said) for position, (role, said) in enumerate(table["turns"]))
    call = Call(name, "done", channel="phone", started_at=began, timezone=table["timezone"], turns=turns)
    fields = {key: tuple(_plain(one) for one in _several(value)) for key, value in expected.items()}
    return Golden(name, call, Wanted(table["language"]), items, fields)


def _expected(item: Mapping[str, Any]) -> Expected:
    dates = tuple(one or None for one in _several(item["due_date"])) if "due_date" in item else ()
    at = item.get("due_time")
    return Expected(tuple(item["words"]), tuple(item["turns"]), dates, at, item.get("optional", False))


def _several(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list) else [value]


def _plain(value: Any) -> Any:
    """A name in any case; of a number its digits, with 0 for a German country code."""
    if not isinstance(value, str):
        return value
    digits = "".join(filter(str.isdigit, value))
    return f"0{digits[2:]}" if value.startswith("+49") else digits if len(digits) > 5 else value.casefold()


def _ratio(right: int, judged: int) -> float | None:
    return right / judged if judged else None
