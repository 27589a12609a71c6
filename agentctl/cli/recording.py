"""agentctl calls recording: where the sound of a call is, a copy of it, or a signed address."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentctl.cli.session import Json, connected
from agentctl.errors import UsageError

if TYPE_CHECKING:
    from agentctl.wiring import Control

_LONGEST = timedelta(days=7)


def recording(
    conversation: Annotated[str, typer.Argument(metavar="ID", help="The conversation's id.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write it there, readable by you alone.")
    ] = None,
    url: Annotated[bool, typer.Option("--url", help="Print an address by which anybody can fetch it.")] = False,
    expires: Annotated[
        str | None, typer.Option("--expires", metavar="TIME", help="How long --url holds (1h, 30m, 7d). Default: 1h.")
    ] = None,
    json: Json = False,
) -> None:
    """Tell where the recording of a call is; fetch it, or make an address for others."""
    if url and output is not None:
        raise UsageError("--url and --output are two things", "Give one of them.")
    if expires is not None and not url:
        raise UsageError("--expires goes with --url", "Add --url.")
    lasting = _lasting(expires or "1h") if url else None
    found = connected(lambda control: _recording(control, conversation, output, lasting))
    if json:
        from agentctl.cli import render

        print(render.to_json(found))
    else:
        _tell(found)


def _lasting(said: str) -> timedelta:
    from agentctl.cli.since import stretch

    found = stretch(said)
    if not timedelta(0) < found <= _LONGEST:
        raise UsageError(
            f"--expires {said!r}: an address holds for 1m to {_LONGEST.days}d", "Whoever has it can listen."
        )
    return found


async def _recording(
    control: Control, conversation: str, output: Path | None, lasting: timedelta | None
) -> dict[str, Any]:
    """What is to be told. Who asked for it is noted before anything is handed out."""
    from agentctl.cli.written import written
    from agentctl.verbs.calls import audit
    from agentctl.verbs.calls import recording as verbs

    found = await verbs.recording(control, conversation)
    how = "address" if lasting else "copy" if output else "place"
    await audit.note(control, "recording", call=conversation, handed_out=how)
    told = asdict(found)
    if lasting is not None:
        ends = datetime.now(UTC) + lasting
        address = await verbs.sign(control, found, int(lasting.total_seconds()))
        told |= {"url": address, "expires_at": ends.isoformat(timespec="seconds")}
    elif output is not None:
        with written(output) as out:
            await verbs.fetch(control, found, out.buffer)
        told["file"] = str(output)
    return told


def _tell(found: dict[str, Any]) -> None:
    from agentctl.cli.render_call import line, when
    from agentctl.cli.session import say

    if "url" in found:
        print(line(found["url"]))
        say(f"Whoever has this address can listen until {found['expires_at']}.")
    elif "file" in found:
        say(f"{found['size']} bytes ({line(found['content_type'])}) in {found['file']}")
    else:
        print(f"{line(found['location'])} ({line(found['content_type'])}, {found['size']} bytes)")
        if found["gone_at"]:
            say(f"It is gone: somebody deleted it there. It was missed on {when(found['gone_at'])}.")
