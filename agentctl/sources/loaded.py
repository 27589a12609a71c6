"""What any source of assistants answers: the assistants it could read, and everything that is wrong, at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from agentctl.errors import ConfigurationError, Problem
from agentctl.resources.assistant import Assistant
from agentctl.secrecy.secret import secrets
from agentctl.sources.environment import Environment
from agentctl.sources.project import Project


@dataclass(frozen=True)
class Loaded:
    """A project as its source declares it.

    An assistant with a problem is not in `assistants`, so a caller that goes on with problems present must not
    take an absent assistant for a removed one. `warnings` are advice; they stop nothing. `layers`: what the environment
    lays under and over the files. `alone`: the key of the only one that was read; empty: all were.
    """

    project: Project
    assistants: tuple[Assistant, ...]
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    layers: Environment | None = None
    alone: str = ""

    def secrets(self) -> Iterator[object]:
        """Every secret that the files declare."""
        yield from self.project.secrets()
        for assistant in self.assistants:
            yield from secrets(assistant.model_dump(exclude_defaults=True))

    def checked(self) -> Loaded:
        """This, if it has no problems. Raises ConfigurationError with all of them otherwise."""
        if self.problems:
            raise ConfigurationError(list(self.problems), hint="Nothing was changed. Correct these and run it again.")
        return self
