"""load, plan, apply: the one path from a project's files to ElevenLabs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Any

from agentctl.errors import Problem, StoreError, UsageError
from agentctl.resources.agent import KIND as AGENT_KIND
from agentctl.resources.assistant import Assistant
from agentctl.resources.test_run import Pace
from agentctl.settings import nearest
from agentctl.sources.loaded import Loaded, apart
from agentctl.sources.project import GATE_TIMEOUT
from agentctl.sources.table.anothers import take
from agentctl.sync import apply as engine
from agentctl.sync import planning
from agentctl.sync.apply import Applied, OnChange
from agentctl.sync.bindings import Bindings
from agentctl.sync.kind import Kind
from agentctl.sync.plan import Change, Failure, Plan, Settled
from agentctl.verbs import directed, former_secrets, gate
from agentctl.verbs import stateless as two_way
from agentctl.verbs.apart import must_be_apart
from agentctl.verbs.calls import declared
from agentctl.verbs.exclusive import exclusive as exclusive
from agentctl.verbs.gate import OnTests, TestGate
from agentctl.verbs.notices import left_behind, ringing, unknown_keys_of, untested
from agentctl.verbs.reading import read
from agentctl.verbs.renaming.former import must_be_called_so
from agentctl.verbs.renaming.mentioned import hinted
from agentctl.verbs.renaming.recorded import must_be_learnt, settle
from agentctl.verbs.revisions import held, history, keeping
from agentctl.verbs.revisions.history import ProjectPlan
from agentctl.verbs.revisions.hold import unhold
from agentctl.verbs.ringing.disputed import undisputed
from agentctl.verbs.rows import moving, wrong
from agentctl.verbs.rows.reporting import Reports
from agentctl.verbs.rows.silenced import silenced
from agentctl.verbs.showable import showable
from agentctl.wiring import Control


async def load(control: Control) -> Loaded:
    """The project's assistants, read and checked.

    Raises ConfigurationError with every problem of every file.
    """
    return (await hinted(control, await read(control))).checked()


async def plan(
    control: Control,
    only: Sequence[str] = (),
    *,
    prune: bool = False,
    gated: bool | None = None,
    force: bool = False,
) -> ProjectPlan:
    """Compare the project with the workspace; write nothing. `only`: globs of assistant keys.

    What is held by a rollback is compared with the revision it is held at, and nothing of it counts as orphaned.

    `prune` plans to delete what is ours and no longer declared; it needs the whole project. `gated`: what is applied of
    this plan is tested before it goes live, so a changed document becomes a new one; None: as agentctl.toml has
    it. Raises ConfigurationError for wrong files or settings, UsageError for a glob that matches nothing, ApiError or
    Unreachable where the platform cannot be read, and Elsewhere where not one bound agent is there, unless `force`.
    """
    if prune and only:
        raise UsageError("--prune needs the whole project", "Leave --only out: what is not selected is still declared.")
    loaded, bindings, recalled, kinds = await _begun(control, only)
    await must_be_learnt(control)
    await must_be_called_so(control, only)
    chosen = select(loaded.assistants, only, loaded.keys, loaded.elsewhere)
    gated = gate.wanted(control, gated)
    keys, released = await held.in_force(control, loaded.assistants, chosen)
    beside = await held.read(control, keys)
    free, own = beside.apart(chosen)
    notices = [*loaded.advice(chosen if only else ()), *_about(free, gated), *held.ends(chosen, released)]
    how: dict[str, Any] = {"whole": not only, "prune": prune, "gated": gated, "anchor": None if force else AGENT_KIND}
    how["more"] = beside.desired(kinds, [one.key for one in own], beside.apart(loaded.assistants)[0])
    how["more"] += await silenced(control, bindings, [one.key for one in free], whole=not only)
    found = await planning.plan(kinds, free, bindings, notices=notices, patience=control.patience, **how)
    found = await moving.spared(control, await wrong.marked(control, found, loaded, bindings, only), loaded, bindings)
    found = await undisputed(control, found, bindings, {one.key for one in chosen})
    await must_be_apart(control, found)
    plan = held.sparing(found, [*free, *own], beside.parts(kinds, loaded.assistants), keys, released)
    notices = [*beside.notices(found, kinds, chosen), *plan.notices, *await declared.notices(control, loaded.project)]
    notices += [*two_way.notices(control, plan), *await ringing(control, plan, loaded), *left_behind(plan, loaded)]
    found = replace(plan, notices=tuple(notices), settled=(*plan.settled, *recalled), gated=gated)
    return await showable(control, found, bindings, kinds, loaded.assistants, only)


async def _begun(
    control: Control, only: Sequence[str]
) -> tuple[Loaded, Bindings, tuple[Settled, ...], Sequence[Kind[Assistant]]]:
    """The files, the bindings, what was recalled, and the kinds, which ask for what is bound while files are read."""
    reading = asyncio.create_task(load(control))
    try:
        bindings = await control.bindings()
        recalled = await two_way.recall(control, bindings)
        kinds = await control.kinds(bindings)
        planning.begin(kinds, bindings, lambda key: not only or any(fnmatchcase(key, glob) for glob in only))
    except asyncio.CancelledError:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        raise
    except BaseException:
        await reading  # What is wrong with the files comes first.
        raise
    return await reading, bindings, recalled, kinds


def must_be_allowed(
    control: Control, plan: Plan, *, take_ours: bool = False, force: bool = False, stateless: bool = False
) -> None:
    """Raise UsageError for a plan that would delete or overwrite too much, unless `force`, or that is two-way at a real
    host, unless `stateless`.

    `apply` asks it too. Whoever asks a person, or writes anything of their own before it, asks it before that.
    """
    two_way.must_be_meant(control, plan, stateless=stateless)
    if not force:
        plan.raise_if_unsafe(take_ours=take_ours)


async def apply(
    control: Control,
    plan: Plan,
    *,
    take_ours: bool = False,
    force: bool = False,
    stateless: bool = False,
    destroy: bool = False,
    on_change: OnChange | None = None,
    on_tests: OnTests | None = None,
    pace: Pace | None = None,
) -> Applied:
    """Make `plan` true; each id is bound and each write verified at once.

    What somebody changed at the platform, and what is probably not meant, is held back unless `take_ours`, and what
    would destroy something for good (stored conversations) unless `destroy`. A resource that fails stops only what
    refers to it and stands in the result's failures. Of a gated plan, no agent is changed and no number given to one
    unless the assistant's tests pass on what is planned; `on_tests` hears how far they are, `pace` bounds the wait,
    else agentctl.toml does. What is applied as a whole is kept as a revision. Raises as `must_be_allowed`, and
    Busy, ApiError, Unreachable, StoreError.
    """
    must_be_allowed(control, plan, take_ours=take_ours, force=force, stateless=stateless)
    if plan.barred:
        return Applied(plan, (), plan.failures, held=plan.changes)
    ours = plan if isinstance(plan, ProjectPlan) else None
    async with exclusive(control):
        await _take_source(control)
        await _remember(control, plan)
        if ours and _is_idle(control, ours):
            return await history.record(control, ours, Applied(plan, (), ()), ())
        kinds = await control.kinds(bindings := await control.bindings())
        plan = await moving.spared(control, plan, control.loaded, bindings)  # A person may have read it for an hour.
        stay = [one for one in plan.changes if one.stays(take_ours=take_ours)]
        await _release(control, ours, stay)
        asked = _gate(control, ours, bindings, stay, pace, on_tests) if ours and ours.gated else None
        how: dict[str, Any] = {"take_ours": take_ours, "destroy": destroy, "patience": control.patience}
        async with Reports(control, plan, kinds, bindings) as reports:
            done = await engine.apply(plan, kinds, bindings, gate=asked, on_change=reports.hearing(on_change), **how)
            applied = await reports.finish(await _outlived(control, done, bindings))
        return await history.record(control, ours, directed.done(applied, ours.whose), kinds) if ours else applied


def _is_idle(control: Control, plan: ProjectPlan) -> bool:
    """Whether applying it writes nothing, to no row either."""
    remembered = plan.settled or plan.released or plan.abandoned or plan.lapsed
    return plan.empty and not remembered and control.loaded.rows is None


async def _take_source(control: Control) -> None:
    """Have the table be this environment's, before anything is made of its rows. Raises ConfigurationError."""
    if (rows := control.loaded.rows) and rows.rows:
        await take(await control.store(), rows.source, control.scope)


