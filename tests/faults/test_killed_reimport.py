"""A re-import of a number that is killed with SIGKILL at any request is healed by the next run."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from agentctl.sync.patience import Patience
from agentctl.wiring import Control
from tests.deadly import Phase, in_a_process
from tests.telephony import NUMBER, WRITES, Bench, bench

__all__ = ["bench"]
ANEW = ("import-number", NUMBER, "--assistant", "empfang", "--reimport", "--yes")
FALLBACK = "https://phone.example.org/fallback"
REMEDY = f"agentctl import-number {NUMBER} --assistant empfang --reimport"
COMMANDS = ("plan", "status", "sync --yes", "doctor", f"import-number {NUMBER} --assistant empfang --yes")


@pytest.mark.parametrize("phase", ["before", "applied"])
def test_killed_at_every_request(bench: Bench, phase: Phase) -> None:
    assert bench("import-number", NUMBER, "--assistant", "empfang", "--yes")[0] == 0
    before, agent_id = bench.at_twilio(), bench.agent()["agent_id"]

    def state() -> Any:
        return [(row["phone_number"], row["agent_id"]) for row in bench.sandbox.state()["numbers"].values()]

    for fatal in range(1, 40):
        status = in_a_process(["-C", str(bench.root), *ANEW], fatal, phase)
        if status != signal.SIGKILL:
            assert (status, fatal > 8) == (0, True), (status, fatal)
            break
        # Whoever calls in the gap is answered: by the agent, or by the fallback.
        answering = bench.at_twilio()["voice_url"]
        assert state() or answering == "https://phone.example.org/fallback", (
            f"killed at request {fatal}: nobody answers"
        )
        code, _, err = bench(*ANEW)
        assert code == 0, f"killed at request {fatal}: {err}"
        assert state() == [(NUMBER, agent_id)], f"killed at request {fatal}"
        assert bench.at_twilio() == before, f"killed at request {fatal}"
    else:
        pytest.fail("it never came to its end")
    assert bench("plan", "--exit-code")[0] == 0
    assert bench.store("route", phone_number=NUMBER)["route"]["voice_url"] == "https://phone.example.org/old-flow"


@pytest.mark.parametrize("phase", ["before", "applied"])
def test_wherever_it_was_killed_the_one_remedy_that_works_is_named(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, phase: Phase
) -> None:
    monkeypatch.setattr(Control, "patience", Patience(pauses=()))
    assert bench("import-number", NUMBER, "--assistant", "empfang", "--yes")[0] == 0
    before = bench.at_twilio()
    # Calls are diverted, the number is deleted, it is imported anew.
    for fatal in (1, 2, 3):
        assert in_a_process(["-C", str(bench.root), *ANEW], fatal, phase, WRITES) == signal.SIGKILL
        out = not bench.sandbox.state()["numbers"]
        assert out == ((fatal, phase) in ((2, "applied"), (3, "before")))
        # Whatever is seen at ElevenLabs: Twilio may lead to the fallback.
        for command in COMMANDS:
            told = "".join(bench(*command.split())[1:])
            assert REMEDY in told, (fatal, command, told)
            assert told.count("agentctl import-number") == told.count(REMEDY), (fatal, command, told)
            assert "--take-ours" not in told, (fatal, command, told)
            assert "release-number" not in told, (fatal, command, told)
        # Cron has to say it: the number was in service.
        code, _, err = bench("sync", "--yes", "--quiet")
        assert (code, err.count(REMEDY)) == (1, 1), (fatal, err)
        assert bench("status", "--exit-code")[0] == 1, fatal
        assert bench(*ANEW)[0] == 0
        assert bench.at_twilio() == before
        assert "between two imports" not in bench("doctor")[1]
