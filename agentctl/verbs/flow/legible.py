"""Whether agentctl.toml can be read: while it cannot, nobody knows which changes are to be synced here."""

from __future__ import annotations

import logging
import platform
from dataclasses import dataclass, field

from agentctl.errors import ConfigurationError
from agentctl.sources.project import FILENAME, find, read_project
from agentctl.verbs.upkeep import alert
from agentctl.wiring import Control

log = logging.getLogger(__name__)

SUBJECT = "project"


def problems(control: Control) -> tuple[str, ...]:
    """What keeps anybody from knowing whose things these are; empty outside of a project."""
    if not control.has_project:
        return ()
    try:
        project, found = read_project(find(control.directory))
    except ConfigurationError as error:
        return tuple(control.veil(str(one)) for one in error.problems)
    return () if project and project.name else tuple(control.veil(str(one)) for one in found)


@dataclass
class Legible:
    """Tells in the log, and whoever gets alerts, when it cannot be read, or can again, each once until that changes.

    Each machine has a file of its own, so that it is told for each directory of each. So it is for workers that stay on
    a machine alone: one that is new each time would tell it each time, and never that it can be read again.
    """

    control: Control
    to: tuple[str, ...] = field(init=False)
    _stamp: object = field(default=None, init=False)
    _logged: tuple[str, ...] = field(default=(), init=False)
    _told: tuple[str, ...] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.to = alert.recipients(self.control)  # those of a time when it could be read

    async def look(self) -> None:
        """See whether it is as it was. Raises StoreError where nobody can be told, for the next look to tell it."""
        stamp = self._stamped()
        if self._told is not None and stamp == self._stamp:
            return
        found = problems(self.control)
        if found != self._logged:
            self._log(found)
        if found != self._told:
            await self._tell(found)
        self._stamp, self._told = stamp, found

    def _log(self, found: tuple[str, ...]) -> None:
        if found:
            log.error("syncs: changes wait until %s can be read: %s", FILENAME, "; ".join(found))
        else:
            log.warning("syncs: %s can be read again", FILENAME)
        self._logged = found

    async def _tell(self, found: tuple[str, ...]) -> None:
        control, to = self.control, alert.recipients(self.control) or self.to
        environment = control.environment or ""
        place = {"project": f"{platform.node()}:{control.directory}", "environment": environment, "workspace": ""}
        await alert.tell(control, place, SUBJECT, "\n".join(found), alert.of_project(control, found), to)

    def _stamped(self) -> object:
        try:
            told = (self.control.directory / FILENAME).stat()
        except OSError:
            return None
        return told.st_mtime_ns, told.st_size, told.st_ino
