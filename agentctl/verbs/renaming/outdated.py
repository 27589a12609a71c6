"""Files older than a rename: they declare a key that was given another one since, as a checkout does that did not pull.

A sync of them would make a second agent, and give it the numbers of the one that is in use.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import replace

from agentctl.errors import Problem
from agentctl.resources import agent, phone_number
from agentctl.resources.assistant import Assistant
from agentctl.sources.files import ASSISTANTS
from agentctl.sync.bindings import Bindings
from agentctl.sync.kind import Desired, Kind, Ref
from agentctl.sync.plan import Plan, Planned, refs
from agentctl.verbs.renaming import cut_off, renamed
from agentctl.verbs.renaming.begun import Given, given
from agentctl.verbs.renaming.parting import shared
from agentctl.wiring import Control


async def outdated(control: Control, bindings: Bindings, assistants: Sequence[Assistant]) -> Mapping[str, Given]:
    """The declared keys that were given away, of which no file here declares the key that their agent has by now.

    Where the files declare both, a new assistant has taken the old key. One that has an agent of its own, since newer
    files have such a new assistant, is none of these where a folder that was renamed by hand is what the other became.
    The store is asked only where something that is bound is not declared. Raises StoreError.
    """
    bound, declared = bindings.of(agent.KIND), {one.key for one in assistants}
    found = await given(control, declared) if bound.keys() - declared else {}
    older = {key: one for key, one in found.items() if one.new in bound and one.new not in declared}
    own = {key for key, one in older.items() if bound.get(key, bound[one.new]) != bound[one.new]}
    if not own:
        return older
    was = renamed.moves(bindings, await control.kinds(bindings), assistants).matching.was
    moved = {old for new, old in was.items() if new not in older}
    return {key: one for key, one in older.items() if key not in own or one.new not in moved}


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
    plan = cut_off.doubted(plan, bindings, kinds, assistants)
    older = {**_misplaced(plan), **await outdated(control, bindings, assistants)}
    apart = {*older, *(one.new for one in older.values())}
    plan = renamed.doubted(plan, bindings, kinds, assistants, apart=apart)
    whose = {one.new: key for key, one in older.items()} | {key: key for key in older}
    torn = shared(bindings)
    bound = bindings.of(agent.KIND)
    doubts = {key: _doubt(old, older[old], bound, torn=old in torn) for key, old in whose.items()}
    changes = [one for one in plan.changes if _assistant(one.desired) not in torn]
    doubtful = [replace(one, doubt=doubts.get(_assistant(one.desired)) or one.doubt) for one in changes]
    planned = {_assistant(one.desired) for one in doubtful} | {_assistant(one.ref) for one in plan.failures}
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
    """What is the matter, and the way out of it.

    A mark alone, of which this store remembers no rename, does not tell which of the two is older: files or store.
    """
    way = f"update the checkout (git pull, or the branch that has {ASSISTANTS}/{one.new})"
    if one.on:
        since = f"was given the key {one.new} by agentctl rename on {one.on.isoformat()}"
        return f"{old} {since}, so these files are older: {way}"
    return (
        f"the agent with the mark of {old} is bound to {one.new} in this store: if {one.new} was renamed to {old}, by "
        f"somebody with another store, let this one know it: agentctl rename {one.new} {old}; if {old} was renamed to "
        f"{one.new}, these files are older: {way}"
    )


def _doubt(old: str, one: Given, bound: Container[str], *, torn: bool) -> str:
    if torn:
        return f"{told(old, one)}, and there: agentctl rename {old} {one.new}"
    if one.on is None:
        return told(old, one)  # a new one would have the mark of the other: nobody could tell them apart
    if old in bound:
        return f"{told(old, one)}; if {one.new} was really deleted here: agentctl sync --prune --take-ours"
    anew = f"agentctl sync --only {old} --take-ours"
    return f"{told(old, one)}; for a new assistant {old} beside {one.new}, which gets the numbers it declares: {anew}"


def _assistant(one: Desired | Ref) -> str:
    """Whose it is. A number is nobody's by its own key."""
    leads = [ref.key for ref in refs(one.body) if ref.kind == agent.KIND] if isinstance(one, Desired) else []
    return leads[0] if leads and one.kind == phone_number.KIND else one.key.partition("/")[0]