async def _release(control: Control, plan: ProjectPlan | None, stay: Sequence[Change]) -> None:
    """End the holds that the plan ends, but of what is withheld."""
    withheld = {one.desired.key.partition("/")[0] for one in stay if one.withheld}
    for hold in plan.released if plan else ():
        if hold.key not in withheld:
            await unhold(control, hold.key)


async def _remember(control: Control, plan: Plan) -> None:
    """What whoever has no files must know: former secrets, what becomes of calls, which renames these have seen; and
    that what was rolled back is held, where a run was cut off before it said so.
    """
    await former_secrets.remember(control, plan)
    await settle(control)
    if isinstance(plan, ProjectPlan):
        await declared.declare(control, control.loaded.project)
        if any(hold.is_open for hold in plan.holds):
            await keeping.close(control)


def _gate(
    control: Control,
    plan: ProjectPlan,
    bindings: Bindings,
    stay: Sequence[Change],
    pace: Pace | None,
    on_tests: OnTests | None,
) -> TestGate:
    held = {one.desired.ref for one in stay}
    pace = pace or Pace(deadline=control.loaded.project.gate_timeout, set_by=GATE_TIMEOUT)
    return TestGate(control.api, bindings, plan.assistants, held=held, pace=pace, on_tests=on_tests)


