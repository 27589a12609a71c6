"""The changes of a draft: found again without a walk through all of them."""

from __future__ import annotations

from typing import Any

import pytest

from agentctl.errors import Waiting
from agentctl.sync.bindings import Bindings
from agentctl.sync.changes import Changes
from agentctl.sync.kind import Desired, Observed, Ref, Scope
from agentctl.sync.plan import Change
from agentctl.sync.planning import plan
from tests.agentctl.sync.platform import Platform, Thing

pytestmark = pytest.mark.anyio


def change(**more: Any) -> Change:
    return Change("update", Desired("document", "desk", {}, "here"), (), Observed("d1", {}), **more)


def test_of_two_that_are_equal_the_very_one_is_taken_back() -> None:
    first, second, other = change(), change(), change(doubt="other")
    changes = Changes()
    changes.add([first, second, other])
    changes.amend([(second, None), (other, last := change(bound="d0", instead=True))])
    assert [id(one) for one in changes] == [id(first), id(last)]
    assert changes.vanished == {Ref("document", "desk"): "d0"}
    changes.amend([(last, None)])
    assert changes.vanished == {}


async def test_what_waits_is_taken_out_of_a_plan_without_being_compared_with_all_the_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def compared(self: Change, other: object) -> bool:
        raise AssertionError("ten thousand numbers that wait are a hundred million of these")

    platform = Platform()
    kinds = [Thing("document", platform), Thing("number", platform, refusal=Waiting("is not there"))]
    specs = [{"key": key, "document": {"name": key}, "number": {"of": key}} for key in ("a", "b", "c")]
    monkeypatch.setattr(Change, "__eq__", compared)
    bindings = await Bindings(platform, Scope("shop", "production", "api.example.org")).load()
    found = await plan(kinds, specs, bindings)
    assert [one.desired.kind for one in found.changes] == ["document"] * 3
    assert [one.ref.key for one in found.waiting] == ["a", "b", "c"]
