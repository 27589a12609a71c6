"""agentctl: phone assistants on ElevenLabs as files, and what happens on the phone as rows.

    async with connect() as control:
        found = await plan(control)
        applied = await apply(control, found)

Importing the package loads nothing else; each name is fetched when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agentctl.calls.call import Call
    from agentctl.errors import AgentctlError
    from agentctl.resources.assistant import Assistant
    from agentctl.settings import Settings
    from agentctl.sync.plan import Plan
    from agentctl.verbs.door import door
    from agentctl.verbs.sync import apply, load, plan
    from agentctl.verbs.work import process
    from agentctl.wiring import Control, connect

__all__ = [
    "AgentctlError",
    "Assistant",
    "Call",
    "Control",
    "Plan",
    "Settings",
    "apply",
    "connect",
    "door",
    "load",
    "plan",
    "process",
]

_HOMES = {
    "AgentctlError": "agentctl.errors",
    "Assistant": "agentctl.resources.assistant",
    "Call": "agentctl.calls.call",
    "Control": "agentctl.wiring",
    "Plan": "agentctl.sync.plan",
    "Settings": "agentctl.settings",
    "apply": "agentctl.verbs.sync",
    "connect": "agentctl.wiring",
    "door": "agentctl.verbs.door",
    "load": "agentctl.verbs.sync",
    "plan": "agentctl.verbs.sync",
    "process": "agentctl.verbs.work",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
