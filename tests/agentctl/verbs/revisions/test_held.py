"""A hold leaves the files alone, and nothing else: a rollback that was cut off is finished, and drift is seen."""

from __future__ import annotations

import os
from typing import Any

import pytest

from agentctl.verbs.revisions.history import digest
from agentctl.verbs.revisions.hold import hold
from agentctl.verbs.rollback import look
from agentctl.wiring import Control
from tests.deadly import in_a_process
from tests.synced import After
from tests.telephony import NUMBER, Bench
from tests.telephony import bench as bench

HOURS = ("Ab acht.", "Ab neun.")


def write(bench: Bench, prompt: str, hours: str = "", key: str = "empfang") -> None:
    folder = bench.root / "assistants" / key
    (folder / "prompt.md").write_text(prompt)
    if hours:
        (folder / "knowledge").mkdir(exist_ok=True)
        (folder / "knowledge" / "zeiten.md").write_text(hours)


def there(bench: Bench, key: str = "empfang") -> tuple[str, list[str]]:
    """The prompt, and the texts of the documents, as the platform has them."""
    prompt = bench.agent(key)["conversation_config"]["agent"]["prompt"]
    documents = bench.sandbox.state()["documents"]
    used = [str(documents[entry["id"]]) for entry in prompt["knowledge_base"]]
    return prompt["prompt"], [hours for one in used for hours in (*HOURS, "Seit 1990.", "Seit 1991.") if hours in one]


def in_dashboard(bench: Bench, method: str, body: dict[str, Any] | None = None) -> None:
    async def act(control: Control) -> None:
        agent_id = (await control.bindings()).of("agent")["empfang"]
        request = getattr(control.api, method)
        await request("/v1/convai/agents/{agent_id}", agent_id=agent_id, **({"json": body} if body else {}))

    bench.control(act)


def state(bench: Bench) -> str:
    return str(bench.json("status", "--only", "empfang")[0]["state"])


@pytest.fixture
def twice(bench: Bench, after: After) -> Bench:
    """Revision 2 is good, 3 is bad."""

    def steps() -> None:
        for prompt, hours in zip(("Gut.", "Schlecht."), HOURS, strict=True):
            write(bench, prompt, hours)
            assert bench("sync", "--yes")[0] == 0

    after(steps)
    return bench


def finished(bench: Bench) -> None:
    """The next sync names what is left of the rollback to 2, does it, and keeps it; the one after does nothing."""
    assert bench("plan", "--exit-code")[0] == 3
    assert state(bench) == "changed here"
    code, out, _ = bench("sync", "--yes")
    assert code == 0, out
    assert "the rollback to revision 2 is not finished" in out
    assert there(bench) == ("Gut.", ["Ab acht."])
    newest = bench.json("history", "empfang")[0]["revisions"][0]
    assert (newest["revision"], newest["note"]) == (4, "rollback to 2")
    with bench.writes() as writes:
        code, out, _ = bench("sync", "--yes")
    assert (code, writes, "is not finished" in out) == (0, [], False)
    assert (bench("plan", "--exit-code")[0], state(bench)) == (0, "held")


@pytest.mark.parametrize("phase", ["before", "applied"])
def test_a_rollback_that_was_killed_is_finished_by_the_next_sync(twice: Bench, phase: Any) -> None:
    status = in_a_process(["-C", str(twice.root), "rollback", "empfang", "--yes"], 1, phase, {"PATCH"})
    assert os.WIFSIGNALED(status)
    assert twice.json("history")[0]["held_at"] == 2
    finished(twice)


def test_what_a_killed_rollback_has_replaced_goes_with_the_sync_that_finishes_it(twice: Bench) -> None:
    # Under a gate a changed document is made anew, and the old one is deleted last.
    status = in_a_process(["-C", str(twice.root), "rollback", "empfang", "--yes", "--gate"], 1, "before", {"DELETE"})
    assert os.WIFSIGNALED(status)
    assert len(twice.sandbox.state()["documents"]) == 2
    assert "knowledge_document empfang/zeiten (replaced by a new one)" in twice("plan")[1]
    assert twice("sync", "--yes")[0] == 0
    assert (len(twice.sandbox.state()["documents"]), there(twice)) == (1, ("Gut.", ["Ab acht."]))
    assert state(twice) == "held"


def test_a_rollback_of_which_a_part_was_refused_is_finished_by_the_next_sync(twice: Bench) -> None:
    twice.sandbox.fault(method="PATCH", path="/v1/convai/agents/*", times=1, status=422, body={"detail": "no"})
    code, out, _ = twice("rollback", "empfang", "--yes")
    assert (code, "is held at revision 2" in out) == (1, True)
    assert there(twice)[0] == "Schlecht."
    finished(twice)


def test_what_was_done_to_a_held_agent_there_is_seen_as_of_any_other(twice: Bench) -> None:
    assert twice("rollback", "empfang", "--yes")[0] == 0
    in_dashboard(twice, "patch", {"conversation_config": {"agent": {"prompt": {"prompt": "Von Hand."}}}})
    with twice.writes() as writes:
        code, out, _ = twice("sync", "--yes")
    assert (code, writes) == (3, [])
    assert "held back: agent empfang: conversation_config.agent.prompt.prompt (changed at the platform)" in out
    assert "held at revision 2" in out
    assert "is not finished" not in out
    assert (twice("plan", "--exit-code")[0], state(twice)) == (3, "drifted")
    assert twice("sync", "--yes", "--take-ours")[0] == 0
    assert (there(twice)[0], state(twice)) == ("Gut.", "held")


