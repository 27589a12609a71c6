"""A phone number goes back to what it was before its import: out of ElevenLabs, its routing at Twilio restored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agentctl.calls.agents_there import is_here
from agentctl.errors import Ambiguous, Ignored, Stale, UsageError
from agentctl.resources import phone_number, routing
from agentctl.resources.agent import KIND as AGENT_KIND
from agentctl.resources.phone_number import PhoneNumber
from agentctl.resources.routing import Routing
from agentctl.secrecy.secret import masked
from agentctl.sync.bindings import Bindings
from agentctl.sync.elsewhere import absent
from agentctl.sync.kind import Observed, Ref
from agentctl.verbs.address import need_e164
from agentctl.verbs.exclusive import exclusive
from agentctl.verbs.numbers import saved_route
from agentctl.verbs.numbers.concerned import wait_seconds, wake_concerned
from agentctl.verbs.numbers.saved_route import SavedRoute
from agentctl.verbs.reading import read
from agentctl.verbs.renaming.outdated import outdated, told
from agentctl.verbs.renaming.recorded import must_be_newest
from agentctl.verbs.steps import Step, carry_out
from agentctl.verbs.undertaking import Undertaking
from agentctl.wiring import Control

if TYPE_CHECKING:
    from agentctl.clients.twilio import IncomingNumber


@dataclass(frozen=True)
class Departure:
    """What a release would do. `needs_yes`: why somebody should agree first; empty when all goes back as it was.

    `incoming` is None where Twilio was not asked or has no such number, `saved` None where no import saved a routing.
    """

    number: str
    phone_number_id: str | None
    incoming: IncomingNumber | None
    saved: SavedRoute | None
    bound: bool
    declared_in: tuple[str, ...]
    needs_yes: tuple[str, ...]
    notices: tuple[str, ...]

    @property
    def nothing_to_do(self) -> bool:
        """Whether the number is neither at ElevenLabs nor known here."""
        return self.phone_number_id is None and self.saved is None and not self.bound


@dataclass(frozen=True)
class Released:
    """What a release did. `routing` is how Twilio has the number now, None where it was not asked."""

    number: str
    deleted: bool
    restored: bool
    routing: Routing | None
    declared_in: tuple[str, ...]
    notices: tuple[str, ...]


async def look(control: Control, number: str) -> Departure:
    """See what releasing `number` would change. Writes nothing.

    Raises UsageError for a number that cannot be meant or that another environment imported and this one does not
    have, ConfigurationError where Twilio's credentials are needed and
    missing, Ambiguous where ElevenLabs has the number twice, ApiError and Unreachable.
    """
    need_e164(number)
    loaded = await read(control)
    if not loaded.project.name:
        loaded.checked()
    await must_be_newest(control)
    bindings, saved = await control.bindings(), await saved_route.find(control, number)
    there = await at_elevenlabs(control, number)
    bound = bindings.get(Ref(phone_number.KIND, number)) is not None
    if saved is not None and saved.is_others(control.scope) and not bound and there is None:
        raise _another_ones(number, saved)
    incoming = await _incoming(control, number, needed=saved is not None)
    reasons = [*_reasons(number, there, incoming, saved, bindings), *_doubts(control, number, saved, bound=bound)]
    declaring = [one for one in loaded.assistants if number in one.phone.numbers]
    older = await outdated(control, bindings, loaded.assistants) if declaring else {}
    reasons += [told(one.key, older[one.key]) for one in declaring if one.key in older]
    if there is None and (saved is not None or bound):
        reasons += await _strange(control, number, bindings)
    return Departure(
        number=number,
        phone_number_id=there.remote_id if there else None,
        incoming=incoming,
        saved=saved,
        bound=bound,
        declared_in=tuple(one.where for one in declaring),
        needs_yes=tuple(reasons),
        notices=tuple(_notices(number, incoming, saved)),
    )


async def release(control: Control, departure: Departure) -> Released:
    """Restore Twilio's side, take the number out of ElevenLabs, forget it here.

    Whoever calls this has the yes that `departure.needs_yes` asks for. Twilio comes first: callers should never reach
    a number that is gone. Raises Stale where anything is not as it was at the look, Busy while another run is at work,
    SyncError that says what is done when a later step fails; a second run continues.
    """
    async with exclusive(control, wait=wait_seconds(control)):
        if await look(control, departure.number) != departure:
            raise Stale(
                f"{departure.number} was imported, released or set otherwise meanwhile; nothing was written",
                "Run it again.",
            )
        await wake_concerned(control, departure.number)
        run = _Release(control, departure)
        await carry_out(run.steps())
        return run.result()


@dataclass
class _Release:
    """One release in progress."""

    control: Control
    departure: Departure
    now: dict[str, str] | None = None
    deleted: bool = False

    def steps(self) -> Sequence[Step]:
        """In order. Whether deleting touches Twilio is not documented: what it undoes is put back once more."""
        number = self.departure.number
        restored = "what Twilio had before the import is restored"
        put_back = [(restored, self.restore)] if self.departure.saved is not None else []
        return (
            *put_back,
            (f"{number} is out of ElevenLabs", self.delete),
            ("Twilio's side is checked", self.check),
            ("it is forgotten here", self.forget),
        )

    async def restore(self) -> None:
        """Before the number leaves ElevenLabs, so that no call reaches nobody."""
        self.now = await _restored(self.control, self.departure)

    async def delete(self) -> None:
        """One that is gone already is fine."""
        if self.departure.phone_number_id is not None:
            await PhoneNumber(self.control.api).delete(self.departure.phone_number_id)
            self.deleted = True

    async def check(self) -> None:
        """Look again, and restore again where needed."""
        self.now = await _restored(self.control, self.departure, again=True)

    async def forget(self) -> None:
        """Only now: until here a second run needs what was saved."""
        ref, bindings = Ref(phone_number.KIND, self.departure.number), await self.control.bindings()
        await bindings.abandon([ref])  # An import that was cut off: nobody has to look for what it made.
        await bindings.unbind(ref)
        await (await self.control.store()).call("forget_route", {"phone_number": self.departure.number})
        await (await Undertaking.of(self.control, phone_number.undertaking_of(self.departure.number))).forget()

    def result(self) -> Released:
        """What came of it."""
        departure = self.departure
        saved = departure.saved
        restored = saved is not None and self.now is not None and saved.restores(self.now)
        return Released(departure.number, self.deleted, restored, self.now, departure.declared_in, departure.notices)


async def _restored(control: Control, departure: Departure, *, again: bool = False) -> dict[str, str] | None:
    incoming = departure.incoming
    if incoming is None:
        return None
    if again:
        incoming = await control.twilio.find_number(departure.number) or incoming
    now = incoming.routing()
    if departure.saved is None or not departure.saved.restores(now):
        return now
    wanted = {name: str(departure.saved.routing.get(name) or "") for name in now}
    if not routing.lost(wanted, now):
        return now
    now = (await control.twilio.update_number(incoming.sid, **wanted)).routing()
    if missing := routing.lost(wanted, now):
        raise Ignored(
            f"Twilio accepted the write but did not keep {', '.join(missing)} of {departure.number}",
            "Set it by hand at Twilio to: "
            + ", ".join(f"{name} {masked(wanted[name]) or '(empty)'}" for name in missing),
        )
    return now


async def at_elevenlabs(control: Control, number: str) -> Observed | None:
    """The number as ElevenLabs has it, None where it has it not. Raises Ambiguous where it has it twice."""
    found = await PhoneNumber(control.api).find(number)
    if len(found) > 1:
        ids = ", ".join(f"{observed.remote_id} ({observed.told})" for observed in found)
        raise Ambiguous(f"ElevenLabs has {number} {len(found)} times: {ids}", "Delete the wrong ones in the dashboard.")
    return found[0] if found else None


async def _incoming(control: Control, number: str, *, needed: bool) -> IncomingNumber | None:
    """Twilio's side. Without a saved routing nothing is written there, so that no credentials are needed."""
    if not needed and control.settings.twilio_account_sid is None:
        return None
    return await control.twilio.find_number(number)


