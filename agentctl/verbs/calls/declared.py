"""What a sync declares of calls, for workers that have no files: how long they are kept, and where else they go."""

from __future__ import annotations

from agentctl.errors import Problem
from agentctl.sources.project import Project
from agentctl.verbs.calls import retain, sink
from agentctl.wiring import Control


async def declare(control: Control, project: Project) -> None:
    """Keep it where workers read it. Raises StoreError."""
    await retain.declare(control, project.retention)
    await sink.declare(control, project.sink)


async def notices(control: Control, project: Project) -> list[Problem]:
    """What a sync would change of it, and what is wrong with it. Raises StoreError."""
    return [*await retain.notices(control, project.retention), *await sink.notices(control, project.sink)]
