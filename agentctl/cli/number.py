"""agentctl import-number, agentctl release-number."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentctl.cli.session import Json, Yes, confirm, connected, say
from agentctl.cli.veil import shown

if TYPE_CHECKING:
    from agentctl.verbs.numbers.number import Imported
    from agentctl.verbs.numbers.release import Departure, Released
    from agentctl.verbs.numbers.takeover import Takeover
    from agentctl.wiring import Control

Number = Annotated[str, typer.Argument(metavar="NUMBER", help="In E.164 form, like +498999998100.")]


def import_number(
    number: Number,
    assistant: Annotated[str, typer.Option("--assistant", metavar="KEY", help="Whose agent it rings at.")],
    sms: Annotated[bool, typer.Option("--sms", help="Route text messages to ElevenLabs too.")] = False,
    fallback: Annotated[
        str | None, typer.Option(metavar="URL", help="What Twilio asks when ElevenLabs does not answer.")
    ] = None,
    reimport: Annotated[
        bool, typer.Option("--reimport", help="Import it anew, with the Twilio credentials that are set now.")
    ] = False,
    no_gate: Annotated[
        bool, typer.Option("--no-gate", help="Bring it to an agent, too, that its tests have not let through.")
    ] = False,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Bring a Twilio number to an assistant: save where it leads now, import it, let it ring at the agent."""
    if reimport:
        connected(
            lambda control: import_anew(control, number, assistant, sms=sms, fallback=fallback, yes=yes, json=json)
        )
        return

    gated = False if no_gate else None
    imported = connected(
        lambda control: take_over(
            control, number, assistant, sms=sms, fallback=fallback, gated=gated, yes=yes, json=json
        )
    )
    if not imported.rings:
        raise typer.Exit(1)


async def take_over(
    control: Control,
    number: str,
    key: str,
    *,
    sms: bool = False,
    fallback: str | None = None,
    gated: bool | None = None,
    yes: bool = False,
    json: bool = False,
) -> Imported:
    """Show what an import changes, ask where somebody's calls are cut off, do it, and tell what came of it."""
    from agentctl.cli import render
    from agentctl.verbs.numbers import number as verbs

    show = say if json else _print
    found = await verbs.look(control, number, key, sms=sms, fallback=fallback, gated=gated)
    if not found.nothing_to_do:
        _show_takeover(found, show)
    if found.needs_yes:
        confirm(f"Take {number} over?", yes=yes)
    imported = await verbs.import_number(control, found)
    print(render.to_json(imported_json(imported)) if json else _imported_text(imported))
    for notice in imported.notices:
        say(f"warning: {notice}")
    return imported


async def import_anew(
    control: Control, number: str, key: str, *, sms: bool, fallback: str | None, yes: bool, json: bool
) -> None:
    """Say who answers in the gap, ask, import the number anew, and tell how long the gap was."""
    from agentctl.cli import render
    from agentctl.verbs.numbers import reimport as verbs

    found = await verbs.look(control, number, key, sms=sms, fallback=fallback)
    if found.resumed:
        say(f"An earlier re-import of {number} was cut off; this one goes on with it.")
    for reason in found.needs_yes:
        say(f"! {reason}")
    answering = render.plain(shown(found.fallback["voice_url"]))
    confirm(f"Delete {number} at ElevenLabs and import it anew? Calls go to {answering} meanwhile.", yes=yes)
    done = await verbs.reimport(control, found)
    if json:
        told = shown(asdict(done)) | {"gap_seconds": round(done.gap_seconds, 3), "resumed": found.resumed}
        print(render.to_json(told))
        return
    print(f"{number} is at ElevenLabs anew, with the Twilio credentials of now, and rings at {key} again.")
    print(f"For {done.gap_seconds:.1f} s calls went to {answering}.")


