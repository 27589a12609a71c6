"""The judge itself: it must be able to say no."""

from __future__ import annotations

from typing import Any

import pytest

from tests import npm
from tests.contract.openapi import published

pytestmark = pytest.mark.skipif(not npm.runs_here(), reason="the pinned CLI binary is for Linux on x86-64")

GOOD = {
    "method": "POST",
    "path": "/v1/convai/knowledge-base/text",
    "query": {},
    "content_type": "application/json",
    "request_body": {"text": "Open from nine to five.", "name": "hours"},
    "request_form": None,
    "status": 200,
    "response_content_type": "application/json",
    "response_body": {"id": "kb_1", "name": "hours", "folder_path": []},
    "ordered": False,
}


def test_a_right_exchange_passes() -> None:
    assert published().check(GOOD) == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"path": "/v1/convai/knowledge-bases"}, "no such operation"),
        ({"request_body": {"name": "hours"}}, '"text" is a required property'),
        ({"request_body": {"text": 1}}, 'is not of type "string"'),
        ({"request_body": None, "content_type": None}, "the body is missing"),
        ({"content_type": "text/plain"}, "a body of text/plain"),
        ({"query": {"page": ["1"]}}, "no query parameter page"),
        ({"response_body": {"name": "hours"}}, '"id" is a required property'),
        ({"response_content_type": "text/html"}, "an answer of text/html"),
        ({"status": 202}, "never answers 202"),
        ({"status": 404, "response_body": {"error": "no"}}, "no known shape"),
        ({"status": 422, "response_body": {"detail": "no"}}, "a 422 is a list or an object"),
    ],
)
def test_a_wrong_one_does_not(change: dict[str, Any], fault: str) -> None:
    faults = published().check({**GOOD, **change})
    assert any(fault in each for each in faults), faults


def test_a_wrong_part_is_found_beside_right_ones_of_its_kind_each_time() -> None:
    def judged(name: str, language: object) -> list[str]:
        config = {"agent": {"language": language}, "turn": {"mode": "turn"}}
        body = {"name": name, "conversation_config": config}
        made = {"response_body": {"agent_id": "agent_1", "main_branch_id": "b", "initial_version_id": "v"}}
        return published().check({**GOOD, **made, "path": "/v1/convai/agents/create", "request_body": body})

    assert judged("one", "de") == []
    (fault,) = judged("two", 1)
    assert fault.startswith("POST /v1/convai/agents/create: request: conversation_config.agent.language: 1 is not")
    assert judged("three", 1) == [fault]
    assert judged("four", "de") == []


def test_a_query_value_must_fit_its_type() -> None:
    listing = {**GOOD, "method": "GET", "path": "/v1/convai/agents", "content_type": None, "request_body": None}
    listing["response_body"] = {"agents": [], "next_cursor": None, "has_more": False}
    assert published().check({**listing, "query": {"page_size": ["100"], "tags": ["a", "b"]}}) == []
    assert published().check({**listing, "query": {"page_size": ["many"]}})
    assert published().check({**listing, "query": {"page_size": ["200"]}})
