"""Examine everything that has to be right before a call, each with its remedy. Nothing is changed anywhere."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal

from agentctl.errors import AgentctlError, NotFound, Rejected, StoreBehind, Unauthorized
from agentctl.resources.agent import KIND as AGENT
from agentctl.resources.phone_number import NUMBERS
from agentctl.resources.routing import rings_at_elevenlabs
from agentctl.settings import ELEVENLABS_HOSTS
from agentctl.verbs import webhook
from agentctl.verbs.door import check_store
from agentctl.wiring import Control

State = Literal["ok", "warning", "broken", "skipped"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `remedy` is empty where there is nothing to do."""

    subject: str
    state: State
    what: str
    remedy: str = ""


Examination = Callable[[Control], AsyncIterator[Finding]]


async def examine(control: Control) -> AsyncIterator[Finding]:
    """Every finding, one after the other; a part that cannot be examined is a finding too."""
    for subject, part in _PARTS:
        try:
            async for finding in part(control):
                yield finding
        except AgentctlError as error:
            yield Finding(subject, "broken", error.message, error.hint)


async def _project(control: Control) -> AsyncIterator[Finding]:
    if not control.has_project:
        yield Finding("project", "warning", f"no agentctl.toml in {control.directory} or above", "agentctl init")
        return
    loaded = control.loaded
    for problem in loaded.problems:
        yield Finding("project", "broken", str(problem), "Correct the file.")
    for problem in loaded.warnings:
        yield Finding("project", "warning", str(problem))
    if not loaded.problems:
        yield Finding("project", "ok", f"{loaded.project.name}: {len(loaded.assistants)} assistants")


async def _store(control: Control) -> AsyncIterator[Finding]:
    name = "embedded Postgres" if control.embedded else "database" if control.settings.database_url else "Supabase"
    try:
        await check_store(control)
    except StoreBehind as error:
        yield Finding("store", "broken", error.message, error.hint)
        return
    yield Finding("store", "ok", f"{name} answers, migrations are current")
    status = await (await control.store()).call("status", {})
    for queue, what in (("events", "events"), ("mails", "mails")):
        if dead := status[queue].get("dead", 0):
            yield Finding("queue", "broken", f"{dead} {what} were given up", "agentctl calls events --state dead")
    if kept := status["events"].get("kept", 0):
        yield Finding("queue", "warning", f"{kept} events were not understood", "agentctl calls events --state kept")
    waiting = status["events"].get("pending", 0)
    oldest = status["oldest_pending_seconds"] or 0
    if waiting and oldest > _OLD_SECONDS:
        what = f"{waiting} events wait, the oldest for {oldest / 60:.0f} minutes"
        yield Finding("queue", "broken", what, "No worker seems to run: agentctl serve, or agentctl work")


async def _key(control: Control) -> AsyncIterator[Finding]:
    settings = control.settings
    host = f"{settings.elevenlabs_base_url.scheme}://{settings.workspace}"
    if host not in ELEVENLABS_HOSTS:
        yield Finding("elevenlabs", "warning", f"ELEVENLABS_BASE_URL is {host}, not a host of ElevenLabs' own")
    yield await _scope(control, "read agents (convai_read)", lambda: control.api.get(_AGENTS, params={"page_size": 1}))
    # Permissions are checked before the object is looked for; this id cannot exist, so that nothing can change.
    probe = "agentctl_doctor_asks_for_no_agent"
    yield await _scope(
        control, "write agents (convai_write)", lambda: control.api.patch(_AGENT, json={}, agent_id=probe)
    )


async def _scope(control: Control, what: str, ask: Callable[[], Awaitable[Any]]) -> Finding:
    try:
        await ask()
    except Unauthorized as error:
        return Finding("elevenlabs", "broken", f"the key may not {what}: {error.message}", error.hint)
    except (NotFound, Rejected):
        pass
    return Finding("elevenlabs", "ok", f"the key may {what}")


async def _agents(control: Control) -> AsyncIterator[Finding]:
    if not control.has_project or control.loaded.problems:
        return
    bound = (await control.bindings()).of(AGENT)
    for assistant in control.loaded.assistants:
        if assistant.key not in bound:
            yield Finding("agents", "warning", f"{assistant.key} is not at ElevenLabs yet", "agentctl sync")
            continue
        try:
            await control.api.get(_AGENT, agent_id=bound[assistant.key])
        except NotFound:
            yield Finding("agents", "broken", f"{assistant.key}: its agent was deleted there", "agentctl sync")
            continue
        yield Finding("agents", "ok", f"{assistant.key} is {bound[assistant.key]}")


