"""Adopt agents: bind what they are made of, write the files, and put our mark on what did not carry it.

Nothing else is written at the platform: the ownership tag of an agent (and space around its prompt, which no file
keeps), and the names of its documents, which carry owner and digest of content. What may be asked for twice (an index
for retrieval, which the platform makes by itself) is asked for. So the next plan has nothing to do.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from typing import Any

from agentctl.errors import AgentctlError, SyncError
from agentctl.resources import agent, knowledge
from agentctl.sources.aside import sweep
from agentctl.sync import planning
from agentctl.sync.amending import amended
from agentctl.sync.bindings import Bindings
from agentctl.sync.diff import diff
from agentctl.sync.interrupted import Said
from agentctl.sync.kind import Kind, Ref
from agentctl.sync.patience import Patience
from agentctl.sync.plan import Change, Failure
from agentctl.verbs import sync
from agentctl.verbs.exclusive import exclusive
from agentctl.verbs.pulling.adopting import Adoption, is_ours
from agentctl.verbs.reading import read
from agentctl.verbs.revisions.history import ProjectPlan
from agentctl.wiring import Control

_IN_A_NAME = ("name", "content")  # the fields of a document that its name tells


async def adopt(control: Control, adoptions: Sequence[Adoption]) -> tuple[Failure, ...]:
    """Make assistants of them, one after another; whoever calls this has a yes. What failed is the answer.

    Running it again goes on where it stopped. Raises Stale and ConfigurationError where files cannot be written, Busy
    while a sync of this project runs.
    """
    async with exclusive(control):
        bindings = await control.bindings()
        kinds = {kind.name: kind for kind in await control.kinds(bindings)}
        failures = list[Failure]()
        for adoption in adoptions:
            failures += await _take(control, kinds[knowledge.KIND], adoption, bindings)
        loaded = (await read(control, again=True)).checked()  # what it had read is no more
        chosen = [one for one in loaded.assistants if one.key in {adoption.key for adoption in adoptions}]
        plan = await planning.plan(tuple(kinds.values()), chosen, bindings, whole=False, patience=control.patience)
        changes = tuple(change for change in plan.changes if _is_ours(change, kinds[change.desired.kind]))
        narrowed = ProjectPlan.of(plan, chosen, changes=changes, note="pull")
        # By now all else is done, and what is left overwrites nothing that somebody made there: see `_is_ours`.
        applied = await sync.apply(control, narrowed, take_ours=True, force=True, stateless=True)
        left = [_left(change) for change in plan.changes if change not in changes]
        return (*failures, *applied.failures, *left)


async def tidy(control: Control) -> None:
    """Take away what a pull left in the project that was killed; whoever calls this has the lease."""
    await asyncio.to_thread(sweep, control.directory)


async def _take(control: Control, kind: Kind[Any], adoption: Adoption, bindings: Bindings) -> list[Failure]:
    """Bind, mark the documents, then place the files, which are complete by then.

    Without a binding a sync would make a second agent out of them, and without its mark a document would be uploaded
    anew. Cut off before the files are there, all of it is harmless: what an agent uses is not deleted, nor is an agent
    without our tag.
    """
    aside = await asyncio.to_thread(adoption.sheet.prepare)
    try:
        ids = {Ref(knowledge.KIND, key): remote_id for key, remote_id in adoption.documents.items()}
        ids[Ref(agent.KIND, adoption.key)] = adoption.agent_id
        before = {ref: (bindings.get(ref), bindings.applied(ref)) for ref in ids}
        for ref, remote_id in ids.items():
            await bindings.bind(ref, remote_id)
        failures = await _mark(kind, adoption, bindings, control.patience)
        try:
            await asyncio.to_thread(adoption.sheet.place, aside)
        except AgentctlError:
            for ref, (old, applied) in before.items():
                await (bindings.unbind(ref) if old is None else bindings.bind(ref, old, applied))
            raise
    finally:
        await asyncio.to_thread(shutil.rmtree, aside, ignore_errors=True)
    for name in (agent.KIND, knowledge.KIND):
        for key, remote_id in bindings.of(name).items():
            if Ref(name, key) not in ids and remote_id in ids.values():
                await bindings.unbind(Ref(name, key))  # what it was bound as before
    return failures


async def _mark(kind: Kind[Any], adoption: Adoption, bindings: Bindings, patience: Patience) -> list[Failure]:
    """Give documents the names that say whose they are and which content they have. The content is not sent."""
    failures = []
    for desired in kind.desired(adoption.assistant):
        if desired.key not in adoption.renames or not diff(desired.body, bindings.applied(desired.ref), kind.lists):
            continue
        remote_id = adoption.documents[desired.key]
        try:
            observed = await kind.read(remote_id)
            words = {name: desired.body[name] for name in _IN_A_NAME}
            if diff(words, observed.body, kind.lists):
                said = Said(words, {name: observed.body[name] for name in _IN_A_NAME})
                sent = {"name": desired.body["name"]}
                observed = await amended(kind, desired, observed, sent, said, bindings, patience)
            left = diff(desired.body, observed.body, kind.lists)
            seen: dict[str, Any] = {} if left else {"touched": observed.touched, "fingerprint": observed.fingerprint}
            await bindings.bind(desired.ref, remote_id, {} if left else desired.body, **seen)
        except AgentctlError as error:
            failures.append(Failure(desired.ref, desired.where, error))
    return failures


def _is_ours(change: Change, kind: Kind[Any]) -> bool:
    """Whether adopting may write it: marks there, what is there already as often as asked, and our own store."""
    if change.desired.kind == agent.KIND:
        return change.observed is not None and all(is_ours(edit, kind) for edit in change.edits)
    return kind.traits.internal or kind.traits.repeatable


def _left(change: Change) -> Failure:
    what = ", ".join(edit.path for edit in change.edits) or change.action
    name = f"{change.desired.kind} {change.desired.key}"
    error = SyncError(f"{name} still differs: {what}", "See it with: agentctl plan")
    return Failure(change.desired.ref, change.desired.where, error)
