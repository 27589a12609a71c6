"""[sync] gate in agentctl.toml: what its tests refuse goes live by no command, unless one run is told otherwise."""

from __future__ import annotations

import shlex

import pytest

from tests.telephony import NUMBER, Bench, bench

__all__ = ["bench"]


def test_a_gate_of_the_project_holds_for_every_sync_and_one_run_may_say_otherwise(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    (bench.root / "agentctl.toml").write_text('project = "beispiel"\n[sync]\ngate = true\n')
    tests = bench.root / "assistants" / "empfang" / "tests"
    tests.mkdir()
    (tests / "tone.toml").write_text('user = "Hallo"\nsuccess_condition = \'It says "gibt es nicht".\'\n')
    assert bench("sync", "--yes", "--no-gate")[0] == 0
    before = bench.agent()["conversation_config"]
    (bench.root / "assistants" / "empfang" / "prompt.md").write_text("Sei kurz.\n")
    assert bench.json("plan")["gated"] is True
    assert bench.json("plan", "--no-gate")["gated"] is False
    (printed,) = [line for line in bench("schedule")[1].splitlines() if " -C " in line]
    scheduled = shlex.split(printed.partition(" -C ")[2])[1:]
    monkeypatch.setattr("random.uniform", lambda least, most: least)  # no jitter
    for arguments in (["sync", "--yes"], scheduled, ["up", "--yes"]):
        code, _, err = bench(*arguments)
        assert (code, bench.agent()["conversation_config"]) == (1, before), (arguments, err)
    lines = bench("sync", "--yes", "--quiet")[2].splitlines()
    hint = "  Correct the assistant or the test and run it again."
    assert [line.partition(":")[0] for line in lines] == ["failed", "    tone failed", hint]
    assert "gibt es nicht" in lines[1], "why"
    assert bench("sync", "--yes", "--no-gate")[0] == 0
    assert bench("rollback", "empfang", "--to", "2", "--yes")[0] == 1
    assert bench.agent()["conversation_config"]["agent"]["prompt"]["prompt"] == "Sei kurz."


def test_a_plan_shows_what_a_gated_sync_would_do(bench: Bench) -> None:
    hours = bench.root / "assistants" / "empfang" / "knowledge" / "hours.md"
    hours.parent.mkdir()
    for text in ("Von neun bis fünf.", "Von zehn bis vier."):
        hours.write_text(text)
        if text.startswith("Von neun"):
            assert bench("sync", "--yes")[0] == 0
    replaced = "knowledge_document empfang/hours (replaced by a new one)"
    assert replaced not in bench("plan")[1]
    assert replaced in bench("plan", "--gate")[1]
    (bench.root / "agentctl.toml").write_text('project = "beispiel"\n[sync]\ngate = true\n')
    assert replaced in bench("plan")[1]
    assert replaced not in bench("plan", "--no-gate")[1]
    assert "agentctl -C . plan --exit-code" in bench("schedule", "github")[1], "by agentctl.toml, as the sync"


def test_no_number_is_brought_to_an_agent_that_its_tests_have_not_let_through(bench: Bench) -> None:
    (bench.root / "agentctl.toml").write_text('project = "beispiel"\n[sync]\ngate = true\n')
    bench.declare("zentrale")
    tone = bench.root / "assistants" / "zentrale" / "tests" / "tone.toml"
    tone.parent.mkdir()
    tone.write_text('user = "Hallo"\nsuccess_condition = \'It says "gibt es nicht".\'\n')
    assert bench("sync", "--yes")[0] == 1, "the agent is made, and refused"
    before, bring = bench.at_twilio(), ("import-number", NUMBER, "--assistant", "zentrale", "--yes")
    with bench.writes() as writes:
        code, _, err = bench(*bring)
    assert (code, writes, bench.at_twilio()) == (1, [], before)
    assert f"its tests have not let its agent through, so {NUMBER} is not brought to it" in err
    assert "agentctl sync --gate --only zentrale" in err
    assert f"agentctl import-number {NUMBER} --assistant zentrale --no-gate" in err
    code, _, err = bench(*bring, "--no-gate")
    assert (code, bench.at_twilio()) == (2, before)
    assert "Sync it first: agentctl sync --only zentrale --no-gate" in err
    assert bench("sync", "--only", "zentrale", "--no-gate", "--yes")[0] == 0
    assert bench(*bring, "--no-gate")[0] == 0
    assert bench.call()["reached"] is True
    assert bench("release-number", NUMBER, "--yes")[0] == 0
    toml = bench.root / "assistants" / "zentrale" / "assistant.toml"
    toml.write_text('name = "Zentrale"\nlanguage = "de"\n')
    tone.write_text('user = "Hallo"\nsuccess_condition = \'It says "freundlich".\'\n')
    assert bench("sync", "--yes", "--only", "zentrale")[0] == 0
    assert bench(*bring)[0] == 0, "it has passed by now"
    assert bench(*bring)[0] == 0, "nothing to do"


def test_a_run_that_was_ended_while_its_gate_waited_says_that_it_may(bench: Bench) -> None:
    tone = bench.root / "assistants" / "empfang" / "tests" / "tone.toml"
    tone.parent.mkdir()
    tone.write_text('user = "Hallo"\nsuccess_condition = \'It says "gibt es nicht".\'\n')
    (bench.root / "assistants" / "empfang" / "prompt.md").write_text("Sei kurz.\n")
    bench.sandbox.judge(status="pending")
    code, _, err = bench("sync", "--yes", "--gate", "--timeout", "2")
    assert (code, "ended after its 2 s" in err) == (1, True)
    assert "may wait 600 s ([sync] gate_timeout): allow more with --timeout" in err
