"""The text of a document that was edited at the platform: into its file, or named."""

from __future__ import annotations

import pytest

from agentctl.resources import knowledge
from agentctl.sync.kind import Ref
from agentctl.wiring import Control
from tests.synced import After
from tests.telephony import Bench, bench

__all__ = ["bench"]
OURS = "# Zeiten\n\nMontags bis fünf.\n\nFreitags bis drei.\n"


def edited(bench: Bench, key: str, text: str | None, *, name: str = "") -> None:
    """By hand, in the dashboard, in another second than ours."""
    body = {"content": text, **({"name": name} if name else {})}

    async def edit(control: Control) -> None:
        bindings, ref = await control.bindings(), Ref(knowledge.KIND, key)
        remote_id = str(bindings.get(ref))
        await control.api.patch(knowledge.DOCUMENT, json=body, document_id=remote_id)
        await bindings.bind(ref, remote_id, touched=1, looked=True)

    bench.control(edit)


def texts(bench: Bench) -> dict[str, str]:
    """What is there, by the name that agentctl gives it, without the digest."""
    documents = bench.sandbox.state()["documents"].values()
    return {
        one["name"].removeprefix("agentctl/beispiel/production/").partition("@")[0]: one["text"] for one in documents
    }


@pytest.fixture
def project(bench: Bench, after: After) -> Bench:
    """An assistant with a document of its own and one that is shared."""

    def steps() -> None:
        for place, name in (
            (bench.toml.parent / "knowledge", "zeiten.md"),
            (bench.root / "shared/knowledge", "firma.md"),
        ):
            place.mkdir(parents=True, exist_ok=True)
            (place / name).write_text(OURS)
        assert bench("sync", "--yes")[0] == 0

    after(steps)
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


def test_a_shared_one_comes_into_its_file_with_any_who_has_it(project: Bench) -> None:
    project.declare("nacht")
    assert project("sync", "--yes")[0] == 0
    edited(project, "shared/firma", OURS.replace("fünf", "sechs"))
    out = project("sync", "--yes")[1]
    ours = "agentctl sync --take-ours --only empfang --only nacht"
    assert f"Take theirs into the files: agentctl pull empfang nacht; or overwrite it: {ours}" in out
    with project.writes() as writes:
        assert project.json("pull", "empfang", "--yes")["files"] == ["shared/knowledge/firma.md"]
    assert (writes, (project.root / "shared/knowledge/firma.md").read_text()) == ([], OURS.replace("fünf", "sechs"))
    assert project("sync", "--yes")[0] == 0
    assert project("plan", "--exit-code")[0] == 0
    edited(project, "shared/firma", "Von Hand.")
    assert project(*ours.split()[1:], "--yes")[0] == 0
    assert project("plan", "--exit-code")[0] == 0
    assert len(texts(project)) == 2, "nobody has one of their own now"


@pytest.mark.parametrize("name", ["Neuer Name", "agentctl/beispiel/production/empfang/zeiten (neu)"])
def test_of_one_that_was_renamed_as_well_no_edit_is_lost(project: Bench, name: str) -> None:
    theirs = "# Zeiten\nMontags bis sechs.\nFreitags bis drei."
    edited(project, "empfang/zeiten", theirs, name=name)
    code, out, _ = project("sync", "--yes")
    assert (code, "name (changed at the platform), content (changed at the platform)" in out) == (3, True)
    assert "Take its text into its file: agentctl pull empfang, and then put ours back with: agentctl sync" in out
    found = project.json("pull", "empfang", "--yes", code=3)
    assert ([one["path"] for one in found["taken"]], len(found["left"])) == (["content"], 1)
    assert "was moved or renamed" in found["left"][0]["what"]
    with project.writes() as writes:
        code, out, _ = project("sync", "--yes")
    assert (writes, "name (changed at the platform), content (waits with it)" in out) == ([], True)
    assert (code, "content (changed" in out) == (3, False)
    assert "\nPut ours back with: agentctl sync --take-ours --only empfang\n" in out
    assert project("sync", "--yes", "--take-ours", "--only", "empfang")[0] == 0
    assert project("plan", "--exit-code")[0] == 0
    assert texts(project)["empfang/zeiten"] == OURS.replace("fünf", "sechs")


