"""agentctl.cli.render: the two faces of a plan, and no control characters in either that a terminal would obey."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from agentctl.cli import render, terminal
from agentctl.cli.sync import question
from agentctl.errors import Problem, Rejected
from agentctl.sync.diff import Edit
from agentctl.sync.kind import Desired, Ref
from agentctl.sync.plan import Change, Failure, Plan

AGENT = Desired("agent", "empfang", {}, "assistants/empfang/assistant.toml")
NUMBER = Desired("phone_number", "+498999998100", {}, "assistants/empfang/assistant.toml")
PLAN = Plan(
    changes=(
        Change("create", AGENT, (Edit(("name",), None, "Empfang"), Edit(("knowledge",), None, [Ref("document", "a")]))),
        Change("update", NUMBER, (Edit(("agent_id",), "agent_old", Ref("agent", "empfang")),)),
    ),
    unchanged=3,
    orphans=(Ref("agent", "altes"),),
    notices=(Problem("agentctl.toml", "retention is not declared"),),
    failures=(Failure(Ref("document", "a"), "a.md", Rejected("too large", "Make it smaller.")),),
)


@pytest.fixture(autouse=True)
def _no_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "wants_colour", lambda: False)


def test_the_face_for_machines() -> None:
    face = json.loads(render.to_json(render.plan_json(PLAN)))
    assert face["counts"] == {"create": 1, "update": 1, "delete": 0, "unchanged": 3}
    assert face["changes"][1] == {
        "kind": "phone_number",
        "key": "+498999998100",
        "action": "update",
        "edits": [{"path": "agent_id", "from": "agent_old", "to": "(id of agent empfang)", "changed": "here"}],
        "destroys": [],
    }
    assert face["changes"][0]["edits"][1] == {
        "path": "knowledge",
        "from": None,
        "to": ["(id of document a)"],
        "changed": "here",
    }
    assert face["notices"] == ["agentctl.toml: retention is not declared"]
    assert face["failures"][0]["where"] == "a.md"


def test_the_face_for_people() -> None:
    text = render.plan_text(PLAN)
    assert "+ agent empfang" in text
    assert '~ phone_number +498999998100\n      agent_id: "agent_old" -> "(id of agent empfang)"' in text
    assert "agent altes is no longer declared" in text
    assert "note: agentctl.toml: retention is not declared" in text
    assert "failed: document a: too large\n  Make it smaller." in text
    assert text.endswith("Plan: 1 to create, 1 to update, 3 unchanged.")


def test_nothing_to_do() -> None:
    assert render.plan_text(Plan(unchanged=5)) == "Nothing to do: 5 unchanged."


def test_a_changed_text_is_shown_line_by_line() -> None:
    edit = Edit(("prompt",), "Guten Tag.\nBleib.\n", "Guten Abend.\nBleib.\n")
    lines = render.plan_text(Plan(changes=(Change("update", AGENT, (edit,)),))).splitlines()
    assert "        -Guten Tag." in lines
    assert "        +Guten Abend." in lines


@pytest.mark.parametrize("trick", ["\x1b[2J", "\x07", "\x9b31m", "\u202e", "\r", "\u2066"])
def test_what_comes_from_outside_cannot_drive_the_terminal(trick: str) -> None:
    evil = f"a{trick}b"
    plans = [
        Plan(changes=(Change("update", AGENT, (Edit(("name",), evil, "x"),)),)),
        Plan(changes=(Change("update", AGENT, (Edit(("name",), f"{evil}\n", "x\n"),)),)),
        Plan(notices=(Problem("where", evil),)),
        Plan(failures=(Failure(AGENT.ref, "where", Rejected(evil)),)),
    ]
    for plan in plans:
        assert trick not in render.plan_text(plan)


def test_colour_is_only_for_terminals_that_want_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert render.paint("x", 31) == "x"
    monkeypatch.setattr(terminal, "wants_colour", lambda: True)
    assert render.paint("x", 31) == "\x1b[31mx\x1b[0m"


def test_json_keeps_umlauts() -> None:
    assert render.to_json({"a": "ü"}) == '{\n  "a": "ü"\n}'


def test_the_question_names_what_a_yes_does_beyond_the_files() -> None:
    wanted = Desired("agent", "neu", {}, "neu.toml")
    new = Change("create", wanted, doubt="seems to be a folder that was renamed by hand")
    gone = Change("create", replace(wanted, key="alt"), bound="agent_1")
    assert question(Plan()) == "Apply this?"
    assert question(Plan((new,))) == "Apply this, with 1 that are probably not meant?"
    assert question(Plan((new, gone))) == (
        "Apply this, overwriting what was changed at the platform in 1 of them and with 1 that are probably not meant?"
    )
