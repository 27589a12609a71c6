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

    What does not say so yet is in the answer: it failed, it is doubtful and held, or it differs otherwise too, so that
    its mark goes with that by the next sync, as a notice says.
    """
    bindings = await control.bindings()
    plan = await planning.plan(await control.kinds(bindings), sources, bindings, whole=False, patience=control.patience)
    marks = tuple(change for change in plan.changes if _is_mark(change))
    failures = tuple(one for one in plan.failures if MARKS.get(one.ref.kind))
    narrowed = ProjectPlan.of(plan, [], changes=marks, settled=(), failures=failures, notices=_later(plan.changes))
    # By now all else is done, and what is left are marks: they overwrite nothing that somebody made there.
    applied = await sync.apply(control, narrowed, take_ours=True, force=True, stateless=True)
    return replace(applied, held=(*applied.held, *(one for one in plan.doubtful if one not in marks)))


def _is_mark(change: Change) -> bool:
    """Whether the change says whose the object is and nothing else."""
    paths = {edit.path for edit in change.edits}
    return change.observed is not None and bool(paths) and paths <= MARKS[change.desired.kind]


def _later(changes: Sequence[Change]) -> tuple[Problem, ...]:
    what = "does not say so yet: more of it differs, and the next sync writes both"
    return tuple(
        Problem(f"{one.desired.kind} {one.desired.key}", what)
        for one in changes
        if one.observed is not None and not one.doubt and not _is_mark(one)
        if any(edit.path in MARKS[one.desired.kind] for edit in one.edits)
    )
