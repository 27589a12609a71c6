"""agentctl calls to-test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from agentctl.cli.audited import audited
from agentctl.cli.session import Json
from agentctl.cli.tenanted import OfTenant

if TYPE_CHECKING:
    from agentctl.verbs.calls.to_test import Made
    from agentctl.wiring import Control


def register(app: typer.Typer) -> None:
    """Add the command to `agentctl calls`."""
    app.command(cls=OfTenant)(to_test)


def to_test(
    conversation: Annotated[str, typer.Argument(metavar="ID", help="The conversation's id.")],
    turn: Annotated[
        int, typer.Option("--turn", min=0, help="The caller's words that were answered badly, or the answer.")
    ],
    assistant: Annotated[
        str | None, typer.Option("--assistant", metavar="KEY", help="Whose test; default: who was called.")
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="Of the test, and of its file.")] = None,
    json: Json = False,
) -> None:
    """Make a test of a call: the conversation up to one turn, without what tells who called."""
    from agentctl.cli import render
    from agentctl.cli.addressed import addressed_to_files
    from agentctl.cli.render_call import line

    async def run(control: Control) -> tuple[Made, str]:
        from agentctl.verbs.calls import to_test as verbs

        made = await verbs.to_test(control, conversation, turn, assistant=assistant, name=name)
        return made, str(made.path.relative_to(control.directory))

    made, path = audited("to-test", run, lambda _: {"call": conversation, "turn": turn})
    if json:
        print(render.to_json({"path": path, "assistant": made.assistant}))
        return
    print(f"{line(path)} is written.")
    print(
        "Read it: a name that no pattern knows is still in it. Then say in success_condition what the answer should be."
    )
    print(
        addressed_to_files(
            f"agentctl test {made.assistant} runs it; agentctl sync --gate lets nothing go live that fails it."
        )
    )
