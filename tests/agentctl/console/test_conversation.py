"""agentctl.console.conversation: a tool's question and its answer are one row."""

from __future__ import annotations

from typing import Any

from agentctl.console.conversation import rows


def turn(position: int, message: str | None = None, **more: Any) -> dict[str, Any]:
    return {"position": position, "role": "agent", "message": message, **more}


def call(name: str, request: str = "") -> dict[str, Any]:
    return {"tool_name": name, "request_id": request, "params_as_json": f"asked {request or name}"}


def result(name: str, request: str = "", *, failed: bool = False) -> dict[str, Any]:
    return {"tool_name": name, "request_id": request, "result_value": f"answer {request or name}", "is_error": failed}


def test_a_question_and_its_answer_are_one_row_between_what_was_said() -> None:
    asked = turn(1, tool_calls=[call("ticket", "r1")], citations=[{"document": "Preise"}])
    found = rows([turn(0, "Guten Tag"), asked, turn(2, tool_results=[result("ticket", "r1")]), turn(3, "Gern")])
    assert [row.turn["position"] for row in found] == [0, 1, 3]
    assert [row.is_silent for row in found] == [False, True, False]
    (use,) = found[1].uses
    assert (use.name, use.asked, use.answer) == ("ticket", "asked r1", "answer r1")
    assert [one["position"] for one in found[1].joined] == [2], "a link to it still has where to go"
    assert found[1].citations == [{"document": "Preise"}]


def test_each_answer_goes_to_its_own_question() -> None:
    both = turn(0, tool_calls=[call("ticket", "r1"), call("ticket", "r2")])
    (row,) = rows([both, turn(1, tool_results=[result("ticket", "r2", failed=True), result("ticket", "r1")])])
    assert [(use.answer, use.failed) for use in row.uses] == [("answer r1", False), ("answer r2", True)]


def test_what_was_said_is_never_joined_and_an_answer_alone_is_shown() -> None:
    found = rows([turn(0, tool_results=[result("ticket")]), turn(1, "Gern", tool_calls=[call("mail")])])
    assert [[use.name for use in row.uses] for row in found] == [["ticket"], ["mail"]]
    assert not found[1].uses[0].is_answered
