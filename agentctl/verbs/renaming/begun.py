"""Which key an assistant was given: whoever gives it again, after a run that was killed, is no stranger's typo.

Once all is done nothing else tells of the old key, and of an assistant without an agent nothing does from the first.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass

from agentctl.errors import AgentctlError
from agentctl.resources import agent
from agentctl.verbs.undertaking import Undertaking
from agentctl.wiring import Control


@dataclass(frozen=True)
class Begun:
    """The key that it was to have. Kept in the store, also after its end."""

    new: str


@asynccontextmanager
async def begun(control: Control, old: str, new: str) -> AsyncIterator[None]:
    """`old` is known to become `new`, unless what follows fails and is undone. Raises StoreError."""
    undertaking = await _of(control, old)
    await undertaking.save(asdict(Begun(new)))
    try:
        yield
    except AgentctlError:
        await undertaking.forget()
        raise


async def was_begun(control: Control, agent_id: str | None, old: str, new: str) -> bool:
    """Whether `old` was given the key `new`: by what is remembered, or since the agent of `new` has its mark still."""
    before = await (await _of(control, old)).state(Begun)
    if before is not None and before.new == new:
        return True
    kind = agent.Agent(control.api, control.scope)
    return agent_id is not None and kind.tag(old) in (await kind.read(agent_id)).body.get("tags", ())


async def _of(control: Control, old: str) -> Undertaking:
    return await Undertaking.of(control, f"rename {old}")
