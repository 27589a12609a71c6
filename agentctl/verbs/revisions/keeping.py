"""Steps of agentctl's own that write files: what is held before such a step is held after it.

Only an edit of somebody's ends a hold. While the step writes, the holds in force are open: whatever the source says,
they stay. At its end each takes the digest of the source as it is now. Cut off in between, the next sync does that.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from agentctl.errors import AgentctlError
from agentctl.verbs.reading import read
from agentctl.verbs.revisions.history import digest
from agentctl.verbs.revisions.hold import hold, holds, open_hold
from agentctl.wiring import Control


@asynccontextmanager
async def keeping(control: Control) -> AsyncIterator[None]:
    """Write files within, under the lease of the project; after it `control.loaded` is as they are then.

    A hold that has ended by somebody's edit before stays so. Raises StoreError, and what is raised within.
    """
    standing = await holds(control)
    if not standing:
        yield
        return
    sources = {one.key: one for one in (await read(control, again=True)).assistants}
    for one in standing:
        source = sources.get(one.key)
        if source is not None and not one.is_open and one.digest == digest(source, control.scope):
            await open_hold(control, one)
    try:
        yield
    except AgentctlError:
        with suppress(AgentctlError):  # What went wrong first is told; the next sync closes them.
            await close(control, again=True)
        raise
    await close(control, again=True)


async def close(control: Control, *, again: bool = False) -> None:
    """Give each open hold the digest of its source; `again`: as the files are now. One without a source stays open."""
    waiting = [one for one in await holds(control) if one.is_open]
    if not waiting and not again:
        return
    sources = {one.key: one for one in (await read(control, again=again)).assistants}
    for one in waiting:
        if one.key in sources:
            await hold(control, one.key, one.revision, digest(sources[one.key], control.scope))
