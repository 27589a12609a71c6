"""agentctl calls digest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from agentctl.cli.session import Json, connected

if TYPE_CHECKING:
    from agentctl.verbs.calls.digest import Redigested
    from agentctl.wiring import Control


def digest(
    conversation: Annotated[str | None, typer.Argument(metavar="[ID]", help="The conversation's id.")] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="All calls since then: 7d, 24h, 2026-11-01.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Ask again even where the same question was answered already.")
    ] = False,
    json: Json = False,
) -> None:
    """Have the language model digest stored calls again; nobody is mailed, and ticked items stay ticked."""
    from dataclasses import asdict

    from agentctl.cli import render, render_digest
    from agentctl.cli.since import moment
    from agentctl.errors import UsageError

    if (conversation is None) == (since is None):
        raise UsageError("name a conversation or --since, one of both", "For example: agentctl calls digest --since 7d")
    began = moment(since) if since is not None else None

    async def run(control: Control) -> list[Redigested]:
        from agentctl.verbs.calls import digest as verbs

        if began is None:
            assert conversation is not None
            return [await verbs.digest(control, conversation, force=force)]
        return [made async for made in verbs.digest_since(control, began, force=force)]

    found = connected(run)
    print(render.to_json([asdict(made) for made in found]) if json else render_digest.redigested_text(found))
    if any(made.state in ("failed", "spent") for made in found):
        raise typer.Exit(1)
