"""One agent that two keys are bound to: a sync of older files took back what was renamed, as early versions let it.

By the bindings nobody can tell whose it is, so nothing of either is written until somebody gives the old key once more.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from agentctl.errors import Ambiguous
from agentctl.resources import agent
from agentctl.sync.bindings import Bindings
from agentctl.sync.claims import of_two
from agentctl.sync.kind import Kind, Ref
from agentctl.verbs.renaming.begun import begun
from agentctl.wiring import Control


def shared(bindings: Bindings) -> set[str]:
    """The keys of assistants that are bound to one agent with another."""
    bound = bindings.of(agent.KIND)
    holders = Counter(bound.values())
    return {key for key, agent_id in bound.items() if holders[agent_id] > 1}


def is_one(bindings: Bindings, old: str, new: str) -> bool:
    """Whether both keys are bound to the same agent."""
    bound = bindings.of(agent.KIND)
    return old in bound and bound[old] == bound.get(new)


def torn(bindings: Bindings, key: str) -> Ambiguous | None:
    """Why nothing may lead to the agent of `key`, where another key is bound to it too."""
    bound = bindings.of(agent.KIND)
    others = [one for one, agent_id in bound.items() if agent_id == bound.get(key) and one != key]
    return of_two(Ref(agent.KIND, key), bound[key], others[0]) if others else None


async def parted(control: Control, old: str, new: str) -> bool:
    """Leave the agent that is bound to both to `new`. False, and nothing is done, where they have none in common.

    What `old` has besides is declared no longer, as anything else: a prune deletes it. Raises StoreError.
    """
    bindings = await control.bindings()
    if not is_one(bindings, old, new):
        return False
    async with begun(control, old, new):
        for kind in await control.kinds(bindings):
            await _let_go(kind, bindings, old, new)
    return True


async def _let_go(kind: Kind[Any], bindings: Bindings, old: str, new: str) -> None:
    for key, remote_id in bindings.of(kind.name).items():
        if not f"{key}/".startswith(f"{old}/"):
            continue
        if bindings.get(Ref(kind.name, f"{new}{key.removeprefix(old)}")) == remote_id:
            await bindings.unbind(Ref(kind.name, key))
        elif kind.traits.internal:  # whose calls these are is asked by the agent, so it has one answer
            await kind.delete(remote_id)
            await bindings.unbind(Ref(kind.name, key))
