"""agentctl sandbox: the stand-in for ElevenLabs' and Twilio's APIs as a server; and a call held by one that runs."""

from __future__ import annotations

import asyncio
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentctl.cli import cycles
from agentctl.cli.session import Json
from agentctl.errors import AgentctlError, UsageError

if TYPE_CHECKING:
    from agentctl.sandbox.options import Options

PORT = 8787

app = typer.Typer(name="sandbox", help="A stand-in for ElevenLabs' API, for trying out without an account.")


@app.callback(invoke_without_command=True)
def sandbox(
    context: typer.Context,
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port; 0 takes any free one.")] = PORT,
    state: Annotated[
        Path | None, typer.Option("--state", metavar="FILE", dir_okay=False, help="Keep its state here.")
    ] = None,
    key: Annotated[str | None, typer.Option("--key", help="The API key that it takes.")] = None,
) -> None:
    """Run a stand-in for ElevenLabs' API (and for Twilio's numbers) until stopped. In memory, unless --state."""
    if context.invoked_subcommand is not None:
        return
    from agentctl.sandbox.options import Options
    from agentctl.sandbox.server import serve

    cycles.regularly()
    options = Options(api_key=key) if key else Options()

    def ready(url: str) -> None:
        print(greeting(url, options), flush=True)

    try:
        asyncio.run(serve(options, host, port, state_file=state, ready=ready))
    except OSError as error:
        # Python adds the address to the system's own words; a name that cannot be resolved has no system error.
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
        raise AgentctlError(f"cannot listen on {host}:{port}: {reason}", "Choose another --host or --port.") from None
    except ValueError as error:
        raise UsageError(f"{state}: {error}", "Choose another --state file.") from None


@app.command()
def call(
    number: Annotated[str | None, typer.Argument(metavar="[NUMBER]", help="Number to call, E.164.")] = None,
    url: Annotated[str, typer.Option("--url", help="Where the sandbox listens.")] = f"http://127.0.0.1:{PORT}",
    say: Annotated[list[str] | None, typer.Option("--say", metavar="TEXT", help="What the caller says.")] = None,
    json: Json = False,
) -> None:
    """Have a running sandbox hold a call, and deliver its events to the registered webhook."""
    from agentctl.cli.render import to_json
    from agentctl.clients import sandbox as client
    from agentctl.sandbox.options import Options

    order: dict[str, Any] = {"to_number": number or Options().numbers[0].phone_number}
    if say:
        order["lines"] = say
    held = asyncio.run(client.call(url, order))
    print(to_json(held) if json else outcome(held))
    if not held["reached"] or any(delivery["status"] != 200 for delivery in held["deliveries"]):
        raise typer.Exit(1)


_TO_NOBODY = {
    "none": "no webhook is bound. agentctl webhook register URL",
    "off": "the webhook is switched off. agentctl webhook enable",
    "on": "the agent delivers none of its events. agentctl webhook status",
}


def greeting(url: str, options: Options) -> str:
    """Where it listens, which numbers its Twilio account has, and what to export so that agentctl uses it."""
    exports = {
        "ELEVENLABS_BASE_URL": url,
        "ELEVENLABS_API_KEY": options.api_key,
        "TWILIO_BASE_URL": url,
        "TWILIO_ACCOUNT_SID": options.account_sid,
        "TWILIO_AUTH_TOKEN": options.auth_token,
    }
    numbers = ", ".join(number.phone_number for number in options.numbers)
    lines = [
        f"Sandbox on {url}",
        f"Twilio numbers: {numbers}",
        "",
        *(f"export {name}={shlex.quote(value)}" for name, value in exports.items()),
        "",
        "Then: agentctl sync, agentctl import-number, agentctl sandbox call",
    ]
    return "\n".join(lines)


def outcome(held: dict[str, Any]) -> str:
    """What came of a call."""
    from agentctl.cli.render import told

    if not held["reached"]:
        return told(f"Nobody was reached: {held['why']}")
    lines = [f"Held: {held['conversation_id']}"]
    for delivery in held["deliveries"]:
        lines.append(f"  {delivery['type']}: {delivery['status'] or 'no answer'} ({len(delivery['attempts'])} tries)")
    if not held["deliveries"]:
        lines.append(f"  Delivered to nobody: {_TO_NOBODY[held['webhook']]}")
    return told("\n".join(lines))