def test_a_held_agent_that_was_deleted_there_is_missing_and_made_anew_only_when_ours_counts(twice: Bench) -> None:
    assert twice("rollback", "empfang", "--yes")[0] == 0
    in_dashboard(twice, "delete")
    code, out, _ = twice("sync", "--yes")
    assert code == 3
    assert "agent empfang was deleted at the platform" in out
    assert (twice("plan", "--exit-code")[0], state(twice)) == (3, "missing")
    assert twice("sync", "--yes", "--take-ours")[0] == 0
    assert (there(twice), state(twice)) == (("Gut.", ["Ab acht."]), "held")


def test_what_others_have_made_of_a_document_meanwhile_is_not_the_held_ones(bench: Bench) -> None:
    shared = bench.root / "shared" / "knowledge" / "unternehmen.md"
    shared.parent.mkdir(parents=True)
    shared.write_text("Seit 1990.")
    bench.declare("zentrale")
    assert bench("sync", "--yes")[0] == 0
    write(bench, "Schlecht.")
    assert bench("sync", "--yes")[0] == 0
    assert bench("rollback", "empfang", "--yes")[0] == 0
    shared.write_text("Seit 1991.")
    # That is a change of its sources too: the hold is set anew, as a rollback of today would.
    assert "the hold ends" in bench("plan")[1]

    async def keep(control: Control) -> None:
        source = next(one for one in control.loaded.checked().assistants if one.key == "empfang")
        await hold(control, "empfang", 2, digest(source, control.scope))

    bench.control(keep)
    for _ in range(2):
        code, out, _ = bench("sync", "--yes")
        assert code == 0, out
        assert (there(bench)[1], there(bench, "zentrale")[1]) == (["Seit 1990."], ["Seit 1991."])
    in_dashboard(bench, "patch", {"conversation_config": {"agent": {"first_message": "Hallo!", "language": "en"}}})
    assert bench("sync", "--yes")[0] == 3  # the rest of it is still looked at


def test_a_number_that_another_one_declares_by_now_is_not_drift_of_the_held_one(bench: Bench) -> None:
    bench.toml.write_text(bench.toml.read_text() + f'[phone]\nnumbers = ["{NUMBER}"]\n')
    assert bench("import-number", NUMBER, "--assistant", "empfang", "--yes")[0] == 0
    assert bench("sync", "--yes")[0] == 0
    bench.declare("zentrale", f'[phone]\nnumbers = ["{NUMBER}"]\n')
    bench.toml.write_text('name = "Empfang"\nlanguage = "de"\n')
    write(bench, "Ohne Nummer.")
    assert bench("sync", "--yes")[0] == 0
    assert bench("rollback", "empfang", "--to", "2", "--yes")[0] == 0
    with bench.writes() as writes:
        assert bench("sync", "--yes")[0] == 0
    assert writes == []
    assert [one["state"] for one in bench.json("status")] == ["held", "in sync"]

    async def plan_of_another(control: Control) -> None:
        assert (await look(control, "zentrale", 1)).plan.changes == ()

    bench.control(plan_of_another)


def test_files_that_are_gone_for_one_sync_end_no_hold(twice: Bench) -> None:
    assert twice("rollback", "empfang", "--yes")[0] == 0
    folder, away = twice.root / "assistants" / "empfang", twice.root / "away"
    folder.rename(away)
    assert "is no longer declared" in twice("rollback", "empfang", "--yes")[2]
    assert twice("sync", "--yes", "--quiet")[0] == 0
    assert twice.json("history", "empfang")[0]["held_at"] == 2
    away.rename(folder)
    with twice.writes() as writes:
        assert twice("sync", "--yes", "--quiet")[0] == 0
    assert (writes, there(twice), state(twice)) == ([], ("Gut.", ["Ab acht."]), "held")
    folder.rename(away)
    assert twice("sync", "--yes")[0] == 0
    assert twice("unhold", "empfang")[0] == 0, "somebody says so"
    away.rename(folder)
    assert twice("sync", "--yes")[0] == 0
    assert there(twice)[0] == "Schlecht."


def test_a_folder_that_was_renamed_by_hand_takes_its_hold_along(twice: Bench) -> None:
    assert twice("rollback", "empfang", "--yes")[0] == 0
    (twice.root / "assistants" / "empfang").rename(twice.root / "assistants" / "zentrale")
    assert twice("sync", "--yes", "--quiet")[0] == 3
    assert twice("rename", "empfang", "zentrale", "--yes")[0] == 0
    assert twice("sync", "--yes")[0] == 0
    assert there(twice) == ("Gut.", ["Ab acht."])
    assert [(one["assistant"], one["state"]) for one in twice.json("status")] == [("zentrale", "held")]


def test_a_hold_ends_with_its_agent_and_not_before(twice: Bench) -> None:
    assert twice("rollback", "empfang", "--yes")[0] == 0
    folder, away = twice.root / "assistants" / "empfang", twice.root / "away"
    folder.rename(away)
    twice.declare("zentrale")
    twice.sandbox.fault(method="DELETE", path="/v1/convai/agents/*", times=1, status=422, body={"detail": "no"})
    assert twice("sync", "--yes", "--prune")[0] == 1
    assert twice.json("history", "empfang")[0]["held_at"] == 2
    assert "? post_call empfang is no longer declared" in twice("plan")[1], "its calls are still mailed"
    assert twice("sync", "--yes", "--prune", "--force")[0] == 0
    away.rename(folder)
    assert twice("sync", "--yes")[0] == 0
    assert (there(twice)[0], state(twice)) == ("Schlecht.", "in sync")
