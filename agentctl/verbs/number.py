"""A phone number comes over from Twilio: look what is there, then take it over in steps that a second run repeats.

The import overwrites the number's webhooks at Twilio, so its whole routing is saved before. `release` is the way back.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from agentctl.errors import AgentctlError, Ignored, NotFound, SyncError, UsageError
from agentctl.resources import phone_number, routing
from agentctl.resources.agent import AGENT
from agentctl.resources.agent import KIND as AGENT_KIND
from agentctl.resources.assistant import E164, Assistant, Phone
from agentctl.resources.phone_number import PhoneNumber
from agentctl.resources.routing import Routing
from agentctl.settings import nearest
from agentctl.sync import apply as engine
from agentctl.sync import plan as planner
from agentctl.sync.apply import OnChange
from agentctl.sync.kind import Ref
from agentctl.sync.plan import Plan
from agentctl.verbs import sync
from agentctl.wiring import Control

if TYPE_CHECKING:
    from agentctl.clients.twilio import IncomingNumber


@dataclass(frozen=True)
class Takeover:
    """What an import would do to a number, seen before anything is written.

    `incoming` is the number at Twilio as it is now, `saved` its routing from before an earlier import. `needs_yes`:
    why somebody should agree first; empty when nothing real is cut off.
    """

    number: str
    assistant: Assistant
    agent_id: str
    incoming: IncomingNumber
    saved: Routing | None
    plan: Plan
    sms: bool
    fallback: str | None
    declared: bool
    needs_yes: tuple[str, ...]
    notices: tuple[str, ...]

    @property
    def fresh(self) -> bool:
        """Whether ElevenLabs does not have the number yet."""
        return any(change.action == "create" for change in self.plan.changes)

    @property
    def nothing_to_do(self) -> bool:
        """Whether the number rings at the agent already and is declared."""
        return self.plan.empty and self.declared and not self.corrections(self.incoming.routing(), fresh=False)

    def corrections(self, now: Routing, *, fresh: bool) -> dict[str, str]:
        """What has to be written at Twilio beside the import."""
        before = self.incoming.routing()
        return routing.corrections(before, now, sms=self.sms, fallback=self.fallback, fresh=fresh)


@dataclass(frozen=True)
class Imported:
    """What an import did. `rings`: Twilio hands calls to ElevenLabs, which has the number assigned to the agent.

    `twilio` holds the fields that were written at Twilio by us, `saved` the routing that a release puts back.
    """

    number: str
    assistant: str
    agent_id: str
    phone_number_id: str
    imported: bool
    assigned: bool
    twilio: Mapping[str, str]
    line_added: bool
    rings: bool
    routing: Routing
    saved: Routing
    notices: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether anything was written outside our own store."""
        return bool(self.imported or self.assigned or self.twilio or self.line_added)


async def look(control: Control, number: str, key: str, *, sms: bool = False, fallback: str | None = None) -> Takeover:
    """See where `number` leads now, and what giving it to the assistant `key` would change. Writes nothing.

    Raises UsageError for a number, key or URL that cannot be meant or an agent that is not synced, NotFound for a
    number that the Twilio account does not have, ConfigurationError for missing settings, ApiError and Unreachable.
    """
    need_e164(number)
    need_fallback(fallback)
    loaded = await sync.load(control)
    assistant = _chosen(loaded.assistants, number, key)
    narrowed = assistant.model_copy(update={"phone": Phone(numbers=(number,))})
    bindings = await control.bindings()
    access = control.twilio_access(enable_sms=sms)
    agent_id, incoming = await asyncio.gather(
        _agent(control, bindings.get(Ref(AGENT_KIND, key)), key), _at_twilio(control, number)
    )
    plan = await planner.plan([PhoneNumber(control.api, access)], [narrowed], bindings, whole=False)
    if plan.failures:
        raise plan.failures[0].error
    found = await (await control.store()).call("route", {"phone_number": number})
    takeover = Takeover(
        number=number,
        assistant=narrowed,
        agent_id=agent_id,
        incoming=incoming,
        saved=found["route"] if found else None,
        plan=plan,
        sms=sms,
        fallback=fallback,
        declared=number in assistant.phone.numbers,
        needs_yes=_reasons(plan, incoming.routing(), sms=sms),
        notices=(),
    )
    return _noted(takeover, checkable=access.sid.startswith("AC") or access.account_auth_token is not None)


