"""Engine `llm`: any model behind an OpenAI-compatible endpoint, asked for JSON of one schema.

Its answer is a claim. An outcome is one of the list or none; an action item rests on words that were said, or goes;
a date is one that its words can mean; the rest is text, cut, and shown as text everywhere.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from agentctl.calls import due, evidence, wire, zone
from agentctl.calls.answer import MAX_ITEMS, SENTIMENTS, Answer, Item, read, schema
from agentctl.calls.call import ActionItem, Call, Digest, Wanted
from agentctl.calls.completions import Completion, Completions
from agentctl.calls.evidence import Spoken
from agentctl.calls.question import Question, fingerprint, merging, questions

_AT_ONCE = 4  # requests about the parts of one long call
_SHOWN = 20  # of the items that were dropped, those that are kept to be looked at


class LanguageModel:
    """Asks `completions` for what a Digest holds: once, or for a long call once for each part and once for all."""

    def __init__(self, completions: Completions) -> None:
        self.completions = completions

    async def digest(self, call: Call, wanted: Wanted) -> Digest:
        """Raises DigestError if the model cannot be asked or its answer is not of the schema."""
        asked = questions(call, wanted)
        session = _Session(self.completions, wanted)
        answers = await session.ask_all(asked)
        whole = answers[0] if len(answers) == 1 else await session.ask(merging(answers, call, wanted))
        checked = _Checked(call, wanted)
        items = checked.items([answer.action_items for answer in answers])
        return Digest(
            engine="llm",
            model=self.completions.model,
            title=whole.title,
            summary=whole.summary,
            language=wanted.language,
            outcome=checked.outcome(whole.outcome),
            sentiment=whole.sentiment if whole.sentiment in SENTIMENTS else None,
            follow_up=whole.follow_up,
            caller_name=checked.caller("caller_name", whole, answers),
            caller_number=checked.caller("caller_number", whole, answers),
            action_items=items,
            asked_sha256=fingerprint(call, wanted, asked),
            **session.account(),
            detail=wire.present(checked.detail() | {"parts": len(asked) if len(asked) > 1 else None}),
        )

    def asks(self, call: Call, wanted: Wanted) -> str:
        """What `asked_sha256` of a digest of this call would be. Raises DigestError for an endless transcript."""
        return fingerprint(call, wanted, questions(call, wanted))


class _Session:
    """All requests about one call, and what they took."""

    def __init__(self, completions: Completions, wanted: Wanted) -> None:
        self._completions = completions
        self._schema = schema(wanted.outcomes)
        self._room = asyncio.Semaphore(_AT_ONCE)
        self._made: list[Completion] = []
        self._began = time.monotonic()

    async def ask(self, question: Question) -> Answer:
        async with self._room:
            made = await self._completions.complete(
                system=question.system, user=question.user, schema=self._schema, name="call_digest"
            )
        self._made.append(made)
        return read(made.text)

    async def ask_all(self, asked: Sequence[Question]) -> list[Answer]:
        try:
            async with asyncio.TaskGroup() as group:
                asking = [group.create_task(self.ask(question)) for question in asked]
        except ExceptionGroup as several:
            raise several.exceptions[0] from None
        return [task.result() for task in asking]

    def account(self) -> dict[str, Any]:
        """Tokens, cost and seconds; None for what one of the answers did not tell."""
        columns = {name: [getattr(made, name) for made in self._made] for name in ("tokens_in", "tokens_out", "cost")}
        sums = {name: None if None in found else sum(found) for name, found in columns.items()}
        return sums | {"seconds": round(time.monotonic() - self._began, 3)}


@dataclass
class _Checked:
    """What of a model's claims holds, and what was dropped or put right."""

    call: Call
    wanted: Wanted
    spoken: Spoken = field(init=False)
    dropped: list[str] = field(default_factory=list)
    unproven: list[str] = field(default_factory=list)
    verdicts: dict[str, int] = field(default_factory=dict)
    left_out: int = 0

    def __post_init__(self) -> None:
        self.spoken = Spoken.of(self.call.turns)

    def outcome(self, claimed: str | None) -> str | None:
        """One of the list, whatever its case; `other`, if the list has it, for anything else that was claimed."""
        known = {outcome.casefold(): outcome for outcome in self.wanted.outcomes}
        return known.get((claimed or "").casefold(), known.get("other") if claimed else None)

    def caller(self, name: str, whole: Answer, parts: Sequence[Answer]) -> str | None:
        """The first claim that was said in the call; a number may also be the one that was seen."""
        claims = [found for answer in (whole, *parts) if (found := getattr(answer, name))]
        shown = next((claim for claim in claims if self._said(name, claim)), None)
        if claims and shown is None:
            self.unproven.append(name)
        return shown

    def _said(self, name: str, claim: str) -> bool:
        if name == "caller_name":
            return self.spoken.names(claim)
        seen = self.call.external_number
        digits = ["".join(filter(str.isdigit, number or "")) for number in (claim, seen)]
        return self.spoken.numbers(claim) or (bool(digits[0]) and digits[0] == digits[1])

    def items(self, claimed: Iterable[Sequence[Item]]) -> tuple[ActionItem, ...]:
        """Those that rest on what was said, each once; the parts of a long call overlap."""
        kept: list[ActionItem] = []
        for part in claimed if self.wanted.items else ():
            before = tuple(kept)
            for item in part:
                turn = self.spoken.turn_of(item.quote, item.turn)
                if turn is None:
                    self.dropped.append(item.what)
                elif not _known(item, turn, kept, before):
                    kept.append(self._item(item, turn))
        self.left_out = len(kept[MAX_ITEMS:])
        return tuple(kept[:MAX_ITEMS])

    def _item(self, item: Item, turn: int) -> ActionItem:
        day = zone.day_of(self.call.started_at, self.call.timezone)
        found = due.resolve(item.due, day, item.due_date, item.due_time)
        for verdict in (found.verdict, found.at_verdict):
            self.verdicts[verdict] = self.verdicts.get(verdict, 0) + 1
        return ActionItem(item.what, item.who, item.due, found.on, found.at, item.quote, turn)

    def detail(self) -> dict[str, Any]:
        """What did not hold, for people to see."""
        dates = {verdict: self.verdicts[verdict] for verdict in ("corrected", "dropped") if verdict in self.verdicts}
        return {
            "dropped": {"count": len(self.dropped), "items": self.dropped[:_SHOWN]} if self.dropped else None,
            "left_out": self.left_out or None,
            "dates": dates,
            "unproven": self.unproven,
        }


def _known(item: Item, turn: int, kept: Sequence[ActionItem], before: Sequence[ActionItem]) -> bool:
    """Whether it is there already: in the same words, or, from a part `before`, by the same evidence."""
    if any(evidence.same(item.what, other.what) for other in kept):
        return True
    return any(turn == other.turn and evidence.same(item.quote or "", other.quote or "") for other in before)
