"""Files older than a rename: they declare a key that was given another one since, as a checkout does that did not pull.

A sync of them would make a second agent, and give it the numbers of the one that is in use.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from agentctl.errors import Problem
from agentctl.resources import agent
from agentctl.resources.assistant import Assistant
from agentctl.sources.written import ASSISTANTS
from agentctl.sync.bindings import Bindings
from agentctl.sync.kind import Kind
from agentctl.sync.plan import Plan, Planned
from agentctl.verbs.renaming import renamed
from agentctl.verbs.renaming.begun import Given, given
from agentctl.verbs.renaming.parting import shared
from agentctl.wiring import Control


async def outdated(control: Control, bindings: Bindings, assistants: Sequence[Assistant]) -> Mapping[str, Given]:
    """The declared keys without an agent of their own, whose agent has another key that no file here declares.

    Where the files declare both, a new assistant has taken the old key. What both keys are bound to is the new one's.
    The store is asked only where a declared key is bound to nothing, or to another's. Raises StoreError.
    """
    bound, declared = bindings.of(agent.KIND), {one.key for one in assistants}
    found = await given(control, (declared - bound.keys()) | (declared & shared(bindings)) if bound else ())
    return {
        key: one
        for key, one in found.items()
        if one.new in bound and one.new not in declared and bound.get(key, bound[one.new]) == bound[one.new]
    }


async def doubted(
    control: Control,
    plan: Planned,
    bindings: Bindings,
    kinds: Sequence[Kind[Assistant]],
    assistants: Sequence[Assistant],
) -> Planned:
    """The plan with a doubt, and a notice, about each assistant of older files, and about the end of what it became.

    And about each whose folder was renamed by hand: of the former ones that is no question. Of two that are bound to
    one agent it has nothing.
    """
    if plan.empty:
        return plan
    older = {**_misplaced(plan), **await outdated(control, bindings, assistants)}
    apart = {*older, *(one.new for one in older.values())}
    plan = renamed.doubted(plan, bindings, kinds, assistants, apart=apart)
    whose = {one.new: key for key, one in older.items()} | {key: key for key in older}
    torn = shared(bindings)
    doubts = {key: _doubt(old, older[old], torn=old in torn) for key, old in whose.items()}
    changes = [one for one in plan.changes if _assistant(one.desired.key) not in torn]
    doubtful = [replace(one, doubt=doubts.get(_assistant(one.desired.key)) or one.doubt) for one in changes]
    planned = {
        _assistant(ref.key) for ref in (*(one.desired.ref for one in doubtful), *(one.ref for one in plan.failures))
    }
    where = {one.key: one.where for one in assistants}
    notices = [Problem(where[key], doubts[key]) for key, one in older.items() if {key, one.new} & planned]
    return replace(plan, changes=tuple(doubtful), notices=(*plan.notices, *notices))


def _misplaced(plan: Plan) -> Mapping[str, Given]:
    """Where nothing is remembered of a rename, an agent that carries the mark of one key still tells of it."""
    return {ref.key: Given(holder) for ref, holder in plan.misplaced.items() if ref.kind == agent.KIND}


async def ways_back(control: Control, bindings: Bindings, declared: Sequence[Assistant]) -> Mapping[str, str]:
    """What to do about those without an agent that seem to be another's, or were given another key."""
    older = await outdated(control, bindings, declared)
    apart = {*older, *(one.new for one in older.values())}
    moved = renamed.moves(bindings, await control.kinds(bindings), declared, apart=apart).told()
    ways = {
        key: f"If its folder was renamed, keep its agent and numbers: {group.way}"
        for group in moved
        for key in group.new
    }
    return ways | {key: told(key, one) for key, one in older.items()}


def told(old: str, one: Given) -> str:
    """What is the matter, and the way out of it."""
    since = (
        f"was given the key {one.new} by agentctl rename on {one.on.isoformat()}"
        if one.on
        else (f"seems to have been given the key {one.new}, to which the agent with its mark is bound")
    )
    way = f"update the checkout (git pull, or the branch that has {ASSISTANTS}/{one.new})"
    return f"{old} {since}, so these files are older: {way}"


def _doubt(old: str, one: Given, *, torn: bool) -> str:
    if torn:
        return f"{told(old, one)}, and there: agentctl rename {old} {one.new}"
    anew = f"agentctl sync --only {old} --take-ours"
    return f"{told(old, one)}; for a new assistant {old} beside {one.new}, which gets the numbers it declares: {anew}"


def _assistant(key: str) -> str:
    return key.partition("/")[0]
