"""The voices of each workspace, asked for once by however many forms offer them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from agentctl.verbs.voices import Voice, voices
from agentctl.wiring import Control

_FRESH_SECONDS = 120.0


@dataclass
class Voices:
    """What was last seen in each workspace, while it is fresh."""

    _seen: dict[str, tuple[float, Sequence[Voice]]] = field(default_factory=dict)

    async def of(self, control: Control) -> Sequence[Voice]:
        """Those of the workspace that `control` is in. Raises as `verbs.voices`."""
        at, found = self._seen.get(control.workspace, (0.0, ()))
        if not found or time.monotonic() - at > _FRESH_SECONDS:
            found = await voices(control)
            self._seen[control.workspace] = (time.monotonic(), found)
        return found
