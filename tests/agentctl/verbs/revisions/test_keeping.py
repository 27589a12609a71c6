"""What agentctl itself writes into the files of a held assistant ends no hold; somebody's edit does, aloud."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from agentctl.sources import edit
from agentctl.verbs.revisions.hold import holds
from agentctl.verbs.revisions.keeping import keeping
from agentctl.wiring import Control
from tests.synced import After
from tests.telephony import NUMBER, Bench
from tests.telephony import bench as bench

TRANSFER = (
    '[built_in_tools.transfer_to_agent]\n[[built_in_tools.transfer_to_agent.transfers]]\nassistant = "notdienst"\n'
)


def prompt_of(bench: Bench) -> str:
    return str(bench.agent()["conversation_config"]["agent"]["prompt"]["prompt"])


@pytest.fixture
def held(bench: Bench, after: After) -> Bench:
    """empfang, which transfers to notdienst, is held at revision 2, which is good; its files say what is bad."""

    def steps() -> None:
        bench.declare("notdienst")
        bench.toml.write_text(bench.toml.read_text() + TRANSFER + 'condition = "Wenn es brennt."\n')
        for prompt in ("Gut.", "Schlecht."):
            (bench.root / "assistants/empfang/prompt.md").write_text(prompt)
            assert bench("sync", "--yes")[0] == 0
        assert bench("rollback", "empfang", "--yes")[0] == 0

    after(steps)
    return bench


def must_be_held(bench: Bench) -> None:
    """A cron job puts nothing live, and says that it is held as any sync of it does."""
    code, out, said = bench("sync", "--yes", "--quiet")
    assert (code, out) == (0, "")
    assert not said or said.startswith("note: assistants/empfang: held at revision 2: ")
    assert prompt_of(bench) == "Gut."
    assert bench.json("status", "--only", "empfang")[0]["state"] == "held"
    assert not [one for one in bench.control(holds) if one.is_open]


def test_an_import_writes_its_line_and_the_hold_stays(held: Bench) -> None:
    assert held("import-number", NUMBER, "--assistant", "empfang", "--yes")[0] == 0
    assert NUMBER in held.toml.read_text()
    must_be_held(held)
    assert held.call()["reached"]


def test_a_rename_of_another_writes_its_new_key_and_the_hold_stays(held: Bench) -> None:
    code, out, err = held("rename", "notdienst", "nachtdienst", "--yes")
    assert code == 0, out + err
    assert '"nachtdienst"' in held.toml.read_text()
    must_be_held(held)


def test_one_that_was_cut_off_leaves_the_hold_to_the_next_sync(held: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    whole: Callable[..., bool] = edit.add_number

    def killed(root: Path, key: str, number: str) -> bool:
        whole(root, key, number)
        raise KeyboardInterrupt

    monkeypatch.setattr(edit, "add_number", killed)
    held("import-number", NUMBER, "--assistant", "empfang", "--yes")
    assert [one.is_open for one in held.control(holds)] == [True]
    assert NUMBER in held.toml.read_text()
    code, out, _ = held("plan")
    assert (code, "was cut off while it wrote files: the hold stays" in out) == (0, True), out
    must_be_held(held)
    assert "was cut off" not in held("plan")[1]


def test_an_edit_of_somebody_before_such_a_step_still_ends_it(held: Bench) -> None:
    (held.root / "assistants/empfang/prompt.md").write_text("Besser.")

    async def act(control: Control) -> None:
        async with keeping(control):
            (held.root / "assistants/empfang/first_message.md").unlink(missing_ok=True)

    held.control(act)
    assert held("sync", "--yes")[0] == 0
    assert prompt_of(held) == "Besser."


def test_drift_of_a_held_one_goes_into_no_file_and_its_remedy_fits(held: Bench) -> None:
    (agent_id,) = [one for one, found in held.sandbox.state()["agents"].items() if found["name"] == "Empfang"]
    body: dict[str, Any] = {"conversation_config": {"agent": {"prompt": {"prompt": "Von Hand."}}}}
    url = f"{held.sandbox.url}/v1/convai/agents/{agent_id}"
    httpx.patch(url, json=body, headers={"xi-api-key": held.sandbox.key}, trust_env=False).raise_for_status()
    code, out, _ = held("sync", "--yes")
    assert code == 3
    assert "agentctl pull KEY" not in out
    assert "agentctl unhold empfang, then agentctl pull empfang" in out
    before = held.toml.read_text()
    for keys in (["empfang"], ["--all"]):
        code, out, _ = held("pull", *keys, "--yes")
        assert (code, "empfang is held, so its files are not what is there" in out) == (3, True), out
    assert (held.root / "assistants/empfang/prompt.md").read_text() == "Schlecht."
    assert held.toml.read_text() == before
    assert held("sync", "--yes", "--take-ours")[0] == 0
    must_be_held(held)


@pytest.mark.parametrize("where", ["agentctl.toml", "shared/knowledge/preise.md"])
def test_an_edit_that_concerns_all_ends_it_aloud_before_anything_goes_live(held: Bench, where: str) -> None:
    path = held.root / where
    path.parent.mkdir(parents=True, exist_ok=True)
    known = path.read_text() if path.exists() else ""
    path.write_text(f"{known}[defaults.voice]\nspeed = 1.1\n" if where.endswith("toml") else "Zehn Euro.")
    said = "was held at revision 2; what it is made of (its folder, shared/, agentctl.toml) has changed since"
    code, out, _ = held("plan")
    assert (code, said in out) == (0, True), out
    held.sandbox.fault(method="PATCH", path="/v1/convai/agents/*", times=50, status=400, body={"detail": "no"})
    code, _, err = held("sync", "--yes", "--quiet", "--report", str(held.root / "report.json"))
    assert code == 1
    assert err.index(f"note: assistants/empfang: {said}") < err.index("failed:")
    assert json.loads((held.root / "report.json").read_text())["released"] == [{"assistant": "empfang", "revision": 2}]
