"""How much a plan may take away before somebody has to say that it is meant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from agentctl.errors import UsageError
from agentctl.sync.apply import apply
from agentctl.sync.bindings import Bindings
from agentctl.sync.kind import Scope, Traits
from agentctl.sync.plan import Plan
from agentctl.sync.planning import plan
from tests.agentctl.sync.platform import Platform, Thing

pytestmark = pytest.mark.anyio
SPECS = [
    {"key": f"desk{n}", "agent": {"name": str(n)}, "document": {"text": str(n)}, "row": {"to": "us"}} for n in range(12)
]


def kinds(platform: Platform) -> list[Any]:
    return [
        Thing("document", platform, marks=True),
        Thing("agent", platform, marks=True),
        Thing("row", platform, traits=Traits(internal=True)),
    ]


async def planned(platform: Platform, specs: Sequence[Any] = SPECS, **how: Any) -> Plan:
    return await plan(kinds(platform), specs, await Bindings(platform, Scope("p", "e", "w")).load(), **how)


@pytest.fixture
async def platform() -> Platform:
    made = Platform()
    await apply(await planned(made), kinds(made), await Bindings(made, Scope("p", "e", "w")).load())
    return made


async def test_the_documents_of_agents_do_not_make_them_fewer(platform: Platform) -> None:
    for remote in [*platform.objects["agent"].values()][:5]:
        remote["name"] = "theirs"
    found = await planned(platform)
    found.raise_if_unsafe()
    with pytest.raises(UsageError, match=r"^5 of 12 agents would be deleted or overwritten"):
        found.raise_if_unsafe(take_ours=True)


async def test_of_several_kinds_all_count_together_and_our_own_store_for_nothing(platform: Platform) -> None:
    assert (await planned(platform)).ours == {"document": 12, "agent": 12}
    for remote in platform.objects["row"].values():
        remote["to"] = "theirs"
    (await planned(platform)).raise_if_unsafe(take_ours=True)
    few = [{**spec, "document": {"text": "0"}} for spec in SPECS[:8]]
    platform.objects["agent"] = {name: {"name": "theirs"} for name in platform.objects["agent"]}
    with pytest.raises(UsageError, match="12 of 12 agents would"):
        (await planned(platform, few, prune=True)).raise_if_unsafe(take_ours=True)
    small = Platform()
    for kind in ("document", "agent"):
        small.objects[kind] = {f"desk{n}#0": {} for n in range(6)}
    with pytest.raises(UsageError, match="10 of 12 resources would"):
        (await planned(small, SPECS[:1], prune=True)).raise_if_unsafe()


async def test_what_is_found_by_its_mark_alone_is_ours_too(platform: Platform) -> None:
    platform.bindings.clear()
    for specs, count in (([], 12), (SPECS[:1], 11), ([{**SPECS[0], "key": "new"}], 12)):
        found = await planned(platform, specs, prune=True)
        with pytest.raises(UsageError, match=f"{count} of 12 documents and {count} of 12 agents would"):
            found.raise_if_unsafe()
    (await planned(platform, SPECS[:8], prune=True)).raise_if_unsafe()
