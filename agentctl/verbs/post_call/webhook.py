"""The way from ElevenLabs to the door: register it, see how the platform finds it, send it a sample."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import SecretStr

from agentctl.errors import AgentctlError, NotFound, SyncError, UsageError
from agentctl.resources import webhook as resource
from agentctl.resources.agent import KIND as AGENT_KIND
from agentctl.resources.endpoints import AGENT
from agentctl.resources.platform_settings import SETTINGS
from agentctl.resources.post_call import EVENTS, WEBHOOK
from agentctl.resources.webhook import Webhook
from agentctl.settings import require
from agentctl.sync.bindings import Bindings
from agentctl.sync.diff import diff
from agentctl.sync.kind import Keyed, Ref
from agentctl.verbs.address import need_web_url
from agentctl.verbs.post_call import failed, rotation, unseen
from agentctl.verbs.post_call.registration import Registered as Registered
from agentctl.verbs.post_call.registration import Registration as Registration
from agentctl.verbs.post_call.registration import look as look
from agentctl.verbs.post_call.registration import register as register
from agentctl.verbs.post_call.rotation import Rotation
from agentctl.verbs.post_call.secret import variable
from agentctl.verbs.reading import read
from agentctl.wiring import Control
from webhooks.address import PATH as DOOR_PATH

Sample = Literal["transcript", "audio", "failure", "unknown"]
_LOOK = "agentctl doctor on the door's machine; agentctl webhook send URL shows what the door answers"
SAMPLES: tuple[Sample, ...] = ("transcript", "audio", "failure", "unknown")


@dataclass(frozen=True)
class Bound:
    """One agent of the project. `through`: "agent" or "workspace", whichever binds it to our webhook; empty: neither.

    `missing` are the events that it does not deliver though we need them. `drifted`: what keeps its calls away was
    changed at the platform since it was last applied, so that a sync holds it back.
    """

    assistant: str
    agent_id: str
    webhook_id: str | None
    through: str
    missing: tuple[str, ...]
    drifted: bool = False


@dataclass(frozen=True)
class Status:
    """The platform's view of our webhook; `webhook` is None when there is none. `problems`: what keeps calls away.

    `rotation` is the one under way, None where there is none. `failing`: whether the last delivery failed, within half
    an hour, and nothing has changed since: no delivery arrived, it was not registered anew, nor switched on with a door
    that answers. That is a problem, too.
    """

    webhook_id: str | None
    webhook: Webhook | None
    agents: tuple[Bound, ...]
    workspace: str | None
    problems: tuple[str, ...]
    rotation: Rotation | None = None
    failing: bool = False

    @property
    def ok(self) -> bool:
        """Whether every agent's calls are delivered."""
        return not self.problems

    @property
    def is_needed(self) -> bool:
        """Whether there is a webhook, or an assistant whose calls one would bring."""
        return self.webhook_id is not None or not self.ok


@dataclass(frozen=True)
class Sent:
    """One sample delivery and what the door answered; `hint` says what an answer other than 200 means."""

    url: str
    type: str
    conversation_id: str | None
    status: int
    text: str
    seconds: float
    hint: str

    @property
    def ok(self) -> bool:
        """Only 200 counts as delivered."""
        return self.status == 200


def keep_secret(control: Control, secret: SecretStr) -> Path:
    """Put the secret first in .env beside agentctl.toml, before those that are there; the file gets mode 0600.

    Earlier ones stay: deliveries signed with them still come while a webhook is rotated. Raises ConfigurationError
    where the file cannot be written.
    """
    from agentctl.sources import env_file

    path, name = control.directory / ".env", variable(control)
    earlier = [part.strip() for part in env_file.read(path, name).split(",")]
    values = dict.fromkeys([secret.get_secret_value(), *(part for part in earlier if part)])
    env_file.write(path, name, ",".join(values))
    return path


