"""agentctl history, agentctl rollback, agentctl unhold: at a sandbox, with a real store."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.synced import After
from tests.telephony import NUMBER, Bench
from tests.telephony import bench as bench

VOICES = ("cjVigY5qzO86Huf0OWal", "21m00Tcm4TlvDq8ikWAM")


def write(bench: Bench, prompt: str, *, hours: str = "", voice: str = VOICES[0], key: str = "empfang") -> None:
    """Declare the assistant anew."""
    folder = bench.root / "assistants" / key
    (folder / "assistant.toml").write_text(f'name = "{key.title()}"\nlanguage = "de"\n[voice]\nid = "{voice}"\n')
    (folder / "prompt.md").write_text(prompt)
    if hours:
        (folder / "knowledge").mkdir(exist_ok=True)
        (folder / "knowledge" / "zeiten.md").write_text(hours)


def share(bench: Bench, text: str) -> None:
    folder = bench.root / "shared" / "knowledge"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "unternehmen.md").write_text(text)


def there(bench: Bench, key: str = "empfang") -> tuple[str, str, list[str]]:
    """Prompt, voice and the texts of the documents, as the platform has them."""
    config = bench.agent(key)["conversation_config"]
    documents = bench.sandbox.state()["documents"]
    used = [documents[entry["id"]] for entry in config["agent"]["prompt"]["knowledge_base"]]
    texts = [
        text
        for document in used
        for text in ("Ab acht.", "Ab neun.", "Seit 1990.", "Seit 1991.")
        if text in json.dumps(document)
    ]
    return config["agent"]["prompt"]["prompt"], config["tts"]["voice_id"], texts


def at_platform(bench: Bench, **agent: Any) -> None:
    """Somebody edits the agent in the dashboard."""
    (agent_id,) = [one for one, found in bench.sandbox.state()["agents"].items() if found["name"] == "Empfang"]
    httpx.patch(
        f"{bench.sandbox.url}/v1/convai/agents/{agent_id}",
        json={"conversation_config": {"agent": agent}},
        headers={"xi-api-key": bench.sandbox.key},
        trust_env=False,
    ).raise_for_status()


def attached(bench: Bench) -> list[str]:
    """The ids of the documents that the agent has."""
    return [one["id"] for one in bench.agent()["conversation_config"]["agent"]["prompt"]["knowledge_base"]]


def attach_by_hand(bench: Bench) -> str:
    """Somebody makes a document in the dashboard and gives it to the agent."""
    made = httpx.post(
        f"{bench.sandbox.url}/v1/convai/knowledge-base/text",
        json={"text": "Heute zu.", "name": "Aushang"},
        headers={"xi-api-key": bench.sandbox.key},
        trust_env=False,
    )
    theirs = str(made.raise_for_status().json()["id"])
    has = bench.agent()["conversation_config"]["agent"]["prompt"]["knowledge_base"]
    entry = {"type": "text", "name": "Aushang", "id": theirs, "usage_mode": "auto"}
    at_platform(bench, prompt={"knowledge_base": [*has, entry]})
    return theirs


@pytest.fixture
def twice(bench: Bench, after: After) -> Bench:
    """Revision 1 is the bench's own, 2 the good one, 3 the bad one."""

    def steps() -> None:
        write(bench, "Gut.", hours="Ab acht.")
        assert bench("sync", "--yes")[0] == 0
        write(bench, "Schlecht.", hours="Ab neun.", voice=VOICES[1])
        assert bench("sync", "--yes")[0] == 0
        assert there(bench) == ("Schlecht.", VOICES[1], ["Ab neun."])

    after(steps)
    return bench


def numbers(bench: Bench, key: str = "empfang") -> list[int]:
    return [one["revision"] for one in bench.json("history", key)[0]["revisions"]]


# What is kept


def test_each_sync_that_changes_something_keeps_one_revision(twice: Bench) -> None:
    assert numbers(twice) == [3, 2, 1]
    assert twice("sync", "--yes")[0] == 0
    assert numbers(twice) == [3, 2, 1]
    (found,) = twice.json("history")
    assert (found["assistant"], found["held_at"]) == ("empfang", None)
    assert set(found["revisions"][0]) == {"revision", "digest", "note", "applied_at"}
    shown = twice("history", "empfang")[1].splitlines()
    assert shown[0] == "empfang"
    assert [line.split()[0] for line in shown[1:]] == ["3", "2", "1"]
    code, _, err = twice("history", "empfnag")
    assert code == 2
    assert "Did you mean empfang?" in err


def test_what_failed_is_not_kept_and_what_is_beside_it_is(bench: Bench) -> None:
    bench.declare("notdienst", '[voice]\nid = "Nobody0000000000"\n')
    write(bench, "Gut.")
    assert bench("sync", "--yes")[0] == 1
    assert numbers(bench, "notdienst") == []
    assert numbers(bench) == [2, 1]


