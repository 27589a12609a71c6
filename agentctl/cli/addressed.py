"""Messages as they are told: without the secrets of the run, and their commands with the environment and the tenant
that the command line named.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from agentctl.cli.command_line import ENVIRONMENT, TENANT
from agentctl.cli.veil import veiled
from agentctl.verbs import commands


def addressed(text: str) -> str:
    """`text` with `--env NAME` in each command of a project, where the command line named one, likewise
    `--tenant NAME`, and without secrets.
    """
    return commands.addressed(veiled(text), ENVIRONMENT.get(), TENANT.get())


def addressed_to_files(text: str) -> str:
    """As `addressed`, of commands about assistants of files: whoever's call it was, these are the operator's."""
    return commands.addressed(veiled(text), ENVIRONMENT.get())


@contextmanager
def naming(environment: str | None) -> Iterator[None]:
    """As if the command line had named that one."""
    token = ENVIRONMENT.set(environment)
    try:
        yield
    finally:
        ENVIRONMENT.reset(token)
