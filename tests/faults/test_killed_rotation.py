"""A rotation of the webhook's secret that is killed with SIGKILL around any of its writes is ended by further runs."""

from __future__ import annotations

import signal

import pytest

from agentctl.settings import load_settings
from agentctl.verbs.post_call import rotation
from tests.cluster import free_port
from tests.deadly import Phase, in_a_process
from tests.telephony import WRITES, Bench, bench, served

__all__ = ["bench"]
ROTATE = ("webhook", "rotate", "--yes", "--write-env")


@pytest.mark.parametrize("phase", ["before", "applied"])
def test_killed_around_every_write(bench: Bench, monkeypatch: pytest.MonkeyPatch, phase: Phase) -> None:
    monkeypatch.setattr(rotation, "RETRIES_END", 0.0)
    port = free_port()
    assert bench("webhook", "register", f"http://127.0.0.1:{port}/webhooks/elevenlabs", "--write-env")[0] == 0

    def delivered() -> set[int]:
        made = bench.sandbox.call(agent_id=bench.agent()["agent_id"], audio=False)
        return {item["status"] for item in made["deliveries"]}

    killed = 0
    for step in range(3):  # The second webhook is made; the agents move; the old one goes.
        for fatal in range(1, 9):
            for _ in range(step):
                with served(bench.root, load_settings(bench.root), port=port):
                    assert bench(*ROTATE)[0] == 3
            with served(bench.root, load_settings(bench.root), port=port):
                # The probes of the door are POSTs as well: a kill at each of them is one before the next write.
                died = in_a_process(["-C", str(bench.root), *ROTATE], fatal, phase, WRITES) == signal.SIGKILL
                assert delivered() == {200}, (step, fatal)
            killed += died
            codes = [3]
            while codes[-1]:
                with served(bench.root, load_settings(bench.root), port=port):
                    codes.append(bench(*ROTATE, "--finish")[0])
                    assert delivered() == {200}, (step, fatal, codes)
                assert codes[-1] in (0, 3), (step, fatal, codes)
                assert len(codes) < 6, (step, fatal, codes)
            (hook,) = bench.sandbox.state()["webhooks"].values()
            assert hook["secret"] in (bench.root / ".env").read_text()
            if not died:
                break
    assert killed > 6
    assert bench("plan", "--exit-code")[0] == 0
