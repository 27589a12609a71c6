"""agentctl db adopt."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from agentctl.cli.session import Json, Yes, agrees, connected, say

if TYPE_CHECKING:
    from agentctl.verbs.rows.adopt import Adoption
    from agentctl.wiring import Control


def adopt(
    table: Annotated[str, typer.Argument(help="A table or view: assistants, or schema.assistants.")],
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Have a product's own table declare assistants: propose the mapping, add the columns that are written back."""

    async def run(control: Control) -> tuple[Adoption, bool]:
        from agentctl.verbs.rows import adopt as verbs

        found = await verbs.look(control, table)
        if not json:
            print(_text(found))
        for note in found.notes:
            say(f"note: {note}")
        if found.nothing_to_do:
            return found, False
        if not agrees("Do this?", given=yes, ask=True):
            say(f"Nothing was changed. To do this: agentctl db adopt {shlex.quote(table)} --yes")
            return found, False
        await verbs.adopt(control, found)
        return found, True

    found, applied = connected(run)
    if json:
        from agentctl.cli.render import to_json

        print(to_json({"table": found.table, "mapping": found.mapping, "sql": found.statements, "applied": applied}))
    elif applied:
        print(f"{table} declares assistants from now on. See what that would change: agentctl plan")


def _text(found: Adoption) -> str:
    if found.nothing_to_do:
        return f"Nothing to do: {found.table} declares assistants already."
    parts = [f"For agentctl.toml:\n\n{found.section}"] if found.section else []
    parts += ["For the database:\n\n" + "\n".join(found.statements) + "\n"] if found.statements else []
    return "\n".join(parts)
