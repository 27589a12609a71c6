"""What taking a phone number over from Twilio would mean: who uses it now, what changes, why somebody should agree."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from agentctl.errors import NotFound, NotPassed, UsageError
from agentctl.resources import routing
from agentctl.resources.agent import KIND as AGENT_KIND
from agentctl.resources.assistant import Assistant, Phone
from agentctl.resources.endpoints import AGENT
from agentctl.resources.phone_number import KIND as PHONE_NUMBER
from agentctl.resources.phone_number import PhoneNumber, going_on, undertaking_of
from agentctl.resources.post_call import PostCallSettings
from agentctl.resources.routing import Routing
from agentctl.secrecy.secret import masked
from agentctl.sync import planning
from agentctl.sync.bindings import Bindings
from agentctl.sync.kind import Ref, Scope
from agentctl.sync.patience import Patience
from agentctl.sync.plan import Plan
from agentctl.verbs import gate, sync
from agentctl.verbs.address import need_e164, need_web_url
from agentctl.verbs.numbers import number_line, saved_route
from agentctl.verbs.numbers.account import served
from agentctl.verbs.numbers.saved_route import SavedRoute
from agentctl.verbs.renaming.former import must_be_current
from agentctl.verbs.renaming.parting import torn
from agentctl.verbs.revisions.history import ProjectPlan
from agentctl.verbs.rows import outside
from agentctl.verbs.showable import showable
from agentctl.verbs.undertaking import Undertaking
from agentctl.wiring import Control

if TYPE_CHECKING:
    from agentctl.clients.twilio import IncomingNumber


@dataclass(frozen=True)
class Takeover:
    """What an import would do to a number, seen before anything is written.

    `incoming` is the number at Twilio as it is now, `saved` its routing from before an earlier import. `needs_yes`:
    why somebody should agree first; empty when nothing real is cut off. `gated`: as it was asked for, see `look`.
    """

    number: str
    assistant: Assistant
    agent_id: str
    incoming: IncomingNumber
    saved: SavedRoute | None
    plan: Plan
    sms: bool
    fallback: str | None
    declared: bool
    needs_yes: tuple[str, ...]
    notices: tuple[str, ...] = ()
    gated: bool | None = None

    @property
    def fresh(self) -> bool:
        """Whether ElevenLabs does not have the number yet."""
        return any(change.action == "create" for change in self.plan.changes)

    @property
    def seen(self) -> object:
        """What somebody who was asked has seen; another look's is equal where nothing of it has changed since."""
        return self.agent_id, self.incoming, self.saved, self.plan.changes, self.needs_yes

    @property
    def kept(self) -> SavedRoute:
        """What a release is to put back: the first one saved, unless somebody has set another routing since."""
        now, saved = self.incoming.routing(), self.saved
        if saved is None or (self.fresh and routing.overwritten_since(saved.routing, now)):
            edits = [edit for change in self.plan.changes if change.action == "update" for edit in change.edits]
            return SavedRoute(
                now, taken_from=next((str(one.before or "") for one in edits if one.path == "agent_id"), "")
            )
        return saved

    @property
    def nothing_to_do(self) -> bool:
        """Whether the number rings at the agent already and is declared."""
        return self.plan.empty and self.declared and not self.corrections(self.incoming.routing(), fresh=False)

    def corrections(self, now: Routing, *, fresh: bool) -> dict[str, str]:
        """What has to be written at Twilio beside the import."""
        before = self.incoming.routing()
        return routing.corrections(before, now, sms=self.sms, fallback=self.fallback, fresh=fresh)


async def look(
    control: Control,
    number: str,
    key: str,
    *,
    sms: bool = False,
    fallback: str | None = None,
    gated: bool | None = None,
    patience: Patience | None = None,
) -> Takeover:
    """See where `number` leads now, and what giving it to the assistant `key` would change. Writes nothing.

    `gated`: nothing is brought to an agent that a gate has not let through; None: as agentctl.toml has it. Raises
    NotPassed for such an agent, UsageError for a number, key or URL that cannot be meant or an assistant that is not
    synced, NotFound for a number that Twilio does not have, ConfigurationError, ApiError and Unreachable.
    """
    assistant, declared = await _begun(control, number, key, fallback)
    bindings = await control.bindings()
    access = control.twilio_access(enable_sms=sms)
    agent_id, incoming = await asyncio.gather(agent_of(control, bindings, key), at_twilio(control, number))
    plan = await _planned(control, assistant, PhoneNumber(control.api, access), bindings, patience)
    takeover = Takeover(
        number=number,
        assistant=assistant,
        agent_id=agent_id,
        incoming=incoming,
        saved=await saved_route.find(control, number),
        plan=plan,
        sms=sms,
        fallback=fallback,
        declared=declared,
        needs_yes=_reasons(plan, incoming.routing(), sms=sms),
        gated=gated,
    )
    _must_be_let_through(control, bindings, takeover)
    await _must_be_known(control, takeover)
    others = _of_others(takeover, control.scope, bound=bindings.get(Ref(PHONE_NUMBER, number)) is not None)
    takeover = replace(takeover, needs_yes=(*takeover.needs_yes, *others))
    return _noted(takeover, checkable=access.sid.startswith("AC") or access.account_auth_token is not None)


async def _planned(
    control: Control, narrowed: Assistant, kind: PhoneNumber, bindings: Bindings, patience: Patience | None
) -> Plan:
    found = await planning.plan([kind], [narrowed], bindings, whole=False, patience=patience or control.patience)
    plan = await showable(control, ProjectPlan.of(found, [narrowed]), bindings, [kind], control.loaded.assistants)
    if plan.failures:
        raise plan.failures[0].error
    return plan