async def import_number(control: Control, takeover: Takeover, *, on_change: OnChange | None = None) -> Imported:
    """Carry a takeover out: save the old routing, import or assign, correct Twilio, add the line to assistant.toml.

    Whoever calls this has the yes that `takeover.needs_yes` asks for. Raises SyncError that says what is done and what
    is not when a later step fails; a second run continues there.
    """
    run = _Import(control, takeover, on_change)
    done: list[str] = []
    steps = run.steps()
    for at, (name, step) in enumerate(steps):
        try:
            await step()
        except AgentctlError as error:
            if not done:
                raise
            left = "; ".join(title for title, _ in steps[at:])
            message = f"{error.message}\nDone: {'; '.join(done)}.\nNot done: {left}."
            hint = " ".join(part for part in (error.hint, "The same command again continues here.") if part)
            raise SyncError(message, hint) from error
        done.append(name)
    return run.result()


def need_e164(number: str) -> None:
    """Raise UsageError unless `number` is in E.164 form."""
    if E164.fullmatch(number):
        return
    guess = re.sub(r"^00", "+", re.sub(r"[^0-9+]", "", number.replace("(0)", "")))
    hint = f"Did you mean {guess}?" if E164.fullmatch(guess) else "Write it with + and country code: +498999998100."
    raise UsageError(f"{number!r} is not a number in E.164 form", hint)


def need_fallback(url: str | None) -> None:
    """Raise UsageError unless `url` is an http(s) address that Twilio can ask, or None."""
    if url is None:
        return
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not url.isprintable() or " " in url:
        raise UsageError(f"--fallback: {url!r} is not an http(s) URL", "Name what Twilio asks when ElevenLabs fails.")


async def find_at_elevenlabs(control: Control, number: str) -> list[Mapping[str, object]]:
    """ElevenLabs' entries for `number`: none, one, or several in a workspace that is confused."""
    return [entry for entry in await control.api.get(phone_number.NUMBERS) if entry.get("phone_number") == number]


@dataclass
class _Import:
    """One import in progress: what each step found out stays for the next."""

    control: Control
    takeover: Takeover
    on_change: OnChange | None
    phone_number_id: str = ""
    now: dict[str, str] = field(default_factory=dict)
    written: dict[str, str] = field(default_factory=dict)
    line_added: bool = False

    def steps(self) -> Sequence[tuple[str, Callable[[], Awaitable[None]]]]:
        """In order. Each finds its own work done and then does nothing."""
        takeover = self.takeover
        return (
            ("the routing at Twilio is saved", self.save),
            (f"{takeover.number} rings at agent {takeover.assistant.key} at ElevenLabs", self.assign),
            ("Twilio's side is set", self.correct),
            (f"{takeover.assistant.where} declares it", self.declare),
        )

    async def save(self) -> None:
        """Before anything overwrites it. The first one saved stays, unless somebody has set another since."""
        takeover, store = self.takeover, await self.control.store()
        args = {"phone_number": takeover.number}
        now = takeover.incoming.routing()
        if takeover.fresh and routing.overwritten_since(takeover.saved, now):
            await store.call("forget_route", args)
        await store.call("save_route", {**args, "route": now})

    async def assign(self) -> None:
        """The same path as sync, narrowed to this number."""
        takeover, control = self.takeover, self.control
        bindings = await control.bindings()
        kind = PhoneNumber(control.api, control.twilio_access(enable_sms=takeover.sms))
        applied = await engine.apply(takeover.plan, [kind], bindings, on_change=self.on_change)
        if applied.failures:
            raise applied.failures[0].error
        self.phone_number_id = bindings.get(Ref(phone_number.KIND, takeover.number)) or ""

    async def correct(self) -> None:
        """Let Twilio ask ElevenLabs and nobody before it; put back what was not to change; set the fallback."""
        takeover, twilio = self.takeover, self.control.twilio
        incoming = await _at_twilio(self.control, takeover.number) if takeover.fresh else takeover.incoming
        wanted = takeover.corrections(incoming.routing(), fresh=takeover.fresh)
        if wanted:
            incoming = await twilio.update_number(incoming.sid, **wanted)
        self.now, self.written = incoming.routing(), wanted
        if missing := routing.lost(wanted, self.now):
            raise Ignored(f"Twilio accepted the write but did not keep {', '.join(missing)}")

    async def declare(self) -> None:
        """The number's line in assistant.toml."""
        if self.takeover.declared:
            return
        from agentctl.sources.edit import add_number

        root, key = self.control.loaded.project.root, self.takeover.assistant.key
        self.line_added = await asyncio.to_thread(add_number, root, key, self.takeover.number)

    def result(self) -> Imported:
        """What came of it."""
        takeover = self.takeover
        rings = routing.rings_at_elevenlabs(self.now)
        renewed = takeover.saved is None or (
            takeover.fresh and routing.overwritten_since(takeover.saved, takeover.incoming.routing())
        )
        saved = takeover.incoming.routing() if renewed else takeover.saved
        return Imported(
            number=takeover.number,
            assistant=takeover.assistant.key,
            agent_id=takeover.agent_id,
            phone_number_id=self.phone_number_id,
            imported=takeover.fresh,
            assigned=any(change.action == "update" for change in takeover.plan.changes),
            twilio=self.written,
            line_added=self.line_added,
            rings=rings,
            routing=self.now,
            saved=saved or {},
            notices=(*takeover.notices, *(() if rings else (_silent(takeover.number, self.now),))),
        )