def _reasons(
    number: str, there: Observed | None, incoming: IncomingNumber | None, saved: SavedRoute | None, bindings: Bindings
) -> Sequence[str]:
    reasons = []
    agent_id = there.body["agent_id"] if there else None
    if agent_id and agent_id not in bindings.of(AGENT_KIND).values():
        reasons.append(f"{number} rings at agent {agent_id}, which is not of this project")
    if there is not None and saved is None:
        reasons.append(
            f"no routing was saved for {number}: Twilio's URLs are left as they are, and calls may go nowhere"
        )
    if saved is not None and incoming is None:
        reasons.append(f"the Twilio account has no number {number} any more: its saved routing is forgotten")
    if saved is None or incoming is None or not saved.restores(now := incoming.routing()):
        return reasons
    if not saved.is_a_way_back:
        reasons.append(_to_nobody(number, saved))
    if routing.overwritten_since(saved.routing, now):
        reasons.append(f"Twilio's routing of {number} was changed after the import: what stands there now is replaced")
    return reasons


def _to_nobody(number: str, saved: SavedRoute) -> str:
    had = saved.taken_from
    back = f"assign it to agent {had}, which had it before, in ElevenLabs' dashboard" if had else "leave it there"
    return (
        f"no routing to go back to is saved for {number}: it was at ElevenLabs before its import, and Twilio would "
        f"go on handing its calls there, where nobody had them. Instead, {back}; or set its voice URL at Twilio first"
    )


def _another_ones(number: str, saved: SavedRoute) -> UsageError:
    assert saved.by is not None
    return UsageError(
        f"{number} is not of this environment: it is not at ElevenLabs here, and it was imported for {saved.whose}, "
        "whose callers a release would cut off; nothing was done",
        f"Release it there: agentctl --env {saved.by.environment} release-number {number}"
        f" (in project {saved.by.project}). If nothing of that is left, set its voice URL at Twilio by hand.",
    )


def _doubts(control: Control, number: str, saved: SavedRoute | None, *, bound: bool) -> Sequence[str]:
    """Whether what is saved is somebody else's to put back."""
    if saved is None or saved.is_of(control.scope) or (saved.by is None and bound):
        return []
    return [f"the routing of {number} was saved by {saved.whose}: callers of others may be cut off"]


async def _strange(control: Control, number: str, bindings: Bindings) -> Sequence[str]:
    """A key of another workspace finds nothing there, as if it were gone."""
    agents = {*bindings.of(AGENT_KIND).values()}
    if await is_here(control.api, agents):
        return []
    return [f"{number} is not at ElevenLabs, and {absent(AGENT_KIND, len(agents), control.workspace)}"]


def _notices(number: str, incoming: IncomingNumber | None, saved: SavedRoute | None) -> Sequence[str]:
    left: Routing = incoming.routing() if incoming is not None else {}
    if saved is not None and saved.restores(left):
        left = saved.routing
    if routing.rings_at_elevenlabs(left):
        return [
            f"Twilio still hands calls of {number} to ElevenLabs, which has it no more: set its voice URL at Twilio"
        ]
    return []
