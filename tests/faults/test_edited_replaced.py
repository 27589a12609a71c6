"""A document that another has taken the place of goes only as it was: what somebody edited of it is not lost."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.faults.test_edited_exchanged import heard
from tests.synced import After
from tests.telephony import Bench
from tests.telephony import bench as bench

FIX = "# Preise\n\nHeute alles zum halben Preis."


def documents(bench: Bench) -> dict[str, str]:
    """Id and text of each that is there."""
    return {i: str(one.get("extracted_inner_html") or one) for i, one in bench.sandbox.state()["documents"].items()}


def edit(bench: Bench, document: str, text: str = FIX) -> None:
    url = f"{bench.sandbox.url}/v1/convai/knowledge-base/{document}"
    headers = {"xi-api-key": bench.sandbox.key}
    httpx.patch(url, json={"content": text}, headers=headers, trust_env=False).raise_for_status()


@pytest.fixture
def shared(bench: Bench, after: After) -> Path:
    """A document that two assistants have; only one has taken up its new edition, so that the old one stays."""
    path = bench.root / "shared" / "knowledge" / "preise.md"

    def steps() -> None:
        path.parent.mkdir(parents=True)
        path.write_text("# Preise\n\nEins.\n")
        bench.declare("zwei")
        assert bench("sync", "--yes")[0] == 0

    after(steps)
    return path


def test_what_an_earlier_run_left_to_others_is_held_back_until_somebody_says_so(bench: Bench, shared: Path) -> None:
    (old,) = documents(bench)
    shared.write_text("# Preise\n\nZwei.\n")
    assert bench("sync", "--yes", "--only", "empfang")[0] == 0
    edit(bench, old)
    assert "drifted" in {one["state"] for one in bench.json("status")}
    for _ in range(2):
        code, out, err = bench("sync", "--yes")
        assert (code, "knowledge_document shared/preise" in out + err) == (3, True), out + err
        assert "halben Preis" in documents(bench)[old]
    assert "Copy what was edited into its file (it is 'agentctl/beispiel/production/" in out + err
    assert "or have it done: agentctl pull" in out + err
    assert bench("sync", "--yes", "--take-ours")[0] == 0
    assert old not in documents(bench)
    assert "Nothing to do" in bench("plan")[1]


def test_what_an_earlier_run_left_to_others_can_be_taken_for_all(bench: Bench, shared: Path) -> None:
    (old,) = documents(bench)
    shared.write_text("# Preise\n\nZwei.\n")
    assert bench("sync", "--yes", "--only", "empfang")[0] == 0
    edit(bench, old)
    assert bench("pull", "--all", "--yes")[0] == 0
    assert "halben Preis" in shared.read_text()
    assert bench("sync", "--yes")[0] == 0
    (text,) = documents(bench).values()
    assert "halben Preis" in text
    assert "Nothing to do" in bench("plan")[1]


@pytest.mark.parametrize(("key", "taken"), [("empfang", "Neu."), ("zwei", "halben Preis")])
def test_of_two_editions_a_pull_takes_that_which_the_callers_of_its_assistant_hear(
    bench: Bench, shared: Path, key: str, taken: str
) -> None:
    (old,) = documents(bench)
    shared.write_text("# Preise\n\nZwei.\n")
    assert bench("sync", "--yes", "--only", "empfang")[0] == 0
    (new,) = documents(bench).keys() - {old}
    edit(bench, old)
    rows = bench.sandbox.state()["documents"]
    while bench.sandbox.state()["documents"][new]["updated"] == rows[new]["updated"]:
        edit(bench, new, "# Preise\n\nNeu.")  # In the second of our write it would not show.
    code, out, err = bench("pull", key, "--yes")
    assert taken in shared.read_text(), out + err
    if key == "zwei":
        assert (code, f"{new} in the Knowledge Base) into shared/" in out + err) == (3, True), out + err


def test_what_nobody_edited_goes_without_a_word(bench: Bench, shared: Path) -> None:
    (old,) = documents(bench)
    shared.write_text("# Preise\n\nZwei.\n")
    code, out, err = bench("sync", "--yes", "--only", "empfang")
    assert (code, f"{old} is still used by agent Zwei" in out + err) == (0, True), out + err
    assert ("the sync of that: agentctl sync\n" in out + err, "Detach" in out + err) == (True, False), out + err
    assert bench("sync", "--yes")[0] == 0
    assert old not in documents(bench)


def test_only_from_others_it_has_to_be_detached_by_hand(bench: Bench, shared: Path) -> None:
    (old,) = documents(bench)
    prompt = {"prompt": "Hilf.", "knowledge_base": [{"type": "text", "name": "x", "id": old, "usage_mode": "auto"}]}
    headers, body = {"xi-api-key": bench.sandbox.key}, {"conversation_config": {"agent": {"prompt": prompt}}}
    url = f"{bench.sandbox.url}/v1/convai/agents/create"
    httpx.post(url, json={"name": "Fremd", **body}, headers=headers, trust_env=False).raise_for_status()
    shared.write_text("# Preise\n\nZwei.\n")
    code, out, err = bench("sync", "--yes", "--only", "empfang")
    assert (code, "the sync of that: agentctl sync; for agent Fremd (" in out + err) == (0, True), out + err
    assert "): Detach it there, then: agentctl sync --prune" in out + err


def test_ours_for_one_is_not_ours_for_another_that_has_it_still(bench: Bench, shared: Path) -> None:
    (old,) = documents(bench)
    edit(bench, old)
    shared.write_text("# Preise\n\nZwei.\n")
    assert bench("sync", "--yes")[0] == 3
    assert bench("sync", "--yes", "--take-ours", "--only", "empfang")[0] == 0
    assert bench("sync", "--yes")[0] == 3
    assert "halben Preis" in documents(bench)[old]


@pytest.mark.parametrize("way", ["sync", "rollback"])
def test_one_that_was_edited_is_not_taken_up_again_for_its_name(bench: Bench, shared: Path, way: str) -> None:
    (old,) = documents(bench)
    shared.write_text("# Preise\n\nZwei.\n")
    assert bench("sync", "--yes", "--only", "empfang")[0] == 0
    edit(bench, old)
    shared.write_text("# Preise\n\nEins.\n")
    for command in [["sync"]] * 2 if way == "sync" else [["rollback", "empfang"]]:
        code, out, err = bench(*command, "--yes")
        left = documents(bench)
        assert ("halben Preis" in left[old], len(left), heard(bench, "zwei")) == (True, 2, [old]), out + err
        (new,) = left.keys() - {old}
        assert ("Eins." in left[new], heard(bench)) == (True, [new]), out + err
        if way == "sync":
            assert (code, f"({new}" in out + err, f"{old} in the Knowledge Base" in out + err) == (3, False, True)
    bench("unhold", "empfang")
    assert bench("sync", "--yes", "--take-ours")[0] == 0
    assert (documents(bench).keys(), heard(bench), heard(bench, "zwei")) == ({new}, [new], [new])
    assert "Nothing to do" in bench("plan")[1]


def test_an_edit_between_plan_and_deletion_stops_it(
    bench: Bench, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from agentctl.sync import apply

    (old,) = documents(bench)
    shared.write_text("# Preise\n\nZwei.\n")
    removal = apply.Removal.retire

    async def late(self: apply.Removal, kind: object) -> None:
        edit_once()
        await removal(self, kind)  # type: ignore[arg-type]

    edits = [old]

    def edit_once() -> None:
        while edits:
            edit(bench, edits.pop())

    monkeypatch.setattr(apply.Removal, "retire", late)
    code, out, err = bench("sync", "--yes", "--gate")
    assert (code, "was edited at the platform meanwhile; it stays" in out + err) == (1, True), out + err
    assert "halben Preis" in documents(bench)[old]
    assert bench("sync", "--yes")[0] == 3


def test_a_pull_names_one_that_waits_for_its_end_and_takes_the_rest(bench: Bench) -> None:
    own = bench.toml.parent / "knowledge" / "own.md"
    own.parent.mkdir(exist_ok=True)
    own.write_text("# Preise\n\nEins.\n")
    assert bench("sync", "--yes")[0] == 0
    (old,) = [one for one, text in documents(bench).items() if "Eins." in text]
    bench.toml.write_text(
        f'{bench.toml.read_text()}\n[[knowledge]]\nname = "own"\nfile = "knowledge/own.md"\nas_file = true\n'
    )
    bench.sandbox.fault(method="PATCH", path="/v1/convai/agents/*", times=1, status=422, body={"detail": "no"})
    assert bench("sync", "--yes")[0] == 1
    edit(bench, old)
    code, out, err = bench("pull", "empfang", "--yes")
    assert (code, "left: knowledge_document empfang/own" in out + err) == (3, True), out + err
