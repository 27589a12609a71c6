"""What the store keeps of an assistant for the worker: whose it is, and what is done after its calls."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from agentctl.resources.assistant import Assistant
from agentctl.resources.post_call import PostCallSettings
from agentctl.sync.kind import Desired, Scope
from tests.stores import Store

pytestmark = pytest.mark.anyio
SCOPE = Scope("praxis", "production", "host")


def wanted(kind: PostCallSettings, tenant: str) -> Desired:
    """As applied: the agent has its id."""
    [desired] = kind.desired(Assistant(key="empfang", where="a row", name="Empfang", prompt="Hallo.", tenant=tenant))
    return Desired(desired.kind, desired.key, {**desired.body, "agent_id": "agent_1"}, desired.where)


async def test_an_assistant_passes_to_another_tenant_by_an_edit(store: Store) -> None:
    kind = PostCallSettings(store, SCOPE)
    acme, beta = wanted(kind, "acme"), wanted(kind, "beta")
    await kind.create(acme, acme.body)
    before = await kind.observe([acme], {"empfang": "empfang"})
    assert before["empfang"][0].body == acme.body  # created, and nothing to do
    assert {name for name, value in beta.body.items() if acme.body[name] != value} == {"tenant"}

    after = await kind.update("empfang", beta, {"tenant": "beta"})

    assert after.body == beta.body
    assert [len(one) for one in (await kind.observe([beta], {})).values()] == [1]
    await kind.delete("empfang")
    assert await kind.observe([beta], {}) == {}


@pytest.mark.parametrize("name", ["", "../acme", "a/b", "a b", "ä", ".", "x" * 129])
def test_a_tenants_name_is_fit_for_a_folder(name: str) -> None:
    with pytest.raises(ValidationError, match="must be a tenant's name"):
        Assistant(key="empfang", where="a row", name="Empfang", prompt="Hallo.", tenant=name)
