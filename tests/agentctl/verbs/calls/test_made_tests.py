"""agentctl calls forget: the tests that were made of a call go with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest

from agentctl.calls.made_test import call_digest
from agentctl.wiring import Control
from tests.agentctl.verbs.calls.test_to_test import conversation
from tests.telephony import Bench, bench

__all__ = ["bench", "conversation"]
WORDS = "Eine Stunde kostet 3 Euro"  # of the conversation, and of the test that is made of it


def made(bench: Bench, conversation: str, *arguments: str) -> Path:
    path = bench.root / bench.json("calls", "to-test", conversation, "--turn", "4", *arguments)["path"]
    assert WORDS in path.read_text()
    return path


def in_store(bench: Bench) -> list[str]:
    """The tables in which these words are."""

    async def look(control: Control) -> list[str]:
        found = []
        async with await psycopg.AsyncConnection.connect(await control.storehouse.dsn()) as connection:
            tables = await connection.execute(
                "select relname from pg_class where relnamespace = 'agentctl'::regnamespace and relkind = 'r'"
            )
            for (table,) in await tables.fetchall():
                rows = await connection.execute(f"select t::text from agentctl.{table} t")  # type: ignore[arg-type]
                text = str(await rows.fetchall())
                found += [table] if WORDS in text or WORDS.encode().hex() in text else []
        return found

    return bench.control(look)


def attached(bench: Bench) -> Any:
    return bench.agent()["platform_settings"]["testing"]["attached_tests"]


@pytest.mark.parametrize("name", [(), ("--name", "preise")])
def test_a_test_made_of_a_call_goes_with_it_everywhere(bench: Bench, conversation: str, name: tuple[str, ...]) -> None:
    path = made(bench, conversation, *name)
    (path.parent / "mine.toml").write_text('user = "Hallo"\nsuccess_condition = "Sie grüßt."\n')
    assert bench("sync", "--yes")[0] == 0
    assert {"revisions", "contents"} <= set(in_store(bench))
    assert len(attached(bench)) == 2

    bench.sandbox.fault(status=403, method="DELETE", path="/v1/convai/agent-testing/*", times=1)
    code, out, _ = bench("calls", "forget", conversation, "--yes")
    assert code == 1
    within = str(path.relative_to(bench.root))
    assert f"1 tests made of them ({within})" in out
    assert f"{within} in Git's history" in out
    assert "Tests that were made of them are left: " in out
    assert not path.exists()

    done = bench.json("calls", "forget", conversation, "--yes")
    assert (done["erased"]["revisions"], done["tests_left"]) == (1, None)
    assert f"git rm $(git grep -l {call_digest(conversation)})" in str(done["beyond_reach"])
    assert in_store(bench) == []
    (left,) = bench.sandbox.state()["tests"].values()
    assert "mine" in left["test"]["name"]
    assert [entry["test_id"] for entry in attached(bench)] == [left["id"]]
    assert bench("plan", "--exit-code")[0] == 0
    assert "revisions" not in bench.json("calls", "forget", conversation, "--yes")["erased"]


def test_one_that_is_not_found_is_gone_only_where_the_workspace_is_known(bench: Bench, conversation: str) -> None:
    made(bench, conversation)
    assert bench("sync", "--yes")[0] == 0
    agent_id, (test_id,) = bench.agent()["agent_id"], bench.sandbox.state()["tests"]
    # As a key of another workspace sees it.
    for path in (f"agents/{agent_id}", f"agent-testing/{test_id}"):
        bench.control(lambda control, path=path: control.api.delete(f"/v1/convai/{path}"))

    def left() -> Any:
        return bench.json("calls", "forget", conversation, "--yes", code=1)["tests_left"]

    for _ in range(2):  # what was not deleted stays known, and so does that it is of this call
        assert "the only agent that is bound in" in str(left())
        assert "ELEVENLABS_API_KEY probably opens another workspace; no test was deleted" in str(left())


def test_tests_of_other_places_are_named_and_a_held_assistant_stays_held(bench: Bench, conversation: str) -> None:
    (bench.root / "agentctl.toml").write_text(
        'project = "beispiel"\n[environments.production]\n[environments.staging]\n'
    )
    path = made(bench, conversation)
    for environment in ("production", "staging"):
        assert bench("--env", environment, "sync", "--yes")[0] == 0
    (bench.root / "assistants" / "empfang" / "prompt.md").write_text("Sei knapp.\n")
    assert bench("--env", "staging", "sync", "--yes")[0] == 0
    assert bench("--env", "staging", "rollback", "empfang", "--yes")[0] == 0

    done = bench.json("--env", "staging", "calls", "forget", conversation, "--yes")
    key = f"empfang/{path.stem}"
    named = (
        f"the agent test {key} at ElevenLabs, of beispiel/production; once its file is gone: agentctl --env production"
    )
    assert named in str(done["beyond_reach"])
    assert in_store(bench) == []
    assert len(bench.sandbox.state()["tests"]) == 1
    assert "held" in bench("--env", "staging", "status")[1]
    assert bench("--env", "production", "sync", "--prune", "--yes")[0] == 0
    assert bench.sandbox.state()["tests"] == {}
