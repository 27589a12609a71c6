"""The golden set through whichever endpoint is configured: LLM_BASE_URL, LLM_MODEL, LLM_API_KEY, LLM_PRICE_IN/OUT."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Sequence
from pathlib import Path

from agentctl.calls.call import Digest
from agentctl.calls.completions import Completions, Priced, Prices
from agentctl.calls.language_model import LanguageModel
from agentctl.clients.llm import ChatCompletions
from agentctl.errors import AgentctlError, DigestError
from agentctl.settings import load_settings, require
from scripts.golden import Golden, Score, Total, load, score

AT_ONCE = 4


def digest(runs: int | None) -> int:
    """Print a line for each conversation and the ratios over all; each is digested `runs` times (default: once)."""
    try:
        settings = load_settings(Path.cwd())
        require(settings, "llm_base_url", "llm_model")
    except AgentctlError as error:
        print(f"{error.message}\n{error.hint}")
        return 2
    key = settings.llm_api_key.get_secret_value() if settings.llm_api_key else None
    client = ChatCompletions(str(settings.llm_base_url), settings.llm_model or "", key)
    prices = Prices.of(settings)
    scores = asyncio.run(examine(Priced(client, prices) if prices else client, load() * (runs or 1)))
    report(scores)
    return 1 if all(one.engine != "llm" for one in scores) else 0


async def examine(completions: Completions, goldens: Sequence[Golden]) -> list[Score]:
    """Digest each conversation and score it; one that fails scores as a digest that says nothing."""
    model, room = LanguageModel(completions), asyncio.Semaphore(AT_ONCE)

    async def one(golden: Golden) -> Score:
        async with room:
            try:
                made = await model.digest(golden.call, golden.wanted)
            except DigestError as error:
                print(f"{golden.name}: {error.message}")
                made = Digest("none", "", golden.wanted.language)
        return score(golden, made)

    return list(await asyncio.gather(*(one(golden) for golden in goldens)))


def report(scores: Sequence[Score]) -> None:
    """A table of conversations, then the ratios."""
    print(f"{'':20} items   found  dates  outcome  dropped  seconds      cost  wrong besides")
    for one in scores:
        wrong = ", ".join(name for name, right in one.fields.items() if not right and name != "outcome")
        cost = "" if one.cost is None else f"{one.cost:.6f}"
        items = f"{one.wanted}/{one.given:<5} {one.found}/{one.expected:<4} {one.due_right}/{one.due_judged:<4}"
        outcome = "right" if one.outcome else "wrong"
        print(f"{one.name:20} {items} {outcome:8} {one.dropped:7} {one.seconds or 0:8.2f} {cost:>9}  {wrong}")
    total = Total.of(scores)
    for name in ("recall", "precision", "due", "outcome", "fields"):
        ratio = getattr(total, name)
        print(f"{name:10} {'-' if ratio is None else f'{ratio:.2f}'}")
    seconds = [one.seconds for one in scores if one.seconds is not None]
    if seconds:
        print(f"seconds    {statistics.median(seconds):.2f} median, {max(seconds):.2f} at most")
    print(f"dropped    {total.dropped} items without evidence; {total.fallbacks} of {len(scores)} digests failed")
