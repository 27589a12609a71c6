"""The option --tenant: whose calls a command reads, changes or erases, or in whose workspace it works."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperCommand
from typer.main import get_command

from agentctl.cli.command_line import HOUSED, TENANT
from agentctl.errors import UsageError


def _named(name: str | None) -> None:
    if name == "":  # an unset variable of a script must not mean the operator
        raise UsageError("--tenant needs the name of a tenant", "Leave it out for the operator's own.")
    TENANT.set(name)


def _in_whose(name: str | None) -> None:
    _named(name)
    HOUSED.set(True)


def _option(told: str, heard: Callable[[str | None], None]) -> list[Any]:
    """The option, as of a command that has nothing else. `heard` is called without it, too."""
    option = typer.Option(None, "--tenant", metavar="NAME", help=told, expose_value=False, callback=heard)

    def alone(tenant: Any = option) -> None: ...

    alone.__annotations__["tenant"] = str | None
    command = typer.Typer(add_completion=False)
    command.command()(alone)
    return list(get_command(command).params)


_WHOSE = "Whose (default: AGENTCTL_TENANT; else the operator's calls, and everybody's queues and audit log)."
_WHERE = "In whose workspace, and with whose Twilio account (default: AGENTCTL_TENANT; else the project's)."


class OfTenant(TyperCommand):
    """A command with --tenant, for calls."""

    def __init__(self, name: str | None, **given: Any) -> None:
        super().__init__(name, **{**given, "params": [*(given.get("params") or ()), *_option(_WHOSE, _named)]})


class OfWorkspace(TyperCommand):
    """A command with --tenant, for what is at ElevenLabs and at Twilio."""

    def __init__(self, name: str | None, **given: Any) -> None:
        super().__init__(name, **{**given, "params": [*(given.get("params") or ()), *_option(_WHERE, _in_whose)]})
