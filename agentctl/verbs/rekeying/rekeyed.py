"""Have the store know what belongs to an assistant under another key, in every environment of the project at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentctl.errors import SyncError
from agentctl.resources.assistant import Assistant
from agentctl.verbs.renaming.cut_off import pending
from agentctl.verbs.revisions.history import restored
from agentctl.wiring import Control


async def given(control: Control, names: Mapping[str, Any]) -> None:
    """What is `old`'s is `new`'s. `names`: these, the project, the `kinds`, and what is `kept`.

    Raises SyncError, and nothing is done, where the new key is another agent's, or the end of a create is not known.
    """
    told = await (await control.store()).call("rename", names)
    if told["begun"]:
        raise pending(told["begun"], control.scope.environment)
    if told["taken"]:
        raise taken(names["new"], "an agent of another environment", "--env ENVIRONMENT ")


async def aside(control: Control, names: Mapping[str, Any]) -> list[Assistant]:
    """Give what NEW was a key that no file declares, and tell how it was, where its last revision can be read."""
    await given(control, names)
    try:
        return [await restored(control, names["new"], None)]
    except SyncError:
        return []  # known by its binding all the same


def taken(new: str, whose: str, where: str = "") -> SyncError:
    """Why the key cannot be given. `where`: what comes before the command that ends that."""
    hint = f"Prune it there first (agentctl {where}sync --prune), or choose another key."
    return SyncError(f"{new} is bound to {whose}", hint)
