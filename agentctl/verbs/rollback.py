"""Roll one assistant back to a revision: a plan like any other, made of what was applied once, and then a hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentctl.errors import Problem, SyncError
from agentctl.resources.agent import KIND as AGENT_KIND
from agentctl.resources.assistant import Assistant
from agentctl.resources.phone_number import KIND as NUMBER_KIND
from agentctl.resources.test_run import Pace
from agentctl.sync import planning
from agentctl.sync.apply import Applied, OnChange
from agentctl.sync.kind import Desired, Kind, Ref
from agentctl.sync.plan import Plan
from agentctl.verbs import gate, sync
from agentctl.verbs.gate import OnTests
from agentctl.verbs.notices import untested
from agentctl.verbs.renaming.former import must_be_current
from agentctl.verbs.revisions import held
from agentctl.verbs.revisions.before import chosen
from agentctl.verbs.revisions.history import ProjectPlan, digest, recalled, revisions, unknown
from agentctl.verbs.revisions.hold import Hold, hold, holds, note, unhold
from agentctl.verbs.revisions.leading import must_stay_within
from agentctl.verbs.ringing.disputed import undisputed
from agentctl.verbs.rows.outside import gone
from agentctl.verbs.showable import showable
from agentctl.wiring import Control


@dataclass(frozen=True)
class Rollback:
    """What a rollback would do: the plan of one assistant, and the digest of the source that will be left alone."""

    key: str
    revision: int
    plan: ProjectPlan
    source: str


async def look(control: Control, key: str, to: int | None = None, *, gated: bool | None = None) -> Rollback:
    """Plan to make `key` what it was: at revision `to`, else at the one before what is in force. Writes nothing.

    `gated`: as it is applied, the tests that the revision had are run against it before it goes live; None: as
    agentctl.toml has it.
    What was changed at the platform since the last sync is drift, or a conflict where the revision says otherwise than
    that sync, as in any plan. Raises UsageError for an unknown key or revision, SyncError where a
    document that others use would change under them, and as `plan` does.
    """
    loaded = await sync.load(control)
    declared = {assistant.key: assistant for assistant in loaded.assistants}
    kept = await revisions(control, key)
    await must_be_current(control, [key])
    if key not in declared:
        raise gone(loaded, key) if kept else unknown(key, declared, loaded.elsewhere)
    standing = await holds(control)
    revision = chosen(key, kept, next((one for one in standing if one.key == key), None), to)
    others = [assistant for assistant in loaded.assistants if assistant.key != key]
    old, secrets = await recalled(control, key, revision)
    await must_stay_within(control, old)
    assistant, notices = _without_numbers_of(others, old)
    if secrets:
        what = f"secrets are not kept, so today's of the files stay at {', '.join(secrets)}"
        notices.append(Problem(old.where, what))
    bindings = await control.bindings()
    kinds = await control.kinds(bindings)
    gated = gate.wanted(control, gated)
    notices += untested([assistant]) if gated else []
    how: dict[str, Any] = {"whole": False, "gated": gated, "anchor": AGENT_KIND}
    found = await planning.plan(kinds, [assistant], bindings, notices=notices, patience=control.patience, **how)
    found = await undisputed(control, found, bindings, {key})
    beside = await held.read(control, [one for one in standing if one.key != key])
    parts = beside.parts(kinds, others)
    _must_not_change_for_others(found, assistant, others, parts, kinds)
    plan = ProjectPlan.of(found, [assistant], note=note(revision), gated=gated)
    plan = await showable(control, plan, bindings, kinds, [*others, assistant], [key])
    return Rollback(key, revision, plan, digest(declared[key], control.scope))


async def rollback(
    control: Control,
    decision: Rollback,
    *,
    take_ours: bool = False,
    destroy: bool = False,
    on_change: OnChange | None = None,
    on_tests: OnTests | None = None,
    pace: Pace | None = None,
) -> Applied:
    """Apply it and hold the key; whoever calls this has a yes.

    The hold comes first, so that a sync after a rollback that was cut off does not take back what is done. It is
    withdrawn where nothing was written (of a gated plan: nothing that a gate is there for) and something failed or was
    held back. Raises as `apply` does, which `on_tests` and `pace` are for; for a plan that is not allowed, before that.
    """
    sync.must_be_allowed(control, decision.plan, force=True)
    async with sync.exclusive(control):
        before = [one for one in await holds(control) if one.key == decision.key]
        await hold(control, decision.key, decision.revision, decision.source)
        how: dict[str, Any] = {"take_ours": take_ours, "force": True, "destroy": destroy, "pace": pace}
        applied = await sync.apply(control, decision.plan, on_change=on_change, on_tests=on_tests, **how)
        if not holds_after(applied):
            await _withdraw(control, decision.key, before)
        return applied


def holds_after(applied: Applied) -> bool:
    """Whether a rollback that ended like this holds its key: something was written, or nothing had to be."""
    gated = isinstance(applied.plan, ProjectPlan) and applied.plan.gated
    written = [one for one in applied.done if not gated or one.desired.kind in (AGENT_KIND, NUMBER_KIND)]
    return bool(written) or not (applied.failures or applied.held)


async def release(control: Control, key: str) -> bool:
    """End the hold of `key`: the next sync applies its files. False: it was not held. Raises UsageError for no key."""
    if not control.loaded.project.name:
        control.loaded.checked()
    if await unhold(control, key):
        return True
    await must_be_current(control, [key])
    known = {assistant.key for assistant in control.loaded.assistants}
    if key not in known:
        raise unknown(key, known, control.loaded.elsewhere)
    return False


async def _withdraw(control: Control, key: str, before: Sequence[Hold]) -> None:
    await unhold(control, key)
    for one in before:
        await hold(control, key, one.revision, one.digest)


def _without_numbers_of(others: Sequence[Assistant], old: Assistant) -> tuple[Assistant, list[Problem]]:
    """The old assistant without the numbers that meanwhile are another one's, which is not told to another tenant."""
    taken = {number: other for other in others for number in other.phone.numbers}
    whose = {
        number: one.key if one.tenant == old.tenant else "another tenant's assistant" for number, one in taken.items()
    }
    notices = [
        Problem(old.where, f"{number} stays where it is: it is declared by {whose[number]} now")
        for number in old.phone.numbers
        if number in taken
    ]
    phone = old.phone.model_copy(update={"numbers": tuple(one for one in old.phone.numbers if one not in taken)})
    return (old.model_copy(update={"phone": phone}) if notices else old), notices


def _must_not_change_for_others(
    plan: Plan,
    old: Assistant,
    others: Sequence[Assistant],
    held: Mapping[str, frozenset[Ref]],
    kinds: Sequence[Kind[Assistant]],
) -> None:
    wanted: dict[Ref, dict[str, Desired]] = {}
    for other in others:
        for desired in (one for kind in kinds for one in kind.desired(other)):
            wanted.setdefault(desired.ref, {})[other.key] = desired
    for change in plan.changes:
        ref = change.desired.ref
        if change.action == "delete":
            continue
        # Who means the same loses nothing by it.
        users = {key for key, one in wanted.get(ref, {}).items() if one.body != change.desired.body}
        if change.observed is not None:
            users |= {key for key, parts in held.items() if ref in parts}
        if users:
            raise SyncError(
                f"{old.where} needs another content of {ref.key}, which {', '.join(sorted(users))} uses too",
                "Nothing was changed. Restore that document in the project and sync it, for all who use it.",
            )
