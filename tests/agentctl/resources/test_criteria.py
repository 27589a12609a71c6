from __future__ import annotations

from typing import Any

import pytest

from agentctl.resources.criteria import as_list, by_id
from agentctl.resources.test_run import override


def body(criteria: Any) -> dict[str, Any]:
    return {"name": "x", "platform_settings": {"evaluation": {"criteria": criteria, "more": 1}, "privacy": {}}}


LISTED = body([{"id": "b", "name": "B"}, {"id": "a", "name": "A"}])


def test_there_and_back_in_the_same_order() -> None:
    assert by_id(LISTED) == body({"b": {"name": "B"}, "a": {"name": "A"}})
    assert as_list(by_id(LISTED)) == LISTED
    assert as_list(by_id(body([]))) == body([])


@pytest.mark.parametrize(
    "other",
    [{}, {"platform_settings": None}, body(None), body("x"), body([{"id": "a"}, {"id": "a"}]), body([{"name": "A"}])],
)
def test_what_is_no_list_of_criteria_stays(other: Any) -> None:
    assert by_id(other) == other


def test_no_list_is_written_for_a_map_that_no_list_can_say() -> None:
    assert as_list(body({"a": None})) == {"name": "x", "platform_settings": {"evaluation": {"more": 1}, "privacy": {}}}


def test_an_agent_is_tested_with_the_list() -> None:
    assert override(by_id(LISTED))["platform_settings"] == LISTED["platform_settings"]
