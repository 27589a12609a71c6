"""Commands that messages name, with the environment that the command line named: what is followed word by word must
not end up in another one."""

from __future__ import annotations

import re
from functools import cache

from agentctl.cli.session import ENVIRONMENT

# They have no environment, or name theirs themselves.
_WITHOUT = frozenset({"init", "schema", "sandbox", "promote"})


def addressed(text: str) -> str:
    """`text` with `--env NAME` in each command of a project, where the command line named one."""
    name = ENVIRONMENT.get()
    return _commands().sub(lambda found: f"--env {name} {found[0]}", text) if name else text


@cache
def _commands() -> re.Pattern[str]:
    from agentctl.cli.app import app

    names = {*(one.name for one in app.registered_commands), *(one.name for one in app.registered_groups)} - _WITHOUT
    return re.compile(rf"(?<=\bagentctl )(?:{'|'.join(sorted(map(str, names)))})\b")
