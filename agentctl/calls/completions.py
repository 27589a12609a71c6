"""What is needed of a language model, what it costs, and a budget for it that any number of workers share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from agentctl.calls.inbox import Store
from agentctl.errors import BudgetSpent, DigestError
from agentctl.settings import Settings

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

    def cost(self, tokens_in: float, tokens_out: float) -> float:
        """Of one request."""
        return (tokens_in * self.tokens_in + tokens_out * self.tokens_out) / _MILLION

    def estimate(self, system: str, user: str) -> float:
        """More than a request with these texts will cost, as far as can be told before it."""
        return self.cost((len(system) + len(user)) / _CHARACTERS_PER_TOKEN, _ANSWER_TOKENS)


class Metered:
    """`inner` with the cost of each answer, kept within `daily_budget` (None: no limit) of a day in UTC.

    The store counts: what a request may cost is taken before it is made, and put right after it.
    """

    def __init__(
        self,
        inner: Completions,
        prices: Prices | None,
        daily_budget: float | None,
        store: Store,
    ) -> None:
        self.inner = inner
        self.prices = prices
        self.daily_budget = daily_budget
        self._store = store

    @classmethod
    def of(cls, settings: Settings, inner: Completions, store: Store) -> Metered:
        """By LLM_PRICE_IN, LLM_PRICE_OUT and LLM_DAILY_BUDGET."""
        price_in, price_out = settings.llm_price_in, settings.llm_price_out
        prices = None if price_in is None or price_out is None else Prices(price_in, price_out)
        return cls(inner, prices, settings.llm_daily_budget, store)

    @property
    def model(self) -> str:
        """The model's name."""
        return self.inner.model

    async def complete(self, *, system: str, user: str, schema: Mapping[str, Any], name: str) -> Completion:
        """Raises BudgetSpent where the day's budget does not allow it, DigestError and StoreError."""
        if self.prices is None or self.daily_budget is None:
            return self._priced(await self.inner.complete(system=system, user=user, schema=schema, name=name))
        estimate = self.prices.estimate(system, user)
        reserved = await self._store.call("reserve_spending", {"amount": estimate, "budget": self.daily_budget})
        if not reserved["granted"]:
            raise BudgetSpent(f"the language model's daily budget of {self.daily_budget:g} allows no further request")
        try:
            made = self._priced(await self.inner.complete(system=system, user=user, schema=schema, name=name))
        except DigestError as error:
            if not error.charged:
                await self._settle(reserved["day"], -estimate)
            raise
        await self._settle(reserved["day"], 0.0 if made.cost is None else made.cost - estimate)
        return made

    def _priced(self, made: Completion) -> Completion:
        if self.prices is None or made.tokens_in is None or made.tokens_out is None:
            return made
        return replace(made, cost=self.prices.cost(made.tokens_in, made.tokens_out))

    async def _settle(self, day: str, amount: float) -> None:
        await self._store.call("settle_spending", {"day": day, "amount": amount})