async def _webhook(control: Control) -> AsyncIterator[Finding]:
    settings = control.settings
    if not settings.elevenlabs_webhook_secret:
        remedy = "agentctl webhook register URL shows it once; agentctl up works without a webhook"
        yield Finding("webhook", "warning", "ELEVENLABS_WEBHOOK_SECRET is not set: the door refuses everything", remedy)
    if not control.has_project:
        return
    status = await webhook.status(control)
    if status.webhook is None:
        # Without a webhook calls are still fetched (agentctl up), so that this alone breaks nothing.
        yield Finding("webhook", "warning", "none is registered", "agentctl webhook register URL")
        return
    for problem in status.problems:
        yield Finding("webhook", "broken", problem, "agentctl webhook status shows more")
    if status.ok:
        yield Finding("webhook", "ok", "registered, enabled and bound to every agent")


async def _numbers(control: Control) -> AsyncIterator[Finding]:
    if not control.has_project or control.loaded.problems:
        return
    declared = {number: one.key for one in control.loaded.assistants for number in one.phone.numbers}
    if not declared:
        yield Finding("numbers", "skipped", "no assistant declares a number")
        return
    bound = (await control.bindings()).of(AGENT)
    there = {entry["phone_number"]: entry for entry in await control.api.get(NUMBERS)}
    for number, key in declared.items():
        entry = there.get(number)
        agent = (entry or {}).get("assigned_agent") or {}
        if entry is None:
            remedy = f"agentctl import-number {number} --assistant {key}"
            yield Finding("numbers", "broken", f"{number} is not at ElevenLabs", remedy)
        elif agent.get("agent_id") != bound.get(key):
            yield Finding("numbers", "broken", f"{number} does not ring at {key}", "agentctl sync")
        else:
            yield await _routing(control, number, key)


async def _routing(control: Control, number: str, key: str) -> Finding:
    if control.settings.twilio_account_sid is None:
        return Finding("numbers", "ok", f"{number} rings at {key} (Twilio's side not checked: no credentials)")
    incoming = await control.twilio.find_number(number)
    if incoming is None:
        return Finding("numbers", "warning", f"{number} is not in this Twilio account")
    if not rings_at_elevenlabs(incoming.routing()):
        remedy = f"agentctl import-number {number} --assistant {key}"
        return Finding("numbers", "broken", f"{number}: Twilio no longer sends its calls to ElevenLabs", remedy)
    return Finding("numbers", "ok", f"{number} rings at {key}")


async def _twilio(control: Control) -> AsyncIterator[Finding]:
    if control.settings.twilio_account_sid is None:
        yield Finding("twilio", "skipped", "TWILIO_ACCOUNT_SID is not set; only import-number needs it")
        return
    account = await control.twilio.account()
    # With an API key Twilio may not tell the account's status; that it answered is then all there is to know.
    state: State = "ok" if account.status in ("active", "") else "broken"
    yield Finding("twilio", state, f"the account is {account.status or 'reachable'}")


async def _mail(control: Control) -> AsyncIterator[Finding]:
    route = control.mail_route
    if route is None:
        yield Finding("mail", "warning", "no mail route: mails wait in the outbox", "Set SMTP_URL or RESEND_API_KEY.")
        return
    await route.check()
    yield Finding("mail", "ok", f"{route.name} accepts us")


async def _digest(control: Control) -> AsyncIterator[Finding]:
    model = control.settings.llm_model
    engine = f"{model} at {control.settings.llm_base_url}" if model else "ElevenLabs' own analysis"
    yield Finding("digest", "ok", f"made by {engine}")


_AGENTS = "/v1/convai/agents"
_AGENT = "/v1/convai/agents/{agent_id}"
_OLD_SECONDS = 600
_PARTS: tuple[tuple[str, Examination], ...] = (
    ("project", _project),
    ("store", _store),
    ("elevenlabs", _key),
    ("agents", _agents),
    ("webhook", _webhook),
    ("numbers", _numbers),
    ("twilio", _twilio),
    ("mail", _mail),
    ("digest", _digest),
)