@pytest.mark.parametrize("text", ["# Zeiten\nMontags bis sechs.\nFreitags bis drei.", OURS])
def test_one_whose_name_tells_another_digest_is_taken_like_any_other(project: Bench, text: str) -> None:
    edited(project, "empfang/zeiten", text, name=f"agentctl/beispiel/production/empfang/zeiten@{'0' * 12}")
    code, out, _ = project("sync", "--yes")
    assert (code, "Take theirs into the files: agentctl pull empfang; or" in out) == (3, True), out
    assert [one["path"] for one in project.json("pull", "empfang", "--yes")["taken"]] == ["content"]
    file = project.toml.parent / "knowledge/zeiten.md"
    assert file.read_text() == (OURS if text == OURS else OURS.replace("fünf", "sechs"))
    code, out, _ = project("sync", "--yes")
    assert (code, "was changed" in out, texts(project)["empfang/zeiten"]) == (0, False, file.read_text()), out
    assert project("plan", "--exit-code")[0] == 0
    assert not any("@000000000000" in one["name"] for one in project.sandbox.state()["documents"].values())


def test_one_that_was_renamed_alone_is_renamed_back_and_keeps_its_content(project: Bench) -> None:
    edited(project, "empfang/zeiten", None, name="Neuer Name")
    code, out, _ = project("sync", "--yes")
    assert (code, "content" in out) == (3, False)
    with project.writes() as writes:
        assert project("sync", "--yes", "--take-ours")[0] == 0
    assert [list(one["request_body"]) for one in writes] == [["name"]]
    assert project("plan", "--exit-code")[0] == 0


def test_what_no_file_can_take_is_named_with_both_places(project: Bench) -> None:
    entry = '[[knowledge]]\nfile = "knowledge/liste.txt"\nas_file = true\n'
    entry += '[[knowledge]]\nname = "Anfahrt"\ntext = "Mit dem Bus."\n'
    project.toml.write_text(f"{project.toml.read_text()}\n{entry}")
    (project.toml.parent / "knowledge/liste.txt").write_text(OURS)
    assert project("sync", "--yes")[0] == 0
    edited(project, "empfang/liste", "Eins.", name="liste-neu.txt")
    edited(project, "empfang/anfahrt", "Mit dem Rad.")
    found = {key: one for one in project.sandbox.state()["documents"].values() for key in [one["text"]]}
    for arguments in (("pull", "empfang", "--yes"), ("sync", "--yes")):
        code, out, _ = project(*arguments)
        assert (code, "pull KEY" in out, "agentctl pull" in out) == (3, False, False)
        for text, file in (
            ("Eins.", "assistants/empfang/knowledge/liste.txt"),
            ("Mit dem Rad.", "its entry in assistants/empfang/assistant.toml"),
        ):
            assert f"{found[text]['id']} in the Knowledge Base) into {file} yourself" in out
            assert repr(found[text]["name"]) in out
    (project.toml.parent / "knowledge/liste.txt").write_text("Eins.")
    assert project("sync", "--yes", "--take-ours", "--only", "empfang")[0] == 0
    assert (texts(project)["empfang/liste"], texts(project)["empfang/anfahrt"]) == ("Eins.", "Mit dem Bus.")
    assert project("plan", "--exit-code")[0] == 0


def test_where_nothing_is_known_of_its_text_a_rename_may_have_been_an_edit(project: Bench) -> None:
    async def forget(control: Control) -> None:
        bindings, ref = await control.bindings(), Ref(knowledge.KIND, "empfang/zeiten")
        await bindings.bind(ref, str(bindings.get(ref)), fingerprint="", looked=True)

    edited(project, "empfang/zeiten", "Von Hand.", name="Neuer Name")
    project.control(forget)
    for arguments in (("pull", "empfang", "--yes"), ("sync", "--yes")):
        code, out, _ = project(*arguments)
        assert (code, "agentctl pull" in out) == (3, False)
        assert "ook at it there ('Neuer Name', " in out
        assert "copy what was edited into assistants/empfang/knowledge/zeiten.md" in out
