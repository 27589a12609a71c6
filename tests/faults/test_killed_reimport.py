"""A re-import of a number that is killed with SIGKILL at any request is healed by the next run."""

from __future__ import annotations

import os
import signal
from typing import Any, Literal

import httpx
import pytest

from agentctl.cli.app import run
from tests.telephony import NUMBER, Bench, bench

__all__ = ["bench"]
ANEW = ("import-number", NUMBER, "--assistant", "empfang", "--reimport", "--yes")
FALLBACK = "https://phone.example.org/fallback"
Phase = Literal["before", "applied"]


def in_a_process(bench: Bench, fatal: int, phase: Phase) -> int:
    """The command in a child that dies at its request number `fatal`; the wait status."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    code = 1
    try:
        send, seen = httpx.AsyncHTTPTransport.handle_async_request, 0

        async def deadly(self: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
            nonlocal seen
            seen += 1
            mine = seen == fatal
            if mine and phase == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            answer = await send(self, request)
            if mine:
                os.kill(os.getpid(), signal.SIGKILL)
            return answer

        httpx.AsyncHTTPTransport.handle_async_request = deadly  # type: ignore[method-assign]
        code = run(["-C", str(bench.root), *ANEW])
    finally:
        os._exit(code)


@pytest.mark.parametrize("phase", ["before", "applied"])
def test_killed_at_every_request(bench: Bench, phase: Phase) -> None:
    assert bench("import-number", NUMBER, "--assistant", "empfang", "--yes")[0] == 0
    before, agent_id = bench.at_twilio(), bench.agent()["agent_id"]

    def state() -> Any:
        return [(row["phone_number"], row["agent_id"]) for row in bench.sandbox.state()["numbers"].values()]

    for fatal in range(1, 40):
        status = in_a_process(bench, fatal, phase)
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
