"""pull as a library: it looks and writes nothing; then it writes, and the same control knows the new files."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from agentctl.cli.app import run
from agentctl.errors import Stale, UsageError
from agentctl.resources import agent, agent_test
from agentctl.resources.endpoints import AGENT
from agentctl.sync.kind import Ref
from agentctl.verbs import sync
from agentctl.verbs.pulling.pull import pull, write
from agentctl.wiring import Control
from tests.synced import After
from tests.telephony import NUMBER, Bench, bench

__all__ = ["bench"]

FIRST = "Hallo, hier ist eine KI."


async def says(control: Control, body: dict[str, Any]) -> None:
    """Somebody edits the agent in the dashboard."""
    agent_id = (await control.bindings()).of(agent.KIND)["empfang"]
    await control.api.patch(AGENT, json=body, agent_id=agent_id)


@pytest.fixture
def number(bench: Bench, after: After) -> Bench:
    """An assistant whose number rings at it."""

    def steps() -> None:
        assert bench("sync", "--yes")[0] == 0
        assert bench("import-number", NUMBER, "--assistant", "empfang", "--yes")[0] == 0
        assert bench("sync", "--yes")[0] == 0

    after(steps)
    return bench


def test_it_looks_then_writes(bench: Bench) -> None:
    before = bench.toml.read_text()
    bench.toml.write_text(before + f'first_message = "{FIRST}"\n')
    assert bench("sync", "--yes")[0] == 0

    async def used(control: Control) -> None:
        await says(control, {"name": "Pforte", "conversation_config": {"agent": {"first_message": FIRST + "!"}}})
        found = await pull(control)
        assert [one.path for one in found.taken] == ["name", "conversation_config.agent.first_message"]
        assert (found.left, found.failures, found.assistants) == ((), (), ("empfang",))
        assert 'name = "Empfang"' in bench.toml.read_text()
        await write(control, found)
        assert bench.toml.read_text() == found.files[0].after
        assert [one.name for one in (await sync.load(control)).assistants] == ["Pforte"]
        assert (await sync.plan(control)).empty
        (row,) = await (await control.store()).call("assistants", vars(control.scope))
        assert row["name"] == "Pforte"
        applied = (await control.bindings()).applied(Ref(agent.KIND, "empfang"))
        assert applied["name"] == "Pforte"
        with pytest.raises(UsageError, match="no assistant matches"):
            await pull(control, ["x*"])

    with bench.writes() as writes:
        bench.control(used)
    assert [entry["method"] for entry in writes] == ["PATCH"], "only what the dashboard did"


def test_a_file_that_was_changed_since_it_looked_is_not_overwritten(bench: Bench) -> None:
    async def used(control: Control) -> None:
        await says(control, {"name": "Pforte"})
        found = await pull(control, ["empfang"])
        bench.toml.write_text('name = "Etwas anderes"\n')
        with pytest.raises(Stale, match="changed in the meantime"):
            await write(control, found)

    bench.control(used)
    assert bench.toml.read_text() == 'name = "Etwas anderes"\n'


def test_what_a_killed_pull_left_is_read_by_nobody_and_swept_by_the_next(bench: Bench) -> None:
    bench.control(lambda control: says(control, {"name": "Pforte"}))
    child = os.fork()
    if not child:
        Path.replace = lambda self, target: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[method-assign, assignment, return-value]
        run(["-C", str(bench.root), "pull", "empfang", "--yes"])
        os._exit(0)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    (left,) = bench.toml.parent.glob(".pull-*")
    for folder in ("knowledge", "tests"):
        (bench.toml.parent / folder).mkdir()
        (bench.toml.parent / folder / left.name).write_bytes(left.read_bytes())
    plan = bench.json("plan")
    assert [(one["kind"], one["edits"][0]["path"]) for one in plan["changes"]] == [("agent", "name")]
    assert not [notice for notice in plan["notices"] if "pull" in notice]
    with bench.writes() as writes:
        assert bench("sync", "--yes")[0] == 3, "what the dashboard did is still to be taken"
    assert writes == []
    assert bench("pull", "empfang", "--yes")[0] == 0
    assert list(bench.root.rglob(".pull-*")) == []
    assert 'name = "Pforte"' in bench.toml.read_text()
    assert bench("sync", "--yes")[1].splitlines()[-1] == "Everything is in sync."


def test_with_nothing_changed_there_it_takes_nothing(bench: Bench) -> None:
    bench.toml.write_text(bench.toml.read_text().replace("Empfang", "Hier geändert"))

    async def used(control: Control) -> None:
        found = await pull(control)
        assert (found.taken, found.files, found.left) == ((), (), ())

    bench.control(used)


def test_what_was_done_to_tests_there_is_left_to_their_files(bench: Bench) -> None:
    folder = bench.root / "assistants" / "empfang" / "tests"
    folder.mkdir()
    (folder / "gruss.toml").write_text('user = "Hallo?"\nsuccess_condition = "Sie grüßt."\n')
    assert bench("sync", "--yes")[0] == 0
    before = bench.toml.read_text()

    async def used(control: Control) -> None:
        test_id = (await control.bindings()).of(agent_test.KIND)["empfang/gruss"]
        body = {"name": "meiner", "success_condition": "x"}
        await control.api.put(agent_test.TEST, json=body, test_id=test_id)
        await says(control, {"platform_settings": {"testing": {"attached_tests": []}}})
        found = await pull(control)
        assert found.taken == ()
        assert {one.where: one.what.partition(";")[0] for one in found.left} == {
            "agent_test empfang/gruss": "was changed at the platform",
            "agent empfang": f"{agent_test.ATTACHED}: follows the files in tests/",
        }

    bench.control(used)
    assert bench.toml.read_text() == before
    assert bench("sync", "--yes")[0] == 3
    assert bench("sync", "--yes", "--take-ours")[0] == 0
    assert bench("sync", "--yes")[1].splitlines()[-1] == "Everything is in sync."


def test_a_number_whose_agent_was_deleted_stays_in_the_files_and_comes_back_with_it(number: Bench) -> None:
    bench = number
    (agent_id,) = bench.sandbox.state()["agents"]
    before = bench.toml.read_text()

    async def deleted(control: Control) -> None:
        await control.api.delete("/v1/convai/agents/{agent_id}", agent_id=agent_id)

    bench.control(deleted)
    code, out, err = bench("sync", "--yes")
    assert code == 3
    assert "agentctl pull" not in out + err
    assert "agentctl sync --take-ours" in out
    code, out, err = bench("sync", "--yes", "-q")
    assert (code, "pull" in err, err.count("agentctl sync --take-ours")) == (3, False, 1), err
    code, out, err = bench("pull", "empfang", "--yes")
    assert "rings nowhere since its agent was deleted" in out + err
    assert bench.toml.read_text() == before
    assert bench("sync", "--yes", "--take-ours")[0] == 0
    (made,) = bench.sandbox.state()["agents"]
    (rings,) = bench.sandbox.state()["numbers"].values()
    assert rings["agent_id"] == made
    assert bench.json("status")[0]["state"] == "in sync"


def test_a_number_that_was_moved_before_its_agent_was_deleted_is_somebodys_wish(number: Bench) -> None:
    bench = number
    (agent_id,) = bench.sandbox.state()["agents"]
    (number_id,) = bench.sandbox.state()["numbers"]

    async def moved(control: Control) -> None:
        made = await control.api.post("/v1/convai/agents/create", json={"name": "X", "conversation_config": {}})
        path, body = "/v1/convai/phone-numbers/{phone_number_id}", {"agent_id": made["agent_id"]}
        await control.api.patch(path, json=body, phone_number_id=number_id)
        await control.api.delete("/v1/convai/agents/{agent_id}", agent_id=agent_id)

    bench.control(moved)
    code, out, _ = bench("sync", "--yes")
    way = "Take theirs into the files: agentctl pull empfang; or overwrite it: agentctl sync --take-ours --only empfang"
    assert (code, way in out) == (3, True), out
    assert bench.json("pull", "empfang", "--yes", code=3)["taken"][0]["path"] == "agent_id"
    assert f'"{NUMBER}"' not in bench.toml.read_text()
    bench.toml.write_text(f'name = "Empfang"\nlanguage = "de"\n[phone]\nnumbers = ["{NUMBER}"]\n')
    assert bench("sync", "--yes", "--take-ours", "--only", "empfang")[0] == 0
    assert bench.sandbox.state()["numbers"][number_id]["agent_id"] == (
        next(i for i, one in bench.sandbox.state()["agents"].items() if one["name"] == "Empfang")
    )


def test_a_number_that_was_removed_is_brought_back_by_its_import_as_every_text_says(number: Bench) -> None:
    bench = number
    (number_id,) = bench.sandbox.state()["numbers"]

    async def deleted(control: Control) -> None:
        await control.api.delete("/v1/convai/phone-numbers/{phone_number_id}", phone_number_id=number_id)

    bench.control(deleted)
    way = f"agentctl import-number {NUMBER} --assistant empfang"
    for arguments, code in ((("plan",), 0), (("sync", "--yes"), 3), (("sync", "--yes", "-q"), 3)):
        found = bench(*arguments)
        assert (found[0], way in found[1] + found[2]) == (code, True), found
        assert "take-ours" not in found[1] + found[2]
    code, out, err = bench("pull", "empfang", "--yes")
    assert (way in out + err, "take-ours" in out + err) == (True, False)
    code, out, err = bench("sync", "--yes", "--take-ours")
    assert (code, way in out + err) == (1, True)
    code, out, err = bench("import-number", NUMBER, "--assistant", "empfang", "--yes")
    assert (code, "take-ours" in out + err) == (0, False), out + err
    assert bench.json("status")[0]["state"] == "in sync"
