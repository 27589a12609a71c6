"""What people do to files and in the dashboard, and what the command line says to it: one message, the right exit code,
nothing half-done.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.faults.project import OWN, Bench, bench
from tests.faults.world import NUMBER

__all__ = ["bench"]
HOME = "assistants/empfang"


def knowledge(name: str, content: bytes) -> Callable[[Path], object]:
    return lambda root: (root / HOME / "knowledge" / name).write_bytes(content)


def text(name: str, content: str) -> Callable[[Path], object]:
    return lambda root: (root / HOME / name).write_text(content)


def huge(root: Path) -> None:
    with (root / HOME / "assistant.toml").open("ab") as stream:
        stream.truncate(50 * 1024 * 1024)


def large(root: Path) -> None:
    with (root / HOME / "knowledge/preise.pdf").open("wb") as stream:
        stream.truncate(25 * 1024 * 1024)


def folder(root: Path) -> None:
    (root / HOME / "knowledge/preise.md").mkdir()


def outside(root: Path) -> None:
    (root / HOME / "knowledge/preise.md").symlink_to("/etc/hostname")


FILES: dict[str, tuple[Callable[[Path], object], tuple[str, ...]]] = {
    "a TOML of 50 MB": (huge, ("assistants/empfang/assistant.toml", "MB")),
    "25 MB of knowledge": (large, ("knowledge/preise.pdf", "21 MB")),
    "a directory as knowledge": (folder, ("knowledge/preise.md",)),
    "a link out of the project": (outside, ("knowledge/preise.md", "outside")),
    "empty knowledge": (knowledge("preise.md", b""), ("knowledge/preise.md", "empty")),
    "knowledge in latin-1": (knowledge("preise.md", "Grüße".encode("latin-1")), ("knowledge/preise.md", "UTF-8")),
    "an endless template": (
        text("prompt.md", "[% for a in range(10**9) %][% for b in range(10**9) %][% endfor %][% endfor %]"),
        ("prompt.md",),
    ),
    "a template that reads a file": (text("prompt.md", "[% include '/etc/passwd' %]"), ("prompt.md", "/etc/passwd")),
    "a template that climbs out": (
        text("prompt.md", "[[ ''.__class__.__mro__[1].__subclasses__() ]]"),
        ("prompt.md", "__class__"),
    ),
}


def test_no_wrong_file_gets_anything_written(bench: Bench) -> None:
    wrongs = []
    good = {path: path.read_bytes() for path in (bench.root / HOME).rglob("*") if path.is_file()}
    for name, (spoil, said) in FILES.items():
        spoil(bench.root)
        code, told = bench("sync", "--yes")
        if code != 2 or any(part not in told for part in said) or "Traceback" in told or "root:" in told:
            wrongs.append(f"{name}: {code}\n{told}")
        spoilt = bench.root / HOME / "knowledge/preise.md"
        spoilt.rmdir() if spoilt.is_dir() and not spoilt.is_symlink() else spoilt.unlink(missing_ok=True)
        (bench.root / HOME / "knowledge/preise.pdf").unlink(missing_ok=True)
        for path, content in good.items():
            path.write_bytes(content)
    assert not wrongs, "\n".join(wrongs)
    assert {entry["method"] for entry in bench.platform.world.journal.entries()} <= {"GET"}
    assert bench("sync", "--yes")[0] == 0


def test_a_renamed_and_a_deleted_file(bench: Bench) -> None:
    bench.begin("look")
    home = bench.root / HOME / "knowledge"
    (home / "zeiten.md").rename(home / "oeffnung.md")
    assert bench("sync", "--yes")[0] == 0
    assert f"{OWN}empfang/zeiten" in names(bench), "without --prune nothing is deleted"
    code, told = bench("sync", "--yes", "--prune")
    assert (code, "- knowledge_document empfang/zeiten" in told) == (0, True)
    assert f"{OWN}empfang/oeffnung" in names(bench)
    (home / "oeffnung.md").unlink()
    assert bench("sync", "--yes", "--prune")[0] == 0
    assert names(bench) == [f"{OWN}nacht", f"{OWN}nacht/zeiten"]
    assert bench("plan", "--exit-code")[0] == 0


def gone_agent(state: Any) -> None:
    (agent_id,) = [i for i, row in state.agents.items() if row["name"] == "Nacht"]
    del state.agents[agent_id]


def archived_agent(state: Any) -> None:
    """It is there, and takes no calls."""
    (row,) = [row for row in state.agents.values() if row["name"] == "Nacht"]
    row["platform_settings"]["archived"] = True


def gone_document(state: Any) -> None:
    (document_id,) = [i for i, row in state.documents.items() if row["name"].startswith(f"{OWN}nacht/zeiten")]
    del state.documents[document_id]


def forced_document(state: Any) -> None:
    """As the dashboard deletes one that is in use: out of the agents as well."""
    (document_id,) = [i for i, row in state.documents.items() if row["name"].startswith(f"{OWN}nacht/zeiten")]
    del state.documents[document_id]
    for row in state.agents.values():
        prompt = row["conversation_config"]["agent"]["prompt"]
        prompt["knowledge_base"] = [one for one in prompt["knowledge_base"] if one["id"] != document_id]


def forced_folder(state: Any) -> None:
    """With all that lies in it."""
    forced_document(state)
    (folder_id,) = [i for i, row in state.documents.items() if row["name"] == f"{OWN}nacht"]
    del state.documents[folder_id]


def moved_number(state: Any) -> None:
    (other,) = [i for i, row in state.agents.items() if row["name"] == "Empfang"]
    state.numbers["phnum_1"]["agent_id"] = other


@pytest.mark.parametrize(
    ("hand", "said"),
    [
        (gone_agent, "agent nacht"),
        (archived_agent, "agent nacht: platform_settings.archived (changed at the platform)"),
        (gone_document, "knowledge_document nacht/zeiten"),
        (forced_document, "knowledge_document nacht/zeiten"),
        (moved_number, f"phone_number {NUMBER}"),
    ],
)
def test_what_was_done_by_hand_is_named_and_held_back_until_ours_counts(
    bench: Bench, hand: Callable[[Any], None], said: str
) -> None:
    bench.begin("look")
    assert bench("sync", "--yes")[0] == 0
    hand(bench.platform.world.state)
    (bench.root / HOME / "prompt.md").write_text("Hilf besonders gern.")
    code, told = bench("sync", "--yes")
    assert code == 3
    assert f"held back: {said}" in told
    assert "--take-ours" in told
    assert "both sides" not in told, "nothing was changed in its file"
    assert ("agentctl pull" in told) == (hand in (moved_number, archived_agent)), "a deletion is nothing to pull"
    prompts = [row["conversation_config"]["agent"]["prompt"]["prompt"] for row in state(bench).agents.values()]
    assert "Hilf besonders gern." in prompts, "everything else is done"
    code, told = bench("sync", "--yes", "--take-ours")
    assert code == 0, told
    assert bench.doubled() == []
    assert not any(row["platform_settings"]["archived"] for row in state(bench).agents.values())
    (rings,) = [
        row["name"] for i, row in state(bench).agents.items() if i == state(bench).numbers["phnum_1"]["agent_id"]
    ]
    assert rings == "Nacht"
    assert bench("plan", "--exit-code")[0] == 0


def edited_agent(state: Any) -> None:
    (row,) = [row for row in state.agents.values() if row["name"] == "Nacht"]
    row["conversation_config"]["agent"]["prompt"]["prompt"] = "Von Hand."


def renamed_document(state: Any) -> None:
    (row,) = [row for row in state.documents.values() if row["name"].startswith(f"{OWN}nacht/zeiten")]
    row["name"] = "Meins"


@pytest.mark.parametrize(
    ("hand", "said", "left"),
    [
        (edited_agent, "agent nacht is to be deleted: conversation_config.agent.prompt.prompt", 6),
        (renamed_document, "knowledge_document nacht/zeiten is to be deleted: name", 3),
    ],
)
def test_what_was_edited_by_hand_is_not_pruned_without_a_word(
    bench: Bench, hand: Callable[[Any], None], said: str, left: int
) -> None:
    prune = bench.begin("delete")
    hand(bench.platform.world.state)
    assert "so it is deleted only with --take-ours" in bench("plan", "--prune")[1]
    code, told = bench(*prune)
    assert (code, f"held back: {said} (changed at the platform)" in told) == (3, True), told
    assert f"{left} held back." in told
    assert "or delete it as it is there: agentctl sync --take-ours --prune" in told
    assert "agentctl pull" not in told, "there is no file to take it into"
    code, told = bench(*prune, "--quiet")
    assert (code, f"held back: {said} (changed at the platform)" in told) == (3, True), told
    assert bench(*prune, "--take-ours")[0] == 0
    assert bench.doubled() == []
    assert bench("plan", "--prune", "--exit-code")[0] == 0


@pytest.mark.parametrize("hand", [None, gone_agent, forced_document, forced_folder])
def test_what_is_gone_before_it_is_pruned_is_forgotten_and_nothing_else_is_said(
    bench: Bench, hand: Callable[[Any], None] | None
) -> None:
    """None: by us, and we never heard of it."""
    prune = bench.begin("delete")
    if hand is None:
        bench.platform.world.faults.add(
            {"method": "DELETE", "path": "/v1/convai/agents/*", "drop": "after", "times": 9}
        )
        assert bench(*prune)[0] == 1
        bench.platform.world.faults.clear()
    else:
        hand(bench.platform.world.state)
    assert "is no longer declared, and no longer there; --prune forgets it" in bench("plan")[1]
    code, told = bench(*prune)
    assert (code, "is no longer declared, and no longer there: forgotten" in told) == (0, True), told
    assert "at the platform" not in told
    assert "agent nacht: deleted" not in told or hand in (forced_document, forced_folder)
    assert bench.doubled() == []
    assert "no longer" not in bench("plan", "--prune")[1]


def test_an_edit_of_what_a_lost_answer_has_left_is_held_back(bench: Bench) -> None:
    command = bench.begin("create")
    bench.platform.world.faults.add({"method": "POST", "path": "/v1/convai/agents/create", "drop": "after"})
    assert bench(*command)[0] == 1

    def prompt() -> Any:
        (lost,) = [row for row in state(bench).agents.values() if row["name"] == "Empfang"]
        return lost["conversation_config"]["agent"]["prompt"]

    prompt()["prompt"] = "Von Hand."
    for _ in range(2):
        code, told = bench("sync", "--yes", "--quiet")
        assert (code, prompt()["prompt"]) == (3, "Von Hand.")
        assert "held back: agent empfang: conversation_config.agent.prompt.prompt (changed at the platform)" in told
    assert bench("sync", "--yes", "--take-ours")[0] == 0
    assert prompt()["prompt"] == "Hilf."
    assert bench.doubled() == []
    assert bench("plan", "--exit-code")[0] == 0


def state(bench: Bench) -> Any:
    return bench.platform.world.state


def names(bench: Bench) -> list[str]:
    """The documents and folders, without the digests of their content."""
    return sorted({row["name"].rpartition("@")[0] or row["name"] for row in state(bench).documents.values()})