def _chosen(assistants: Sequence[Assistant], number: str, key: str) -> Assistant:
    chosen = next((assistant for assistant in assistants if assistant.key == key), None)
    if chosen is None:
        keys = [assistant.key for assistant in assistants]
        guess = nearest(key, keys)
        hint = f"Did you mean {guess}?" if guess else f"There are: {', '.join(keys) or 'none'}."
        raise UsageError(f"there is no assistant {key!r}", hint)
    for other in assistants:
        if number in other.phone.numbers and other is not chosen:
            raise UsageError(
                f"{number} is declared in {other.where}", f"Take it out there, or use --assistant {other.key}."
            )
    return chosen


async def _agent(control: Control, agent_id: str | None, key: str) -> str:
    hint = f"Sync it first: agentctl sync --only {key}"
    if agent_id is None:
        raise UsageError(f"assistant {key} has no agent at ElevenLabs yet, so no call could be answered", hint)
    try:
        await control.api.get(AGENT, agent_id=agent_id)
    except NotFound:
        raise UsageError(f"the agent of assistant {key} ({agent_id}) is gone at ElevenLabs", hint) from None
    return agent_id


async def _at_twilio(control: Control, number: str) -> IncomingNumber:
    incoming = await control.twilio.find_number(number)
    if incoming is None:
        tail = control.twilio.account_sid[-4:]
        raise NotFound(
            f"the Twilio account AC…{tail} has no number {number}",
            "Buy or port it there, or set TWILIO_ACCOUNT_SID to the (sub)account that has it. A number that ElevenLabs "
            "has already needs no import: add it to phone.numbers in assistant.toml and run agentctl sync.",
            status=404,
        )
    return incoming


def _reasons(plan: Plan, now: Routing, *, sms: bool) -> tuple[str, ...]:
    reasons = []
    for change in plan.changes:
        if change.action == "create":
            used = routing.in_use(now, sms=sms)
            reasons += [f"in use at Twilio: {name} is {value}" for name, value in used.items()]
        for edit in change.edits:
            if change.action == "update" and edit.path == "agent_id" and edit.before:
                reasons.append(f"in use at ElevenLabs: it rings at agent {edit.before}")
    if not any(change.action == "create" for change in plan.changes):
        found = routing.detours(now)
        reasons += [f"in use at Twilio: {name} is {value} and will be cleared" for name, value in found.items()]
    return tuple(reasons)


def _noted(takeover: Takeover, *, checkable: bool) -> Takeover:
    from dataclasses import replace

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


def _silent(number: str, now: Routing) -> str:
    where = now.get("voice_url") or "nobody (voice_url is empty)"
    return (
        f"{number} does not ring at ElevenLabs: Twilio asks {where} what to do with a call. "
        f"Somebody changed that after the import: agentctl release-number {number}, then import it again"
    )
