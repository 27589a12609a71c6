"""A re-import of a number that is killed with SIGKILL at any request is healed by the next run."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from tests.deadly import Phase, in_a_process
from tests.telephony import NUMBER, Bench, bench

__all__ = ["bench"]
ANEW = ("import-number", NUMBER, "--assistant", "empfang", "--reimport", "--yes")
FALLBACK = "https://phone.example.org/fallback"


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
