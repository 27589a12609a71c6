"""Several that claim to be one resource: each by its id, with what tells them apart and what to do."""

from __future__ import annotations

import pytest

from agentctl.sync.claims import ambiguous, claiming
from agentctl.sync.kind import Observed, Ref

REF = Ref("agent", "desk")
ONE, OTHER = Observed("one", {}, told="a number rings there"), Observed("other", {})


@pytest.mark.parametrize(("bound", "names", "way"), [
    ("one", "one (bound, a number rings there), other", "agentctl sync --take-ours"),
    ("other", "one (a number rings there), other (bound)", "agentctl sync --take-ours"),
    (None, "one (a number rings there), other", "Delete the wrong ones in the dashboard"),
    ("gone", "one (a number rings there), other", "Delete the wrong ones in the dashboard"),
])  # fmt: skip
def test_each_is_named_with_what_is_known_of_it(bound: str | None, names: str, way: str) -> None:
    error = ambiguous(REF, bound, [ONE, OTHER], "its tag")
    assert error.message == f"agent desk: 2 remote objects claim to be it: {names}"
    assert way in error.hint
    assert "take our mark off them there (its tag)" in error.hint
    assert ("bound" in error.hint) is (bound in {"one", "other"})


def test_one_that_was_replaced_claims_nothing() -> None:
    assert claiming([ONE, OTHER], ["one"]) == [OTHER]
