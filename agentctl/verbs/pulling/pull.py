"""Take what was changed at the platform into the files: look, let a person see it, write.

Only declared fields that differ from what was last applied are taken: drift, and conflicts, in which theirs then wins.
What was changed here alone stays, and a plan still shows it. Nothing is written at ElevenLabs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from dataclasses import replace as with_
from typing import Any

from agentctl.errors import Problem
from agentctl.resources import MARKS, knowledge, post_call
from agentctl.resources.agent import KIND as AGENT_KIND
from agentctl.resources.assistant import Assistant
from agentctl.sources.pulled import Draft, Rewrite, replace
from agentctl.sync import planning
from agentctl.sync.bindings import Bindings
from agentctl.sync.diff import patch
from agentctl.sync.kind import Kind
from agentctl.sync.plan import Change, Failure, Plan
from agentctl.verbs.exclusive import exclusive
from agentctl.verbs.pulling.taking import Taken, Taking, is_only_space
from agentctl.verbs.pulling.texts import remember, take_text
from agentctl.verbs.reading import read
from agentctl.verbs.remedy import letting_go, narrowed, owners, templates, undeclared
from agentctl.verbs.renaming.outdated import outdated, told
from agentctl.verbs.revisions import held
from agentctl.verbs.revisions.history import ProjectPlan
from agentctl.verbs.revisions.keeping import keeping
from agentctl.verbs.ringing.confined import confined
from agentctl.verbs.rows.outside import left as outside
from agentctl.verbs.rows.outside import need_right, row_of
from agentctl.verbs.showable import showable
from agentctl.verbs.sync import load, select
from agentctl.verbs.untakable import passed_over
from agentctl.wiring import Control


@dataclass(frozen=True)
class Pull:
    """What a pull would write, nothing of it written yet.

    `left`: what cannot be taken, each with the reason and what to do. `failures`: what could not be looked at.
    `texts`: the documents whose edited text is among what is taken.
    """

    assistants: tuple[str, ...]
    rewrites: Mapping[str, tuple[Rewrite, ...]]
    taken: tuple[Taken, ...]
    left: tuple[Problem, ...]
    failures: tuple[Failure, ...]
    before: Plan = field(repr=False)
    texts: tuple[Change, ...] = field(default=(), repr=False)

    @property
    def files(self) -> tuple[Rewrite, ...]:
        """Every file that changes."""
        return tuple(rewrite for rewrites in self.rewrites.values() for rewrite in rewrites)


NOTHING = Pull((), {}, (), (), (), Plan())


async def pull(
    control: Control, only: Sequence[str] = (), *, overwrite_templates: bool = False, discreet: bool = False
) -> Pull:
    """Look at what the platform has for the assistants that match `only` (globs; none: all), and write nothing.

    A prompt or first message with [[ ]] in it is left alone unless `overwrite_templates`. `discreet`: its words
    are for people of `control.tenant`, as those of a plan that they agree on. Raises as `plan` does.
    """
    loaded = await load(control)
    bindings = await control.bindings()
    kinds = await control.kinds(bindings)
    need_right(loaded, only)
    chosen = select(loaded.assistants, only)
    beside = await held.read(control, (await held.in_force(control, loaded.assistants, chosen))[0])
    assistants = [one for one in chosen if one.key not in beside.keys]
    found = await planning.plan(kinds, assistants, bindings, whole=False, anchor=AGENT_KIND, patience=control.patience)
    plan = await showable(control, ProjectPlan.of(found, assistants), bindings, kinds, loaded.assistants, only)
    how = {"overwrite_templates": overwrite_templates}
    files = [one for one in loaded.assistants if row_of(loaded, one.key) is None]
    drafts = {one.key: Draft(loaded.project.root, one, layers=loaded.layers, **how) for one in files}
    of_rows = list(outside(loaded, plan.changes, assistants))
    taken_up = [one for one in plan.changes if one not in [change for change, _ in of_rows]]
    gone = {one.desired.ref: one.bound for one in plan.changes if one.vanished}
    taking = Taking(drafts, bindings, {kind.name: kind for kind in kinds}, gone)
    texts = await _take(control, taking, drafts, taken_up, assistants)
    left = [*taking.left, *(problem for _, problem in of_rows), *_undeclared(plan, assistants), *_unknown(plan)]
    left += await _of_held(control, beside, chosen, loaded.assistants, discreet=discreet)
    left += await _older(control, bindings, chosen) if only else []
    return Pull(
        assistants=tuple(one.key for one in assistants),
        rewrites={key: rewrites for key, draft in drafts.items() if (rewrites := draft.rewrites())},
        taken=tuple(taking.taken),
        left=tuple(dict.fromkeys(left)),
        failures=plan.failures,
        before=plan,
        texts=texts,
    )


async def _take(
    control: Control,
    taking: Taking,
    drafts: Mapping[str, Draft],
    changes: Sequence[Change],
    assistants: Sequence[Assistant],
) -> tuple[Change, ...]:
    """Lay into the drafts what they can take; the documents of which the text was taken."""
    texts: list[Change] = []
    passed = passed_over(changes)
    for change in filter(lambda one: one.overwrites, map(_own, changes)):
        is_passed = change.observed is not None and change.observed.remote_id in passed
        is_open = not (is_passed or change.withheld)
        if is_open and (took := await take_text(control, drafts, change, assistants)):
            taking.taken.append(took[0])
            texts.append(change)
            change = took[1]
        if change.overwrites:
            await taking.change(change)
    return tuple(texts)


def _own(change: Change) -> Change:
    """The change with what was done to it itself: that it waits for something edited is no edit of it."""
    parts = {at for at, _ in change.awaits}
    edits = tuple(with_(edit, origin="here") if edit.keys in parts else edit for edit in change.edits)
    return with_(change, edits=edits)


def _undeclared(plan: Plan, assistants: Sequence[Assistant]) -> Iterator[Problem]:
    """What was edited there and is declared no longer, so that there is no file that could take it."""
    for change in plan.changes:
        for ref in undeclared(change, plan.changes):
            remedy = narrowed(letting_go(), owners([change.desired], assistants))
            yield Problem(f"{ref.kind} {ref.key}", f"was edited at the platform, and no file declares it. {remedy}")


async def _older(control: Control, bindings: Bindings, chosen: Sequence[Assistant]) -> list[Problem]:
    """Those whose files are older than their key: what was changed at the platform belongs into the newer ones."""
    older = await outdated(control, bindings, control.loaded.assistants)
    return [Problem(one.where, told(one.key, older[one.key])) for one in chosen if one.key in older]


async def _of_held(
    control: Control,
    beside: held.Held,
    chosen: Sequence[Assistant],
    declared: Sequence[Assistant],
    *,
    discreet: bool,
) -> list[Problem]:
    """What was changed of those that are held: it is no change of what their files say, so no file can take it."""
    keys = [one.key for one in chosen if one.key in beside.keys]
    known = [key for key in keys if key in beside.revisions]
    left = [Problem(key, f"is held, and {beside.unread[key]}") for key in keys if key not in beside.revisions]
    if not known:
        return left
    bindings = await control.bindings()
    kinds = await control.kinds(bindings)
    desired = beside.desired(kinds, known, [one for one in declared if one.key not in beside.keys])
    found = await planning.plan(kinds, (), bindings, more=desired, whole=False, patience=control.patience)
    own = [beside.revisions[key] for key in known]
    plan = await showable(control, ProjectPlan.of(found, own), bindings, kinds, declared, known)
    plan = await confined(control, plan) if discreet else plan
    changes = [change for change in plan.changes if change.overwrites]
    for change, template in zip(changes, templates(changes), strict=True):
        remedy = narrowed(template, [change.desired.pinned])
        what = f"was changed there, and {change.desired.pinned} is held, so its files are not what is there. {remedy}"
        what = change.withheld or what
        left.append(Problem(f"{change.desired.kind} {change.desired.key}", what))
    return left


def _unknown(plan: Plan) -> Iterator[Problem]:
    """What differs of that of which nothing is remembered: nobody can tell on which side it was changed."""
    for change in plan.changes:
        # Our own marks are nothing that could be taken.
        marks = MARKS[change.desired.kind]
        paths = [edit.path for edit in change.edits if edit.path not in marks and not is_only_space(edit)]
        if paths and change.desired.ref in plan.adopted and not change.overwrites:
            what = (
                f"differs in {', '.join(paths)}, and the store here remembers no sync of it, so that it cannot be told "
                "which side was changed: pull with the store that the last sync used (DATABASE_URL or SUPABASE_URL), "
                "or edit the files by what agentctl plan shows"
            )
            yield Problem(f"{change.desired.kind} {change.desired.key}", what)


async def write(control: Control, found: Pull) -> None:
    """Write the files, each assistant's all or none, and remember theirs as applied.

    Raises Stale where a file was changed after `pull` looked, ConfigurationError where one cannot be written, Busy
    while a sync of this project runs.
    """
    async with exclusive(control):
        async with keeping(control):
            for rewrites in found.rewrites.values():
                await asyncio.to_thread(replace, rewrites)
        loaded = (await read(control, again=True)).checked()  # what it had read is no more
        bindings = await control.bindings()
        kinds = await control.kinds(bindings)
        by_name = {kind.name: kind for kind in kinds}
        await remember(found.texts, bindings, by_name[knowledge.KIND])
        chosen = [one for one in loaded.assistants if one.key in {*found.assistants, *found.rewrites}]
        plan = await planning.plan(kinds, chosen, bindings, whole=False, patience=control.patience)
        await bindings.settle(plan.settled)
        for change in plan.changes:
            await _follow(change, found.before, bindings, by_name)


async def _follow(change: Change, before: Plan, bindings: Bindings, kinds: Mapping[str, Kind[Any]]) -> None:
    """What a worker has to know of a pulled name or language goes to our store; space around a prompt is no drift."""
    seen, ref = change.observed, change.desired.ref
    if seen is None:
        return
    if change.desired.kind == post_call.KIND:
        known = {edit.path for old in before.changes if old.desired.ref == ref for edit in old.edits}
        if edits := [edit for edit in change.edits if edit.path not in known]:
            await kinds[ref.kind].update(seen.remote_id, change.desired, patch(edits))
            await bindings.bind(ref, seen.remote_id, patch(edits))
    spaces = [with_(edit, after=edit.before) for edit in change.edits if is_only_space(edit)]
    if spaces:
        await bindings.bind(ref, seen.remote_id, patch(spaces))
