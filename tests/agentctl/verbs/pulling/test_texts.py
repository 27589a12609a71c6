"""The text of a document that was edited at the platform: into its file, or named."""

from __future__ import annotations

import pytest

from agentctl.resources import knowledge
from agentctl.sync.kind import Ref
from agentctl.wiring import Control
from tests.telephony import Bench, bench

__all__ = ["bench"]
OURS = "# Zeiten\n\nMontags bis fünf.\n\nFreitags bis drei.\n"


def edited(bench: Bench, key: str, text: str) -> None:
    """By hand, in the dashboard, in another second than ours."""

    async def edit(control: Control) -> None:
        bindings, ref = await control.bindings(), Ref(knowledge.KIND, key)
        remote_id = str(bindings.get(ref))
        await control.api.patch(knowledge.DOCUMENT, json={"content": text}, document_id=remote_id)
        await bindings.bind(ref, remote_id, touched=1, looked=True)

    bench.control(edit)


@pytest.fixture
def project(bench: Bench) -> Bench:
    """An assistant with a document of its own and one that is shared."""
    for place, name in ((bench.toml.parent / "knowledge", "zeiten.md"), (bench.root / "shared/knowledge", "firma.md")):
        place.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(OURS)
    assert bench("sync", "--yes")[0] == 0
    return bench


@pytest.mark.parametrize("here", [OURS, OURS.replace("drei", "vier")])
def test_it_comes_into_the_file_and_the_next_sync_has_nothing_to_hold_back(project: Bench, here: str) -> None:
    file = project.toml.parent / "knowledge/zeiten.md"
    file.write_text(here)
    edited(project, "empfang/zeiten", "# Zeiten\nMontags bis sechs.\nFreitags bis drei.")
    code, out, _ = project("sync", "--yes")
    assert (code, "held back: knowledge_document empfang/zeiten: content" in out) == (3, True)
    with project.writes() as writes:
        assert [one["path"] for one in project.json("pull", "empfang", "--yes")["taken"]] == ["content"]
    assert (writes, file.read_text()) == ([], OURS.replace("fünf", "sechs"))
    code, out, _ = project("sync", "--yes")
    assert (code, "was changed" in out) == (0, False)
    assert project("plan", "--exit-code")[0] == 0


def test_what_reads_as_its_file_does_is_no_drift_any_more(project: Bench) -> None:
    edited(project, "empfang/zeiten", "\n\n" + OURS.replace("fünf", "sechs"))
    file = project.toml.parent / "knowledge/zeiten.md"
    file.write_text(OURS.replace("fünf", "sechs"))  # copied by hand
    assert project("sync", "--yes")[0] == 3
    assert project.json("pull", "empfang", "--yes")["files"] == []
    assert project("sync", "--yes")[0] == 0


def test_a_shared_one_is_left_with_what_to_do(project: Bench) -> None:
    edited(project, "shared/firma", "Von Hand.")
    code, out, _ = project("pull", "empfang", "--yes")
    assert (code, "copy it by hand" in out, (project.root / "shared/knowledge/firma.md").read_text()) == (3, True, OURS)
    assert project("sync", "--yes", "--take-ours")[0] == 0
    assert project("plan", "--exit-code")[0] == 0
