"""What a pull takes into files, and what it can only name."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agentctl.resources import KINDS, agent, phone_number
from agentctl.sources.environment import Environment
from agentctl.sources.pulled import Draft
from agentctl.sync.diff import Edit
from agentctl.sync.kind import Desired, Observed
from agentctl.sync.plan import Change
from agentctl.verbs.pulling.taking import Taking
from agentctl.verbs.untakable import UNTAKABLE
from tests.agentctl.sources.disk import DiskProject


def test_every_kind_is_taken_or_says_why_it_is_not() -> None:
    assert {kind.name for kind in KINDS} == {agent.KIND, phone_number.KIND, *UNTAKABLE}


@pytest.mark.anyio
async def test_a_number_that_cannot_come_to_one_file_does_not_leave_the_other(tmp_path: Path) -> None:
    project, number = DiskProject(tmp_path), "+498999998100"
    project.assistant("reception", f'name = "R"\n[phone]\nnumbers = ["{number}"]\n')
    project.assistant("night", 'name = "N"\n')
    layers = Environment("staging", assistants={"night": {"phone": {"numbers": []}}})
    assistants = {one.key: one for one in project.load().checked().assistants}
    drafts = {key: Draft(project.root, one, layers=layers) for key, one in assistants.items()}
    bindings: Any = SimpleNamespace(of=lambda kind: {"night": "agent_n"})
    taking = Taking(drafts, bindings, {})
    desired = Desired(phone_number.KIND, number, {}, "x", payload=assistants["reception"])
    edit = Edit(("agent_id",), "agent_n", "agent_r", "there")
    await taking.change(Change("update", desired, (edit,), Observed("number", {})))
    assert [problem.where for problem in taking.left] == ["assistants/night/assistant.toml: phone.numbers"]
    assert (taking.taken, [draft.rewrites() for draft in drafts.values()]) == ([], [(), ()])
