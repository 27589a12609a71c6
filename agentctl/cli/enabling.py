"""agentctl webhook enable."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from agentctl.cli.session import Json, connected

if TYPE_CHECKING:
    from agentctl.verbs.post_call.enabling import Enabled
    from agentctl.wiring import Control


def enable(json: Json = False) -> None:
    """Switch the webhook on again, and fetch the calls that it did not bring."""

    async def run(control: Control) -> Enabled:
        from agentctl.verbs.post_call import enabling as verbs

        return await verbs.enable(control)

    from agentctl.cli import render
    from agentctl.cli.queue import fetched_json

    done = connected(run)
    if json:
        shown = {
            "ok": not done.door,
            "webhook_id": done.before.webhook_id,
            "was_off": done.was_off,
            "door": done.door or None,
        }
        print(render.to_json({**shown, "fetched": fetched_json(done.fetched)}))
    else:
        _tell(done)
    if done.door:
        raise typer.Exit(1)


def _tell(done: Enabled) -> None:
    from agentctl.cli.queue import fetched_text
    from agentctl.cli.render import paint, told

    print(f"webhook {done.before.webhook_id} {'is switched on.' if done.was_off else 'was on already.'}")
    if done.door:
        print(paint(told(f"Its door does not take deliveries: {done.door}"), 31))
    else:
        print(f"Its door answers{' and knows our secret' if done.known else ''}.")
    print(fetched_text(done.fetched))
