"""Conversations at ElevenLabs that are not found: whether they are gone, or only not where the key leads."""

from __future__ import annotations

import httpx

from tests.agentctl.verbs.calls.test_forget import CALLER, called
from tests.telephony import Bench, bench

__all__ = ["bench"]


def delete(bench: Bench, what: str) -> None:
    url, headers = f"{bench.sandbox.url}/v1/convai/{what}", {"xi-api-key": bench.sandbox.key}
    httpx.delete(url, headers=headers, trust_env=False).raise_for_status()


def test_one_that_is_not_there_is_gone_where_an_agent_is_and_else_said_to_be_unknown(bench: Bench) -> None:
    first, second = called(bench, CALLER, CALLER)
    agent_id = bench.agent()["agent_id"]
    delete(bench, f"conversations/{first}")
    done = bench.json("calls", "forget", first, "--yes")
    assert (done["remote"], done["failed"]) == (0, [])

    delete(bench, f"conversations/{second}")
    delete(bench, f"agents/{agent_id}")
    for who in (second, CALLER):  # as remembered, in each way to name it
        code, out, _ = bench("calls", "forget", who, "--yes")
        assert code == 1
        assert f"{second} may still be at ElevenLabs: no key is known to open the workspace in which it was" in out
    assert bench("calls", "forget", second, "--yes", "--keep-remote")[0] == 0
