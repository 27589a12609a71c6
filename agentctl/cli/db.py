"""agentctl db migrate, export, adopt, status, stop."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agentctl.cli.adopting import adopt
from agentctl.cli.session import Json, Yes, confirm, connected, say

if TYPE_CHECKING:
    from agentctl.verbs.rights import Loose
    from agentctl.verbs.store import StoreState
    from agentctl.wiring import Control

app = typer.Typer(
    name="db", help="The database: status, migrations, the embedded server, a table as source.", no_args_is_help=True
)
app.command()(adopt)


@app.command()
def status(
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit with 3 if migrations are pending.")] = False,
    json: Json = False,
) -> None:
    """Show which database is used, which migrations it lacks, and whether what is in it lies open."""
    from agentctl.cli.render import paint
    from agentctl.verbs import store as verbs

    found = connected(verbs.status)
    if json:
        from agentctl.cli.render import to_json

        print(to_json(_json(found)))
    else:
        print(f"database: {found.address}{' (embedded)' if found.embedded else ''}")
        print(f"newest migration: {found.current or 'none'}")
        print(f"pending: {', '.join(found.pending) or 'none'}")
        if found.loose.count:
            print(paint(f"open: {found.loose}: agentctl db migrate", 31))
    if exit_code and found.pending:
        raise typer.Exit(3)


@app.command()
def migrate(yes: Yes = False, json: Json = False) -> None:
    """Apply pending migrations, and take what others were granted. Migrations of any but the embedded database need a
    yes.
    """

    async def run(control: Control) -> tuple[list[str], Loose]:
        from agentctl.verbs import rights
        from agentctl.verbs import store as verbs

        found = await verbs.status(control)
        if not found.pending:
            if found.loose.count:
                await rights.seal(await control.store())
            return [], found.loose
        await control.storehouse.dsn()  # says what to do where only SUPABASE_URL is set, before anybody is asked
        say(f"{found.address} lacks: {', '.join(found.pending)}")
        confirm(f"Apply {len(found.pending)} migrations to {found.address}?", yes=yes)
        return await verbs.migrate(control), found.loose

    applied, loose = connected(run)
    if json:
        from agentctl.cli.render import to_json

        print(to_json({"applied": [name.partition("_")[0] for name in applied], "sealed": loose.count}))
    elif loose.count:
        print(f"sealed: {loose}")
    else:
        print("\n".join(f"applied {name}" for name in applied) or "Nothing to do: all migrations are applied.")


@app.command()
def export(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The product's repository, with a folder supabase.")],
    json: Json = False,
) -> None:
    """Copy the migrations into a product's repository, numbered after its own. Adds only what is not there yet."""
    from agentctl.verbs import migration_export as verbs

    done = verbs.export(directory)
    if json:
        from agentctl.cli.render import to_json

        print(to_json({"folder": str(done.folder), "written": done.written, "kept": done.kept}))
    else:
        lines = [f"wrote {done.folder / file}" for file in done.written.values()]
        print("\n".join(lines) or f"Nothing to do: {done.folder} has all {len(done.kept)}.")
        if lines:
            say(
                "`supabase db push` applies them. A database that `agentctl db migrate` was run on is brought up to "
                f"date by that, and its ledger told so, once, in {directory}:\n    {verbs.REPAIR}"
            )


@app.command()
def stop(json: Json = False) -> None:
    """Stop the project's embedded database server; the next command starts it again."""
    from agentctl.verbs import store as verbs

    stopped = connected(verbs.stop)
    if json:
        from agentctl.cli.render import to_json

        print(to_json({"stopped": stopped}))
    else:
        print("Stopped." if stopped else "It was not running.")


def _json(found: StoreState) -> dict[str, object]:
    return {
        "dsn": found.address,
        "current": found.current,
        "pending": found.pending_versions,
        "embedded": found.embedded,
        "open": {"rights": found.loose.count, "objects": found.loose.objects, "named": list(found.loose.named)},
    }
