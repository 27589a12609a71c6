"""Which webhook the calls of each assistant's agent are delivered to: as it is now, and as it is to be."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from agentctl.errors import AgentctlError
from agentctl.resources import webhook as resource
from agentctl.resources.agent import KIND as AGENT
from agentctl.resources.agent import Agent
from agentctl.resources.assistant import Assistant
from agentctl.resources.post_call import WEBHOOK
from agentctl.resources.webhook import AgentWebhook, Webhook
from agentctl.sync import apply as engine
from agentctl.sync import planning
from agentctl.sync.applied import Applied
from agentctl.sync.bindings import Bindings
from agentctl.sync.diff import Edit, Origin
from agentctl.sync.elsewhere import must_be_here, must_begin_nothing
from agentctl.sync.kind import Desired, Observed
from agentctl.sync.plan import Change, Plan, weighed
from agentctl.verbs.revisions.history import ProjectPlan
from agentctl.verbs.showable import showable
from agentctl.wiring import Control

Moves = Callable[[str, str | None], bool]
_TO = (*resource.DELIVERY, resource.ID)


async def delivering(
    control: Control, assistants: Sequence[Assistant], bindings: Bindings, hooks: Sequence[Webhook]
) -> dict[str, str | None]:
    """Assistant -> the webhook that its agent delivers to now; without those that choose one of their own.

    Raises Elsewhere where none of the bound agents is there, and of `hooks`, which are all that are there, none is ours
    by the store: another one would be registered in another workspace.
    """
    kind = Agent(control.api, control.scope, WEBHOOK)
    wanted = {desired.key: desired for assistant in assistants for desired in kind.desired(assistant)}
    seen = await kind.observe(list(wanted.values()), bindings.of(AGENT))
    await must_be_here(AGENT, wanted, seen, bindings)
    there = {AGENT: seen, WEBHOOK.kind: {hook.webhook_id: (Observed(hook.webhook_id, {}),) for hook in hooks}}
    await must_begin_nothing(kind, there, [Desired(WEBHOOK.kind, WEBHOOK.key, {}, "")], bindings)
    found: dict[str, str | None] = {}
    for key in [key for key, desired in wanted.items() if _to_ours(desired)]:
        sighting = seen.get(key, ())
        if isinstance(sighting, AgentctlError):
            raise sighting
        bound = bindings.of(AGENT).get(key)
        # Beside the bound one there may be others that claim to be it; they are nobody's business here.
        for observed in [one for one in sighting if bound in (None, one.remote_id)]:
            found[key] = resource.bound_to(resource.agent_binding(observed.body))
    return found


async def deliver(
    control: Control,
    kind: AgentWebhook,
    assistants: Sequence[Assistant],
    moves: Moves,
    on_plan: Callable[[Plan], None] = lambda _plan: None,
) -> Applied:
    """Have the agents deliver to the project's webhook: the same path as sync, narrowed to that.

    `moves`, asked with an assistant and the webhook that its agent delivers to now: whether that is to be replaced,
    whoever has set it there. Whatever else was changed there is held back, as a sync would. Raises the first failure.
    """
    bindings = await control.bindings()
    found = await planning.plan([kind], assistants, bindings, whole=False, patience=control.patience)
    found = weighed(found, lambda change, edit: _whose(change, edit, moves))
    plan = await showable(control, ProjectPlan.of(found, assistants), bindings, [kind], assistants)
    on_plan(plan)
    applied = await engine.apply(plan, [kind], bindings, patience=control.patience)
    if applied.failures:
        raise applied.failures[0].error
    return applied


def unmoved(applied: Applied) -> set[str]:
    """The assistants whose agents deliver where they did before."""
    return {one.desired.key for one in applied.held if one.vanished or any(edit.keys == _TO for edit in one.foreign)}


def _whose(change: Change, edit: Edit, moves: Moves) -> Origin:
    if change.observed is None or not _to_ours(change.desired):
        return edit.origin
    there = resource.agent_binding(change.observed.body)
    if not moves(change.desired.key, resource.bound_to(there)):
        return "there"
    # Where nothing is delivered to anybody, there is nothing left that somebody could have set.
    taken = edit.keys == _TO or not (resource.bound_to(there) or there.get("events"))
    return "here" if taken else edit.origin


def _to_ours(desired: Desired) -> bool:
    return bool(resource.agent_binding(desired.body).get(resource.ID) == WEBHOOK)