def test_what_was_held_back_is_not_kept_until_it_is_done(bench: Bench) -> None:
    at_platform(bench, first_message="Hallo!")
    toml = bench.toml.read_text()
    bench.toml.write_text('first_message = "Guten Tag."\n' + toml)
    assert bench("sync", "--yes")[0] == 0  # never applied before: a change made here
    at_platform(bench, first_message="Hallo!")
    bench.toml.write_text('first_message = "Guten Morgen."\n' + toml)
    assert bench("sync", "--yes")[0] == 3
    assert numbers(bench) == [2, 1]
    assert bench("sync", "--yes", "--take-ours")[0] == 0
    assert numbers(bench) == [3, 2, 1]


def test_what_a_killed_sync_could_not_keep_is_kept_by_the_next(bench: Bench, dsn: str) -> None:
    import psycopg

    with psycopg.connect(dsn) as connection:
        connection.execute("truncate agentctl.revisions, agentctl.contents")
    with bench.writes() as writes:
        assert bench("sync", "--yes")[0] == 0
    assert writes == []
    assert numbers(bench) == [1]


def test_twenty_are_kept_and_a_content_is_stored_once(bench: Bench, dsn: str) -> None:
    import psycopg

    for index in range(22):
        write(bench, f"Fassung {index}.", hours="Ab acht.")
        assert bench("sync", "--yes")[0] == 0
    assert numbers(bench) == list(range(23, 3, -1))
    with psycopg.connect(dsn) as connection:
        row = connection.execute("select count(*) from agentctl.contents where content = 'Ab acht.'").fetchone()
        assert row == (1,)
        row = connection.execute("select count(*) from agentctl.contents").fetchone()
        assert row == (21,)  # and one manifest per revision
    # The oldest is pruned by its own rollback; what is held is known all the same.
    assert bench("rollback", "empfang", "--to", "4", "--yes")[0] == 0
    assert bench.json("plan")["orphans"] == []
    assert there(bench)[0] == "Fassung 2."


# Rolling back


def test_a_rollback_restores_it_and_the_next_sync_leaves_it(twice: Bench) -> None:
    code, out, _ = twice("rollback", "empfang", "--yes")
    assert code == 0, out
    assert "empfang is held at revision 2" in out
    assert there(twice) == ("Gut.", VOICES[0], ["Ab acht."])
    for extra in ([], ["--prune"], ["--take-ours"], ["--only", "empfang"]):
        with twice.writes() as writes:
            code, out, _ = twice("sync", "--yes", *extra)
        assert (code, writes) == (0, []), out
        assert "held at revision 2" in out
        assert "no longer declared" not in out
    assert there(twice) == ("Gut.", VOICES[0], ["Ab acht."])
    assert twice.json("plan")["holds"] == [{"assistant": "empfang", "revision": 2}]
    (standing,) = twice.json("status")
    assert standing["state"] == "held"
    assert "held at revision 2" in standing["what"][0]
    assert "empfang  held" in twice("status")[1]
    (found,) = twice.json("history")
    assert found["held_at"] == 2
    newest = found["revisions"][0]
    assert (newest["revision"], newest["note"]) == (4, "rollback to 2")
    assert newest["digest"] == found["revisions"][2]["digest"]


def test_without_a_yes_nothing_is_changed(twice: Bench) -> None:
    with twice.writes() as writes:
        code, out, err = twice("rollback", "empfang")
    assert (code, writes) == (2, [])
    assert '"Schlecht." -> "Gut."' in out
    assert "--yes" in err
    assert twice.json("plan")["holds"] == []


def test_to_a_revision_and_its_face(twice: Bench) -> None:
    found = twice.json("rollback", "empfang", "--to", "1", "--yes")
    assert (found["assistant"], found["revision"], found["on_hold"], found["held"]) == ("empfang", 1, True, [])
    assert [change["key"] for change in found["changes"]] == ["empfang"]
    assert there(twice)[0] == "Hilf freundlich weiter."
    assert there(twice)[2] == []


def test_an_edit_of_the_files_ends_the_hold(twice: Bench) -> None:
    twice("rollback", "empfang", "--yes")
    write(twice, "Besser.", hours="Ab neun.", voice=VOICES[1])
    assert "the hold ends with this sync" in twice("plan")[1]
    assert twice.json("history")[0]["held_at"] == 2  # a plan writes nothing
    code, out, _ = twice("sync", "--yes")
    assert code == 0
    assert "the hold ends with this sync" in out
    assert there(twice) == ("Besser.", VOICES[1], ["Ab neun."])
    assert twice.json("history")[0]["held_at"] is None
    assert twice.json("sync", "--yes")["changes"] == []


def test_unhold(twice: Bench) -> None:
    twice("rollback", "empfang", "--yes")
    assert twice.json("unhold", "empfang") == {"assistant": "empfang", "was_held": True}
    assert twice.json("unhold", "empfang") == {"assistant": "empfang", "was_held": False}
    assert "was not held" in twice("unhold", "empfang")[2]
    assert twice("unhold", "empfnag")[0] == 2
    assert twice("sync", "--yes")[0] == 0
    assert there(twice) == ("Schlecht.", VOICES[1], ["Ab neun."])


