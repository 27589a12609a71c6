"""New Twilio credentials for a number: ElevenLabs can neither read nor change them, so the number is imported anew.

Between the two imports nobody at ElevenLabs would answer. So calls go to a fallback first, and come back when the
number has its agent again. What was there is kept in the store first: a run that was cut off is healed by another.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from agentctl.errors import AgentctlError, Ignored, Stale, UsageError
from agentctl.resources import phone_number, routing
from agentctl.resources.assistant import Assistant, Phone
from agentctl.resources.phone_number import PhoneNumber, undertaking_of
from agentctl.resources.routing import Routing
from agentctl.secrecy.secret import masked
from agentctl.sync.amending import amended
from agentctl.sync.interrupted import Said
from agentctl.sync.kind import Observed, Ref
from agentctl.sync.making import made
from agentctl.verbs import sync
from agentctl.verbs.address import need_e164, need_web_url
from agentctl.verbs.exclusive import exclusive
from agentctl.verbs.numbers import saved_route
from agentctl.verbs.numbers.account import served
from agentctl.verbs.numbers.concerned import wait_seconds, wake_concerned
from agentctl.verbs.numbers.release import at_elevenlabs
from agentctl.verbs.numbers.takeover import agent_of, at_twilio
from agentctl.verbs.renaming.former import must_be_current
from agentctl.verbs.ringing.routed import way_back
from agentctl.verbs.ringing.unfinished import Begun
from agentctl.verbs.steps import Step, Undone, carry_out
from agentctl.verbs.undertaking import Undertaking
from agentctl.wiring import Control

if TYPE_CHECKING:
    from agentctl.clients.twilio import IncomingNumber


@dataclass(frozen=True)
class Reimport:
    """What a re-import would do. `before` is the routing that it ends with, `old_id` the number that is deleted.

    `fallback` answers calls in the gap. `resumed`: an earlier run was cut off, and `before` is what that one found.
    """

    number: str
    assistant: Assistant
    agent_id: str
    incoming: IncomingNumber
    there: Observed | None
    before: Routing
    old_id: str
    fallback: Mapping[str, str]
    sms: bool
    resumed: bool
    needs_yes: tuple[str, ...]

    def state(self) -> dict[str, Any]:
        """As it is kept in the store."""
        before, fallback = dict(self.before), dict(self.fallback)
        return asdict(Begun(before, self.old_id, fallback, self.sms, self.assistant.name, self.agent_id))


@dataclass(frozen=True)
class Reimported:
    """What a re-import did. `gap_seconds`: for how long calls went to the fallback, an earlier run's time included."""

    number: str
    assistant: str
    agent_id: str
    phone_number_id: str
    fallback: str
    gap_seconds: float
    routing: Routing


async def look(control: Control, number: str, key: str, *, sms: bool = False, fallback: str | None = None) -> Reimport:
    """See whether `number` can be imported anew for the assistant `key`, and who answers meanwhile. Writes nothing.

    Raises UsageError where it is not at ElevenLabs, rings at another agent, or nobody would answer in the gap;
    NotFound, ConfigurationError, ApiError, Unreachable.
    """
    need_e164(number)
    if fallback is not None:
        need_web_url("--fallback", fallback)
    loaded = await sync.load(control)
    await must_be_current(control, [key])
    assistant = await served(control, loaded, number, key)
    agent_id = await agent_of(control, await control.bindings(), key)
    control.twilio_access(enable_sms=sms)
    # Twilio is asked with the very credentials that ElevenLabs is to be given: wrong ones end here.
    incoming, there = await asyncio.gather(at_twilio(control, number), at_elevenlabs(control, number))
    begun = await (await Undertaking.of(control, undertaking_of(number))).state(Begun)
    resumed = begun is not None
    if begun is None:
        here = await _ringing(control, number, key, agent_id, there)
        begun = await _begun(control, number, incoming, here, fallback, sms=sms)
    now = incoming.routing()
    used = {} if resumed else routing.in_use(now)
    return Reimport(
        number=number,
        assistant=assistant.model_copy(update={"phone": Phone(numbers=(number,)), "name": begun.label}),
        agent_id=agent_id,
        incoming=incoming,
        there=there,
        before=begun.before,
        old_id=begun.old_id,
        fallback=_answering(fallback) if fallback else begun.fallback,
        sms=begun.sms,
        resumed=resumed,
        needs_yes=tuple(f"in use at Twilio: {name} is {masked(value)}" for name, value in used.items()),
    )