async def status(control: Control) -> Status:
    """What the platform says of the project's webhook and of the agents bound to it. Writes nothing.

    Raises ConfigurationError, StoreError, ApiError, Unreachable.
    """
    bindings = await control.bindings()
    webhook_id = bindings.get(WEBHOOK)
    if webhook_id is None:
        absent = ("no webhook is registered: agentctl webhook register URL",)
        return Status(None, None, (), None, absent if await _is_awaited(control) else ())
    hooks, workspace = await asyncio.gather(resource.listed(control.api), resource.workspace_binding(control.api))
    webhook = next((hook for hook in hooks if hook.webhook_id == webhook_id), None)
    agents = bindings.of(AGENT_KIND)
    looks = await asyncio.gather(*(_bound(control, key, bindings, webhook_id, workspace) for key in sorted(agents)))
    found = [bound for bound in looks if bound is not None]
    problems = [*_unwell(webhook_id, webhook), *await _undelivered(control, found)]
    if webhook is not None and unseen.is_unseen(control, webhook, bindings):
        problems.append(f"nobody was shown the secret of webhook {webhook_id}: agentctl webhook rotate makes another")
    if not agents and await _is_awaited(control):
        problems.append("no agent is synced, so that nothing can be delivered: agentctl sync")
    under_way = None
    try:
        under_way = await rotation.look(control)
    except SyncError as error:
        problems.append(f"{error.message}: agentctl webhook rotate --cancel")
    failing = await failed.failing(control, webhook, bindings)
    if webhook is not None and failing:
        problems.append(f"the last delivery failed ({webhook.failure_code or 'no answer'}): {_LOOK}")
    return Status(
        webhook_id,
        webhook,
        tuple(found),
        resource.bound_to(workspace),
        tuple(problems),
        under_way if under_way and under_way.step != "none" else None,
        failing,
    )


async def send(control: Control, url: str, *, kind: Sample = "transcript", file: Path | None = None) -> Sent:
    """Sign a sample (or the bytes of `file`, as they are) with the first webhook secret and post it to a door, once.

    Raises UsageError for a URL or file that cannot be used, ConfigurationError without a secret, Unreachable.
    """
    from agentctl.calls import inbox
    from agentctl.clients.door import deliver
    from webhooks.signature import HEADER, sign

    need_web_url("URL", url)
    require(control.settings, "elevenlabs_webhook_secret")
    body = await asyncio.to_thread(_content, file) if file is not None else sample(kind, now=time.time())
    signature = sign(body, control.settings.elevenlabs_webhook_secret[0], int(time.time()))
    try:
        heading = inbox.peek(body)
        named, conversation_id = heading.type, heading.conversation_id
    except AgentctlError:
        named, conversation_id = "not an event", None  # Whoever names such a file wants to see the door refuse it.
    answer = await deliver(url, body, {HEADER: signature}, chunked=named == "post_call_audio")
    return Sent(
        url, named, conversation_id, answer.status, answer.text, answer.seconds, meaning(control, answer.status)
    )


def sample(kind: Sample, *, now: float) -> bytes:
    """One event as ElevenLabs sends it, with invented people and numbers: a new conversation that ended at `now`."""
    from importlib.resources import files

    text = (files("agentctl") / "templates" / "samples" / f"{kind}.json").read_text(encoding="utf-8")
    event: dict[str, Any] = json.loads(text.replace("conv_sample", f"conv_sample{secrets.token_hex(12)}"))
    event["event_timestamp"] = int(now)
    metadata = event["data"].get("metadata", {})
    if "start_time_unix_secs" in metadata:
        start = int(now) - int(metadata["call_duration_secs"])
        metadata |= {"start_time_unix_secs": start, "accepted_time_unix_secs": start}
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


