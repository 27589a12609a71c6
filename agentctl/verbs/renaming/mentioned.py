"""Files that name an assistant whose folder seems to have been renamed by hand: say by which command all of it is."""

from __future__ import annotations

from dataclasses import replace

from agentctl.errors import AgentctlError
from agentctl.sources.loaded import Loaded
from agentctl.verbs.renaming.outdated import outdated
from agentctl.verbs.renaming.renamed import moves
from agentctl.wiring import Control


async def hinted(control: Control, loaded: Loaded) -> Loaded:
    """What was loaded, its problems with the rename that mends them, where the likeness of what is known tells one."""
    if not any(one.names for one in loaded.problems):
        return loaded
    try:
        bindings = await control.bindings()
        older = await outdated(control, bindings, loaded.assistants)
        apart = {*older, *(one.new for one in older.values())}
        found = moves(bindings, await control.kinds(bindings), loaded.assistants, apart=apart)
    except AgentctlError:
        return loaded  # the files are what is told of here
    new = {old: key for key, old in found.matching.was.items()}
    hints = {old: f"; if its folder was renamed: agentctl rename {old} {key}" for old, key in new.items()}
    problems = (replace(one, what=f"{one.what}{hints.get(one.names, '')}") for one in loaded.problems)
    return replace(loaded, problems=tuple(problems))
