"""A key that somebody names and that is no longer an assistant's: it is told which one it was given.

Files of a newer checkout do not declare it any more; those of an older one do, and nothing of theirs is in use.
"""

from __future__ import annotations

from collections.abc import Collection

from agentctl.errors import UsageError
from agentctl.sync.bindings import Bindings
from agentctl.verbs.reading import read
from agentctl.verbs.renaming.begun import given
from agentctl.verbs.renaming.outdated import outdated, told
from agentctl.verbs.renaming.parting import is_one
from agentctl.verbs.renaming.recorded import must_be_learnt, must_be_newest
from agentctl.wiring import Control


async def must_be_called_so(control: Control, keys: Collection[str]) -> None:
    """Raise UsageError for one of `keys`, globs or not, that no file declares since it was given another key.

    The store is asked only where one is not declared. Raises StoreError.
    """
    declared = {one.key for one in (await read(control)).assistants}
    for key, one in (await given(control, set(keys) - declared)).items():
        if one.new not in declared:
            raise UsageError(told(key, one), "Nothing was changed.")
        since = f" on {one.on.isoformat()}" if one.on else ""
        raise UsageError(f"{key} was given the key {one.new} by agentctl rename{since}", f"Use {one.new}.")


async def must_be_current(control: Control, keys: Collection[str], bindings: Bindings | None = None) -> None:
    """Raise UsageError for one of `keys` that was given another key, and where these files are older than a rename.

    Raises StoreError.
    """
    await must_be_newest(control)
    await must_be_learnt(control)
    await must_be_called_so(control, keys)
    bindings = bindings or await control.bindings()
    older = await outdated(control, bindings, (await read(control)).assistants)
    for key in keys:
        if key in older:
            there = f"agentctl rename {key} {older[key].new}" if is_one(bindings, key, older[key].new) else ""
            raise UsageError(told(key, older[key]), f"Then there: {there}." if there else "Nothing was changed.")
