"""What an agent answers to a test, and whether that passes.

The agent is the scripted one of `script.py`, so its answer shows its configuration: name, language, the first words of
its prompt, passages of its documents. A success condition is met when everything that it quotes ("…", „…“, «…») is in
the answer; without a quotation any answer meets it. What a failure example says must not be in the answer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from agentctl.sandbox.phrases import phrases
from agentctl.sandbox.script import perform
from agentctl.sandbox.state import Row, State

_QUOTED = re.compile(r"\"([^\"]+)\"|„([^“”\"]+)[“”\"]|“([^”]+)”|«([^»]+)»")


@dataclass(frozen=True)
class Judgement:
    """How one test ended: the turns that the agent spoke, whether that was right, and why."""

    passed: bool
    reason: str
    said: tuple[str, ...] = ()


@dataclass
class Order:
    """What a person wants of the tests whose name contains `test`, instead of a judgement.

    `status`: passed, failed or pending (for ever); empty: as judged. `polls`: looks until the result is there.
    """

    test: str = ""
    status: str = ""
    polls: int = 1
    reason: str = "ordered"

    def __post_init__(self) -> None:
        """Raises ValueError for what no test run can be."""
        if self.status not in ("", "passed", "failed", "pending"):
            raise ValueError(f"no status of a test run: {self.status!r}")


def judge(state: State, agent: Row, test: Row) -> Judgement:
    """Hold the conversation that `test` describes with `agent` and judge it."""
    placeholders = agent["conversation_config"]["agent"]["dynamic_variables"]["dynamic_variable_placeholders"]
    variables: dict[str, Any] = {**placeholders, **test["dynamic_variables"]}
    if test["type"] == "simulation":
        lines = perform(state, agent, [test["simulation_scenario"]], variables).lines
        said = tuple(line.message for line in lines if line.role == "agent" and line.message)
        return _spoken(said, [*test["success_conditions"], test["success_condition"] or ""], ())
    asked = next((turn["message"] or "" for turn in reversed(test["chat_history"]) if turn["role"] == "user"), "")
    if test["type"] == "tool":
        return _called(agent, asked, test["tool_call_parameters"] or {})
    lines = perform(state, agent, [asked], variables).lines
    place = next(index for index, line in enumerate(lines) if line.role == "user")
    answer = lines[place + 1].message or ""
    return _spoken((answer,), [test["success_condition"]], [one["response"] for one in test["failure_examples"]])


def _spoken(said: tuple[str, ...], conditions: list[str], failures: list[str] | tuple[str, ...]) -> Judgement:
    heard = " ".join(said)
    for condition in conditions:
        for groups in _QUOTED.findall(condition):
            wanted = "".join(groups)
            if wanted.casefold() not in heard.casefold():
                return Judgement(False, f"The agent did not say {wanted!r}. It said: {heard}", said)
    for failure in failures:
        if failure.casefold() in heard.casefold():
            return Judgement(False, f"The agent said what it must not: {failure!r}", said)
    return Judgement(True, "The agent's answer meets the condition.", said)


def _called(agent: Row, asked: str, wanted: Row) -> Judgement:
    """The only tool of the scripted agent is end_call, which it uses at a farewell where it has it."""
    config = agent["conversation_config"]["agent"]
    bye = phrases(config["language"]).farewell.search(asked)
    called = {"end_call"} if bye and config["prompt"]["built_in_tools"]["end_call"] else set[str]()
    tool = (wanted.get("referenced_tool") or {}).get("id")
    if wanted.get("verify_absence"):
        return Judgement(tool not in called, f"The agent called {', '.join(called) or 'no tool'}.")
    return Judgement(tool is None or tool in called, f"The agent called {', '.join(called) or 'no tool'}.")