async def reimport(control: Control, found: Reimport) -> Reimported:
    """Let the fallback answer, delete, import, assign to the same agent, and put Twilio back as it was.

    Whoever calls this has a yes. Where the number could not be deleted, all is as before. Raises SyncError that says
    what is done and what is not when a later step fails: the fallback then goes on answering, and a second run
    continues.
    """
    async with exclusive(control, wait=wait_seconds(control)):
        run = _Reimport(control, found, await Undertaking.of(control, undertaking_of(found.number)))
        await run.need_fresh()
        await wake_concerned(control, found.number)
        await carry_out(run.steps())
        return run.result()


async def _ringing(control: Control, number: str, key: str, agent_id: str, there: Observed | None) -> Observed:
    """The number at ElevenLabs, which has to ring at the agent already."""
    if there is None:
        raise UsageError(f"{number} is not at ElevenLabs", "Import it without --reimport.")
    if (other := there.body["agent_id"]) != agent_id:
        ids = {"number_id": there.remote_id, "agent_id": other}
        way = await way_back(control, await control.bindings(), number, key, **ids)
        raise UsageError(f"{number} rings at {other or 'no agent'}, not at {agent_id}", way)
    return there


async def _begun(
    control: Control, number: str, incoming: IncomingNumber, there: Observed, fallback: str | None, *, sms: bool
) -> Begun:
    now = incoming.routing()
    saved = await saved_route.find(control, number)
    answering = _answering(fallback) if fallback else _who_answers(now, saved.routing if saved else {})
    if not answering:
        raise UsageError(
            f"nobody would answer {number} while it is imported anew",
            "Name somebody with --fallback URL: the old call flow, or a TwiML Bin that asks to call again.",
        )
    routed = sms or routing.is_elevenlabs(now.get("sms_url", ""))
    label = there.body.get("label") or number
    return Begun(now, there.remote_id, answering, sms=routed, label=label, agent_id=there.body["agent_id"])


def _answering(url: str) -> dict[str, str]:
    return {"voice_url": url, "voice_method": "POST"}


def _who_answers(now: Routing, saved: Routing) -> dict[str, str]:
    """The number's own fallback, else where it led before its first import; never ElevenLabs itself."""
    for place, name in ((now, "voice_fallback"), (saved, "voice")):
        url = place.get(f"{name}_url", "")
        if url and not routing.is_elevenlabs(url):
            return {"voice_url": url, "voice_method": place.get(f"{name}_method") or "POST"}
    return {}