def release_number(number: Number, yes: Yes = False, json: Json = False) -> None:
    """Take a number out of ElevenLabs and restore where it led at Twilio before its import."""

    async def run(control: Control) -> None:
        from agentctl.cli import render
        from agentctl.verbs.numbers import release as verbs

        found = await verbs.look(control, number)
        if found.nothing_to_do and not json:
            print(f"Nothing to do: {number} is not at ElevenLabs, and nothing is saved about it here.")
            return
        if found.needs_yes:
            _show_departure(found)
            confirm(f"Release {number}?", yes=yes)
        released = await verbs.release(control, found)
        print(render.to_json(_released_json(released)) if json else _released_text(released))
        for notice in released.notices:
            say(f"warning: {notice}")
        for where in released.declared_in:
            say(f"note: {where} still declares {number}: take it out of phone.numbers there.")

    connected(run)


def imported_json(imported: Imported) -> dict[str, Any]:
    """The face of `import-number --json`."""
    from agentctl.cli.addressed import addressed

    return {
        "number": imported.number,
        "assistant": imported.assistant,
        "agent_id": imported.agent_id,
        "phone_number_id": imported.phone_number_id,
        "changed": imported.changed,
        "imported": imported.imported,
        "assigned": imported.assigned,
        "line_added": imported.line_added,
        "twilio": shown(imported.twilio),
        "rings": imported.rings,
        "routing": shown(imported.routing),
        "saved": shown(imported.saved),
        "notices": [addressed(notice) for notice in imported.notices],
    }


def routing_lines(routing: Mapping[str, str]) -> list[str]:
    """What is set of a number's routing, one line each; a method stands behind its URL."""
    from agentctl.cli.render import plain

    lines = []
    for name, value in shown(routing).items():
        if not value or name.endswith("_method"):
            continue
        method = routing.get(f"{name.removesuffix('_url')}_method", "")
        lines.append(f"  {name:<22} {plain(value)}{f' ({plain(method)})' if method else ''}")
    return lines or ["  (nothing is set: calls to it go nowhere)"]


def _print(text: str) -> None:
    from agentctl.cli.addressed import addressed

    print(addressed(text), flush=True)


def _show_takeover(found: Takeover, show: Callable[[str], None]) -> None:
    from agentctl.cli import render

    show("\n".join([f"{found.number} leads here at Twilio now:", *routing_lines(found.incoming.routing())]))
    if found.fresh:
        show("This is saved first; agentctl release-number puts it back.")
    if found.plan.changes:
        show(render.plan_text(found.plan))
    for reason in found.needs_yes:
        say(f"! {reason}")


def _imported_text(imported: Imported) -> str:
    from agentctl.cli.render import plain

    if not imported.changed:
        state = "rings" if imported.rings else "is assigned"
        return f"Nothing to do: {imported.number} {state} at {imported.assistant} ({plain(imported.agent_id)}) already."
    did = [
        (imported.imported, f"{imported.number} is at ElevenLabs and assigned to {imported.assistant}."),
        (
            imported.assigned,
            f"{imported.number} was at ElevenLabs already and is now assigned to {imported.assistant}.",
        ),
        (imported.line_added, f"assistants/{imported.assistant}/assistant.toml declares it."),
    ]
    lines = [line for done, line in did if done]
    lines += [f"Twilio: {name} is now {plain(value) or 'empty'}." for name, value in shown(imported.twilio).items()]
    return "\n".join(lines)


def _show_departure(found: Departure) -> None:
    if found.incoming is not None:
        say("\n".join([f"{found.number} leads here at Twilio now:", *routing_lines(found.incoming.routing())]))
    if found.saved is not None:
        say("\n".join(["Before the import it led here:", *routing_lines(found.saved.routing)]))
    for reason in found.needs_yes:
        say(f"! {reason}")


def _released_text(released: Released) -> str:
    number = released.number
    lines = [f"{number} is out of ElevenLabs." if released.deleted else f"{number} was not at ElevenLabs."]
    if released.restored and released.routing is not None:
        lines += ["It leads at Twilio where it led before:", *routing_lines(released.routing)]
    else:
        lines.append("Twilio's URLs are as they were: no routing was saved for it to go back to.")
    return "\n".join(lines)


def _released_json(released: Released) -> dict[str, Any]:
    from agentctl.cli.addressed import addressed

    return {
        "number": released.number,
        "deleted": released.deleted,
        "restored": released.restored,
        "routing": shown(released.routing),
        "declared_in": list(released.declared_in),
        "notices": [addressed(notice) for notice in released.notices],
    }
