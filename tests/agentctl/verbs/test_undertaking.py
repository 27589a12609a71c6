"""What is under way was perhaps begun by another version: what it said more is passed over, what is missing is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from agentctl.errors import SyncError
from agentctl.resources.phone_number import undertaking_of
from agentctl.sync.kind import Scope
from agentctl.verbs.post_call.rotation import Rotation
from agentctl.verbs.ringing.unfinished import Begun
from agentctl.verbs.undertaking import Undertaking

pytestmark = pytest.mark.anyio
NUMBER = "+498999998100"
IMPORTING: dict[str, Any] = {
    "before": {"voice_url": "https://phone.example.org/old-flow"},
    "old_id": "phnum_1",
    "fallback": {"voice_url": "https://phone.example.org/fallback"},
    "sms": False,
    "label": "Empfang",
}
ROTATING = {"url": "https://door.example.org", "old": "wh_1", "new": None, "before": ["wh_1"], "moved_at": None}


class Store:
    """Holds one state."""

    def __init__(self, state: Any) -> None:
        self._state = state

    async def call(self, function: str, args: Mapping[str, Any], *, timeout: float = 10.0) -> Any:
        return None if self._state is None else {"state": self._state, "age_seconds": 1.0}


def undertaking(state: Any) -> Undertaking:
    return Undertaking(Store(state), Scope("p", "e", "w"), undertaking_of(NUMBER))


async def test_what_another_version_says_more_is_passed_over() -> None:
    assert await undertaking({**IMPORTING, "invented": 1}).state(Begun) == Begun(**IMPORTING)
    rotation = await undertaking({**ROTATING, "invented": 1}).state(Rotation)
    assert rotation == Rotation("https://door.example.org", "wh_1", before=("wh_1",))


@pytest.mark.parametrize("state", [{}, {**IMPORTING, "old_id": None}, {**IMPORTING, "before": "nowhere"}, []])
async def test_what_cannot_be_read_is_told_with_the_way_out(state: Any) -> None:
    lost = undertaking(state)
    with pytest.raises(SyncError, match="was begun by another version of agentctl") as told:
        await lost.state(Begun)
    assert "Go on with that version, or with a newer one" in told.value.hint
    assert await lost.is_under_way(), "whoever only asks for that need not read it"


async def test_nothing_is_under_way() -> None:
    assert await undertaking(None).state(Begun) is None
    assert not await undertaking(None).is_under_way()
