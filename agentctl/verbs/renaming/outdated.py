"""Files older than a rename: they declare a key that was given another one since, as a checkout does that did not pull.

A sync of them would make a second agent, and give it the numbers of the one that is in use.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace

from agentctl.errors import Problem
from agentctl.resources import agent, phone_number
from agentctl.resources.assistant import Assistant
from agentctl.sources.files import ASSISTANTS
from agentctl.sources.renames import FILENAME, Rename, formers
from agentctl.sync.bindings import Bindings
from agentctl.sync.kind import Desired, Kind, Ref
from agentctl.sync.plan import Plan, Planned, refs
from agentctl.verbs.renaming import cut_off, recorded, renamed
from agentctl.verbs.renaming.begun import Given, given
from agentctl.verbs.renaming.parting import shared
from agentctl.wiring import Control

_ENDED = "agentctl sync --prune --take-ours"


async def outdated(control: Control, bindings: Bindings, assistants: Sequence[Assistant]) -> Mapping[str, Given]:
    """The declared keys that were given away, of which no file here declares the key that their agent has by now.

    Where the files declare both, a new assistant has taken the old key. One that has an agent of its own, since newer
    files have such a new assistant, is none of these where a folder that was renamed by hand is what the other became.
    Raises StoreError, and ConfigurationError where the list of renames cannot be read.
    """
    missed = await recorded.missed(control)
    found = await _remembered(control, bindings, assistants)
    return found | {one.key: missed.given(one.key) for one in assistants if one.key in missed.moved}


async def _remembered(control: Control, bindings: Bindings, assistants: Sequence[Assistant]) -> dict[str, Given]:
    """Those of which no list tells: of a rename by an earlier version, or where the list was left out of Git."""
    bound, declared = bindings.of(agent.KIND), {one.key for one in assistants}
    found = await _unlisted(control, declared) if bound.keys() - declared else {}
    older = {key: one for key, one in found.items() if one.new in bound and one.new not in declared}
    own = {key for key, one in older.items() if bound.get(key, bound[one.new]) != bound[one.new]}
    if not own:
        return older
    was = renamed.moves(bindings, await control.kinds(bindings), assistants).matching.was
    moved = {old for new, old in was.items() if new not in older}
    return {key: one for key, one in older.items() if key not in own or one.new not in moved}


async def _unlisted(control: Control, keys: AbstractSet[str]) -> Mapping[str, Given]:
    """Of each of the keys that was given away, and not by a rename that these files list: to what."""
    found = await given(control, keys)
    listed = {one.old for one in await recorded.listed(control)} if found else set()
    return {key: one for key, one in found.items() if key not in listed}


async def doubted(
    control: Control,
    plan: Planned,
    bindings: Bindings,
    kinds: Sequence[Kind[Assistant]],
    assistants: Sequence[Assistant],
) -> Planned:
    """The plan with a doubt, and a notice, about each assistant of older files, and about the end of what it became.

    And about each whose folder was renamed by hand: of the former ones that is no question. Of two that are bound to
    one agent it has nothing. Where the list of renames says that the files are older, all of it is barred.
    """
    if why := (await recorded.missed(control)).told:
        changes = tuple(replace(one, doubt="", barred=why) for one in plan.changes)
        said = () if plan.empty else (Problem(FILENAME, why),)
        return replace(plan, changes=changes, notices=(*plan.notices, *said), barred=why)
    if plan.empty:
        return plan
    older = {**await _misplaced(control, plan), **await _remembered(control, bindings, assistants)}
    apart = {*older, *(one.new for one in older.values()), *await _taken_up(control, bindings, assistants)}
    plan = _renamed_by_hand(plan, bindings, kinds, assistants, apart, control.loaded.rows_keys)
    plan = _marked_before(plan, await recorded.listed(control), assistants)
    whose = {one.new: key for key, one in older.items()} | {key: key for key in older}
    torn = shared(bindings)
    bound = bindings.of(agent.KIND)
    doubts = {key: _doubt(old, older[old], bound, torn=old in torn) for key, old in whose.items()}
    ends = await _ends(control, plan, older)
    doubts |= {key: ends[key] for key in ends if key not in doubts}
    rest = [one for one in plan.changes if _assistant(one.desired) not in torn]
    doubtful = [replace(one, doubt=doubts.get(_assistant(one.desired)) or one.doubt) for one in rest]
    planned = {_assistant(one.desired) for one in doubtful} | {_assistant(one.ref) for one in plan.failures}
    where = {one.key: one.where for one in assistants}
    notices = [Problem(where[key], doubts[key]) for key, one in older.items() if {key, one.new} & planned]
    notices += [Problem(f"{ASSISTANTS}/{key}", why) for key, why in ends.items()]
    return replace(plan, changes=tuple(doubtful), notices=(*plan.notices, *notices))


def _marked_before(plan: Planned, renames: Sequence[Rename], assistants: Sequence[Assistant]) -> Planned:
    """The plan with a doubt, and a notice, about each new assistant whose agent has the mark of a former key still.

    A store that knows nothing of it would have a second one made, as in an environment that was not synced since.
    """
    there = {ref.key for ref in plan.sighted if ref.kind == agent.KIND} - {one.key for one in assistants}
    new = {one.desired.key for one in plan.changes if one.action == "create" and one.desired.kind == agent.KIND}
    was = {key: old for key in sorted(new) for old in sorted(formers(renames, key) & there)} if there else {}
    doubts = {
        key: f"the agent with the mark of {old}, which was given the key {key} by agentctl rename, is not known to the "
        f"store here; to keep it: mv {ASSISTANTS}/{key} {ASSISTANTS}/{old} (so too where agentctl.toml names {key}), "
        f"then agentctl sync, then agentctl rename {old} {key}"
        for key, old in was.items()
    }
    changes = tuple(replace(one, doubt=doubts.get(_assistant(one.desired)) or one.doubt) for one in plan.changes)
    notices = [Problem(one.where, doubts[one.key]) for one in assistants if one.key in doubts]
    return replace(plan, changes=changes, notices=(*plan.notices, *notices)) if doubts else plan


async def _ends(control: Control, plan: Plan, older: Container[str]) -> Mapping[str, str]:
    """Why those are not to be deleted of which nobody can tell whether these files have dropped or never known them.

    A former key that has an agent is another assistant's, which only newer files know. Without its folder older files
    are like newer ones that have dropped it; and who knows neither of the two can have known the first alone.
    """
    doomed = {one.desired.key for one in plan.changes if one.action == "delete" and one.desired.kind == agent.KIND}
    found = {key: one for key, one in (await _unlisted(control, doomed)).items() if key not in older}
    told = {key: _again(key, one, "") for key, one in found.items()}
    both = {one.new: _again(key, one, f" or {one.new}") for key, one in found.items() if one.new in doomed}
    return {**both, **told}


def _again(old: str, one: Given, more: str) -> str:
    return (
        f"{_since(old, one)}, and another assistant has the key {old} by now, which files older than that do not know: "
        f"if these are such files, {_way(one)}; if {old}{more} was really deleted here: {_ENDED}"
    )


def _renamed_by_hand(
    plan: Planned,
    bindings: Bindings,
    kinds: Sequence[Kind[Assistant]],
    assistants: Sequence[Assistant],
    apart: AbstractSet[str],
    rows: AbstractSet[str],
) -> Planned:
    """`rows`: keys that never change, so that a new one of these is another assistant."""
    if not any(one.desired.kind == agent.KIND and one.action != "delete" for one in plan.changes):
        return plan  # without one that is new or edited, nobody has moved
    awaited = cut_off.awaited(plan, bindings)
    apart = apart | rows
    found = renamed.moves(bindings, kinds, assistants, seen=plan.sighted, awaited=awaited, apart=apart)
    plan = renamed.doubted(plan, found, assistants, apart=apart)
    explained = found.declared | set(found.matching.was.values())
    lost = [ref for ref in awaited if bindings.intended(ref) and cut_off.assistant(ref.key) not in explained]
    return cut_off.doubted(plan, lost, bindings, [one for one in assistants if one.key not in rows])


async def _taken_up(control: Control, bindings: Bindings, assistants: Sequence[Assistant]) -> set[str]:
    """The former keys that a new assistant is to have: what it has of the name and words of the other is no riddle."""
    declared = {one.key for one in assistants}
    former = await given(control, declared - bindings.of(agent.KIND).keys())
    return {key for key, one in former.items() if one.new in declared}


async def _misplaced(control: Control, plan: Plan) -> Mapping[str, Given]:
    """Where nothing is remembered of a rename, an agent that carries the mark of one key still tells of it."""
    found = {ref.key: Given(holder) for ref, holder in plan.misplaced.items() if ref.kind == agent.KIND}
    remembered = await given(control, found)
    return {key: one for key, one in found.items() if key not in remembered or remembered[key].new != one.new}


async def ways_back(control: Control, bindings: Bindings, declared: Sequence[Assistant]) -> Mapping[str, str]:
    """What to do about those without an agent that seem to be another's, or were given another key."""
    older = await outdated(control, bindings, declared)
    apart = {*older, *(one.new for one in older.values()), *control.loaded.rows_keys}
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
    if one.on:
        return f"{_since(old, one)}, so these files are older: {_way(one)}"
    return (
        f"the agent with the mark of {old} is bound to {one.new} in this store: if {one.new} was renamed to {old}, by "
        f"somebody with another store, let this one know it: agentctl rename {one.new} {old}; if {old} was renamed to "
        f"{one.new}, these files are older: {_way(one)}"
    )


