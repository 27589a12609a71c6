"""Commands in messages, with the environment that the command line named."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from agentctl.cli.session import ENVIRONMENT
from agentctl.verbs import commands


def addressed(text: str) -> str:
    """`text` with `--env NAME` in each command of a project, where the command line named one."""
    return commands.addressed(text, ENVIRONMENT.get())


@contextmanager
def naming(environment: str | None) -> Iterator[None]:
    """As if the command line had named that one."""
    token = ENVIRONMENT.set(environment)
    try:
        yield
    finally:
        ENVIRONMENT.reset(token)
