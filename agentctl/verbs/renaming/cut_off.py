"""Creates without an answer, of an assistant whose key is about to change, or whose folder has another name by now.

What one may have left carries the mark of the old key, and the platform's lists may lag behind: under the new key
nobody would look for it, so that it would be made a second time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from agentctl.errors import Problem, SyncError
from agentctl.resources import agent
from agentctl.resources.assistant import RESERVED, Assistant
from agentctl.sources.files import ASSISTANTS
from agentctl.sync.bindings import Bindings
from agentctl.sync.kind import Kind, Ref
from agentctl.sync.plan import Planned
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
    where = "" if first["environment"] == here else f" in environment {first['environment']}"
    folder = f"{ASSISTANTS}/{_assistant(first['key'])}"
    return SyncError(
        f"a create of {first['kind']} {first['key']} was begun{where} and not seen yet{more}; nothing was renamed",
        f"Let a sync find or make it first, while its folder is {folder}: agentctl sync. "
        "What is declared no longer is looked for up to an hour.",
    )


def doubted(
    plan: Planned, bindings: Bindings, kinds: Iterable[Kind[Assistant]], assistants: Sequence[Assistant]
) -> Planned:
    """The plan with a doubt, and a notice, about each new assistant that may be what such a create was to make.

    Of what has been seen by now its likeness tells, and what was looked for long enough is forgotten by the plan.
    """
    declared = {one.key: one.where for one in assistants}
    lost: dict[str, Ref] = {}
    for kind in kinds:
        for ref in bindings.begun(kind.name):
            if _assistant(ref.key) not in {*declared, RESERVED} and ref not in {*plan.sighted, *plan.abandoned}:
                lost.setdefault(kind.name, ref)
    made = [one.desired.ref for one in plan.changes if one.action == "create" and one.bound is None and not one.again]
    new = {_assistant(ref.key): lost[ref.kind] for ref in made if ref.kind in lost}
    doubts = {
        key: _doubt(key, ref)
        for key, ref in new.items()
        if key in declared and bindings.get(Ref(agent.KIND, key)) is None
    }
    changes = [replace(one, doubt=one.doubt or doubts.get(_assistant(one.desired.key), "")) for one in plan.changes]
    notices = [Problem(declared[key], doubt) for key, doubt in doubts.items()]
    return replace(plan, changes=tuple(changes), notices=(*plan.notices, *notices))


def _doubt(new: str, lost: Ref) -> str:
    old = _assistant(lost.key)
    back = f"mv {ASSISTANTS}/{new} {ASSISTANTS}/{old}, then agentctl sync, then agentctl rename {old} {new}"
    return (
        f"a create of {lost.kind} {lost.key}, which no file declares any more, was begun and not seen yet: if the "
        f"folder {old} was renamed to {new}: {back}; for another assistant {new}: agentctl sync --only {new} "
        "--take-ours"
    )


def _assistant(key: str) -> str:
    return key.partition("/")[0]
