"""The store in memory keeps the contract of the real ones, or what is proved over it proves nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.agentctl.clients.store import test_contract_sync as sync
from tests.agentctl.clients.store import test_contract_trust as trust
from tests.memory import MemoryStore

pytestmark = pytest.mark.anyio

CONTRACT: tuple[Callable[[Any], Awaitable[None]], ...] = (
    sync.test_a_binding_is_made_changed_and_removed,
    sync.test_a_binding_is_not_written_by_whoever_does_not_know_it_as_it_is,
    sync.test_an_assistant_is_saved_listed_and_removed,
    sync.test_the_first_route_saved_is_kept_until_it_is_forgotten,
    sync.test_a_saved_route_is_handed_over_only_as_it_was_seen,
    trust.test_an_intent_keeps_its_first_time_until_it_is_forgotten,
    trust.test_an_intent_is_fulfilled_by_the_binding_of_the_same_name_only,
    trust.test_an_intent_tells_what_is_bound_already,
    trust.test_a_refused_binding_leaves_the_intent,
    trust.test_bindings_tell_since_when,
    trust.test_of_many_that_ask_at_once_one_holds_the_lease,
    trust.test_a_holder_extends_its_lease_and_keeps_since,
    trust.test_a_stranger_neither_renews_nor_releases,
    trust.test_an_expired_lease_goes_to_whoever_asks_first,
    trust.test_a_late_holder_keeps_a_lease_that_nobody_wanted,
    trust.test_leases_of_other_names_and_tenants_are_free,
)


@pytest.mark.parametrize("promise", CONTRACT, ids=lambda promise: promise.__name__.removeprefix("test_"))
async def test_the_store_in_memory_keeps_the_contract(promise: Callable[[Any], Awaitable[None]]) -> None:
    await promise(MemoryStore())


@pytest.mark.parametrize("part", ["project", "environment", "workspace"])
async def test_an_id_means_nothing_elsewhere(part: str) -> None:
    await sync.test_an_id_means_nothing_elsewhere(MemoryStore(), part)
