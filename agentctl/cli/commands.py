"""Which commands there are. Each is imported and built when it is named, which costs less than all the others would."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

# In the order of the help. A command is a function of a module of agentctl.cli, a group of commands a Typer there.
PLACES: Mapping[str, str] = {
    "init": "project.init",
    "schema": "project.schema",
    "plan": "sync.plan",
    "sync": "sync.sync",
    "status": "sync.status",
    "test": "testing.run",
    "schedule": "schedule.schedule",
    "pull": "pull.pull",
    "rename": "rename.rename",
    "history": "history.history",
    "rollback": "history.rollback",
    "unhold": "history.unhold",
    "promote": "promote.promote",
    "import-number": "number.import_number",
    "release-number": "number.release_number",
    "up": "up.up",
    "serve": "serve.serve",
    "work": "serve.work",
    "link": "console.link",
    "doctor": "doctor.doctor",
    "calls": "calls.app",
    "knowledge": "knowledge.app",
    "webhook": "webhook.app",
    "tenants": "tenants.app",
    "metrics": "metrics.app",
    "db": "db.app",
    "sandbox": "sandbox.app",
}
# Those that work in one workspace, which --tenant names.
HOUSED = frozenset(
    ("plan", "sync", "status", "test", "history", "rollback", "unhold", "import-number", "release-number")
)
STYLE: Mapping[str, Any] = {"rich_markup_mode": None, "pretty_exceptions_enable": False}


class Commands(Mapping[str, Any]):
    """By name. To ask for their names builds none."""

    def __getitem__(self, name: str) -> Any:
        """One of them, built. Raises KeyError where there is none of that name."""
        return _built(name, PLACES[name])

    def __iter__(self) -> Iterator[str]:
        return iter(PLACES)

    def __len__(self) -> int:
        return len(PLACES)


class Group(TyperGroup):
    """The group of all commands."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**{**given, "commands": Commands()})


@cache
def _built(name: str, place: str) -> Any:
    module, _, attribute = place.partition(".")
    found = getattr(import_module(f"agentctl.cli.{module}"), attribute)
    alone = typer.Typer(**STYLE)
    if isinstance(found, typer.Typer):
        alone.add_typer(found, name=name)
    else:
        from agentctl.cli.tenanted import OfWorkspace

        alone.command(name, cls=OfWorkspace if name in HOUSED else None)(found)
    return get_group(alone).commands[name]
