"""How it all runs: what waits and what was given up, deliveries, and an examination of everything on demand.

A tenant's admins see what is their own; queues of all, duties, alerts and the project's side are the operator's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from agentctl.calls.tenant import OPERATOR
from agentctl.console import standing
from agentctl.console.acting import acting
from agentctl.console.page import Page
from agentctl.console.standing import Queue
from agentctl.console.tables import table, whole
from agentctl.console.visit import Refused, Visit
from agentctl.errors import AgentctlError
from agentctl.verbs.calls import audit, events, queue, retry
from agentctl.verbs.commands import addressed
from agentctl.verbs.examination.finding import Finding
from agentctl.verbs.examination.work_side import strange, troubled
from agentctl.verbs.places import housed
from agentctl.verbs.post_call import webhook as webhooks
from agentctl.verbs.upkeep import alert
from agentctl.wiring import Control

_SHOWN, _MOST = 25, 1000
_FAILED = ("dead", "kept")
_COLUMNS = (
    "id", "tenant", "type", "conversation_id", "state", "attempt", "error", "received_at", "finished_at", "size",
)  # fmt: skip


@dataclass(frozen=True)
class Standing:
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
class Delivery:
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
    """What was given up is queued again: one event, or all of it."""
    which = visit.form.get("event")
    if not isinstance(which, str) or len(which) > 200:
        raise Refused(400, "refused.form")
    async with acting(visit) as control:
        try:
            done = await (retry.retry(control, which) if which else retry.retry_all(control))
        except AgentctlError as error:
            return await _shown(visit, problem=control.veil(str(error)))
        await audit.note(control, "retry", event=which or "all", **vars(done))
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
    async with acting(visit) as control:
        rows = await events.events(control, _FAILED, limit=_MOST)
        await audit.note(control, "export", what="events", asked={"state": " ".join(_FAILED)}, format="csv")
    return table(visit, "failed-events", _COLUMNS, whole(rows), lambda one: [one.get(name) for name in _COLUMNS])


async def _shown(visit: Visit, *, problem: str = "") -> Response:
    looked = "look" in visit.request.query_params
    told = visit.request.query_params.get("again", "")
    async with acting(visit) as control:
        failures = await events.events(control, _FAILED, limit=_SHOWN + 1)
        now = await (_of_all(control) if visit.tenant == OPERATOR else _of_tenant(visit, control))
        delivery = await _delivery(visit, control) if looked else Delivery(asked=False)
    return visit.show(
        "health.html.j2",
        now=now,
        failures=failures[:_SHOWN],
        more=len(failures) > _SHOWN,
        given_up=any(one.dead for one in now.queues),
        delivery=delivery,
        looked=looked,
        rest=visit.url("/health", look="1"),
        check=visit.desk.checks.find(visit.tenant),
        is_operator=visit.tenant == OPERATOR,
        again=int(told) if told.isascii() and told.isdecimal() and len(told) < 9 else None,
        problem=problem,
        length=standing.length,
        veil=control.veil,
    )


async def _of_all(control: Control) -> Standing:
    found, strangers = await asyncio.gather(queue.queue(control), queue.strangers(control))
    tell = _telling(control)
    troubles = [
        Finding(one.subject, one.state, tell(one.what), tell(one.remedy))
        for one in (*troubled(found), *strange(strangers))
    ]
    recipients = await asyncio.to_thread(alert.recipients, control)
    settings, route = control.settings, control.workshop.mail_route
    return Standing(
        list(standing.queues(found)),
        duties=found["duties"],
        tenants=found.get("tenants", ()),
        troubles=troubles,
        told=recipients,
        beats=settings.heartbeat_url is not None,
        route=route.name if route else "",
    )


async def _of_tenant(visit: Visit, control: Control) -> Standing:
    """The store tells of all tenants' syncs together; those of one are known by its assistants."""
    found = await queue.queue(control, of=visit.tenant)
    return Standing(list(standing.queues({**found, **standing.syncs(await visit.ask("assistants"))})))


async def _delivery(visit: Visit, control: Control) -> Delivery:
    async def ask() -> Delivery:
        if visit.tenant != OPERATOR and (await control.households()).of(visit.tenant).workspace != visit.tenant:
            return Delivery(is_theirs=False)  # their calls come by the webhook of somebody else's workspace
        async with housed(control) as there:
            status = await webhooks.status(there)
            return Delivery(status=status, problems=tuple(map(_telling(there), status.problems)))

    try:
        return await visit.desk.kept.answer("webhook", visit.tenant, ask)
    except AgentctlError as error:
        return Delivery(error=control.veil(str(error)))


def _telling(control: Control) -> Callable[[str], str]:
    return lambda text: addressed(control.veil(text), control.environment)


PAGES = (
    Page("/health", health, role="admin"),
    Page("/health.csv", exported, role="admin"),
    Page("/health/again", again, role="admin", writes=True),
    Page("/health/examination", examine, role="admin", writes=True),
)
