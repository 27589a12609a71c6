"""Evaluation criteria are edited one by one, wherever each was changed, as entries of a map are."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from agentctl.resources.endpoints import AGENT
from agentctl.wiring import Control
from tests.telephony import Bench, bench

__all__ = ["bench"]

CRITERIA = """
[[evaluation.criteria]]  # what counts
id = "solved"
name = "Solved"
conversation_goal_prompt = "Was it solved?"  # in words

[[evaluation.criteria]]
id = "tone"  # how it sounds
name = "Tone"
conversation_goal_prompt = "Was it kind?"
"""
RAW = CRITERIA.replace("[[evaluation", "[[elevenlabs.platform_settings.evaluation")
THEIRS = {"id": "theirs", "name": "Theirs", "conversation_goal_prompt": "Is it theirs?"}
Criteria = list[dict[str, Any]]


def there(bench: Bench) -> Criteria:
    return list(bench.agent()["platform_settings"]["evaluation"]["criteria"])


def edit(bench: Bench, change: Callable[[Criteria], Criteria]) -> None:
    """Somebody edits the criteria in the dashboard, which writes them all."""
    now = change(there(bench))

    async def send(control: Control) -> None:
        agent_id = (await control.bindings()).of("agent")["empfang"]
        body = {"platform_settings": {"evaluation": {"criteria": now}}}
        await control.api.patch(AGENT, json=body, agent_id=agent_id)

    bench.control(send)


def replaced(which: str, **fields: Any) -> Callable[[Criteria], Criteria]:
    return lambda criteria: [{**one, **fields} if one["id"] == which else one for one in criteria]


def origins(bench: Bench) -> dict[str, str]:
    (change,) = bench.json("plan")["changes"]
    return {one["path"].removeprefix("platform_settings."): one["changed"] for one in change["edits"]}


@pytest.fixture(params=[CRITERIA, RAW], ids=["section", "raw"])
def text(bench: Bench, request: pytest.FixtureRequest) -> str:
    """The file of a project that is in sync, with criteria in it."""
    bench.toml.write_text(bench.toml.read_text() + request.param)
    assert bench("sync", "--yes")[0] == 0
    assert bench("plan", "--exit-code")[0] == 0
    return bench.toml.read_text()


def test_an_edit_there_and_one_of_another_here_are_no_conflict(bench: Bench, text: str) -> None:
    ours = text.replace("Was it kind?", "Was it very kind?")
    bench.toml.write_text(ours)
    edit(bench, lambda old: [*replaced("solved", name="Done")(old), THEIRS])
    assert origins(bench) == {
        "evaluation.criteria.solved.name": "there",
        "evaluation.criteria.tone.conversation_goal_prompt": "here",
    }
    assert bench("sync", "--yes")[0] == 3
    assert [one["id"] for one in there(bench)] == ["solved", "tone", "theirs"], "the order there, nothing lost"
    solved, tone, _ = there(bench)
    assert (solved["name"], tone["conversation_goal_prompt"]) == ("Done", "Was it very kind?")
    assert bench("pull", "empfang", "--yes")[0] == 0
    assert bench.toml.read_text() == ours.replace('name = "Solved"', 'name = "Done"')
    assert bench("plan", "--exit-code")[0] == 0


def test_a_new_one_goes_to_the_end_and_one_declared_no_longer_goes(bench: Bench, text: str) -> None:
    edit(bench, lambda old: [THEIRS, *old])
    head, first, _ = text.rpartition("[[")[0].partition("[[")
    entry = '[[evaluation.criteria]]\nid = "short"\nname = "Short"\nconversation_goal_prompt = "?"\n'
    assert "tone" not in first
    bench.toml.write_text(text[: text.rindex("[[")] + entry)
    assert bench("sync", "--yes")[0] == 0
    assert [one["id"] for one in there(bench)] == ["theirs", "solved", "short"]
    bench.toml.write_text(head)
    assert bench("sync", "--yes")[0] == 0
    assert [one["id"] for one in there(bench)] == ["theirs"]
    assert bench("plan", "--exit-code")[0] == 0


def test_one_that_was_edited_there_and_removed_here_is_a_conflict(bench: Bench, text: str) -> None:
    edit(bench, replaced("tone", name="Manners"))
    bench.toml.write_text(text[: text.rindex("[[")])
    assert origins(bench) == {"evaluation.criteria.tone": "both"}
    assert bench("sync", "--yes")[0] == 3
    assert len(there(bench)) == 2
    assert bench("pull", "empfang", "--yes")[0] == 0
    assert 'name = "Manners"' in bench.toml.read_text()
    assert bench("plan", "--exit-code")[0] == 0


def test_one_that_was_deleted_there_is_taken_out_of_the_file(bench: Bench, text: str) -> None:
    edit(bench, lambda old: old[:1])
    assert set(origins(bench).values()) == {"there"}
    assert bench("sync", "--yes")[0] == 3
    assert len(there(bench)) == 1
    assert bench("pull", "empfang", "--yes")[0] == 0
    assert bench.toml.read_text().rstrip() == text[: text.rindex("[[")].rstrip()
    edit(bench, lambda old: [])
    assert bench("pull", "empfang", "--yes")[0] == 0
    assert "evaluation" not in tomllib.loads(bench.toml.read_text())
    assert bench("plan", "--exit-code")[0] == 0


def test_a_store_of_an_earlier_version_remembers_the_same(bench: Bench, text: str, dsn: str) -> None:
    place = "'{platform_settings,evaluation,criteria}'"
    listed = f"select jsonb_agg(value || jsonb_build_object('id', key)) from jsonb_each(applied #> {place})"
    with psycopg.connect(dsn) as connection:
        connection.execute(
            f"update agentctl.bindings set applied = jsonb_set(applied, {place}, ({listed})) where kind = 'agent'"
        )
        connection.execute("delete from agentctl.migrations where name = 'agentctl_criteria'")
    assert bench("db", "migrate", "--yes")[0] == 0
    assert bench("plan", "--exit-code")[0] == 0
    edit(bench, replaced("solved", name="Done"))
    bench.toml.write_text(text.replace('id = "tone"', 'id = "sound"'))
    assert origins(bench) == {
        "evaluation.criteria.solved.name": "there",
        "evaluation.criteria.sound.name": "here",
        "evaluation.criteria.sound.conversation_goal_prompt": "here",
        "evaluation.criteria.tone": "here",
    }
