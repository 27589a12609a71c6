"""agentctl up: the guided way to the first real call."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentctl.cli.serve import Level, log_to_stderr, stopping
from agentctl.cli.session import Yes, confirm, connected, say

if TYPE_CHECKING:
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
        with stopping() as stop:
            await _prepare(control, only or [], yes)
            await _invite(control)
            from agentctl.verbs import up as verbs

            door = (host, port) if control.settings.public_url is not None else None
            show = _Shown(stop if once else None)
            await verbs.watch(control, on_call=show, stop=stop, poll_seconds=poll_seconds, serve=door)

    connected(run)


async def _prepare(control: Control, only: list[str], yes: bool) -> None:
    from agentctl.cli import render
    from agentctl.cli.sync import Progress, outcome
    from agentctl.verbs import sync, up

    say("1. The key")
    await up.check_key(control)
    say(f"   {control.settings.workspace} accepts it.")
    say("2. The plan")
    found = await sync.plan(control, only)
    print(render.plan_text(found), flush=True)
    if found.changes:
        confirm("Apply this?", yes=yes)
    applied = await sync.apply(control, found, on_change=Progress(found))
    print(outcome(applied), flush=True)
    if not applied.ok:
        raise typer.Exit(1)
    say("3. The numbers")
    await _numbers(control, found, only, yes)


async def _numbers(control: Control, plan: Plan, only: list[str], yes: bool) -> None:
    """Bring over every number that is declared and not at ElevenLabs yet."""
    from agentctl.cli.number import take_over
    from agentctl.verbs import sync

    loaded = await sync.load(control)
    waiting = {one.ref.key for one in plan.waiting}
    for assistant in sync.select(loaded.assistants, only):
        for number in assistant.phone.numbers:
            if number in waiting:
                await take_over(control, number, assistant.key, yes=yes)
            else:
                say(f"   {number} rings at {assistant.key}.")


async def _invite(control: Control) -> None:
    from agentctl.verbs import sync

    numbers = [number for assistant in (await sync.load(control)).assistants for number in assistant.phone.numbers]
    public = control.settings.public_url
    say("4. The call")
    way = (
        f"Calls are delivered to {public}." if public else "No PUBLIC_URL is set, so ElevenLabs is asked for new calls."
    )
    say(f"   {way}")
    if control.mail_route is None:
        say("   No mail route is set (SMTP_URL or RESEND_API_KEY): mails wait in the outbox.")
    print(
        f"Call {' or '.join(numbers)} now." if numbers else "Call your agent now (from its page in the dashboard).",
        flush=True,
    )
    say("   Its transcript, summary and action items appear here. Ctrl-C ends this.")


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