def _since(old: str, one: Given) -> str:
    on = f" on {one.on.isoformat()}" if one.on else ""
    return f"the assistant {old} was given the key {one.new} by agentctl rename{on}"


def _way(one: Given) -> str:
    return f"update the checkout (git pull, or the branch that has {ASSISTANTS}/{one.new})"


def _doubt(old: str, one: Given, bound: Container[str], *, torn: bool) -> str:
    if torn:
        return f"{told(old, one)}, and there: agentctl rename {old} {one.new}"
    if one.on is None:
        return told(old, one)  # a new one would have the mark of the other: nobody could tell them apart
    if old in bound:
        other = f"another assistant has the key {old} by now, which a sync of these files would overwrite"
        return f"{told(old, one)}; {other}; if that is meant, and {one.new} was deleted here: {_ENDED}"
    anew = f"agentctl sync --only {old} --take-ours"
    return f"{told(old, one)}; for a new assistant {old} beside {one.new}, which gets the numbers it declares: {anew}"


def _assistant(one: Desired | Ref) -> str:
    """Whose it is. A number is nobody's by its own key."""
    leads = [ref.key for ref in refs(one.body) if ref.kind == agent.KIND] if isinstance(one, Desired) else []
    return leads[0] if leads and one.kind == phone_number.KIND else one.key.partition("/")[0]