async def _begun(control: Control, number: str, key: str, fallback: str | None) -> tuple[Assistant, bool]:
    """The assistant with this number alone, and whether its file declares it already."""
    need_e164(number)
    if fallback is not None:
        need_web_url("--fallback", fallback)
    loaded = await sync.load(control)
    if await (await Undertaking.of(control, undertaking_of(number))).is_under_way():
        raise UsageError(f"{number} is between two imports", going_on(number, key))
    await must_be_current(control, [key])
    assistant = await served(control, loaded, number, key)
    outside.need_number(loaded, assistant, number)
    declared = outside.declares(loaded, assistant, number)
    if not declared:
        await number_line.need_room(control, number, key)
    return assistant.model_copy(update={"phone": Phone(numbers=(number,))}), declared


async def at_twilio(control: Control, number: str) -> IncomingNumber:
    """The number as the Twilio account has it now. Raises NotFound."""
    incoming = await control.twilio.find_number(number)
    if incoming is None:
        tail, place = control.twilio.account_sid[-4:], control.settings.place("twilio_account_sid")
        raise NotFound(
            f"the Twilio account AC…{tail} has no number {number}",
            f"Buy or port it there, or set {place} to the (sub)account that has it. A number that ElevenLabs has "
            "already needs no import: add it to phone.numbers in assistant.toml and run agentctl sync.",
            status=404,
        )
    return incoming


async def agent_of(control: Control, bindings: Bindings, key: str) -> str:
    """The id, if the agent is there. Raises UsageError otherwise, Ambiguous where another key is bound to it too."""
    if error := torn(bindings, key):
        raise error
    agent_id, hint = bindings.get(Ref(AGENT_KIND, key)), f"Sync it first: agentctl sync --only {key}"
    if agent_id is None:
        raise UsageError(f"assistant {key} has no agent at ElevenLabs yet, so no call could be answered", hint)
    try:
        await control.api.get(AGENT, agent_id=agent_id)
    except NotFound:
        raise UsageError(
            f"the agent of assistant {key} ({agent_id}) is gone at ElevenLabs", f"{hint} --take-ours"
        ) from None
    return agent_id


def _must_be_let_through(control: Control, bindings: Bindings, takeover: Takeover) -> None:
    """What rings at the agent already, and is not changed, is no matter of a gate."""
    number, key = takeover.number, takeover.assistant.key
    gated = gate.wanted(control, takeover.gated)
    if takeover.nothing_to_do or not gated or not bindings.unjudged(Ref(AGENT_KIND, key)):
        return
    raise NotPassed(
        f"assistant {key}: its tests have not let its agent through, so {number} is not brought to it",
        f"Correct the assistant or its tests until this passes: agentctl sync --gate --only {key}. "
        f"To bring the number all the same: agentctl import-number {number} --assistant {key} --no-gate",
    )


async def _must_be_known(control: Control, takeover: Takeover) -> None:
    """What `Desired.after` is to a sync, which plans the other kinds too: the store knows whose the calls are."""
    key, settings = takeover.assistant.key, PostCallSettings(await control.store(), control.scope)
    try:
        known = (await settings.read(key)).body
    except NotFound:
        known = {}
    if (known.get("agent_id"), known.get("tenant")) != (takeover.agent_id, takeover.assistant.tenant):
        raise UsageError(
            f"the store does not know yet whose the calls of assistant {key} are: what follows a call is not there",
            f"Sync it first: agentctl sync --only {key}{' --no-gate' if takeover.gated is False else ''}",
        )


def _reasons(plan: Plan, now: Routing, *, sms: bool) -> tuple[str, ...]:
    reasons = []
    for change in plan.changes:
        if change.action == "create":
            used = routing.in_use(now, sms=sms)
            reasons += [f"in use at Twilio: {name} is {masked(value)}" for name, value in used.items()]
        for edit in change.edits:
            if change.action == "update" and edit.path == "agent_id" and edit.before:
                reasons.append(f"in use at ElevenLabs: it rings at agent {edit.before}")
    if not any(change.action == "create" for change in plan.changes):
        found = routing.detours(now)
        reasons += [f"in use at Twilio: {name} is {masked(value)} and will be cleared" for name, value in found.items()]
    return tuple(reasons)


def _of_others(takeover: Takeover, scope: Scope, *, bound: bool) -> Sequence[str]:
    """Whose callers would come here, where Twilio does not tell: an address of ElevenLabs' names no workspace."""
    saved = takeover.saved
    if not takeover.plan.changes or (saved is not None and saved.is_of(scope)):
        return []
    if saved is not None and saved.is_others(scope):
        return [f"in use elsewhere: it was imported for {saved.whose}, and its callers come here then"]
    if takeover.fresh and not bound and routing.rings_at_elevenlabs(takeover.incoming.routing()):
        return ["in use elsewhere: Twilio hands its calls to ElevenLabs, where another workspace may have it"]
    return []


def _noted(takeover: Takeover, *, checkable: bool) -> Takeover:
    now, notices = takeover.incoming.routing(), []
    if takeover.fresh and not checkable:
        notices.append(
            "TWILIO_AUTH_TOKEN is not set: with an API key alone ElevenLabs may refuse inbound calls, since it cannot "
            "check Twilio's signature"
        )
    if not takeover.fresh and takeover.sms and not routing.is_elevenlabs(now["sms_url"]):
        notices.append("--sms counts at the import only: agentctl release-number, then import again to route messages")
    if takeover.saved is None and routing.is_elevenlabs(now["voice_url"]):
        notices.append("it was imported before by somebody else: where it led until then is not known")
    return replace(takeover, notices=tuple(notices))
