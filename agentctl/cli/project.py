"""agentctl init, agentctl schema."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from agentctl.cli.session import say


def init(
    directory: Annotated[Path, typer.Argument(metavar="[DIR]", help="Where to write it.")] = Path(),
    name: Annotated[str | None, typer.Option("--project", help="Project name; default: the directory's.")] = None,
) -> None:
    """Write a small, commented example project."""
    from agentctl.sources.init import write

    for path in write(directory, project=name):
        print(path)
    where = "" if directory == Path() else f"cd {shlex.quote(str(directory))} && "
    say(f"Next: {where}cp .env.example .env, fill it in, then: agentctl plan")


def schema() -> None:
    """Print the JSON schema of assistant.toml, for editors."""
    from agentctl.cli.render import to_json
    from agentctl.sources.assistant_file import schema as assistant_schema

    print(to_json(assistant_schema()))
