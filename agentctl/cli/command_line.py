"""What the command line says of the command at hand as a whole: where it is, in which environment, for whom."""

from __future__ import annotations

from contextvars import ContextVar
from pathlib import Path

DIRECTORY: ContextVar[Path] = ContextVar("directory", default=Path())  # what --directory names
ENVIRONMENT: ContextVar[str | None] = ContextVar("environment", default=None)  # what --env names
TENANT: ContextVar[str | None] = ContextVar("tenant", default=None)  # what --tenant names
HOUSED: ContextVar[bool] = ContextVar("housed", default=False)  # whether the command works in that tenant's workspace
