"""What is advised does what it says, and says what else it does."""

from __future__ import annotations

from typing import Literal

from agentctl.sync.diff import Edit
from agentctl.sync.kind import Desired
from agentctl.sync.plan import Change
from agentctl.verbs.remedy import together


def drifted(action: Literal["update", "delete"], key: str) -> Change:
    return Change(action, Desired("agent", key, {}, f"assistants/{key}"), (Edit(("name",), "a", "b", "there"),))


def test_a_deletion_beside_other_drift_is_not_advised_without_what_it_overwrites() -> None:
    """--prune goes for the whole project: whoever follows it takes everything else that was held back, too."""
    alone = together([drifted("delete", "b")])
    beside = together([drifted("delete", "b"), drifted("update", "c")])
    assert alone == ["Declare it again to keep it; or delete it as it is there: agentctl sync --take-ours --prune"]
    assert beside[0] == f"{alone[0]}, which overwrites all else that is held back, too"
    assert beside[1].endswith("agentctl sync --take-ours --only c")
