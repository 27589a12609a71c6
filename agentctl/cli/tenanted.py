"""The option of every command that reads, changes or erases calls: whose."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperCommand
from typer.main import get_command

from agentctl.cli.session import TENANT
from agentctl.errors import UsageError


def _named(name: str | None) -> None:
    if name == "":  # an unset variable of a script must not mean the operator
        raise UsageError("--tenant needs the name of a tenant", "Leave it out for the operator's own calls.")
    TENANT.set(name)


def _alone(
    tenant: Annotated[
        str | None,
        typer.Option(
            "--tenant",
            metavar="NAME",
            help="Whose (default: AGENTCTL_TENANT; else the operator's calls, and everybody's queues and audit log).",
            expose_value=False,
            callback=_named,
        ),
    ] = None,
) -> None:
    """Nothing: the option is taken from here."""


class OfTenant(TyperCommand):
    """A command with --tenant."""

    def __init__(self, name: str | None, **given: Any) -> None:
        alone = typer.Typer(add_completion=False)
        alone.command()(_alone)
        super().__init__(name, **{**given, "params": [*(given.get("params") or ()), *get_command(alone).params]})
