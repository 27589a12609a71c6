"""Examinations of what stands at ElevenLabs and Twilio: key and scopes, voices, agents, webhook, numbers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import suppress
from typing import Any

from agentctl.errors import AgentctlError, ApiError, NotFound, Rejected, StoreError, Unauthorized
from agentctl.loopback import in_clear
from agentctl.resources.agent import KIND as AGENT_KIND
from agentctl.resources.agent import Agent
from agentctl.resources.assistant import Assistant
from agentctl.resources.endpoints import AGENT, AGENTS, VOICE
from agentctl.resources.webhook import ONE_WEBHOOK, WEBHOOKS
from agentctl.settings import ELEVENLABS_HOSTS
from agentctl.sync.claims import ambiguous, claiming
from agentctl.sync.kind import Ref, Sighting
from agentctl.verbs.examination.finding import Finding, State
from agentctl.verbs.places import is_shut
from agentctl.verbs.post_call import webhook as webhooks
from agentctl.verbs.remedy import narrowed
from agentctl.verbs.renaming import outdated
from agentctl.verbs.renaming.parting import torn
from agentctl.wiring import Control

DEFAULT_VOICE = "cjVigY5qzO86Huf0OWal"  # the platform's own default, so that every workspace has it
# Permissions are checked before the object is looked for; this id cannot exist, so that nothing can change.
NOBODY = "agentctl_doctor_asks_for_nobody"


async def key(control: Control) -> AsyncIterator[Finding]:
    """Whether the key may travel to that host, is known there, and has the scopes that the work needs."""
    if not assistants(control) and await _is_shut(control):
        what = "the project has no key and needs none: every assistant is in a tenant's workspace"
        yield Finding("elevenlabs", "skipped", what, blocks=True)
        return
    url = control.settings.elevenlabs_base_url
    shown = f"{url.scheme}://{control.settings.workspace}"
    if in_clear(url):
        what = f"ELEVENLABS_BASE_URL is {shown}: the key would travel in the clear, so it was not sent"
        yield Finding("elevenlabs", "broken", what, "Use https://.", blocks=True)
        return
    if shown not in ELEVENLABS_HOSTS:
        remedy = f"If that is neither a proxy nor a sandbox of yours, use one of: {', '.join(ELEVENLABS_HOSTS)}"
        what = f"ELEVENLABS_BASE_URL is {shown}, not a host of ElevenLabs' own"
        yield Finding("elevenlabs", "warning", what, remedy)
    async for finding in scopes(control):
        yield finding


async def _is_shut(control: Control) -> bool:
    with suppress(StoreError):
        return await is_shut(control)
    return False


async def scopes(control: Control) -> AsyncIterator[Finding]:
    """What the key may do, tried without writing anything.

    Which endpoint needs which permission is not in the spec. Raises Unauthorized for a key that the host
    does not know, Unreachable, ApiError, ConfigurationError without a key.
    """
    api = control.api
    try:
        answer = await api.get(AGENTS, params={"page_size": 1})
    except Unauthorized as error:
        if not _lacks_scope(error):
            raise
        what = f"the key may not read agents (convai_read): {error.message}"
        yield Finding("elevenlabs", "broken", what, error.hint, blocks=True)
        return
    if not isinstance(answer, dict) or "agents" not in answer:
        raise ApiError(f"GET {AGENTS}: {api.host} does not answer as ElevenLabs does", "Check ELEVENLABS_BASE_URL.")
    yield Finding("elevenlabs", "ok", "the key may read agents (convai_read)")
    yield await _scope("write agents (convai_write)", "broken", lambda: api.patch(AGENT, json={}, agent_id=NOBODY))
    yield await _scope("list webhooks (workspace_read)", "warning", lambda: api.get(WEBHOOKS))
    body = {"is_disabled": False, "name": "agentctl doctor"}
    yield await _scope(
        "change webhooks (webhooks_write)",
        "warning",
        lambda: api.patch(ONE_WEBHOOK, json=body, webhook_id=NOBODY),
    )


async def _scope(what: str, otherwise: State, ask: Callable[[], Awaitable[Any]]) -> Finding:
    try:
        await ask()
    except Unauthorized as error:
        return Finding("elevenlabs", otherwise, f"the key may not {what}: {error.message}", error.hint)
    except (NotFound, Rejected):
        pass  # It got as far as looking for an object that does not exist.
    except AgentctlError as error:
        # One endpoint in trouble says nothing about the others.
        return Finding("elevenlabs", "warning", f"whether the key may {what} is not known: {error.message}", error.hint)
    return Finding("elevenlabs", "ok", f"the key may {what}")


def _lacks_scope(error: Unauthorized) -> bool:
    return "permission" in f"{error.code} {error.message}".lower()


async def voices(control: Control) -> AsyncIterator[Finding]:
    """Whether every declared voice exists in this workspace."""
    users: dict[str, list[str]] = {}
    for assistant in assistants(control):
        if assistant.voice.id:
            users.setdefault(assistant.voice.id, []).append(assistant.key)
    for voice_id in users or {DEFAULT_VOICE: []}:
        try:
            await control.api.get(VOICE, voice_id=voice_id)
        except Unauthorized as error:
            what = f"the key may not read voices (voices_read), so whether they exist is not known: {error.message}"
            yield Finding("voices", "warning", what, error.hint)
            return
        except (NotFound, Rejected):
            if voice_id in users:
                what = f"{', '.join(users[voice_id])}: this workspace has no voice {voice_id}"
                yield Finding("voices", "broken", what, "Add it to My Voices in the dashboard, or change voice.id.")
                continue
        yield Finding("voices", "ok", f"{voice_id} exists" if users else "the key may read voices (voices_read)")


async def agents(control: Control) -> AsyncIterator[Finding]:
    """Whether each assistant's agent is there and answers."""
    declared = assistants(control)
    if not declared:
        return
    bindings = await control.bindings()
    bound = bindings.of(AGENT_KIND)
    kind = Agent(control.api, control.scope)
    seen = await kind.observe([desired for one in declared for desired in kind.desired(one)], bound)
    fresh = any(one.key not in bound for one in declared)
    ways = await outdated.ways_back(control, bindings, declared) if fresh else {}
    for one in declared:
        former = bindings.former(Ref(AGENT_KIND, one.key))
        sighting = torn(bindings, one.key) or seen.get(one.key, ())
        yield _agent(one.key, bound.get(one.key), sighting, former, ways.get(one.key, ""))


