"""Have the store learn a rename that was done with another store, as files tell that have seen it."""

from __future__ import annotations

import itertools
from typing import Any

from agentctl.verbs.renaming import recorded
from agentctl.verbs.renaming.begun import begun
from agentctl.verbs.renaming.rekeyed import aside, given
from agentctl.wiring import Control


async def learn(control: Control, old: str, new: str) -> None:
    """Have the store know what another one did; nothing else is written. Whoever has NEW here makes way.

    Raises StoreError, and SyncError where the end of a create of `old` is not known.
    """
    bindings = await control.bindings()
    names: dict[str, Any] = {"project": control.scope.project, "old": old, "new": new}
    names["kinds"] = [kind.name for kind in await control.kinds(bindings)]
    bound = await (await control.store()).call("agent_keys", {"project": control.scope.project})
    if new in bound:
        place = next(key for count in itertools.count() if (key := f"{new[:50]}-before{count or ''}") not in bound)
        await aside(control, {**names, "old": new, "new": place})
    done = next(one for one in await recorded.unseen(control) if (one.old, one.new) == (old, new))
    async with begun(control, old, new):
        await given(control, {**names, "noted": recorded.noted(done)})
