"""Several that claim to be one resource: each by its id, with what tells them apart and what to do."""

from __future__ import annotations

import pytest

from agentctl.errors import Ambiguous
from agentctl.sync.claims import ambiguous, claiming, placed
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


def test_what_is_bound_to_a_key_that_nobody_wants_is_seen_under_that_one() -> None:
    found, misplaced = placed("agent", ["desk"], {"desk": (ONE,)}, {"front": "one"})
    assert (found, misplaced) == ({"desk": (), "front": (ONE,)}, {REF: "front"})
    found, misplaced = placed("agent", ["desk"], {"desk": (ONE, OTHER)}, {"front": "one"})
    assert (found, misplaced) == ({"desk": (OTHER,), "front": (ONE,)}, {}), "it has one of its own"


def test_what_is_bound_to_another_that_is_wanted_is_not_taken() -> None:
    found, misplaced = placed("agent", ["desk", "front"], {"desk": (ONE,), "front": (ONE,)}, {"front": "one"})
    assert isinstance(found["desk"], Ambiguous)
    assert (found["front"], misplaced) == ((ONE,), {REF: "front"})
    seen = {"desk": (ONE,), "front": (ONE, OTHER)}
    found, _ = placed("agent", ["desk", "front"], seen, {"front": "one"})
    for key in seen:
        error = found[key]
        assert isinstance(error, Ambiguous)
        assert "agentctl rename front desk" in error.hint


@pytest.mark.parametrize("wanted", [["desk"], ["front"], ["desk", "front"]])
@pytest.mark.parametrize("bound", [{"desk": "one", "front": "one"}, {"front": "one", "desk": "one"}])
def test_what_is_bound_to_two_is_neithers(wanted: list[str], bound: dict[str, str]) -> None:
    found, misplaced = placed("agent", wanted, dict.fromkeys(wanted, (ONE,)), bound)
    assert (all(isinstance(found[key], Ambiguous) for key in wanted), misplaced) == (True, {})
    ((key, other), error) = (wanted[0], ({*bound} - {wanted[0]}).pop()), found[wanted[0]]
    assert isinstance(error, Ambiguous)
    assert f"If {other} was renamed to {key}: agentctl rename {other} {key}." in error.hint
