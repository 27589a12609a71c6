"""What an agent would let go of or take on has to be as it was seen: what somebody edited of it waits for a word.

Each scene lets the sync run in every way that could take it live, more than once, before somebody decides.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from agentctl.sync.applied import Applied
from agentctl.verbs import sync as verbs
from agentctl.wiring import Control
from tests.synced import After
from tests.telephony import Bench
from tests.telephony import bench as bench

TEXT, FIX, EDITED = "# Preise\n\n{}.\n", "# Preise\n\nHeute alles zum halben Preis.", "halben Preis"
DOCUMENT = "knowledge_document empfang/preise"


def edit(bench: Bench, document: str, text: str = FIX) -> None:
    """As the dashboard does."""
    url = f"{bench.sandbox.url}/v1/convai/knowledge-base/{document}"
    headers = {"xi-api-key": bench.sandbox.key}
    httpx.patch(url, json={"content": text}, headers=headers, trust_env=False).raise_for_status()


def touched(bench: Bench, document: str) -> int:
    """When it was last written, in whole seconds."""
    return int(bench.sandbox.state()["documents"][document]["updated"])


def of(bench: Bench, name: str = "/preise@") -> dict[str, str]:
    """Id and text of each such document that is there."""
    rows = bench.sandbox.state()["documents"]
    return {i: str(one) for i, one in rows.items() if name in one["name"]}


def heard(bench: Bench, key: str = "empfang") -> list[str]:
    """The ids of the documents that callers hear of."""
    prompt: Any = bench.agent(key)["conversation_config"]["agent"]["prompt"]
    return [entry["id"] for entry in prompt["knowledge_base"]]


def held(bench: Bench, *how: str) -> str:
    """What a sync says that is to hold something back."""
    code, out, err = bench("sync", "--yes", *how)
    assert code == 3, out + err
    return out + err


def in_sync(bench: Bench) -> bool:
    """Whether nothing is left to do, and nothing left over."""
    found = bench.json("plan")
    return not (found["changes"] or found["failures"] or found["orphans"])


@pytest.fixture
def own(bench: Bench, after: After) -> Path:
    """A document of one assistant, synced."""
    path = bench.toml.parent / "knowledge" / "preise.md"

    def steps() -> None:
        path.parent.mkdir(exist_ok=True)
        path.write_text(TEXT.format("Eins"))
        assert bench("sync", "--yes")[0] == 0

    after(steps)
    return path


def cut_off(bench: Bench, own: Path) -> tuple[str, str]:
    """A replacement that the agent has not taken up: the ids of what it has still, and of what waits."""
    (old,) = of(bench)
    own.write_text(TEXT.format("Zwei"))
    bench.sandbox.fault(method="PATCH", path="/v1/convai/agents/*", times=1, status=422, body={"detail": "no"})
    assert bench("sync", "--yes", "--gate")[0] == 1
    (new,) = of(bench).keys() - {old}
    assert old in heard(bench)
    return old, new


@pytest.mark.parametrize("edited", ["former", "waiting"])
@pytest.mark.parametrize("way", ["--take-ours", "pull"])
def test_a_replacement_that_was_cut_off_waits_for_what_was_edited(
    bench: Bench, own: Path, edited: str, way: str
) -> None:
    old, new = cut_off(bench, own)
    edit(bench, old if edited == "former" else new)
    (bench.toml.parent / "prompt.md").write_text("Hilf besonders gern.\n")
    for how in ([], ["--gate"], ["--only", "empfang"], ["--prune"]):
        told = held(bench, *how)
        assert (old in heard(bench), of(bench).keys()) == (True, {old, new})
        assert f"waits for {DOCUMENT}, edited at the platform" in told
        assert f"held back: {DOCUMENT}" in told
        assert "agentctl pull empfang" in told
        assert "--take-ours --only empfang" in told
    assert bench.agent()["conversation_config"]["agent"]["prompt"]["prompt"] == "Hilf besonders gern.", "the rest goes"
    (standing,) = bench.json("status")
    assert standing["state"] == "conflict"
    if way == "pull":
        assert bench("pull", "empfang", "--yes")[0] == 0
        assert EDITED in own.read_text()
        assert "was found with what it holds" not in bench("plan")[1], "what it holds is in its file by now"
        assert bench("sync", "--yes")[0] == 0
    else:
        assert bench("sync", "--yes", way)[0] == 0
    ((only, text),) = of(bench).items()
    assert (only in heard(bench), EDITED in text) == (True, way == "pull")
    assert in_sync(bench)


def test_one_that_waited_and_was_edited_is_not_taken_up_once_its_text_is_declared_again(
    bench: Bench, own: Path
) -> None:
    _, new = cut_off(bench, own)
    edit(bench, new)
    for text in ("Eins", "Zwei"):
        own.write_text(TEXT.format(text))
        for how in ([], ["--gate"]):
            assert "or delete it as it is there" in held(bench, *how)
            (only,) = heard(bench)
            assert (only != new, text in of(bench)[only], EDITED in of(bench)[new]) == (True, True, True)
    assert bench("sync", "--yes", "--take-ours")[0] == 0
    assert (of(bench).keys(), in_sync(bench)) == ({only}, True)


def test_of_two_edits_of_one_document_a_pull_takes_what_callers_hear_and_names_the_other(
    bench: Bench, own: Path
) -> None:
    old, new = cut_off(bench, own)
    edit(bench, old)
    edit(bench, new, "# Preise\n\nUngehört.")
    for how in ([], ["--gate"]):
        told = held(bench, *how)
        assert "have it done: agentctl pull empfang" in told
        (line,) = [one for one in told.splitlines() if f"{new} in the Knowledge Base" in one]
        assert (line.startswith("Copy what is to stay of it ("), "pull" in line) == (True, False), line
    code, out, err = bench("pull", "empfang", "--yes")
    assert (code, EDITED in own.read_text(), f"{new} in the Knowledge Base" in out + err) == (3, True, True), out + err
    held(bench)
    assert (old in heard(bench), of(bench).keys()) == (True, {old, new})
    assert bench("sync", "--yes", "--take-ours")[0] == 0
    assert (heard(bench), of(bench).keys(), in_sync(bench)) == ([old], {old}, True)


@pytest.mark.parametrize("hand", ["deleted", "renamed"])
def test_what_was_edited_there_and_is_declared_no_longer_is_let_go_of_only_by_a_word(
    bench: Bench, own: Path, hand: str
) -> None:
    (old,) = of(bench)
    edit(bench, old)
    other = own.with_name("tarife.md")
    own.rename(other) if hand == "renamed" else own.unlink()
    for how in ([], ["--gate"], ["--only", "empfang"], ["--prune"]):
        told = held(bench, *how)
        assert (old in heard(bench), EDITED in of(bench)[old]) == (True, True)
        assert f"waits for {DOCUMENT}, edited at the platform" in told
    with bench.writes() as writes:
        held(bench)
    assert writes == []
    assert bench.json("status")[0]["state"] == "conflict"
    code, out, err = bench("pull", "empfang", "--yes")
    assert (code, f"left: {DOCUMENT}: was edited" in out + err) == (3, True), out + err
    assert "bring its file back, then: agentctl pull empfang" in out + err
    assert bench("sync", "--yes", "--take-ours")[0] == 0
    assert (old in heard(bench), old in of(bench)) == (False, True), "nothing is deleted without --prune"
    assert len(of(bench, "/tarife@")) == (hand == "renamed")
    assert bench("sync", "--yes")[0] == 0


def test_what_is_edited_between_the_plan_and_its_yes_is_not_taken_from_callers(bench: Bench, own: Path) -> None:
    (old,) = of(bench)
    own.unlink()

    async def late(control: Control) -> Applied:
        found = await verbs.plan(control)
        edit(bench, old)
        return await verbs.apply(control, found)

    (stopped,) = bench.control(late).failures
    assert (stopped.ref.kind, "was edited at the platform meanwhile" in str(stopped.error)) == ("agent", True)
    assert (old in heard(bench), EDITED in of(bench)[old]) == (True, True)
    assert f"waits for {DOCUMENT}" in held(bench)


def test_its_file_brought_back_takes_what_was_edited(bench: Bench, own: Path) -> None:
    (old,) = of(bench)
    written = touched(bench, old)
    while touched(bench, old) == written:  # In the second of our write it would show only once the file changes.
        edit(bench, old)
    own.unlink()
    held(bench)
    own.write_text(TEXT.format("Eins"))
    assert bench("pull", "empfang", "--yes")[0] == 0
    assert EDITED in own.read_text()
    assert bench("sync", "--yes")[0] == 0
    assert (old in heard(bench), in_sync(bench)) == (True, True)


def test_an_agent_waits_for_its_document_that_is_to_become_a_file(bench: Bench, own: Path) -> None:
    (old,) = of(bench)
    edit(bench, old)
    entry = '\n[[knowledge]]\nname = "preise"\nfile = "knowledge/preise.md"\nas_file = true\n'
    bench.toml.write_text(f"{bench.toml.read_text()}{entry}")
    with bench.writes() as writes:
        assert f"held back: {DOCUMENT}" in held(bench)
        assert "waits for" in held(bench)
    assert (writes, old in heard(bench)) == ([], True)
    assert bench("sync", "--yes", "--take-ours")[0] == 0
    assert (old in of(bench), set(of(bench)) <= set(heard(bench)), in_sync(bench)) == (False, True, True)


def test_nobody_new_takes_on_what_was_edited(bench: Bench) -> None:
    path = bench.root / "shared" / "knowledge" / "preise.md"
    path.parent.mkdir(parents=True)
    path.write_text(TEXT.format("Eins"))
    assert bench("sync", "--yes")[0] == 0
    (old,) = of(bench)
    edit(bench, old)
    bench.declare("zwei")
    assert "held back: agent zwei" in held(bench)
    assert len(bench.sandbox.state()["agents"]) == 1
    assert bench("sync", "--yes", "--take-ours")[0] == 0
    assert (old in heard(bench, "zwei"), EDITED in of(bench)[old], in_sync(bench)) == (True, False, True)


def test_an_index_is_made_again_while_its_documents_folder_is_held_back(bench: Bench, own: Path) -> None:
    bench.toml.write_text(f"{bench.toml.read_text()}\n[knowledge_base]\nfolder = true\n[rag]\nenabled = true\n")
    text = "Ein Haarschnitt kostet 30 Euro.\n" * 40
    own.write_text(text)
    assert bench("sync", "--yes")[0] == 0
    (only,) = of(bench)
    url = f"{bench.sandbox.url}/v1/convai/knowledge-base/{only}"
    headers = {"xi-api-key": bench.sandbox.key}
    moved = httpx.post(f"{url}/move", json={"move_to": None}, headers=headers, trust_env=False)
    moved.raise_for_status()
    own.write_text(f"{text}Sonntags nie.\n")
    told = held(bench)
    indexes = httpx.get(f"{url}/rag-index", headers=headers, trust_env=False).json()["indexes"]
    assert ("Sonntags nie." in of(bench)[only], [one["status"] for one in indexes]) == (True, ["succeeded"])
    assert ("folder" in told, "rag_index" in held(bench)) == (True, False)


@pytest.mark.parametrize("text", ["Eins", "Zwei"])
def test_the_mark_of_a_renamed_assistant_waits_with_what_was_edited(bench: Bench, own: Path, text: str) -> None:
    (old,) = of(bench)
    written = touched(bench, old)
    while touched(bench, old) == written:
        edit(bench, old)
    own.write_text(TEXT.format(text))
    code, out, err = bench("rename", "empfang", "pforte", "--yes")
    assert (code, "pforte/preise: does not say so yet" in out, "next sync" in out) == (3, True, False), out + err
    for _ in range(2):
        told = held(bench)
        assert "held back: knowledge_document pforte/preise" in told
        assert "name (waits with it)" in told
    assert bench("pull", "pforte", "--yes")[0] == 0
    assert EDITED in (bench.root / "assistants" / "pforte" / "knowledge" / "preise.md").read_text()
    assert bench("sync", "--yes")[0] == 0
    assert (in_sync(bench), list(of(bench, "pforte/preise@"))) == (True, [old])
