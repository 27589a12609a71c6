"""agentctl tenants list, set, unset, check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentctl.cli.session import Json, Yes, confirm, connected, say
from agentctl.errors import UsageError

if TYPE_CHECKING:
    from agentctl.verbs.examination.finding import Finding
    from agentctl.wiring import Control

app = typer.Typer(
    name="tenants", help="Tenants with credentials of their own: where these are, never what.", no_args_is_help=True
)
Force = Annotated[bool, typer.Option("--force", help="Even while agents are in its workspace: their calls are lost.")]
Name = Annotated[str, typer.Argument(metavar="TENANT", help="As the source names it.")]


def _of(what: str) -> Any:
    help_text = f"Where {what} is: env:NAME or vault:NAME; empty takes it away."
    return typer.Option(metavar="PLACE", help=help_text)


@app.command("list")
def listed(json: Json = False) -> None:
    """Show who has credentials of its own, and where each is."""
    from agentctl.cli.render import plain, to_json
    from agentctl.verbs import tenants as verbs

    found = connected(verbs.every)
    if json:
        print(to_json([{"tenant": one.name, **one.references, "workspace_of": one.workspace_of} for one in found]))
        return
    for one in found:
        places = [f"{name} {place}" for name, place in one.references.items()]
        places += [f"in the workspace of {one.workspace_of}"] if one.workspace_of else []
        print(plain(f"{one.name}: {', '.join(places) or 'nothing'}"))
    if not found:
        print("No tenant has credentials of its own: one workspace serves all.")


@app.command("set")
def save(
    tenant: Name,
    elevenlabs: Annotated[str | None, _of("the API key of its workspace")] = None,
    webhook_secret: Annotated[str | None, _of("the secret of that workspace's webhook")] = None,
    twilio_account_sid: Annotated[str | None, _of("the SID of its Twilio account")] = None,
    twilio_auth_token: Annotated[str | None, _of("the token of that account")] = None,
    beside: Annotated[
        str | None,
        typer.Option("--with", metavar="TENANT", help="Live in that tenant's workspace; empty: no longer."),
    ] = None,
    force: Force = False,
) -> None:
    """Say where a tenant's credentials are. What is not named stays as it is."""
    from agentctl.verbs import tenants as verbs

    given = {
        "elevenlabs_key": elevenlabs,
        "elevenlabs_webhook_secret": webhook_secret,
        "twilio_account_sid": twilio_account_sid,
        "twilio_auth_token": twilio_auth_token,
        "workspace_of": beside,
    }
    changes = {name: value or None for name, value in given.items() if value is not None}
    if not changes:
        raise UsageError("nothing is set", "Name a place, such as --elevenlabs env:ACME_XI_KEY.")
    odd = connected(lambda control: verbs.save(control, tenant, changes, force=force))
    if odd:
        say(f"note: {odd}")
    say(f"saved; agentctl tenants check {tenant} tries it")


@app.command()
def unset(tenant: Name, yes: Yes = False, force: Force = False) -> None:
    """Let a tenant have the project's credentials again. What is in its workspace stays there."""
    from agentctl.verbs import tenants as verbs

    confirm(f"Let {tenant} have the project's credentials again?", yes=yes)
    removed, left = connected(lambda control: verbs.remove(control, tenant, force=force))
    print(f"{tenant} has the project's credentials." if removed else f"{tenant} had none of its own.")
    if left:
        say(f"note: {left} agents are left in its workspace, and nobody looks after them any more")


@app.command()
def check(
    tenant: Annotated[str | None, typer.Argument(metavar="TENANT", help="One alone.")] = None, json: Json = False
) -> None:
    """Try what the credentials open. Writes nothing, and shows none of them."""
    from agentctl.cli.doctor import finding_json, finding_text
    from agentctl.cli.render import to_json
    from agentctl.verbs import tenants as verbs

    async def run(control: Control) -> list[Finding]:
        return [one async for one in verbs.check(control, tenant)]

    found = connected(run)
    if json:
        print(to_json(list(map(finding_json, found))))
    else:
        print("\n".join(map(finding_text, found)))
    if any(one.state == "broken" for one in found):
        raise typer.Exit(1)