@dataclass
class _Reimport:
    """One re-import in progress."""

    control: Control
    found: Reimport
    undertaking: Undertaking
    remote_id: str = ""
    gap: float = 0.0
    began: float = 0.0
    now: Routing | None = None

    def steps(self) -> Sequence[Step]:
        """In order. Each finds its own work done and then does nothing."""
        found, answering = self.found, masked(self.found.fallback["voice_url"])
        return (
            ("what is there now is remembered", self.remember),
            (f"calls go to {answering}", self.divert),
            (f"{found.number} is out of ElevenLabs", self.delete),
            (f"it is there anew and rings at agent {found.assistant.key}", self.create),
            ("Twilio is as it was before", self.restore),
            ("the re-import is at its end", self.forget),
        )

    async def need_fresh(self) -> None:
        """Raise Stale where another run was at it between the look and the lease; nothing is touched then."""
        found, there = self.found, await at_elevenlabs(self.control, self.found.number)
        seen, now = (one.remote_id if one is not None else None for one in (found.there, there))
        if seen != now or found.resumed != (await self.undertaking.is_under_way()):
            raise Stale(f"{found.number} was imported or released by another run meanwhile", "Run it again.")

    async def remember(self) -> None:
        """Before anything is touched."""
        await self.undertaking.save(self.found.state())

    async def divert(self) -> None:
        """Not left to Twilio's own fallback: what ElevenLabs answers for a number that it has no more is unknown."""
        self.began, found = time.monotonic(), self.found
        now = await self.control.twilio.update_number(found.incoming.sid, **found.fallback)
        if missing := routing.lost(found.fallback, now.routing()):
            raise Ignored(f"Twilio accepted the write but did not keep {', '.join(missing)}")

    async def delete(self) -> None:
        """Where that fails, calls ring at the agent again, as before.

        It is unbound first: what is gone by our own doing waits for its import, and is no drift to anybody.
        """
        found, ref = self.found, Ref(phone_number.KIND, self.found.number)
        if found.there is None or found.there.remote_id != found.old_id:
            return
        bindings = await self.control.bindings()
        applied = bindings.applied(ref)
        await bindings.unbind(ref)
        try:
            await PhoneNumber(self.control.api).delete(found.old_id)
        except AgentctlError as error:
            if not await self._still_there():
                raise
            await bindings.bind(ref, found.old_id, applied)
            now = (await self.control.twilio.update_number(found.incoming.sid, **found.before)).routing()
            if missing := routing.lost(found.before, now):
                raise Ignored(f"Twilio accepted the write but did not keep {', '.join(missing)}") from error
            await self.undertaking.forget()
            raise Undone(error, f"{found.number} is still at ElevenLabs, and Twilio leads there as before.") from error

    async def _still_there(self) -> bool:
        try:
            there = await PhoneNumber(self.control.api).find(self.found.number)
        except AgentctlError:
            return False  # Not known: then the fallback goes on answering.
        return any(one.remote_id == self.found.old_id for one in there)

    async def create(self) -> None:
        """With the credentials of now. The id is bound at once."""
        found, ref = self.found, Ref(phone_number.KIND, self.found.number)
        kind = PhoneNumber(self.control.api, self.control.twilio_access(enable_sms=found.sms))
        (desired,) = kind.desired(found.assistant)
        bindings = await self.control.bindings()
        there = found.there.remote_id if found.there is not None else found.old_id
        wanted = {"agent_id": found.agent_id}
        if there == found.old_id:
            there = await made(kind, desired, wanted, bindings, again=bindings.intended(ref))
            if there == found.old_id:
                raise Stale(f"ElevenLabs still lists {found.number} as it was before it was deleted", "Wait a little.")
        else:
            await bindings.bind(ref, there)
        # Whether an import heeds the agent is not documented.
        seen = await kind.read(there)
        if seen.body["agent_id"] != found.agent_id:
            said = Said(wanted, {"agent_id": seen.body["agent_id"]})
            after = await amended(kind, desired, seen, wanted, said, bindings, self.control.patience)
            if after.body["agent_id"] != found.agent_id:
                raise Ignored(f"ElevenLabs accepted the assignment of {found.number} but did not keep it")
        await bindings.bind(ref, there, {"phone_number": found.number, **wanted})
        self.remote_id = there

    async def restore(self) -> None:
        """What the import left otherwise than it was; a voice URL of ElevenLabs' is the import's own and stays."""
        found, twilio = self.found, self.control.twilio
        incoming = await at_twilio(self.control, found.number)
        now = incoming.routing()
        wanted = routing.corrections(found.before, now, sms=found.sms, fallback=None, fresh=True)
        if not routing.is_elevenlabs(now["voice_url"]):
            wanted |= {name: found.before[name] for name in ("voice_url", "voice_method")}
        if wanted:
            now = (await twilio.update_number(incoming.sid, **wanted)).routing()
        if missing := routing.lost(wanted, now):
            raise Ignored(f"Twilio accepted the write but did not keep {', '.join(missing)}")
        self.now = now
        seconds = time.monotonic() - self.began
        self.gap = await self.undertaking.age_seconds() if found.resumed else seconds

    async def forget(self) -> None:
        """Only now: until here a second run needs it."""
        await self.undertaking.forget()

    def result(self) -> Reimported:
        """What came of it."""
        found, answering = self.found, self.found.fallback["voice_url"]
        return Reimported(
            found.number, found.assistant.key, found.agent_id, self.remote_id, answering, self.gap, self.now or {}
        )
