"""agentctl up: the guided way to the first real call."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentctl.cli.logs import Level, log_to_stderr
from agentctl.cli.serve import stopping
from agentctl.cli.session import Yes, connected, end, say

if TYPE_CHECKING:
    from agentctl.sync.applied import Applied
    from agentctl.sync.kind import Ref
    from agentctl.sync.plan import Plan
    from agentctl.wiring import Control


def up(
    only: Annotated[list[str] | None, typer.Option("--only", metavar="KEY", help="Glob of assistants.")] = None,
    yes: Yes = False,
    once: Annotated[bool, typer.Option("--once", help="End after the first call.")] = False,
    poll_seconds: Annotated[float, typer.Option("--poll", min=0.1, help="Seconds between two questions.")] = 20.0,
    host: Annotated[str, typer.Option("--host", help="Where the door listens, if PUBLIC_URL is set.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="The door's port.")] = 8080,
) -> None:
    """Check, sync, bring the number over, then wait for calls and show them."""
    log_to_stderr(Level.warning)

    async def run(control: Control) -> None:
        from agentctl.verbs import sync
        from agentctl.verbs import up as verbs

        # A broken project is told before anybody is asked anything.
        verbs.must_be_here(await sync.load(control), only or ())
        await _key(control)
        applied = await _sync(control, only or [], yes)
        ringing = await _numbers(control, applied, only or [], yes)
        # A door that answers there already is left alone; else this is the door.
        here = control.settings.public_url is not None and not await verbs.door_answers(control)
        # Only from here on does Ctrl-C mean "enough": at a question or in a sync it has to interrupt.
        with stopping() as stop:
            await verbs.watch(
                control,
                on_call=_Shown(stop if once else None),
                stop=stop,
                on_ready=lambda: _invite(control, ringing, f"{host}:{port}" if here else ""),
                poll_seconds=poll_seconds,
                serve=(host, port) if here else None,
            )

    connected(run)


async def _key(control: Control) -> None:
    from agentctl.cli.doctor import finding_text
    from agentctl.verbs import up as verbs

    say("1. The key")
    findings = await verbs.check_key(control)
    for finding in findings:
        if finding.state != "ok":
            say(f"   {finding_text(finding)}")
    if any(finding.state == "broken" for finding in findings):
        raise typer.Exit(1)
    say(f"   {control.settings.workspace} accepts it.")


async def _sync(control: Control, only: list[str], yes: bool) -> Applied:
    """As agentctl sync does. What is held back is said, and is no reason to end here."""
    from agentctl.cli.sync import Asked

    say("2. The plan")
    applied = await Asked(only=only, yes=yes).run(control)
    if {one.ref for one in applied.failures} - _absent(applied.plan):
        end(applied)
    return applied


async def _numbers(control: Control, applied: Applied, only: list[str], yes: bool) -> list[str]:
    """Bring over every number that is declared and not at ElevenLabs yet; the answer is those that ring.

    Where the agent itself is held back, the plan has said what to do, and nothing helps its number before that.
    """
    from agentctl.cli.doctor import finding_text
    from agentctl.resources.agent import KIND as AGENT
    from agentctl.verbs import sync
    from agentctl.verbs.directed import whose
    from agentctl.verbs.examination.numbers import ringing

    say("3. The numbers")
    chosen = sync.select((await sync.load(control)).assistants, only)
    declared = {number: assistant.key for assistant in chosen for number in assistant.phone.numbers}
    if not declared:
        say("   None is declared: phone.numbers in assistant.toml.")
    for number, tenant in (await whose(control)).numbers.items():
        if key := declared.pop(number, ""):
            command = f"agentctl import-number --tenant {tenant} {number} --assistant {key}"
            say(f"   {number} is in the account of tenant {tenant}: {command}")
    unmade = {one.desired.key for one in applied.held if one.desired.kind == AGENT and one.action == "create"}
    for number in [number for number, key in declared.items() if key in unmade]:
        say(f"   {number} waits for {declared.pop(number)}, which is held back: see above.")
    away = {ref.key for ref in _absent(applied.plan)}
    absent = [number for number in declared if number in away]
    left = {number for number in absent if not await _brought_over(control, number, declared[number], yes)}
    found = await ringing(control, {number: key for number, key in declared.items() if number not in left})
    for finding in found.values():
        say(f"   {finding.what}." if finding.state == "ok" else f"   {finding_text(finding)}")
    return [number for number, finding in found.items() if finding.state in ("ok", "warning")]


def _absent(plan: Plan) -> set[Ref]:
    """What waits for its import, for the first time or again."""
    from agentctl.resources.phone_number import KIND

    gone = {one.desired.ref for one in plan.changes if one.vanished and one.desired.kind == KIND}
    return gone | {one.ref for one in plan.waiting}


async def _brought_over(control: Control, number: str, key: str, yes: bool) -> bool:
    """Whether the number is at ElevenLabs now; if not, it is told what to do, and the way goes on without it."""
    from agentctl.cli.number import take_over
    from agentctl.errors import AgentctlError, ConfigurationError, UsageError

    command = f"agentctl import-number {number} --assistant {key}"
    try:
        await take_over(control, number, key, yes=yes)
    except ConfigurationError as error:
        say(f"   {number} is not at ElevenLabs yet, and it cannot be brought over:")
        for problem in error.problems:
            say(f"     {problem}")
        say(f"   Put the Twilio account's SID and auth token (Twilio console, Account info) into .env, then: {command}")
        say("   Or import it in ElevenLabs' dashboard under Phone Numbers, then: agentctl sync")
        return False
    except UsageError:
        raise
    except AgentctlError as error:
        say(f"   {number} was not brought over: {error}")
        say(f"   When that is corrected: {command}")
        return False
    return True


async def _invite(control: Control, ringing: list[str], served: str) -> None:
    from agentctl.verbs import up as verbs

    public = control.settings.public_url
    say("4. The call")
    if public is None:
        say("   No PUBLIC_URL is set, so ElevenLabs is asked for new calls.")
    elif await verbs.door_answers(control):
        say(f"   A door answers at {public}; ElevenLabs is asked for what is not delivered.")
    else:
        say(f"   {public} does not lead to the door here ({served}), so ElevenLabs is asked for new calls.")
    if control.workshop.mail_route is None:
        say("   No mail route is set (SMTP_URL or RESEND_API_KEY): mails wait in the outbox.")
    say("   Its transcript, summary and action items will appear here. Ctrl-C ends this.")
    print(
        f"Call {' or '.join(ringing)} now." if ringing else "Talk to your agent in ElevenLabs' dashboard now.",
        flush=True,
    )


class _Shown:
    """Prints each call as it comes in; with `stop` the first one is the last."""

    def __init__(self, stop: asyncio.Event | None) -> None:
        self._stop = stop

    def __call__(self, call: dict[str, Any]) -> None:
        """One new call."""
        from agentctl.cli.render_call import call_text

        print(f"\n{call_text(call)}", flush=True)
        if self._stop is not None:
            self._stop.set()
