"""What has to agree before a change goes live."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from agentctl.sync.plan import Change


class Gate(Protocol):
    """Asked before an existing resource is changed, and once one was made, before anything refers to it."""

    async def admit(self, change: Change, remote_id: str, planned: Mapping[str, Any]) -> None:
        """Raise AgentctlError where `remote_id` must not be as `planned`: the whole resource with the change made.

        A refusal fails the change, and with it whatever refers to it. It is asked concurrently.
        """
