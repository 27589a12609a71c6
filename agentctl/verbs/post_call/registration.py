"""Register the webhook by which ElevenLabs delivers calls: make it or find it again, remember it, bind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import SecretStr

from agentctl.errors import Ambiguous, AnswerLost, Stale
from agentctl.resources import webhook as resource
from agentctl.resources.agent import KIND as AGENT
from agentctl.resources.assistant import Assistant
from agentctl.resources.post_call import WEBHOOK
from agentctl.resources.webhook import AgentWebhook, Webhook
from agentctl.secrecy.secret import masked
from agentctl.sync.applied import Applied
from agentctl.sync.bindings import Bindings
from agentctl.sync.plan import Change, Plan
from agentctl.verbs import sync
from agentctl.verbs.address import need_webhook_url
from agentctl.verbs.exclusive import exclusive
from agentctl.verbs.post_call import failed, unseen
from agentctl.verbs.post_call.delivering import deliver, delivering, unmoved
from agentctl.verbs.steps import Step, carry_out
from agentctl.wiring import Control
from webhooks.address import PATH as DOOR_PATH

OnCreated = Callable[[Webhook, SecretStr], object]
OnPlan = Callable[[Plan], None]


@dataclass(frozen=True)
class Registration:
    """What registering would do. `existing` is our webhook with this URL, if there is one; None: one is made.

    `former` is the one that the project used until now. `lost` is ours with this URL, whose secret nobody has: another
    takes its place, unless there is a `doubt`. `found`: what the agent of each assistant delivers to now. `needs_yes`:
    what of somebody else's would be replaced.
    """

    url: str
    name: str
    existing: Webhook | None
    former: Webhook | None
    lost: Webhook | None
    doubt: str
    assistants: tuple[Assistant, ...]
    found: Mapping[str, str | None]
    unsynced: tuple[str, ...]
    workspace: Mapping[str, Any] | None
    needs_yes: tuple[str, ...]
    notices: tuple[str, ...]


@dataclass(frozen=True)
class Registered:
    """What registering did. `secret` is there only when the webhook was made just now: it is never told again.

    `agents` are the assistants whose agents deliver to it, `changed` those that were written; `held`: what stays as
    somebody has changed it there. `workspace`: whether the workspace's default was written, None if nobody asked.
    """

    webhook: Webhook
    created: bool
    secret: SecretStr | None
    agents: tuple[str, ...]
    changed: tuple[str, ...]
    unsynced: tuple[str, ...]
    workspace: bool | None
    notices: tuple[str, ...]
    held: tuple[Change, ...] = ()


async def look(control: Control, url: str, *, workspace: bool = False) -> Registration:
    """See what is registered and bound now. Writes nothing.

    `workspace`: serve every agent of the workspace that has no webhook of its own. Raises UsageError for a URL that
    cannot be delivered to, Ambiguous where several webhooks claim to be ours, ConfigurationError, ApiError and
    Unreachable.
    """
    need_webhook_url(url, str(control.settings.elevenlabs_base_url))
    loaded = await sync.load(control)
    bindings, name = await control.bindings(), resource.name_for(control.scope)
    hooks = await resource.listed(control.api)
    known = next((hook for hook in hooks if hook.webhook_id == bindings.get(WEBHOOK)), None)
    existing = _existing(hooks, known, name, url)
    current = await resource.workspace_binding(control.api) if workspace else None
    ours = {hook.webhook_id for hook in hooks if hook.name == name} | {bindings.get(WEBHOOK)}
    agent_ids = bindings.of(AGENT)
    synced = tuple(assistant for assistant in loaded.assistants if assistant.key in agent_ids)
    found = await delivering(control, synced, bindings, hooks)
    lost, doubt = None, ""
    if existing is not None and unseen.is_unseen(control, existing, bindings):
        lost, doubt = existing, await unseen.doubt(control, existing, bindings, found)
    return Registration(
        url=url,
        name=name,
        existing=existing if lost is None else None,
        former=known if known is not None and known != existing else None,
        lost=lost,
        doubt=doubt,
        assistants=synced,
        found=found,
        unsynced=tuple(key for key in _keys(loaded.assistants) if key not in agent_ids),
        workspace=current,
        needs_yes=tuple(_reasons(hooks, existing, ours, found, current)),
        notices=tuple(_notices(control, hooks, existing, url, lost=lost is not None)),
    )


async def register(
    control: Control,
    registration: Registration,
    *,
    on_created: OnCreated | None = None,
    on_plan: OnPlan | None = None,
) -> Registered:
    """Make or reuse the webhook, remember it, switch retries on, bind the post-call events of every agent.

    Whoever calls this has the yes that `registration.needs_yes` asks for. `on_created` hears the secret the moment it
    exists, so that no later failure can lose it; False: a kill still could, until `unseen.shown` says otherwise.
    `on_plan` hears what is about to be written to the agents. Raises Stale where what was asked about has changed,
    SyncError that says what is done when a later step fails; a second run continues.
    """
    async with exclusive(control):
        now = await look(control, registration.url, workspace=registration.workspace is not None)
        if _agreed(now) != _agreed(registration):
            raise Stale("webhooks were registered or changed meanwhile; nothing was written", "Run it again.")
        run = _Register(control, now, on_created or (lambda _hook, _secret: None), on_plan or (lambda _plan: None))
        await carry_out(run.steps())
        return run.result()


def _agreed(seen: Registration) -> object:
    ids = [hook and hook.webhook_id for hook in (seen.existing, seen.former, seen.lost)]
    return ids, seen.doubt, seen.workspace, seen.needs_yes


@dataclass
class _Register:
    """One registration in progress."""

    control: Control
    registration: Registration
    on_created: OnCreated
    on_plan: OnPlan
    bindings: Bindings | None = None
    webhook: Webhook | None = None
    secret: SecretStr | None = field(default=None, repr=False)
    applied: Applied = field(default_factory=lambda: Applied(Plan(), (), ()))
    workspace: bool | None = None

    def steps(self) -> Sequence[Step]:
        """In order; the store learns the id before anything else is asked of the platform."""
        steps: list[Step] = [
            (f"the webhook {self.registration.name!r} is there", self.make),
            ("the store knows it", self.bind),
            ("failed deliveries are repeated", self.switch_on),
            ("the project's agents deliver to it", self.bind_agents),
        ]
        if self.registration.workspace is not None:
            steps.append(("the workspace delivers to it", self.bind_workspace))
        return steps

    async def make(self) -> None:
        """Make it, unless there is one; from then on its secret is in this process alone, until `bind`."""
        registration, self.webhook = self.registration, self.registration.existing
        if self.webhook is not None:
            return
        self.bindings = await self.control.bindings()
        if registration.lost is not None:
            serving = registration.former is not None
            await unseen.remove(self.control, registration.lost, self.bindings, registration.doubt, serving=serving)
        try:
            self.webhook, self.secret = await resource.create(self.control.api, registration.name, registration.url)
        except AnswerLost as error:
            error.hint = "Run the same again: one that was made all the same is found by URL and name, and replaced."
            raise

    async def bind(self) -> None:
        """Hand out the secret, and remember the id whether that worked or not."""
        webhook, safe = self._made(), False
        bindings = self.bindings or await self.control.bindings()
        try:
            safe = self.secret is None or self.on_created(webhook, self.secret) is not False
        finally:
            marks = unseen.marks(self.secret, safe=safe) if self.secret is not None else {}
            await bindings.bind(WEBHOOK, webhook.webhook_id, {"url": webhook.url, **failed.past(webhook), **marks})
        if self.secret is None:
            await unseen.shown(self.control, webhook.webhook_id)

    async def switch_on(self) -> None:
        """Always: whether it is on cannot be read."""
        await resource.switch_on(self.control.api, self._made())

    async def bind_agents(self) -> None:
        """From whatever webhook they were seen to deliver to, which somebody has agreed to."""
        kind = AgentWebhook.of(self.control.api, self.control.scope)
        seen, assistants = self.registration.found, self.registration.assistants
        self.applied = await deliver(
            self.control, kind, assistants, lambda key, now: key in seen and seen[key] == now, self.on_plan
        )

    async def bind_workspace(self) -> None:
        """Read, change, write."""
        now = self.registration.workspace or {}
        self.workspace = await resource.bind_workspace(self.control.api, now, self._made().webhook_id)

    def result(self) -> Registered:
        """What came of it."""
        registration = self.registration
        notices, stay = list(registration.notices), unmoved(self.applied)
        if registration.former is not None:
            notices.append(
                f"webhook {registration.former.webhook_id} ({masked(registration.former.url)}) is no longer used by "
                "this project: keep its secret for an hour, as retries may still come, then delete it in the dashboard"
            )
        return Registered(
            webhook=self._made(),
            created=self.secret is not None,
            secret=self.secret,
            agents=tuple(key for key in _keys(registration.assistants) if key not in stay),
            changed=tuple(change.desired.key for change in self.applied.done),
            unsynced=registration.unsynced,
            workspace=self.workspace,
            notices=tuple(notices),
            held=self.applied.held,
        )

    def _made(self) -> Webhook:
        assert self.webhook is not None
        return self.webhook


def _existing(hooks: Sequence[Webhook], known: Webhook | None, name: str, url: str) -> Webhook | None:
    """Ours with this URL: the bound one, else the one that an interrupted run left behind."""
    if known is not None and known.url == url:
        return known
    left = [hook for hook in hooks if hook.url == url and hook.name == name]
    if len(left) > 1:
        ids = ", ".join(f"{hook.webhook_id} ({hook.told})" for hook in left)
        raise Ambiguous(
            f"{len(left)} webhooks are called {name!r} and lead to {masked(url)}: {ids}",
            "In the dashboard, delete all but the one whose secret the door has.",
        )
    return left[0] if left else None


def _reasons(
    hooks: Sequence[Webhook],
    existing: Webhook | None,
    ours: set[str | None],
    found: Mapping[str, str | None],
    workspace: Mapping[str, Any] | None,
) -> list[str]:
    places = {f"agent {key}": webhook_id for key, webhook_id in found.items()}
    if workspace is not None:
        places["the workspace"] = resource.bound_to(workspace)
    reasons = [
        f"{place} delivers to somebody else's webhook now: {_described(hooks, webhook_id)}"
        for place, webhook_id in places.items()
        if webhook_id is not None and webhook_id not in ours
    ]
    if workspace is not None and workspace.get("transcript_format") not in (None, "json"):
        reasons.append(f"the workspace delivers in the format {workspace['transcript_format']}; the door reads json")
    if existing is not None and existing.disabled:
        reasons.append(f"webhook {existing.webhook_id} was switched off by hand: registering switches it on again")
    return reasons


def _notices(
    control: Control, hooks: Sequence[Webhook], existing: Webhook | None, url: str, *, lost: bool
) -> list[str]:
    notices, secret = [], control.settings.variable("elevenlabs_webhook_secret")
    if not url.split("?")[0].endswith(DOOR_PATH):
        notices.append(f"the door listens at {DOOR_PATH}; this URL ends otherwise")
    if existing is not None and lost:
        notices.append(
            f"webhook {existing.webhook_id} was made by an earlier run that ended too soon: nobody has its secret, so "
            "another takes its place"
        )
    elif existing is not None and not control.settings.elevenlabs_webhook_secret:
        notices.append(
            f"{secret} is not set, and the secret of webhook {existing.webhook_id} was shown once, when it was made. "
            "If it is lost: agentctl webhook rotate replaces it by another"
        )
    others = [hook for hook in hooks if hook.url == url and hook.name != resource.name_for(control.scope)]
    notices += [f"another webhook leads to the same URL: {_described(hooks, hook.webhook_id)}" for hook in others]
    return notices


def _described(hooks: Sequence[Webhook], webhook_id: str) -> str:
    hook = next((hook for hook in hooks if hook.webhook_id == webhook_id), None)
    return f"{webhook_id} ({hook.name}, {masked(hook.url)})" if hook else webhook_id


def _keys(assistants: Sequence[Assistant]) -> tuple[str, ...]:
    return tuple(one.key for one in assistants)
