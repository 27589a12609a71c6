"""A project with the settings that are usable, where others are not: for whoever is to tell of these."""

from __future__ import annotations

from pathlib import Path

from agentctl.errors import Problem
from agentctl.settings import Settings, usable_settings, wanted_environment
from agentctl.sources.environment import select
from agentctl.sources.project import FILENAME, home


def usable(directory: Path, environment: str | None) -> tuple[str | None, Settings, list[Problem]]:
    """The environment that is meant, its settings with the defaults of what is not usable, and what is wrong with them.

    For `connect`. Raises as that does for anything but settings.
    """
    root, _ = home(directory.resolve())
    wanted = environment or wanted_environment(root)
    there = select(root / FILENAME, wanted, by_variable=not environment)
    values, variables = (there.values, there.variables) if there else (None, None)
    return wanted, *usable_settings(root, values=values, variables=variables)
