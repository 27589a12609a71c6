"""Summary and action items: by a language model of your own, else by ElevenLabs' analysis, else a labelled extract.

Each Digest says which engine made it, and in `detail` why a better one did not.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import Protocol

from agentctl.calls import due, zone
from agentctl.calls.action_items import action_items
from agentctl.calls.call import ActionItem, Call, Digest, Wanted
from agentctl.calls.completions import Completions
from agentctl.calls.event import told
from agentctl.calls.language_model import LanguageModel
from agentctl.errors import BudgetSpent, DigestError, TranscriptTooLong
from agentctl.resources.action_items import ITEM_ID
from agentctl.telemetry import figures

log = logging.getLogger(__name__)

MAX_SUMMARY = 4000  # characters
MAX_TITLE = 200
PATIENCE = 240.0  # seconds; what does an event as a whole gives up after 300
_QUOTE = 300


class Digester(Protocol):
    """Makes a Digest of a Call."""

    async def digest(self, call: Call, wanted: Wanted) -> Digest:
        """A digest as it is wanted. Raises DigestError."""
        ...


def digester(model: Completions | None = None) -> Digester:
    """The best engine for what is configured: the language model where there is one, with ElevenLabs' as fallback."""
    return WithFallback(LanguageModel(model), Analysis()) if model else Analysis()


class Analysis:
    """Engine `elevenlabs`: what the platform's own model wrote into the conversation; `extract` where it is silent.

    Its action items name no evidence: they are kept, without a quote. Their dates follow from their words alone.
    """

    async def digest(self, call: Call, wanted: Wanted) -> Digest:
        """Never raises: no request is made."""
        found = action_items(call.collected.get(ITEM_ID)) if wanted.items else ()
        items = tuple(_dated(item, call) for item in found)
        if call.summary is None:
            made = extract(call, wanted.language)
            return replace(made, action_items=items, detail={"reason": "the conversation has no analysis"})
        return Digest(
            engine="elevenlabs",
            summary=call.summary.strip()[:MAX_SUMMARY],
            title=call.title.strip()[:MAX_TITLE] if call.title else None,
            language=wanted.language,
            action_items=items,
        )


class WithFallback:
    """`first`, and where it fails or takes longer than `patience` seconds `second`, whose digest then says so; for a
    call in which nobody said a word `second` at once.
    """

    def __init__(self, first: Digester, second: Digester, *, patience: float = PATIENCE) -> None:
        self.first = first
        self.second = second
        self.patience = patience

    async def digest(self, call: Call, wanted: Wanted) -> Digest:
        """Raises DigestError only if `second` does."""
        if call.silent:  # a model would invent what it was about
            return await self.second.digest(call, wanted)
        late = False
        try:
            async with asyncio.timeout(self.patience):
                return await self.first.digest(call, wanted)
        except TimeoutError:
            late = True
            error = DigestError(f"the language model took longer than {self.patience:g} s for this call")
        except DigestError as failed:
            error = failed
        log.warning("digest of %s fell back: %s", told(call.conversation_id), error.message)
        made = await self.second.digest(call, wanted)
        reason = {"fallback_from": "llm", "error": error.message}
        kinds = {"over_budget": BudgetSpent, "too_long": TranscriptTooLong}
        known = {name: True for name, kind in kinds.items() if isinstance(error, kind)}
        figures.FALLBACKS.add(next(iter(known), "late" if late else "failed"))
        return replace(made, detail={**made.detail, **reason, **known})


def _dated(item: ActionItem, call: Call) -> ActionItem:
    found = due.resolve(item.due, zone.day_of(call.started_at, call.timezone))
    return replace(item, due_date=found.on, due_time=found.at)


def extract(call: Call, language: str) -> Digest:
    """Engine `extract`: the caller's first and last words and their count, without any model. Deterministic."""
    german = language == "de"
    words_of = (" ".join((turn.message or "").split()) for turn in call.turns if turn.role == "user")
    said = [words for words in words_of if words]
    if not call.turns:
        summary = "Zu diesem Anruf liegt kein Gesprächstext vor." if german else "This call has no transcript."
    elif not said:
        summary = "Die anrufende Person hat nichts gesagt." if german else "The caller said nothing."
    else:
        words = {"Erste Äußerung" if german else "First words": _quote(said[0], german)}
        if len(said) > 1:
            words |= {"Letzte Äußerung" if german else "Last words": _quote(said[-1], german)}
            words |= {"Äußerungen insgesamt" if german else "Contributions in all": str(len(said))}
        summary = "\n".join(f"{label}: {value}" for label, value in words.items())
    return Digest(engine="extract", summary=summary, language="de" if german else "en")


def _quote(words: str, german: bool) -> str:
    cut = words if len(words) <= _QUOTE else f"{words[:_QUOTE]} …"
    return f"„{cut}“" if german else f"“{cut}”"
