"""How it all runs: what waits and what was given up, deliveries, and an examination of everything on demand.

A tenant's admins see what is their own; queues of all, duties, alerts and the project's side are the operator's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from starlette.responses import Response

from agentctl.calls.queue import Queue, used
from agentctl.calls.tenant import OPERATOR
from agentctl.console.acting import acting
from agentctl.console.home import spare
from agentctl.console.page import Page
from agentctl.console.tables import table, whole
from agentctl.console.telling import stored, trouble
from agentctl.console.visit import Refused, Visit
from agentctl.console.wording import length
from agentctl.errors import AgentctlError
from agentctl.verbs.calls import audit
from agentctl.verbs.calls.queue import SECONDS
from agentctl.verbs.calls.retry import requeued
from agentctl.verbs.commands import addressed
from agentctl.verbs.examination.finding import Finding
from agentctl.verbs.examination.work_side import strange, troubled
from agentctl.verbs.places import housed
from agentctl.verbs.post_call import webhook as webhooks
from agentctl.verbs.upkeep import alert
from agentctl.wiring import Control

_SHOWN, _MOST = 25, 1000
_FAILED, _UNSENT = ("dead", "kept"), ("dead",)
_COLUMNS = (
    "id", "tenant", "type", "conversation_id", "state", "attempt", "error", "received_at", "finished_at", "size",
)  # fmt: skip


@dataclass(frozen=True)
class Waiting:
    """`queues`: of one tenant, or of all; what else there is, is the operator's. `told`: who gets a mail in trouble, by
    which `route`; `beats`: a monitor hears that a worker lives.
    """

    queues: Sequence[Queue]
    duties: Sequence[Mapping[str, Any]] = ()
    tenants: Sequence[Mapping[str, Any]] = ()
    troubles: Sequence[Finding] = ()
    told: Sequence[str] = ()
    beats: bool = False
    route: str = ""


@dataclass(frozen=True)
class WebhookSeen:
    """What ElevenLabs says of the webhook; `is_theirs`: it is this tenant's; `error`: why it could not be asked."""

    is_theirs: bool = True
    status: webhooks.Status | None = None
    problems: Sequence[str] = ()
    error: str = ""
    asked: bool = True


async def health(visit: Visit) -> Response:
    """All of it; how ElevenLabs sees the webhook is asked for by the page itself."""
    return await _shown(visit)


async def again(visit: Visit) -> Response:
    """What was given up is queued again: one event or mail, or all of it."""
    which = visit.form.get("event")
    if not isinstance(which, str) or len(which) > 200:
        raise Refused(400, "refused.form")
    try:
        done = requeued(await visit.ask("retry", {"event": which or None}), which or None)
    except AgentctlError as error:
        return await _shown(visit, problem=trouble(error, visit.desk.control.veil))
    many = done.events + done.mails + done.rows + done.syncs
    return visit.go("/health", again=str(many))


async def examine(visit: Visit) -> Response:
    """Everything is looked at, and nothing changed; the page shows what is found while it is."""
    async with acting(visit) as control:
        await audit.note(control, "doctor")
    visit.desk.checks.begin(visit.tenant)
    return visit.go("/health", look="1")


async def exported(visit: Visit) -> Response:
    """What was given up or not understood, as a table for a spreadsheet."""
    rows = await _failed(visit, _MOST)
    async with acting(visit) as control:
        await audit.note(control, "export", what="events", asked={"state": " ".join(_FAILED)}, format="csv")
    return table(visit, "failed-events", _COLUMNS, whole(rows), lambda one: [one.get(name) for name in _COLUMNS])


async def _failed(visit: Visit, limit: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = await visit.ask("events", {"states": _FAILED, "limit": limit})
    return found


async def _shown(visit: Visit, *, problem: str = "") -> Response:
    looked = "look" in visit.request.query_params
    told = visit.request.query_params.get("again", "")
    failures, unsent, found = await asyncio.gather(
        _failed(visit, _SHOWN + 1),
        visit.ask("mails", {"states": _UNSENT, "limit": _SHOWN + 1}),
        visit.ask("queue", timeout=SECONDS),
    )
    async with acting(visit) as control:
        now = await _of_all(control, found) if visit.tenant == OPERATOR else Waiting(list(used(found)))
    delivery = await _delivery(visit) if looked else WebhookSeen(asked=False)
    return visit.show(
        "health.html.j2",
        now=now,
        failures=failures[:_SHOWN],
        more=len(failures) > _SHOWN,
        unsent=unsent[:_SHOWN],
        more_unsent=len(unsent) > _SHOWN,
        given_up=any(one.dead for one in now.queues),
        delivery=delivery,
        looked=looked,
        rest=visit.url("/health", look="1"),
        check=visit.desk.checks.find(visit.tenant),
        is_operator=visit.tenant == OPERATOR,
        again=int(told) if told.isascii() and told.isdecimal() and len(told) < 9 else None,
        problem=problem,
        length=length,
        veil=control.veil,
        stored=partial(stored, veil=control.veil),
    )


async def _of_all(control: Control, found: Mapping[str, Any]) -> Waiting:
    tell = _telling(control)
    troubles = [
        Finding(one.subject, one.state, tell(one.what), tell(one.remedy))
        for one in (*troubled(found), *strange(found["strangers"]))
    ]
    recipients = await asyncio.to_thread(alert.recipients, control)
    settings, route = control.settings, control.workshop.mail_route
    return Waiting(
        list(used(found)),
        duties=found["duties"],
        tenants=found.get("tenants", ()),
        troubles=troubles,
        told=recipients,
        beats=settings.heartbeat_url is not None,
        route=route.name if route else "",
    )


async def _delivery(visit: Visit) -> WebhookSeen:
    async def ask() -> WebhookSeen:
        async with acting(visit) as own:  # the visitor's ends with their request, and others wait for this, too
            if visit.tenant != OPERATOR and (await own.households()).of(visit.tenant).workspace != visit.tenant:
                return WebhookSeen(is_theirs=False)  # their calls come by the webhook of somebody else's workspace
            async with housed(own) as there:
                status = await webhooks.status(there)
                return WebhookSeen(status=status, problems=tuple(map(_telling(there), status.problems)))

    try:
        return await visit.desk.kept.answer("webhook", visit.tenant, ask)
    except AgentctlError as error:
        await spare(visit.desk.control, visit.tenant, error)
        return WebhookSeen(error=trouble(error, visit.desk.control.veil))


def _telling(control: Control) -> Callable[[str], str]:
    return lambda text: addressed(control.veil(text), control.environment)


PAGES = (
    Page("/health", health, role="admin", menu="health"),
    Page("/health.csv", exported, role="admin"),
    Page("/health/again", again, role="admin", writes=True),
    Page("/health/examination", examine, role="admin", writes=True),
)
