"""What is needed of a language model, what it costs, and a budget for it that any number of workers share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from agentctl.calls.inbox import Store
from agentctl.errors import BudgetSpent, DigestError
from agentctl.settings import Settings
from agentctl.telemetry import figures

# Estimates, made before a request and on the high side: tokens are three to four characters of most languages.
_CHARACTERS_PER_TOKEN = 2.5
_ANSWER_TOKENS = 2_000
_MILLION = 1_000_000


@dataclass(frozen=True)
class Completion:
    """One answer. `tokens_in`, `tokens_out`: as its server counted them; `cost`: by the prices set. None: not known."""

    text: str
    tokens_in: int | None = None
    tokens_out: int | None = None
    cost: float | None = None


class Completions(Protocol):
    """One answer to one question."""

    @property
    def model(self) -> str:
        """The model's name, for the record."""
        ...

    async def complete(self, *, system: str, user: str, schema: Mapping[str, Any], name: str) -> Completion:
        """The answer, whose text should be JSON of `schema`. Raises DigestError."""
        ...


@dataclass(frozen=True)
class Prices:
    """Per million tokens, in whatever money the budget is in."""

    tokens_in: float
    tokens_out: float

    @classmethod
    def of(cls, settings: Settings) -> Prices | None:
        """LLM_PRICE_IN and LLM_PRICE_OUT; None where they are not set."""
        price_in, price_out = settings.llm_price_in, settings.llm_price_out
        return None if price_in is None or price_out is None else cls(price_in, price_out)

    def cost(self, tokens_in: float, tokens_out: float) -> float:
        """Of one request."""
        return (tokens_in * self.tokens_in + tokens_out * self.tokens_out) / _MILLION

    def estimate(self, system: str, user: str) -> float:
        """More than a request with these texts will cost, as far as can be told before it."""
        return self.cost((len(system) + len(user)) / _CHARACTERS_PER_TOKEN, _ANSWER_TOKENS)


@dataclass(frozen=True)
class Priced:
    """`inner`, each of whose answers has its cost."""

    inner: Completions
    prices: Prices

    @property
    def model(self) -> str:
        """The model's name."""
        return self.inner.model

    async def complete(self, *, system: str, user: str, schema: Mapping[str, Any], name: str) -> Completion:
        """Raises DigestError."""
        made = await self.inner.complete(system=system, user=user, schema=schema, name=name)
        if made.tokens_in is None or made.tokens_out is None:
            return made
        cost = self.prices.cost(made.tokens_in, made.tokens_out)
        figures.LLM_COST.add(by=cost)
        return replace(made, cost=cost)


@dataclass(frozen=True)
class Budgeted:
    """`inner` within `daily` of its money for each day in UTC.

    The store counts: what a request may cost is taken before it is made, and put right after it, so that no number of
    workers spends more. What may have been charged for although nothing came of it stays spent.
    """

    inner: Priced
    daily: float
    store: Store

    @property
    def model(self) -> str:
        """The model's name."""
        return self.inner.model

    async def complete(self, *, system: str, user: str, schema: Mapping[str, Any], name: str) -> Completion:
        """Raises BudgetSpent where the day's budget does not allow it, DigestError and StoreError."""
        estimate = self.inner.prices.estimate(system, user)
        reserved = await self.store.call("reserve_spending", {"amount": estimate, "budget": self.daily})
        if not reserved["granted"]:
            raise BudgetSpent(f"the language model's daily budget of {self.daily:g} allows no further request")
        try:
            made = await self.inner.complete(system=system, user=user, schema=schema, name=name)
        except DigestError as error:
            if not error.charged:
                await self._settle(reserved["day"], -estimate)
            raise
        if made.cost is not None:
            await self._settle(reserved["day"], made.cost - estimate)
        return made

    async def _settle(self, day: str, amount: float) -> None:
        await self.store.call("settle_spending", {"day": day, "amount": amount})


def metered(settings: Settings, inner: Completions, store: Store) -> Completions:
    """`inner` with its cost and within its budget, where LLM_PRICE_IN, LLM_PRICE_OUT and LLM_DAILY_BUDGET say so."""
    prices = Prices.of(settings)
    if prices is None:
        return inner
    priced = Priced(inner, prices)
    return priced if settings.llm_daily_budget is None else Budgeted(priced, settings.llm_daily_budget, store)
