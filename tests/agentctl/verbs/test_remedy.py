"""What is advised does what it says, and says what else it does."""

from __future__ import annotations

from typing import Literal

from agentctl.errors import Ambiguous, SyncError
from agentctl.resources.assistant import Assistant, Phone
from agentctl.sources.mapping import SourceTable
from agentctl.sources.row import place
from agentctl.sync.diff import Edit
from agentctl.sync.kind import Desired, Ref
from agentctl.sync.plan import Change, Failure, Plan
from agentctl.verbs.remedy import pointed, together


def drifted(action: Literal["update", "delete"], key: str) -> Change:
    return Change(action, Desired("agent", key, {}, f"assistants/{key}"), (Edit(("name",), "a", "b", "there"),))


def test_a_deletion_beside_other_drift_is_not_advised_without_what_it_overwrites() -> None:
    """--prune goes for the whole project: whoever follows it takes everything else that was held back, too."""
    alone = together([drifted("delete", "b")])
    beside = together([drifted("delete", "b"), drifted("update", "c")])
    assert alone == ["Declare it again to keep it; or delete it as it is there: agentctl sync --take-ours --prune"]
    kept, deleted = beside  # what saves theirs first: whoever followed the other before it had lost it
    assert deleted == f"{alone[0]}, which overwrites all else that is held back, too"
    assert kept.endswith("agentctl sync --take-ours --only c")
    assert "agentctl pull c" in kept


def test_what_was_changed_of_a_row_goes_into_the_row() -> None:
    change = Change(
        "update", Desired("agent", "theke", {}, place(SourceTable(), "theke")), (Edit(("name",), "a", "b", "there"),)
    )
    assert together([change]) == [
        "Write theirs into the row, as agentctl plan shows it; or overwrite it: agentctl sync --take-ours --only theke"
    ]


def test_of_candidates_each_has_the_command_for_its_own_assistant() -> None:
    way, number = "take the other: agentctl sync --take-ours", "+498999998100"
    refs = [Ref("agent", "a"), Ref("document", "b/preise"), Ref("phone_number", number), Ref("phone_number", "+1")]
    other = Failure(Ref("agent", "d"), "", SyncError("no", way))
    plan = Plan(failures=(*(Failure(ref, "", Ambiguous("two", way)) for ref in refs), other))
    made = Assistant(
        key="c", name="C", where="assistants/c", prompt="Hilf.", language="de", phone=Phone(numbers=(number,))
    )
    hints = [one.error.hint for one in pointed(plan, [made]).failures]
    assert hints == [f"{way} --only a", f"{way} --only b", f"{way} --only c", way, way]
