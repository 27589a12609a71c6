"""What answers cost, and a budget that holds whatever goes wrong."""

from collections.abc import Mapping
from typing import Any

import pytest

from agentctl.calls.completions import Budgeted, Completion, Completions, Priced, Prices, metered
from agentctl.calls.inbox import Store
from agentctl.errors import BudgetSpent, DigestError
from agentctl.settings import Settings

pytestmark = pytest.mark.anyio
PRICES = Prices(2.0, 8.0)  # of a million


class Server:
    """Answers with what it is given, or fails with it."""

    model = "m"

    def __init__(self, *answers: Completion | Exception) -> None:
        self.answers = list(answers)

    async def complete(self, *, system: str, user: str, schema: Mapping[str, Any], name: str) -> Completion:
        found = self.answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return found


async def ask(completions: Completions) -> Completion:
    return await completions.complete(system="s" * 1000, user="u" * 4000, schema={}, name="n")


async def left(store: Store, budget: float) -> bool:
    """Whether a ten thousandth of money is left."""
    return bool((await store.call("reserve_spending", {"amount": 0.0001, "budget": budget}))["granted"])


async def test_an_answer_has_its_price_where_its_tokens_are_known() -> None:
    priced = Priced(Server(Completion("{}", 1000, 500), Completion("{}")), PRICES)
    assert (priced.model, (await ask(priced)).cost, (await ask(priced)).cost) == ("m", 0.006, None)


async def test_the_budget_is_what_answers_cost_and_not_what_they_might_have(postgres_store: Store) -> None:
    # Each is estimated at 0.02, so that 0.1 would allow five; each costs 0.003.
    frugal = Budgeted(Priced(Server(*[Completion("{}", 500, 250)] * 40), PRICES), 0.1, postgres_store)
    made = [await ask(frugal) for _ in range(25)]
    assert {one.cost for one in made} == {0.003}
    for _ in range(2):
        await ask(frugal)
    with pytest.raises(BudgetSpent, match=r"daily budget of 0\.1"):
        await ask(frugal)
    with pytest.raises(BudgetSpent):  # nor by another worker
        await ask(Budgeted(Priced(Server(), PRICES), 0.1, postgres_store))


@pytest.mark.parametrize(
    ("outcome", "kept"),
    [
        (DigestError("away"), False),
        (DigestError("late", charged=True), True),
        (RuntimeError("killed"), True),
        (Completion("{}"), True),  # an answer whose tokens nobody counted
    ],
)
async def test_money_that_may_have_been_spent_stays_spent(
    postgres_store: Store, outcome: Completion | Exception, kept: bool
) -> None:
    frugal = Budgeted(Priced(Server(outcome), PRICES), 0.0205, postgres_store)
    if isinstance(outcome, Exception):
        with pytest.raises(type(outcome)):
            await ask(frugal)
    else:
        await ask(frugal)
    assert await left(postgres_store, 0.0205)
    assert await left(postgres_store, 0.02) is not kept


async def test_prices_and_budget_come_from_settings(postgres_store: Store) -> None:
    inner = Server()
    assert metered(Settings(), inner, postgres_store) is inner
    priced = Priced(inner, Prices(0.5, 1.5))
    assert metered(Settings(llm_price_in=0.5, llm_price_out=1.5), inner, postgres_store) == priced
    budget = Settings(llm_price_in=0.5, llm_price_out=1.5, llm_daily_budget=2)
    assert metered(budget, inner, postgres_store) == Budgeted(priced, 2, postgres_store)