async def _outlived(control: Control, applied: Applied, bindings: Bindings) -> Applied:
    """Of the agents that are deleted by now, the holds end too; one that could not be ended is among the failures."""
    failures = []
    for change in applied.done:
        ref = change.desired.ref
        if change.action == "delete" and not change.replaces and ref.kind == AGENT_KIND and bindings.get(ref) is None:
            try:
                await unhold(control, ref.key)
            except StoreError as error:
                failures.append(Failure(ref, change.desired.where, error))
    return replace(applied, failures=(*applied.failures, *failures)) if failures else applied


def select(
    assistants: Sequence[Assistant],
    only: Sequence[str],
    keys: Sequence[str] | None = None,
    elsewhere: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Assistant, ...]:
    """Those whose key matches one of the globs in `only`; all where there is none. `keys`: more that are declared.

    `elsewhere`: keys of other workspaces, each with its tenant. Raises UsageError for a glob that matches nothing here.
    """
    keys = [assistant.key for assistant in assistants] if keys is None else list(keys)
    for glob in only:
        if not any(fnmatchcase(key, glob) for key in keys):
            if tenant := next((whose for key, whose in elsewhere.items() if fnmatchcase(key, glob)), ""):
                raise apart(glob, tenant)
            guess = nearest(glob, keys)
            hint = f"Did you mean {guess}?" if guess else f"There are: {', '.join(keys) or 'none'}."
            raise UsageError(f"no assistant matches {glob!r}", hint)
    return tuple(
        assistant for assistant in assistants if not only or any(fnmatchcase(assistant.key, glob) for glob in only)
    )


def _about(assistants: Sequence[Assistant], gated: bool) -> Iterator[Problem]:
    yield from (*unknown_keys_of(assistants), *history.too_large(assistants), *(untested(assistants) if gated else ()))