async def _bound(
    control: Control, key: str, bindings: Bindings, webhook_id: str, workspace: Mapping[str, Any]
) -> Bound | None:
    """None for one that is archived: nobody talks to it."""
    ref = Ref(AGENT_KIND, key)
    agent_id = bindings.of(AGENT_KIND)[key]
    try:
        agent = await control.api.get(AGENT, agent_id=agent_id)
    except NotFound:
        return Bound(key, agent_id, None, "", ())
    if (agent.get(SETTINGS) or {}).get("archived"):
        return None
    own = resource.agent_binding(agent)
    effective = own if resource.bound_to(own) else workspace
    current, drifted = resource.bound_to(effective), _drifted(own, resource.agent_binding(bindings.applied(ref)))
    if current != webhook_id:
        return Bound(key, agent_id, current, "", (), drifted)
    missing = tuple(event for event in EVENTS if event not in (effective.get("events") or ()))
    return Bound(key, agent_id, current, "agent" if effective is own else "workspace", missing, drifted)


def _drifted(own: Mapping[str, Any], applied: Mapping[str, Any]) -> bool:
    """Whether an agent's own binding is another than was last applied; what never was is ours to write."""
    told = [name for name in (resource.ID, "events") if name in applied]
    said, there = ({name: binding.get(name) for name in told} for binding in (applied, own))
    return bool(diff(said, there, {"events": Keyed()}))


def _unwell(webhook_id: str, webhook: Webhook | None) -> list[str]:
    if webhook is None:
        return [f"webhook {webhook_id} is gone at ElevenLabs: agentctl webhook register URL"]
    again = "agentctl webhook enable"
    if webhook.auto_disabled:
        return [f"ElevenLabs has switched the webhook off after too many failures; when the door answers 200: {again}"]
    if webhook.disabled:
        return [f"the webhook was switched off in the dashboard: {again}"]
    return []


async def _undelivered(control: Control, agents: Sequence[Bound]) -> list[str]:
    """What keeps the calls of each from being delivered. What is declared is asked for only if there is any such."""
    lacking = [one for one in agents if not one.through or one.missing]
    if not lacking:
        return []
    async with control.afresh() as fresh:
        loaded = await read(fresh)
    return [_lack(one, orphaned=not loaded.problems and one.assistant not in loaded.keys) for one in lacking]


async def _is_awaited(control: Control) -> bool:
    """Whether any agent is to be there: where every tenant has a workspace of its own, none is in the project's."""
    async with control.afresh() as fresh:
        loaded = await read(fresh)
    return bool(loaded.problems or loaded.assistants)


def _lack(bound: Bound, *, orphaned: bool) -> str:
    remedy = f"agentctl sync --only {bound.assistant} --take-ours" if bound.drifted else "agentctl sync"
    if orphaned:
        remedy = "it is no longer declared here; to have it deleted: agentctl sync --prune"
    if bound.through:
        return f"agent {bound.assistant} does not deliver {', '.join(bound.missing)}: {remedy}"
    where = f"delivers to {bound.webhook_id}" if bound.webhook_id else "delivers to no webhook"
    return f"agent {bound.assistant} {where}, not to ours: {remedy}"


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise UsageError(f"--file: {file} cannot be read: {error.strerror}") from None


def meaning(control: Control, answered: int) -> str:
    """What a door's answer to a delivery that is signed with this secret says; empty for 200."""
    if answered == 200:
        return ""
    secret = control.settings.place("elevenlabs_webhook_secret")
    known = {
        400: "The door could not read it as JSON.",
        401: f"The door knows another secret than {secret} here, or its clock is wrong.",
        403: "The door takes deliveries from WEBHOOK_SOURCES alone, and this machine's address is none of them.",
        404: f"Is the path right? The door listens at {DOOR_PATH}.",
        405: f"Is the path right? The door listens at {DOOR_PATH}.",
        413: "It is larger than the door's WEBHOOK_MAX_BYTES or a proxy before it allows.",
        503: "The door has no secret, or its store is away: see /readyz there.",
    }
    if 300 <= answered < 400:
        return "The door redirects, and ElevenLabs follows no redirect: register the final URL."
    return known.get(answered, "ElevenLabs counts everything but 200 as a failure.")
