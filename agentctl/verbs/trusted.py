"""The fast path of a plan: where nothing has changed here since a sync that found nothing to do, the list is enough.

What is remembered comes from a whole sync without a change: the digest of all sources, what the store held (any write
to it ends the trust), and each agent as it was listed. One that is gone, renamed, tagged anew or newer by its time
(where the platform tells one, in whole seconds) ends it too. Then the plan is made in full.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from typing import Any

from agentctl.errors import Problem, StoreError
from agentctl.resources.agent import Agent
from agentctl.resources.assistant import Assistant
from agentctl.sync.apply import Applied
from agentctl.sync.kind import Scope
from agentctl.sync.plan import Plan
from agentctl.verbs import gate, sync
from agentctl.verbs.revisions import history
from agentctl.verbs.revisions.history import ProjectPlan
from agentctl.verbs.ringing import unfinished
from agentctl.wiring import Control

NOTICE = Problem(
    "--trust-store",
    "trusting the store: drift inside agents, documents, indexes and numbers is not looked for, nor what is "
    "unmanaged there",
)


@dataclass(frozen=True)
class Seen:
    """What was there before a plan of a whole project was made: the state of the store, the agents as listed."""

    state: str
    listed: Mapping[str, Any]


async def plan(control: Control, only: Sequence[str] = (), *, trust: bool, **options: Any) -> ProjectPlan:
    """As `sync.plan` and with its options; with `trust` one without anything to do where that is to be believed.

    That takes one request for the list, and one more for each further 100 agents.
    """
    if not trust or only:
        return await sync.plan(control, only, **options)
    loaded = await sync.load(control)
    row = await (await control.store()).call("clean_sync", asdict(control.scope))
    # Listed before the plan is made: what changes in between is seen there or by the next list.
    seen = Seen(row["state"], await Agent(control.api, control.scope).summaries())
    last = row["seen"]
    gated = gate.wanted(control, options.get("gated"))
    same = last and last["listed"] == seen.listed and last["digest"] == _digest(loaded.assistants, control.scope, gated)
    if same and not await unfinished.numbers(control):
        quiet = Plan(unchanged=last["resources"], notices=(*loaded.warnings, NOTICE))
        return ProjectPlan.of(quiet, loaded.assistants)
    return replace(await sync.plan(control, **options), seen=seen)


async def apply(control: Control, plan: ProjectPlan, **options: Any) -> Applied:
    """As `sync.apply` and with its options; what a plan found that had nothing to do is remembered."""
    applied = await sync.apply(control, plan, **options)
    with suppress(StoreError):  # Without it the next plan is made in full; this one is applied.
        await remember(control, plan, applied)
    return applied


async def remember(control: Control, plan: ProjectPlan, applied: Applied) -> None:
    """Keep what was seen before a plan that had nothing to do, to wait for or to leave alone. Else do nothing."""
    loose = plan.orphans or plan.waiting or plan.holds
    if not isinstance(plan.seen, Seen) or not plan.empty or not applied.ok or loose:
        return
    row = {
        "digest": _digest(plan.assistants, control.scope, plan.gated),
        "resources": plan.unchanged,
        **asdict(plan.seen),
    }
    await (await control.store()).call("save_clean_sync", {**asdict(control.scope), **row})


def _digest(assistants: Sequence[Assistant], scope: Scope, gated: bool) -> str:
    # Without a gate nobody looks for what none has let through yet.
    parts = sorted([one.key, history.digest(one, scope), sorted(one.source.items())] for one in assistants)
    return hashlib.sha256(json.dumps([version("agentctl"), gated, parts]).encode()).hexdigest()
