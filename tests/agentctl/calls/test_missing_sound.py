"""Recordings that were never delivered are fetched, from a sandbox into a real store."""

from __future__ import annotations

from typing import Any

import pytest

from agentctl.calls import missing_sound
from agentctl.errors import StoreUnavailable
from agentctl.verbs.calls.backfill import backfill
from agentctl.verbs.work import process
from agentctl.wiring import Control
from tests.telephony import Bench, bench

__all__ = ["bench"]


def called(bench: Bench, many: int, *events: str, **order: Any) -> list[str]:
    """Calls whose transcripts are here, of an agent that delivers these events."""
    agent_id = bench.agent()["agent_id"]
    webhooks = {"workspace_overrides": {"webhooks": {"events": ["transcript", *events]}}}
    body = {"platform_settings": webhooks}
    bench.control(lambda control: control.api.patch("/v1/convai/agents/{agent_id}", json=body, agent_id=agent_id))
    made = [bench.sandbox.call(agent_id=agent_id, deliver=False, **order)["conversation_id"] for _ in range(many)]
    bench.control(backfill)
    bench.control(process)
    return [str(one) for one in made]


def fetched(bench: Bench, grace: float = 0) -> list[str]:
    async def fetch(control: Control) -> list[str]:
        agents = [bench.agent()["agent_id"]]
        return await missing_sound.fetch(control.api, await control.store(), agents, grace=grace)

    return bench.control(fetch)


def asked_for(bench: Bench) -> int:
    return sum(entry["path"].endswith("/audio") for entry in bench.sandbox.log())


def has_recording(bench: Bench, conversation_id: str) -> bool:
    return bool(bench.json("calls", "show", conversation_id)["recording"])


def test_a_missing_recording_is_fetched_once_and_no_known_one_asked_for(bench: Bench) -> None:
    first, second, lost = called(bench, 3, "audio", audio=True)
    called(bench, 1, "audio", audio=False)
    assert fetched(bench, grace=1800) == []  # it may still be delivered
    gone = {"detail": {"status": "missing_conversation_audio", "message": "no"}}
    bench.sandbox.fault(path=f"/v1/convai/conversations/{lost}/audio", status=404, body=gone)
    bench.sandbox.fault(path=f"/v1/convai/conversations/{first}/audio", status=403, body=gone)
    assert fetched(bench) == [second]
    assert fetched(bench) == [first]
    assert asked_for(bench) == 4
    assert fetched(bench) == []
    bench.control(process)
    assert [has_recording(bench, one) for one in (first, second, lost)] == [True, True, False]
    assert fetched(bench) == []
    assert asked_for(bench) == 4


def test_recordings_that_are_not_delivered_are_not_fetched(bench: Bench) -> None:
    called(bench, 2, audio=True)
    assert (fetched(bench), asked_for(bench)) == ([], 0)


def test_what_the_store_does_not_take_is_asked_for_again(bench: Bench) -> None:
    (made,) = called(bench, 1, "audio", audio=True)

    async def cut_off(control: Control) -> None:
        store = await control.store()
        genuine = store.call

        async def call(name: str, args: Any, **how: Any) -> Any:
            if name == "accept":
                raise StoreUnavailable("cut off")
            return await genuine(name, args, **how)

        store.call = call  # type: ignore[method-assign]
        with pytest.raises(StoreUnavailable):
            await missing_sound.fetch(control.api, store, [bench.agent()["agent_id"]], grace=0)

    bench.control(cut_off)
    assert fetched(bench) == [made]
