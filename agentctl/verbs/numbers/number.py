"""A phone number comes over from Twilio: look what is there, then take it over in steps that a second run repeats.

The import overwrites the number's webhooks at Twilio, so its whole routing is saved before; `release.py` beside this
is the way back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agentctl.errors import Ignored, Stale
from agentctl.resources import phone_number, routing
from agentctl.resources.phone_number import PhoneNumber
from agentctl.resources.routing import Routing
from agentctl.secrecy.secret import masked
from agentctl.sources.table.rows import tell
from agentctl.sync import apply as engine
from agentctl.sync.kind import Ref
from agentctl.sync.patience import Patience
from agentctl.verbs.exclusive import exclusive
from agentctl.verbs.numbers import saved_route
from agentctl.verbs.numbers.concerned import wait_seconds, wake_concerned
from agentctl.verbs.numbers.takeover import Takeover, at_twilio
from agentctl.verbs.numbers.takeover import look as look
from agentctl.verbs.revisions.keeping import keeping
from agentctl.verbs.rows.outside import row_of
from agentctl.verbs.steps import Step, carry_out
from agentctl.wiring import Control


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


async def import_number(control: Control, takeover: Takeover) -> Imported:
    """Carry a takeover out: save the old routing, import or assign, correct Twilio, add the line to assistant.toml.

    Whoever calls this has the yes that `takeover.needs_yes` asks for. Raises Stale where what somebody agreed to is not
    as it was at the look, Busy while another run is at work, SyncError that says what is done and what is not when a
    later step fails; a second run continues there.
    """
    async with exclusive(control, wait=wait_seconds(control)):
        now = await _again(control, takeover)
        if now.seen != takeover.seen:
            what = f"{takeover.number} was imported, released or set otherwise meanwhile; nothing was written"
            raise Stale(what, "Run it again.")
        await wake_concerned(control, now.number)
        run = _Import(control, now)
        await carry_out(run.steps())
        return run.result()


async def _again(control: Control, takeover: Takeover) -> Takeover:
    patience = Patience(pauses=())  # The first look has waited for what an interrupted import may have left.
    how: dict[str, Any] = {"sms": takeover.sms, "fallback": takeover.fallback, "gated": takeover.gated}
    return await look(control, takeover.number, takeover.assistant.key, patience=patience, **how)


@dataclass
class _Import:
    """One import in progress: what each step found out stays for the next."""

    control: Control
    takeover: Takeover
    phone_number_id: str = ""
    now: dict[str, str] = field(default_factory=dict)
    written: dict[str, str] = field(default_factory=dict)
    line_added: bool = False

    def steps(self) -> Sequence[Step]:
        """In order. Each finds its own work done and then does nothing."""
        takeover = self.takeover
        return (
            ("the routing at Twilio is saved", self.save),
            (f"{takeover.number} rings at agent {takeover.assistant.key} at ElevenLabs", self.assign),
            ("Twilio's side is set", self.correct),
            (f"{takeover.assistant.where} declares it", self.declare),
        )

    async def save(self) -> None:
        """Before anything overwrites it. The first one saved stays, unless somebody has set another since.

        With the number comes the way back: whoever had it before would release what is no longer theirs.
        """
        takeover, control = self.takeover, self.control
        saved, kept = takeover.saved, takeover.kept
        adopted = bool(takeover.plan.changes) and not kept.is_of(control.scope)
        if saved is None or saved is not kept or adopted:
            await saved_route.keep(control, takeover.number, kept, instead=saved)

    async def assign(self) -> None:
        """The same path as sync, narrowed to this number."""
        takeover, control = self.takeover, self.control
        bindings = await control.bindings()
        kind = PhoneNumber(control.api, control.twilio_access(enable_sms=takeover.sms))
        applied = await engine.apply(takeover.plan, [kind], bindings, take_ours=True, patience=control.patience)
        if applied.failures:
            raise applied.failures[0].error
        if applied.held:
            what = f"{takeover.number} was given to another agent at ElevenLabs since it was imported, and stays there"
            raise Stale(what, "It asks before it takes it over.")
        self.phone_number_id = bindings.get(Ref(phone_number.KIND, takeover.number)) or ""

    async def correct(self) -> None:
        """Let Twilio ask ElevenLabs and nobody before it; put back what was not to change; set the fallback."""
        takeover, twilio = self.takeover, self.control.twilio
        incoming = await at_twilio(self.control, takeover.number) if takeover.fresh else takeover.incoming
        wanted = takeover.corrections(incoming.routing(), fresh=takeover.fresh)
        if wanted:
            incoming = await twilio.update_number(incoming.sid, **wanted)
        self.now, self.written = incoming.routing(), wanted
        if missing := routing.lost(wanted, self.now):
            raise Ignored(f"Twilio accepted the write but did not keep {', '.join(missing)}")

    async def declare(self) -> None:
        """The number's line in assistant.toml; a row, which declares it, is told its id where it has none before it."""
        takeover, loaded = self.takeover, self.control.loaded
        assistant, row = takeover.assistant, row_of(loaded, takeover.assistant.key)
        if loaded.rows and row and row.assistant:
            bindings, own = await self.control.bindings(), row.assistant.phone.numbers
            had = [one for one in own if bindings.get(Ref(phone_number.KIND, one))]
            if had[:1] in ([], [takeover.number]):
                told = {"key": assistant.key, "phone_number_id": self.phone_number_id}
                await tell(await self.control.store(), loaded.rows, [told])
        if self.takeover.declared:
            return
        from agentctl.sources.edit import add_number

        async with keeping(self.control):
            self.line_added = await asyncio.to_thread(
                add_number, loaded.project.root, assistant.key, self.takeover.number
            )

    def result(self) -> Imported:
        """What came of it."""
        takeover = self.takeover
        rings = routing.rings_at_elevenlabs(self.now)
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
            saved=takeover.kept.routing,
            notices=(*takeover.notices, *(() if rings else (_silent(takeover.number, self.now),))),
        )


def _silent(number: str, now: Routing) -> str:
    where = masked(now.get("voice_url")) or "nobody (voice_url is empty)"
    return (
        f"{number} does not ring at ElevenLabs: Twilio asks {where} what to do with a call. "
        f"To set it anew: agentctl release-number {number}, then import it again"
    )
