"""What a pull takes into files, and what it can only name."""

from __future__ import annotations

from agentctl.resources import KINDS, agent, phone_number
from agentctl.verbs.taking import UNTAKABLE


def test_every_kind_is_taken_or_says_why_it_is_not() -> None:
    assert {kind.name for kind in KINDS} == {agent.KIND, phone_number.KIND, *UNTAKABLE}
