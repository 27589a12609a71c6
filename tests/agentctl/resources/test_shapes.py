"""agentctl.resources.shapes: what is read from an answer is what it is taken for."""

from __future__ import annotations

import re

import pytest

from agentctl.errors import AnswerLost, ApiError
from agentctl.resources.shapes import SHAPES, must_be_as_told
from tests import npm
from tests.contract.openapi import published

LIST = "GET /v1/convai/agents"
PLACE = re.compile(r"\{[a-z_]+\}")
AGENT = "GET /v1/convai/agents/{agent_id}"


@pytest.mark.parametrize(
    ("request_", "answer", "said"),
    [
        (LIST, [], "the answer is a list, not an object"),
        (LIST, {"agents": [None]}, "agents[0] is null, not an object"),
        (LIST, {"agents": [{"agent_id": "a"}, {"agent_id": "b", "tags": 5}]}, "agents[1].tags is a number, not a list"),
        (LIST, {"agents": [], "next_cursor": True}, "next_cursor is true or false, not a text"),
        (AGENT, {"workflow": {"nodes": {"start": []}}}, "workflow.nodes.start is a list, not an object"),
        ("GET /v1/of/which/nothing/is/known", 5, "the answer is a number, not an object"),
    ],
)
def test_the_first_member_that_is_not_what_is_read_from_it_is_named(request_: str, answer: object, said: str) -> None:
    with pytest.raises(ApiError) as caught:
        must_be_as_told(request_, answer)
    assert caught.value.message == f"{request_}: {said}"
    assert "status.elevenlabs.io" in caught.value.hint


def test_what_a_write_has_done_is_not_known_then() -> None:
    with pytest.raises(AnswerLost, match="test_runs is an object, not a list"):
        must_be_as_told("POST /v1/convai/agents/{agent_id}/run-tests", {"test_runs": {}})


def test_what_is_missing_null_or_never_read_may_be_anything() -> None:
    must_be_as_told(AGENT, {"name": None, "conversation_config": {"tts": {"stability": []}}, "news": 5})
    must_be_as_told("GET /v1/convai/phone-numbers", [{"assigned_agent": None}])


@pytest.mark.skipif(not npm.runs_here(), reason="the pinned CLI binary is for Linux on x86-64")
def test_each_request_is_one_of_the_vendors() -> None:
    known = {PLACE.sub("{}", f"{one.method.upper()} {one.path}") for one in published().operations}
    assert {PLACE.sub("{}", request) for request in SHAPES} <= known
