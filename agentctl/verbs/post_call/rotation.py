"""A webhook's secret is replaced by another while calls go on: two webhooks and two secrets for a time, then one.

A secret cannot be changed, so a second webhook with the same URL takes over. Agents are moved to it only when the
running door has proven that it knows the new secret, and the old one goes only when its last retry must have come. What
is under way is kept in the store, so that each step can be the last of a run.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import SecretStr

from agentctl.errors import AgentctlError, Rejected, Stale, SyncError, Unreachable, UsageError
from agentctl.resources import webhook as resource
from agentctl.resources.agent import KIND as AGENT_KIND
from agentctl.resources.endpoints import AGENT
from agentctl.resources.post_call import WEBHOOK
from agentctl.resources.webhook import AgentWebhook, Webhook
from agentctl.sync.plan import Change
from agentctl.verbs import sync
from agentctl.verbs.exclusive import exclusive
from agentctl.verbs.post_call import secret, unseen
from agentctl.verbs.post_call.delivering import deliver
from agentctl.verbs.undertaking import Undertaking
from agentctl.wiring import Control

NAME = "webhook rotation"
# Seconds. The platform's last retry comes after 0 + 30 s + 2 + 8 + 30 min and up to 10 % more, so after 45 at most.
RETRIES_END = 45 * 60.0
_PROBES = 3  # each on a connection of its own: several doors may stand behind one address

Step = Literal["none", "make", "prove", "wait", "end"]
OnCreated = Callable[[Webhook, SecretStr], object]


@dataclass(frozen=True)
class Rotation:
    """How far it is. `step` is what comes next; "none": nothing is under way. Times are unix seconds.

    `before` holds the webhooks that were there when it began: one with our name and URL that is not among them was made
    by a run that never learned its secret.
    """

    url: str
    old: str
    step: Step = "make"
    new: str | None = None
    old_secret: str | None = None
    new_secret: str | None = None
    before: tuple[str, ...] = ()
    moved_at: float | None = None

    @property
    def until(self) -> float | None:
        """From when on the old webhook can go."""
        return None if self.moved_at is None else self.moved_at + RETRIES_END

    def state(self) -> dict[str, Any]:
        """As it is kept in the store."""
        names = ("url", "old", "new", "old_secret", "new_secret", "before", "moved_at")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class Rotated:
    """How far a run came. `pending` says what it waits for; empty: the rotation is at its end.

    `secret` is there only when the new webhook was made just now. `env_file` lost the old secret. `left`: in words, the
    agents that do not deliver to the old webhook, as somebody has set it at the platform, and were not moved.
    """

    rotation: Rotation
    pending: str
    secret: SecretStr | None = field(default=None, repr=False)
    changed: tuple[str, ...] = ()
    env_file: Path | None = None
    left: tuple[str, ...] = ()


async def look(control: Control, *, now: float | None = None) -> Rotation:
    """See how far a rotation is; the step is "none" where none is under way. Writes nothing.

    Raises UsageError where no webhook is registered, SyncError where another one was registered meanwhile.
    """
    undertaking = await Undertaking.of(control, NAME)
    state, bindings = await undertaking.state(Rotation), await control.bindings()
    bound = bindings.get(WEBHOOK)
    if bound is None:
        raise UsageError("no webhook is registered", "agentctl webhook register URL makes one.")
    if state is None:
        url = str(bindings.applied(WEBHOOK).get("url") or "")
        return Rotation(url, bound, "none", old_secret=unseen.digest_of(bindings))
    if bound not in (state.old, state.new):
        raise SyncError(
            f"webhook {bound} was registered while {state.old} was being rotated",
            "Give the rotation up with: agentctl webhook rotate --cancel",
        )
    moment = time.time() if now is None else now
    step: Step = "make" if state.new is None else "prove"
    if state.until is not None:
        step = "wait" if moment < state.until else "end"
    return replace(state, step=step)


async def rotate(control: Control, rotation: Rotation, *, on_created: OnCreated | None = None) -> Rotated:
    """Go as far as is possible now; a second run goes on from there. `on_created` hears the secret once it exists.

    Raises SyncError, ApiError, Unreachable, StoreError; Busy while a sync runs.
    """
    async with exclusive(control):
        if (await look(control)).state() != rotation.state():
            raise Stale("the rotation has gone on meanwhile, by another run", "Run it again.")
        run = _Run(control, await Undertaking.of(control, NAME), rotation, on_created or (lambda hook, made: None))
        return await run.on()


async def cancel(control: Control) -> str | None:
    """Give up a rotation whose agents are not moved: the new webhook goes; its id, None where there was none.

    Raises UsageError where the agents deliver to it already.
    """
    async with exclusive(control):
        undertaking = await Undertaking.of(control, NAME)
        given_up, bound = await undertaking.state(Rotation), (await control.bindings()).get(WEBHOOK)
        if given_up is None:
            return None
        if given_up.new is not None and bound == given_up.new:
            raise UsageError(
                "the agents are being moved to the new webhook already", "agentctl webhook rotate goes on."
            )
        await _sweep(control, given_up, spared={*given_up.before, bound})
        secret.drop(control, given_up.new_secret or "", keep=None)
        await undertaking.forget()
        return given_up.new


async def knows(url: str, new: SecretStr) -> str:
    """Ask the door at `url` whether it knows the secret: empty if so, else why that is not known.

    What is sent is signed and no JSON: a door that knows the secret refuses it with 400 before anything is stored. That
    it answers otherwise to a secret nobody has shows that it looks at the signature at all.
    """
    from agentctl.clients.door import deliver
    from webhooks.signature import HEADER, sign

    async def asked(one: SecretStr) -> int:
        body = b"agentctl webhook rotate"
        return (await deliver(url, body, {HEADER: sign(body, one, int(time.time()))})).status

    try:
        if (status := await asked(SecretStr(secrets.token_hex(32)))) != 401:
            return f"what answers at {url} is no door that checks signatures: it says {status} to a wrong one, not 401"
        for _ in range(_PROBES):
            if (status := await asked(new)) == 401:
                return f"the door at {url} does not know the new secret yet"
            if status != 400:
                return f"the door at {url} answers {status} to what is signed with the new secret"
    except Unreachable as error:
        return error.message
    return ""


async def _sweep(control: Control, rotation: Rotation, *, spared: set[str | None]) -> None:
    """Delete what a run of this rotation made and could not remember: by our name and URL, none of those spared."""
    name = resource.name_for(control.scope)
    for hook in await resource.listed(control.api):
        if hook.name == name and hook.url == rotation.url and hook.webhook_id not in spared:
            await resource.delete(control.api, hook.webhook_id)


@dataclass
class _Run:
    """One run of a rotation."""

    control: Control
    undertaking: Undertaking
    rotation: Rotation
    on_created: OnCreated
    made: SecretStr | None = None
    changed: tuple[str, ...] = ()
    left: tuple[str, ...] = ()

    async def on(self) -> Rotated:
        """Step after step, until one has to wait."""
        if self.rotation.step in ("none", "make"):
            await self.make()
        if self.rotation.step == "prove" and (pending := await self.prove()):
            return self.ended(pending)
        if self.rotation.step == "wait":
            return self.ended("failed deliveries to the old webhook may still be repeated")
        env_file = await self.end()
        return replace(self.ended(""), env_file=env_file)

    def ended(self, pending: str) -> Rotated:
        """It waits, or is at its end."""
        return Rotated(self.rotation, pending, self.made, self.changed, left=self.left)

    async def _saved(self, step: Step, **changes: Any) -> None:
        self.rotation = replace(self.rotation, step=step, **changes)
        await self.undertaking.save(self.rotation.state())

    async def make(self) -> None:
        """The second webhook. One whose secret was lost with an answer, or with a kill, is of no use to anybody."""
        control, hooks = self.control, await resource.listed(self.control.api)
        current = next((hook for hook in hooks if hook.webhook_id == self.rotation.old), None)
        if current is None:  # At each run: the key may open another workspace since the last one.
            hint = "agentctl webhook register URL makes a new one; unless the key opens another workspace."
            raise UsageError(f"webhook {self.rotation.old} is gone at ElevenLabs: nothing to rotate", hint)
        if self.rotation.step == "none":
            await self._saved("make", url=current.url, before=tuple(hook.webhook_id for hook in hooks))
        await _sweep(control, self.rotation, spared={*self.rotation.before})
        hook, made = await resource.create(control.api, resource.name_for(control.scope), self.rotation.url)
        self.made = made
        try:
            # First: cut off here, the next run makes another one; the other way round it would wait for this secret.
            self.on_created(hook, made)
        finally:
            await self._saved("prove", new=hook.webhook_id, new_secret=secret.fingerprint(made))

    async def prove(self) -> str:
        """Move the agents if the door knows the new secret; else what has to be done first."""
        new = self.made or secret.known(self.control, self.rotation.new_secret)
        if new is None:
            name = secret.variable(self.control)
            return f"the new secret is not in {name} here, so that the door cannot be asked about it"
        if pending := await knows(self.rotation.url, new):
            return pending
        await self._move()
        await self._saved("wait", moved_at=time.time())
        return ""

    async def _move(self) -> None:
        """Remember the new one as the project's, then bind the agents and, where it was the old one, the workspace."""
        control, rotation, bindings = self.control, self.rotation, await self.control.bindings()
        assert rotation.new is not None
        await resource.switch_on(control.api, Webhook(rotation.new, resource.name_for(control.scope), rotation.url))
        await bindings.bind(WEBHOOK, rotation.new, {"url": rotation.url, **unseen.known_by(rotation.new_secret)})
        kind = AgentWebhook.of(control.api, control.scope, whole=False)
        agents = bindings.of(AGENT_KIND)
        synced = [one for one in (await sync.load(control)).assistants if one.key in agents]
        applied = await deliver(control, kind, synced, lambda _key, now: now == rotation.old)
        self.changed = tuple(change.desired.key for change in applied.done)
        self.left = tuple(map(_unmoved, applied.held))
        current = await resource.workspace_binding(control.api)
        if resource.bound_to(current) == rotation.old:
            await resource.bind_workspace(control.api, current, rotation.new)

    async def end(self) -> Path | None:
        """The old webhook goes, and its secret from .env."""
        control, rotation = self.control, self.rotation
        try:
            await resource.delete(control.api, rotation.old)
        except Rejected as error:
            users = await self._users()
            said = f"; it is used by {', '.join(users)}" if users else ""
            hint = "Let them deliver elsewhere, in the dashboard for instance, then run the same again."
            raise SyncError(f"webhook {rotation.old} cannot be deleted{said}: {error.message}", hint) from error
        await _sweep(control, rotation, spared={*rotation.before, rotation.new})
        env_file = secret.drop(control, rotation.old_secret, keep=rotation.new_secret)
        await self.undertaking.forget()
        return env_file

    async def _users(self) -> list[str]:
        found = []
        for key, agent_id in (await self.control.bindings()).of(AGENT_KIND).items():
            try:
                agent = await self.control.api.get(AGENT, agent_id=agent_id)
            except AgentctlError:
                continue
            if resource.bound_to(resource.agent_binding(agent)) == self.rotation.old:
                found.append(f"agent {key} ({agent_id})")
        return found


def _unmoved(change: Change) -> str:
    there = resource.bound_to(resource.agent_binding(change.observed.body)) if change.observed else None
    where = f"delivers to {there or 'no webhook'}, not to the old webhook"
    return f"agent {change.desired.key} {where}: it was left as it is"
