"""A world that is put back is the world after its first sync, and nothing of the test before is in it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from agentctl.sandbox.options import Options
from tests.databases import Databases
from tests.synced import After, Place, Synced
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
def grown(bench: Bench, after: After) -> Bench:
    """A second assistant, and a file fewer."""

    def steps() -> None:
        TAKEN.append(bench)
        (bench.root / "once.txt").unlink()
        bench.declare("zweite")
        assert bench("sync", "--yes")[0] == 0

    (bench.root / "once.txt").write_text("of the files before")

    after(steps)
    return bench


TAKEN: list[Bench] = []


@pytest.mark.parametrize("turn", range(3))
def test_what_grows_from_it_grows_once(grown: Bench, turn: int) -> None:
    assert len(TAKEN) == 1
    bound = [row["key"] for row in grown.store("bindings", **scope(grown)) if row["kind"] == "agent"]
    assert sorted(bound) == ["empfang", "zweite"]
    assert {one["name"] for one in grown.sandbox.state()["agents"].values()} == {"Empfang", "Zweite"}
    assert sorted(str(path.relative_to(grown.root)) for path in grown.root.rglob("*") if path.is_file()) == [
        "agentctl.toml", "assistants/empfang/assistant.toml", "assistants/empfang/prompt.md",
        "assistants/zweite/assistant.toml", "assistants/zweite/prompt.md",
    ]  # fmt: skip
    assert grown.sandbox.log() == []
    assert grown.json("plan")["changes"] == []

    (grown.root / "more.txt").write_text("of this test")
    grown.declare(f"turn-{turn}")
    assert grown("sync", "--yes")[0] == 0


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Synced]:
    made = Synced(tmp_path / "known")
    yield made
    made.close()


def test_a_sandbox_that_still_works_at_something_is_not_used_again(
    world: Synced, lender: Databases, dsn: str, tmp_path: Path
) -> None:
    (tmp_path / "root").mkdir()
    taken: list[str] = []

    def steps() -> None:
        taken.append(dsn)

    place = Place(tmp_path / "root", lender, dsn)
    with world.sandbox(Options()) as first:
        for _ in range(2):
            world.after(steps, place)
        assert len(taken) == 1
        first.fault(method="GET", path="/v1/convai/agents", delay_ms=1500)
        asked = {"url": f"{first.url}/v1/convai/agents", "headers": {"xi-api-key": first.key}, "timeout": 10}
        late = threading.Thread(target=httpx.get, kwargs=asked, daemon=True)
        late.start()
        while not first.faults()[0]["hits"]:
            time.sleep(0.01)

    with world.sandbox(Options()) as second:
        assert second.url != first.url
        world.after(steps, place)
        assert len(taken) == 2
    late.join()
