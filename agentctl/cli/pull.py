"""agentctl pull: what was changed at the platform, into the files."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentctl.cli.session import Json, Yes, confirm, connected
from agentctl.errors import UsageError

if TYPE_CHECKING:
    from agentctl.sources.pulled import Rewrite
    from agentctl.verbs.pull import Pull
    from agentctl.wiring import Control

Keys = Annotated[list[str] | None, typer.Argument(metavar="[KEY...]", help="Globs of assistants.")]


def pull(
    keys: Keys = None,
    every: Annotated[bool, typer.Option("--all", help="All declared assistants.")] = False,
    overwrite_templates: Annotated[
        bool, typer.Option("--overwrite-templates", help="Also where a prompt or first message has [[ ]] in it.")
    ] = False,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Take into the files what was changed at the platform: show the difference, ask, write.

    What cannot be taken is named, and the exit code is 3. Nothing is written at the platform.
    """
    if bool(keys) == every:
        raise UsageError("name the assistants to pull, or all of them with --all")

    async def run(control: Control) -> Pull:
        from agentctl.cli import render
        from agentctl.verbs import pull as verbs
        from agentctl.verbs.exclusive import exclusive

        async with exclusive(control):
            found = await verbs.pull(control, keys or (), overwrite_templates=overwrite_templates)
            if not json:
                print(text(found), flush=True)
            if found.files:
                confirm("Write this into the files?", yes=yes)
                await verbs.write(control, found)
        if json:
            print(render.to_json(document(found)))
        return found

    found = connected(run)
    if found.failures:
        raise typer.Exit(1)
    if found.left:
        raise typer.Exit(3)


def text(found: Pull) -> str:
    """What would be written, as a unified diff, then what cannot be taken, then the count."""
    from agentctl.cli import render

    lines = [line for rewrite in found.files for line in _diff(rewrite)]
    lines += [f"{render.paint('left:', 33)} {render.plain(str(problem))}" for problem in found.left]
    lines += [render.failure_text(failure) for failure in found.failures]
    left = f", {len(found.left)} left as they are" if found.left else ""
    if found.taken:
        lines.append(f"Pull: {len(found.taken)} to take into {_count(len(found.files), 'file')}{left}.")
    else:
        lines.append(f"Nothing to take{left}.")
    return _masked("\n".join(lines), found)


def _masked(text: str, found: Pull) -> str:
    """The text without the secrets that are taken or replaced."""
    from agentctl.sync.secret import HIDDEN, secrets

    for one in found.taken:
        keys = tuple(one.path.split("."))
        for secret in (*secrets(one.ours, keys), *secrets(one.theirs, keys)):
            text = text.replace(str(secret), HIDDEN)
    return text


def document(found: Pull) -> dict[str, Any]:
    """The face of `pull --json`."""
    from agentctl.sync.secret import masked

    return {
        "files": [rewrite.where for rewrite in found.files],
        "taken": [
            {
                "assistant": one.assistant,
                "kind": one.kind,
                "path": one.path,
                "from": masked(one.ours, keys),
                "to": masked(one.theirs, keys),
            }
            for one, keys in ((one, tuple(one.path.split("."))) for one in found.taken)
        ],
        "left": [{"where": problem.where, "what": problem.what} for problem in found.left],
        "failures": [
            {"kind": one.ref.kind, "key": one.ref.key, "where": one.where, "error": str(one.error)}
            for one in found.failures
        ],
    }


def _diff(rewrite: Rewrite) -> Iterator[str]:
    from agentctl.cli import render

    before, after = rewrite.before.splitlines(), rewrite.after.splitlines()
    for line in difflib.unified_diff(before, after, f"a/{rewrite.where}", f"b/{rewrite.where}", lineterm=""):
        colour = {"+": 32, "-": 31, "@": 36}.get(line[:1], 0)
        yield render.paint(render.plain(line), colour) if colour else render.plain(line)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
