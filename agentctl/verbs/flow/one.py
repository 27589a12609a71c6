"""The sync of one assistant that a change of its declaration brings about: the path of `sync --only KEY --yes`.

Where its source can look it up alone, nothing else is read, neither in the source nor in the store nor there.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import asdict, replace

from agentctl.errors import ConfigurationError, Elsewhere, Misdeclared
from agentctl.resources import agent, kinds, phone_number
from agentctl.resources.place import Place
from agentctl.resources.post_call import WEBHOOK
from agentctl.sources.loaded import Loaded
from agentctl.sources.source import Gone, SyncOutcome
from agentctl.sync.elsewhere import absent, anothers
from agentctl.sync.kind import Ref
from agentctl.sync.target import Target
from agentctl.verbs import sync
from agentctl.verbs.flow.departure import depart
from agentctl.verbs.flow.outcome import outcome
from agentctl.verbs.flow.witnesses import WITNESSES, is_any_there, newest
from agentctl.verbs.revisions.history import ProjectPlan
from agentctl.verbs.ringing.given_up import given_up, heirs, wake
from agentctl.verbs.rows.silenced import keeps
from agentctl.wiring import Control

_MADE = ", and a new agent would be made in it"


async def sync_one(
    control: Control, key: str, must_live_there: Callable[[Control, Loaded | Gone], Awaitable[None]]
) -> SyncOutcome:
    """Make what is declared of `key` true; what was changed at the platform is left alone.

    `control`: a fresh one, whose lease is held.
    `must_live_there` raises where it is another's by now. Raises Misdeclared for a declaration with problems,
    Incomplete with all that failed, and whatever a plan may raise.
    """
    found = await control.source.one(key)
    await must_live_there(control, found)
    if isinstance(found, Gone):
        return await depart(control, key, found.then)
    others = await _go_by(control, found)
    plan = await sync.plan(control, [key])
    await _must_be_home(control, plan)
    applied = await sync.apply(control, plan)
    await wake(control, others)
    return await outcome(control, applied)


async def _go_by(control: Control, found: Loaded) -> Collection[str]:
    """Take it for what is declared; and where it is one alone, ask store and platform for nothing else.

    The keys of those that declare a number which it has given up: to these it is left.
    """
    control.know(found)
    if found.target is None:
        return ()
    try:
        (assistant,) = found.checked().assistants
    except ConfigurationError as error:
        raise Misdeclared(control.veil(error.message)) from None
    every = kinds(Place(control.api, await control.store(), control.scope))
    target = Target.of(assistant.key, assistant, every, [WEBHOOK])
    given = await given_up(control, assistant)
    left = await heirs(control, assistant.key, given)
    gone = [one for one in given if one not in left and not keeps(assistant, one, here=True)]
    silent = {Ref(phone_number.KIND, number) for number in gone}
    control.know(replace(found, target=replace(target, own=target.own | silent)))
    return left.values()


async def _must_be_home(control: Control, plan: ProjectPlan) -> None:
    """Raise Elsewhere where an agent would be made and of those that are bound none is there, as with another's key.

    Also where none is bound yet, and one is there of another workspace of the project. A plan of the whole project sees
    all that by itself; one of a target asks for two others.
    """
    makes = any(one.action == "create" and one.desired.kind == agent.KIND for one in plan.changes)
    if control.target is None or not makes:
        return
    own, known = await newest(control)
    if own and not await is_any_there(control, own):
        raise Elsewhere(
            f"{absent(agent.KIND, known, control.scope.workspace)}{_MADE}",
            "If they were deleted there: agentctl sync --force makes what is new.",
        )
    asked = {**asdict(control.scope), "kind": agent.KIND, "newest": WITNESSES}
    if not own and await is_any_there(control, await (await control.store()).call("bound_elsewhere", asked)):
        raise anothers(
            f"nothing is bound in {control.scope.workspace} yet, and what is bound in another of the project's "
            "workspaces is there",
            _MADE,
        )