def _agent(key: str, agent_id: str | None, sighting: Sighting, former: Collection[str], back: str) -> Finding:
    if isinstance(sighting, AgentctlError):
        return Finding("agents", "broken", sighting.message, sighting.hint)
    claims = claiming(sighting, former)
    if len(claims) > 1:
        error = ambiguous(Ref(AGENT_KIND, key), agent_id, claims, Agent.traits.mark)
        return Finding("agents", "broken", error.message, narrowed(error.hint, [key]))
    if agent_id is None:
        return Finding(
            "agents", "warning", f"{key} is not at ElevenLabs yet", back or "agentctl sync", kind="absent", about=key
        )
    agent = next((one.body for one in claims if one.remote_id == agent_id), None)
    if agent is None:
        what = f"{key}: its agent {agent_id} is gone at ElevenLabs"
        return Finding("agents", "broken", what, f"agentctl sync --take-ours --only {key}")
    if (agent.get("platform_settings") or {}).get("archived"):
        what = f"{key}: its agent {agent_id} is archived"
        return Finding(
            "agents", "broken", what, f"agentctl sync --take-ours --only {key}, unless its own files say archived"
        )
    return Finding("agents", "ok", f"{key} is {agent_id}")


async def webhook(control: Control) -> AsyncIterator[Finding]:
    """Whether calls are delivered: registered, on, bound to every agent, leading to PUBLIC_URL."""
    settings = control.settings
    status = await webhooks.status(control)
    if trouble := control.access.troubles.get("elevenlabs_webhook_secret"):
        yield Finding("webhook", "broken", trouble.message, trouble.hint)
    elif status.is_needed and not settings.elevenlabs_webhook_secret:
        yield await _unsigned(control)
    if not status.is_needed:
        yield Finding("webhook", "skipped", "none is registered, and none is needed: no assistant is in this workspace")
        return
    if status.webhook_id is None:
        # Without a webhook calls are still fetched (agentctl up), so that this alone breaks nothing.
        yield Finding("webhook", "warning", "none is registered", "agentctl webhook register URL", kind="unregistered")
        return
    for problem in status.problems:
        what, _, remedy = problem.rpartition(": ")
        yield Finding("webhook", "broken", what, remedy) if what else Finding("webhook", "broken", problem)
    if status.rotation is not None:
        what = f"a rotation is under way: webhook {status.rotation.old} is still there"
        yield Finding("webhook", "warning", what, "agentctl webhook rotate goes on with it.")
    if status.webhook is None:
        return
    public = str(settings.public_url or "").rstrip("/")
    if public and not status.webhook.url.startswith(f"{public}/"):
        what = f"the webhook leads to {status.webhook.url}, which is not at PUBLIC_URL ({public})"
        yield Finding("webhook", "warning", what, "agentctl webhook register URL makes one that does.")
    if status.webhook.failed_at and status.ok:
        answer = status.webhook.failure_code or "no answer"
        yield Finding("webhook", "warning", f"the last delivery that failed got {answer}", "agentctl webhook status")
    if status.ok:
        yield Finding("webhook", "ok", f"{status.webhook.webhook_id} is registered, on, and bound to every agent")