def test_what_cannot_be_rolled_back_to_is_named(bench: Bench) -> None:
    for arguments, message in (
        (["empfnag"], "Did you mean empfang?"),
        (["empfang"], "only one revision"),
        (["empfang", "--to", "7"], "There are: 1."),
    ):
        code, _, err = bench("rollback", *arguments, "--yes")
        assert code == 2
        assert message in err


def test_what_was_changed_there_since_is_named_and_held_back_until_ours_counts(twice: Bench) -> None:
    (ours,) = attached(twice)
    theirs = attach_by_hand(twice)
    at_platform(twice, prompt={"prompt": "Hastig geflickt."}, language="en")
    # Revision 1 has another prompt, and no document.
    code, out, _ = twice("rollback", "empfang", "--to", "1", "--yes")
    assert code == 3, out
    assert "language was changed at the platform" in out
    for field in ("prompt.prompt", "prompt.knowledge_base"):
        assert f"{field} was changed on both sides" in out
        assert f"conversation_config.agent.{field} (changed on both sides)" in out
    assert theirs in out
    assert there(twice)[0] == "Hastig geflickt."
    assert attached(twice) == [ours, theirs]
    assert twice("sync", "--yes")[0] == 3  # it is held at that revision, and drift of it stays drift
    assert attached(twice) == [ours, theirs]
    assert twice("rollback", "empfang", "--to", "1", "--yes", "--take-ours")[0] == 0
    assert there(twice)[0] == "Hilf freundlich weiter."
    assert attached(twice) == []
    assert twice.agent()["conversation_config"]["agent"]["language"] == "de"


def test_a_rollback_that_could_write_nothing_holds_nothing(twice: Bench) -> None:
    twice.sandbox.fault(method="PATCH", path="/v1/convai/*", times=50, status=400, body={"detail": "no"})
    code, out, _ = twice("rollback", "empfang", "--yes")
    assert code == 1
    assert "Nothing was written" in out
    assert twice.json("history")[0]["held_at"] is None
    assert numbers(twice) == [3, 2, 1]


# Others


def test_a_document_of_others_is_not_changed_under_them(bench: Bench) -> None:
    share(bench, "Seit 1990.")
    bench.declare("zentrale")
    assert bench("sync", "--yes")[0] == 0
    share(bench, "Seit 1991.")
    write(bench, "Schlecht.")
    assert bench("sync", "--yes")[0] == 0
    with bench.writes() as writes:
        code, _, err = bench("rollback", "empfang", "--yes")
    assert (code, writes) == (1, [])
    assert "needs another content of shared/unternehmen, which zentrale uses too" in err
    assert bench.json("history", "empfang")[0]["held_at"] is None


def test_a_shared_document_that_is_equal_is_no_obstacle(bench: Bench) -> None:
    share(bench, "Seit 1990.")
    bench.declare("zentrale")
    assert bench("sync", "--yes")[0] == 0
    write(bench, "Schlecht.")
    assert bench("sync", "--yes")[0] == 0
    assert bench("rollback", "empfang", "--yes")[0] == 0
    assert there(bench)[0] == "Hilf freundlich weiter."
    # While it is held, others are synced; what both use stays.
    write(bench, "Zentrale.", key="zentrale")
    assert bench("sync", "--yes", "--prune")[0] == 0
    assert there(bench, "zentrale")[0] == "Zentrale."
    assert there(bench)[2] == ["Seit 1990."]


def test_documents_of_the_held_revision_survive_a_prune(twice: Bench) -> None:
    (twice.root / "assistants/empfang/knowledge/zeiten.md").unlink()
    assert twice("sync", "--yes")[0] == 0
    twice("rollback", "empfang", "--yes")
    assert twice("sync", "--yes", "--prune")[0] == 0
    assert there(twice) == ("Schlecht.", VOICES[1], ["Ab neun."])
    assert twice.json("plan")["orphans"] == []


def test_a_number_goes_back_only_where_nobody_else_declares_it(bench: Bench) -> None:
    bench.toml.write_text(bench.toml.read_text() + f'[phone]\nnumbers = ["{NUMBER}"]\n')
    assert bench("import-number", NUMBER, "--assistant", "empfang", "--yes")[0] == 0
    assert bench("sync", "--yes")[0] == 0
    bench.declare("zentrale", f'[phone]\nnumbers = ["{NUMBER}"]\n')
    write(bench, "Ohne Nummer.")
    assert bench("sync", "--yes")[0] == 0
    code, out, _ = bench("rollback", "empfang", "--to", "2", "--yes")
    assert code == 0, out
    assert f"{NUMBER} stays where it is: it is declared by zentrale now" in out
    assert bench.call()["reached"] is True
    assert bench.json("status", "--only", "zentrale")[0]["state"] == "in sync"
