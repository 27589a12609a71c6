"""An answer that lacks what it must say is an error that names the request and what is missing, and never a crash."""

from __future__ import annotations

from typing import Any

import pytest

from agentctl.errors import AgentctlError, AnswerLost, ApiError
from agentctl.resources.answer import having, listing
from agentctl.resources.dependents import dependents
from tests.agentctl.resources.contract import assistant, synced

NOTHING: list[Any] = [{}, [], None, "no", {"id": None}, {"id": ""}, {"id": 7}]


@pytest.mark.parametrize("answer", NOTHING)
def test_what_lacks_an_id_is_named(answer: Any) -> None:
    with pytest.raises(ApiError, match=r"^GET /v1/things: the answer has no id and name") as told:
        having("GET /v1/things", answer, "id", "name")
    assert told.value.hint


@pytest.mark.parametrize("answer", NOTHING)
def test_of_a_post_nobody_knows_whether_it_was_carried_out(answer: Any) -> None:
    with pytest.raises(AnswerLost, match=r"^POST /v1/things: the answer has no id"):
        having("POST /v1/things", answer, "id")


def test_what_is_there_is_the_answer_and_a_name_may_be_empty() -> None:
    answer = {"id": "a", "name": "", "more": 1}
    assert having("GET /v1/things", answer, "id", "name") is answer


@pytest.mark.parametrize("answer", [{}, [], None, {"agents": None}, {"agents": ["a"]}, {"agents": {}}])
def test_a_list_that_is_not_there_is_no_empty_one(answer: Any) -> None:
    with pytest.raises(ApiError, match="no list 'agents' of objects"):
        listing("GET /v1/things", answer, "agents")


def test_a_list_may_stand_alone() -> None:
    assert listing("GET /v1/things", [{"id": "a"}]) == [{"id": "a"}]
    assert listing("GET /v1/things", {"agents": []}, "agents") == []
    with pytest.raises(ApiError, match="no list of objects"):
        listing("GET /v1/things", {"detail": "no"})


@pytest.mark.anyio
async def test_a_create_whose_answer_says_nothing_is_looked_for_and_not_made_again(
    kinds: Any, memory: Any, sandbox: Any
) -> None:
    await sandbox.fault(method="POST", path="/v1/convai/agents/create", status=200, body={}, apply=True)
    applied = await synced(kinds, memory, assistant(), assistant(key="zentrale"))
    (error,) = [one.error for one in applied.failures if one.ref.kind == "agent"]
    assert isinstance(error, AnswerLost)
    assert "POST /v1/convai/agents/create: the answer has no agent_id" in str(error)
    assert (await synced(kinds, memory, assistant(), assistant(key="zentrale"))).ok
    assert len((await sandbox.state())["agents"]) == 2


@pytest.mark.anyio
async def test_who_does_not_say_who_uses_a_document_does_not_say_that_nobody_does(api: Any, sandbox: Any) -> None:
    await sandbox.fault(method="GET", path="*/dependent-agents", status=200, body={"has_more": False})
    with pytest.raises(AgentctlError, match="no list 'agents' of objects"):
        await dependents(api, "document")
