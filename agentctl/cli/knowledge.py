"""agentctl knowledge list, agentctl knowledge refresh."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from agentctl.cli.session import Json, connected
from agentctl.cli.tenanted import OfWorkspace

if TYPE_CHECKING:
    from agentctl.verbs.knowledge import Refreshed

app = typer.Typer(help="Knowledge documents at ElevenLabs.", no_args_is_help=True, rich_markup_mode=None)


@app.command("list", cls=OfWorkspace)
def list_(json: Json = False) -> None:
    """Show this project's documents at ElevenLabs: size, index, and the agents that use each. Writes nothing."""
    from agentctl.cli import render
    from agentctl.verbs import knowledge as verbs

    found = connected(verbs.documents)
    if json:
        print(render.to_json([asdict(one) for one in found]))
        return
    width = max((len(one.key) for one in found), default=0)
    for one in found:
        notes = [f"used by {', '.join(one.used_by)}" if one.used_by else "used by nobody"]
        notes += [_index(model, state) for model, state in one.indexes.items()]
        notes += [] if one.declared else ["not declared here"]
        print(render.plain(f"{one.key:{width}}  {one.type:4}  {_size(one.size):>9}  {'; '.join(notes)}"))
    if not found:
        print("No documents.")


@app.command("refresh", cls=OfWorkspace)
def refresh(
    keys: Annotated[list[str] | None, typer.Argument(metavar="[KEY]...", help="Globs of document keys.")] = None,
    json: Json = False,
) -> None:
    """Have ElevenLabs fetch the pages behind `url` documents again. Without KEY: all of them."""
    from agentctl.cli import render
    from agentctl.verbs import knowledge as verbs

    found = connected(lambda control: verbs.refresh(control, keys or ()))
    print(render.to_json(refreshed_json(found)) if json else refreshed_text(found))
    if any(one.error for one in found):
        raise typer.Exit(1)


def refreshed_json(found: Sequence[Refreshed]) -> list[dict[str, str | None]]:
    """The face of `knowledge refresh --json`."""
    from agentctl.cli.addressed import addressed

    return [
        {"key": one.key, "url": one.url, "error": addressed(str(one.error)) if one.error else None} for one in found
    ]


def refreshed_text(found: Sequence[Refreshed]) -> str:
    """One line per document, with the reason where it could not be fetched."""
    from agentctl.cli.render import paint, told

    lines = []
    for one in found:
        said = told(f"{one.key}: {one.error}" if one.error else f"{one.key}: fetched {one.url}")
        lines.append(f"{paint('failed:', 31)} {said}" if one.error else said)
    return "\n".join(lines) or "No document has a url."


def _index(model: str, state: str) -> str:
    from agentctl.resources.rag_index import SUCCEEDED, TOO_SMALL
    from agentctl.verbs.knowledge import MISSING

    if state == TOO_SMALL:
        return f"too short for an index by {model}"
    known = {SUCCEEDED: f"indexed by {model}", MISSING: f"not indexed by {model}"}
    return known.get(state, f"index by {model}: {state}")


def _size(size: int) -> str:
    return f"{size} B" if size < 1000 else f"{size / 1000:.1f} kB" if size < 1_000_000 else f"{size / 1e6:.1f} MB"
