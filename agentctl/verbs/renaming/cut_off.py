"""Creates without an answer, of an assistant whose key is about to change, or whose folder has another name by now.

What one may have left carries the mark of the old key, and the platform's lists may lag behind: under the new key
nobody would look for it, so that it would be made a second time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from agentctl.errors import Problem, SyncError
from agentctl.resources import agent, agent_test, knowledge
from agentctl.resources.assistant import RESERVED, Assistant
from agentctl.sources.files import ASSISTANTS
from agentctl.sync.bindings import Bindings
from agentctl.sync.kind import Ref
from agentctl.sync.plan import Planned
from agentctl.verbs.commands import addressed
from agentctl.wiring import Control


async def must_have_ended(control: Control, *keys: str) -> None:
    """Raise SyncError where a create of one of these assistants has no end, in whatever environment. Raises StoreError.

    Nothing is looked for: that is a sync's business, which makes it where nothing of it is there.
    """
    args = {"project": control.scope.project, "keys": list(keys)}
    if found := await (await control.store()).call("begun", args):
        raise pending(found, control.scope.environment)


def pending(found: Sequence[Mapping[str, str]], here: str) -> SyncError:
    """Why nothing is renamed. `found`: kind, key and environment of each create; `here`: the environment at hand."""
    first, more = found[0], f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    elsewhere = first["environment"] if first["environment"] != here else None
    where = f" in environment {elsewhere}" if elsewhere else ""
    sync = addressed("agentctl sync", elsewhere)
    folder = f"{ASSISTANTS}/{assistant(first['key'])}"
    return SyncError(
        f"a create of {first['kind']} {first['key']} was begun{where} and not seen yet{more}; nothing was renamed",
        f"Let a sync find or make it first, while its folder is {folder}: {sync}. What is "
        f"declared no longer is looked for up to an hour, and {sync} --prune deletes what "
        "is found of it.",
    )


def awaited(plan: Planned, bindings: Bindings) -> dict[Ref, tuple[Mapping[str, Any], ...]]:
    """What the creates of assistants were to make that have no answer and that nothing has been seen of yet, by key.

    An assistant of which only another part was begun is among them, with nothing. What was looked for long enough is
    forgotten by the plan.
    """
    found: dict[Ref, tuple[Mapping[str, Any], ...]] = {}
    for kind in (agent.KIND, knowledge.KIND, agent_test.KIND):
        for ref in bindings.begun(kind):
            owner = Ref(agent.KIND, assistant(ref.key))
            if owner.key != RESERVED and ref not in {*plan.sighted, *plan.abandoned}:
                found.setdefault(owner, ())
                found[ref] = (bindings.attempted(ref),)
    return found


def doubted(plan: Planned, lost: Iterable[Ref], bindings: Bindings, assistants: Sequence[Assistant]) -> Planned:
    """The plan with a doubt, and a notice, about each new assistant that may be what such a create was to make.

    `lost`: the creates of what is not declared, and of which no likeness tells who it is.
    """
    declared = {one.key: one.where for one in assistants}
    by_kind: dict[str, Ref] = {}
    for ref in lost:
        by_kind.setdefault(ref.kind, ref)
    made = [one.desired.ref for one in plan.changes if one.action == "create" and one.bound is None and not one.again]
    new = {assistant(ref.key): by_kind[ref.kind] for ref in made if ref.kind in by_kind}
    told = {assistant(one.desired.key) for one in plan.changes if one.doubt}
    doubts = {
        key: _doubt(key, ref)
        for key, ref in new.items()
        if key in declared and key not in told and bindings.get(Ref(agent.KIND, key)) is None
    }
    changes = [replace(one, doubt=one.doubt or doubts.get(assistant(one.desired.key), "")) for one in plan.changes]
    notices = [Problem(declared[key], doubt) for key, doubt in doubts.items()]
    return replace(plan, changes=tuple(changes), notices=(*plan.notices, *notices))


def _doubt(new: str, lost: Ref) -> str:
    old = assistant(lost.key)
    back = f"mv {ASSISTANTS}/{new} {ASSISTANTS}/{old}, then agentctl sync, then agentctl rename {old} {new}"
    return (
        f"a create of {lost.kind} {lost.key}, which no file declares any more, was begun and not seen yet: if the "
        f"folder {old} was renamed to {new}: {back}; for another assistant {new}: agentctl sync --only {new} "
        "--take-ours"
    )


def assistant(key: str) -> str:
    """Whose it is."""
    return key.partition("/")[0]
