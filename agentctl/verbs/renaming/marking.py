"""The marks at the platform after a rename: the agent's tag, the names of documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

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

    What does not say so yet is in the answer: it failed, or it is held, as what differs otherwise too, or is doubtful.
    """
    bindings = await control.bindings()
    plan = await planning.plan(await control.kinds(bindings), sources, bindings, whole=False, patience=control.patience)
    marks = tuple(change for change in plan.changes if _is_mark(change))
    failures = tuple(one for one in plan.failures if MARKS.get(one.ref.kind))
    narrowed = ProjectPlan.of(plan, [], changes=marks, settled=(), failures=failures)
    # By now all else is done, and what is left are marks: they overwrite nothing that somebody made there.
    applied = await sync.apply(control, narrowed, take_ours=True, force=True, stateless=True)
    left = [one for one in plan.changes if one not in marks and (one.doubt or _has_mark(one))]
    return replace(applied, held=(*applied.held, *left))


def _is_mark(change: Change) -> bool:
    """Whether the change says whose the object is and nothing else."""
    paths = {edit.path for edit in change.edits}
    return change.observed is not None and bool(paths) and paths <= MARKS[change.desired.kind]


def _has_mark(change: Change) -> bool:
    """Whether what is there says another key, or none."""
    return change.observed is not None and any(edit.path in MARKS[change.desired.kind] for edit in change.edits)
