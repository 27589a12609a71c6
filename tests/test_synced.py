"""A world that is put back is the world after its first sync, and nothing of the test before is in it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import httpx
import pytest

from agentctl.sandbox.options import Options
from tests.databases import Databases
from tests.synced import Synced
from tests.telephony import Bench, bench

__all__ = ["bench"]
SEEN: list[tuple[str, str]] = []


@pytest.mark.parametrize("turn", range(3))
def test_each_test_has_it_new(bench: Bench, turn: int) -> None:
    (agent,) = bench.sandbox.state()["agents"]
    (bound,) = [row["remote_id"] for row in bench.store("bindings", **scope(bench)) if row["kind"] == "agent"]
    SEEN.append((bench.sandbox.url, agent))
    assert bound == agent
    assert set(SEEN) == {SEEN[0]}
    assert bench.sandbox.log() == []
    assert bench.json("plan")["changes"] == []

    bench.sandbox.fault(method="GET", path="/v1/convai/agents/*", status=500)
    bench.sandbox.latency(1)
    bench.toml.write_text(f'name = "Turn {turn}"\n')
    bench.store("unbind", **scope(bench), kind="agent", key="empfang")


def scope(bench: Bench) -> dict[str, str]:
    return {"project": "beispiel", "environment": "production", "workspace": bench.sandbox.url.partition("//")[2]}


@pytest.fixture
def world() -> Iterator[Synced]:
    made = Synced()
    yield made
    made.close()


def test_a_sandbox_that_still_works_at_something_is_not_used_again(world: Synced, lender: Databases, dsn: str) -> None:
    with world.sandbox(Options()) as first:
        world.keep(lender, dsn)
        first.fault(method="GET", path="/v1/convai/agents", delay_ms=1500)
        asked = {"url": f"{first.url}/v1/convai/agents", "headers": {"xi-api-key": first.key}, "timeout": 10}
        late = threading.Thread(target=httpx.get, kwargs=asked, daemon=True)
        late.start()
        while not first.faults()[0]["hits"]:
            time.sleep(0.01)

    with world.sandbox(Options()) as second:
        assert second.url != first.url
        assert not world.recall(lender, dsn)
    late.join()
