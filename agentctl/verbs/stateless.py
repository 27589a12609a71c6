"""Syncing without a memory: where a store knows nothing of the last sync, what is ours is found by its marks alone.

A plan is then two-way. It sees what differs and cannot tell who changed it, so that applying it may take back what
somebody did at the platform. That is said, and at a real host it needs a word of its own.
"""

from __future__ import annotations

from collections.abc import Iterator

from agentctl.errors import Problem, Unauthorized, UsageError
from agentctl.loopback import is_loopback
from agentctl.resources import MARKS, agent, webhook
from agentctl.resources.post_call import WEBHOOK
from agentctl.sync.applied import Applied
from agentctl.sync.bindings import Bindings
from agentctl.sync.kind import Ref
from agentctl.sync.plan import Plan, Settled
from agentctl.wiring import Control


def unremembered(plan: Plan) -> tuple[Ref, ...]:
    """What is there with a mark of ours, and the store knows nothing of.

    A number carries no mark: whose it is, only its binding tells, and one that is found is simply there. Nor is an
    agent that its source names by its id: somebody has said that it is to be as declared. Besides an agent, what is to
    be deleted may also be what a run that was cut off has left of something that is remembered.
    """
    strays = plan.orphans if plan.known == 0 else ()
    doomed = [
        change.desired.ref
        for change in plan.changes
        if change.action == "delete" and not (change.replaces or change.bound or change.again)
        if plan.known == 0 or change.desired.kind == agent.KIND
    ]
    named = {Ref(agent.KIND, one.key) for one in getattr(plan, "assistants", ()) if one.agent_id}
    found = dict.fromkeys((*plan.adopted, *doomed, *strays))
    return tuple(ref for ref in found if MARKS.get(ref.kind) and ref not in named)


async def recall(control: Control, bindings: Bindings) -> tuple[Settled, ...]:
    """What no plan looks for and agents refer to: the project's webhook, found by its name where nothing is known yet.

    Without it new agents would deliver their calls to nobody. The answer belongs into the plan. Only of a store of this
    machine: a shared one knows, if by what was bound before the workspace had a label. A key that may not see webhooks
    finds none.
    """
    if len(bindings) or not (control.embedded or bindings.relabelled(WEBHOOK)):
        return ()
    try:
        hooks = await webhook.listed(control.api)
    except Unauthorized:
        return ()
    mine = [hook for hook in hooks if hook.name == webhook.name_for(control.scope)]
    if len(mine) != 1:
        return ()
    bindings.assume(WEBHOOK, mine[0].webhook_id)
    return (Settled(WEBHOOK, mine[0].webhook_id, {"url": mine[0].url}),)


def notices(control: Control, plan: Plan) -> Iterator[Problem]:
    """That the plan is two-way, where it is."""
    if found := unremembered(plan):
        yield _two_way(len(found))
    if _unseen(control, plan):
        yield Problem("two-way", "a sync of this needs --stateless, or the store that the last sync used")


def unseen(applied: Applied) -> tuple[Problem, ...]:
    """What has to be said of a sync even where nothing else is: that it wrote over what nothing was remembered of."""
    found = set(unremembered(applied.plan)) & {change.desired.ref for change in applied.done}
    return (_two_way(len(found)),) if found else ()


def _two_way(count: int) -> Problem:
    what = (
        f"nothing is remembered of {count} resources that are there with the mark of this project, so drift "
        "cannot be told from a change made here: what differs counts as changed here"
    )
    return Problem("two-way", what)


def must_be_meant(control: Control, plan: Plan, *, stateless: bool) -> None:
    """Raise UsageError for a two-way plan at a real host, unless `stateless`.

    A project of which nothing is there yet has nothing to lose, and a sandbox on this machine neither.
    """
    found = _unseen(control, plan)
    if stateless or not found:
        return
    raise UsageError(
        f"{len(found)} resources of this project are at {control.settings.workspace}, and the store here knows nothing "
        "of them: what somebody did there would be overwritten or deleted unseen",
        "Use the store that the last sync used (DATABASE_URL or SUPABASE_URL) with the label that its workspace had, "
        "or say that the files count in any case: agentctl sync --stateless",
    )


def _unseen(control: Control, plan: Plan) -> tuple[Ref, ...]:
    """What a sync must not go over without a word: of a shared store, which remembers from now on, what it writes."""
    if is_loopback(control.settings.elevenlabs_base_url.host or ""):
        return ()
    written = {change.desired.ref for change in plan.changes}
    return tuple(ref for ref in unremembered(plan) if control.embedded or ref in written)