async def _unsigned(control: Control) -> Finding:
    """What becomes of deliveries from a workspace whose secret is not set."""
    tenant, variable = control.access.workspace, control.settings.variable("elevenlabs_webhook_secret")
    if tenant:
        what = f"{variable} is not set: a door refuses all that is signed there"
        remedy = (
            "agentctl webhook register URL shows it once; then say where it is: "
            f"agentctl tenants set {tenant} --webhook-secret env:NAME"
        )
        return Finding("webhook", "warning", what, remedy)
    others = any((await control.tenants()).signatures.values())
    refused = "all but what workspaces of tenants sign" if others else "everything"
    what = f"{variable} is not set: a door with these settings refuses {refused}"
    remedy = "agentctl webhook register URL shows it once; agentctl up works without a webhook"
    return Finding("webhook", "warning", what, remedy)


async def twilio(control: Control) -> AsyncIterator[Finding]:
    """Whether Twilio knows the credentials."""
    settings = control.settings
    if settings.twilio_account_sid is None:
        variable = settings.variable("twilio_account_sid")
        yield Finding("twilio", "skipped", f"{variable} is not set; only importing a number needs it")
        return
    url = settings.twilio_base_url
    if in_clear(url):
        what = f"TWILIO_BASE_URL is http://{url.host}: the secret would travel in the clear, so it was not sent"
        yield Finding("twilio", "broken", what, "Use https://.", blocks=True)
        return
    account = await control.twilio.account()
    # With an API key Twilio may not tell the account's status; that it answered is then all there is to know.
    state: State = "ok" if account.status in ("active", "") else "broken"
    remedy = "" if state == "ok" else "See the Twilio console."
    yield Finding("twilio", state, f"the account is {account.status or 'reachable'}", remedy)
    if settings.twilio_auth_token is None:
        variable = settings.variable("twilio_auth_token")
        what = f"{variable} is not set: with an API key alone ElevenLabs may refuse inbound calls"
        yield Finding("twilio", "warning", what, "Set it before importing a number.")


def assistants(control: Control) -> tuple[Assistant, ...]:
    """Those that live there, as far as they have been read."""
    return control.loaded.assistants if control.has_project else ()
