"""The marks at the platform after a rename: the agent's tag, the names of documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from agentctl.errors import Problem
from agentctl.resources import MARKS
from agentctl.resources.assistant import Assistant
from agentctl.sync import planning
from agentctl.sync.apply import Applied
from agentctl.sync.plan import Change
from agentctl.verbs import sync
from agentctl.verbs.revisions.history import ProjectPlan
from agentctl.wiring import Control


async def marked(control: Control, sources: Sequence[Assistant]) -> Applied:
    """Have what is there say whose it is, and change nothing else of it.

    What does not say so yet is in the answer: it failed, or it is held, since it is doubtful, or since its mark tells
    of something that differs too and goes with that, as a notice says.
    """
    bindings = await control.bindings()
    plan = await planning.plan(await control.kinds(bindings), sources, bindings, whole=False, patience=control.patience)
    marking = [change for change in plan.changes if _marks(change) and not change.doubt]
    later = tuple(change for change in marking if _is_tied(change))
    marks = tuple(_alone(change) for change in marking if change not in later)
    failures = tuple(one for one in plan.failures if MARKS.get(one.ref.kind))
    narrowed = ProjectPlan.of(
        plan, [], changes=marks, settled=(), failures=failures, notices=tuple(map(_notice, later))
    )
    # By now all else is done, and what is left are marks: they overwrite nothing that somebody made there.
    applied = await sync.apply(control, narrowed, take_ours=True, force=True, stateless=True)
    return replace(applied, held=(*applied.held, *later, *plan.doubtful))


def _marks(change: Change) -> set[str]:
    """The fields of what is there that do not say yet whose it is."""
    paths = {edit.path for edit in change.edits} if change.observed else set[str]()
    return paths & MARKS[change.desired.kind]


def _is_tied(change: Change) -> bool:
    """Whether its mark is written with something else alone that differs too, or on a new object."""
    brought = {change.desired.brings.get(path) for path in _marks(change)}
    return change.replaces or any(edit.path in brought for edit in change.edits)


def _alone(change: Change) -> Change:
    """The change of its mark, and of nothing else."""
    marks, brings = _marks(change), change.desired.brings
    fields = {*marks, *(brings[path] for path in marks if path in brings)}
    body = {name: value for name, value in change.desired.body.items() if name in fields}
    edits = tuple(edit for edit in change.edits if edit.path in marks)
    return replace(change, desired=replace(change.desired, body=body, partial=True), edits=edits, losses=())


def _notice(change: Change) -> Problem:
    held = {edit.path for edit in change.held(take_ours=False, destroy=False)}
    way = "more of it differs, and the next sync writes both"
    if _marks(change) & held:
        way = "more of it was changed at the platform, and both wait until somebody decides: agentctl plan"
    return Problem(f"{change.desired.kind} {change.desired.key}", f"does not say so yet: {way}")
