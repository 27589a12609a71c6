"""A folder that was renamed by hand, its name with it: known again by what else was last applied."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from agentctl.clients.store.postgres import PostgresStore
from agentctl.sync.kind import Ref
from agentctl.wiring import Control
from tests.agentctl.cli.test_history import at_platform
from tests.agentctl.verbs.rekeying.test_rename import by_hand, ids, in_sync, known
from tests.telephony import Bench, bench

__all__ = ["bench", "known"]

VOICE = 'first_message = "Guten Tag, hier antwortet eine KI."\n[voice]\nid = "21m00Tcm4TlvDq8ikWAM"\n'


def renamed(known: Bench, *edited: str) -> None:
    """Folder and name are others now, and what is named besides."""
    by_hand(known)
    folder = known.root / "assistants" / "zentrale"
    toml = folder / "assistant.toml"
    toml.write_text(toml.read_text().replace('name = "Empfang"', 'name = "Zentrale"'))
    for file in edited:
        with (folder / file).open("a") as text:
            text.write("\nSiehe auch unten.\n")


@pytest.mark.parametrize(
    ("extra", "edited", "had"),
    [
        ("", (), "prompt and knowledge document"),
        (VOICE, ("prompt.md", "knowledge/preise.md"), "first message"),
        ("", ("prompt.md",), "knowledge document"),
    ],
)
def test_whoever_is_called_otherwise_too_is_known_again(
    known: Bench, extra: str, edited: tuple[str, ...], had: str
) -> None:
    number = known.toml.read_text().partition("[phone]")
    known.toml.write_text("".join((number[0], extra, *number[1:])))
    assert known("sync", "--yes")[0] == 0
    before = ids(known)
    renamed(known, *edited)
    with known.writes() as writes:
        code, out, err = known("sync", "--yes", "--prune", "--force")
    assert (code, writes) == (3, []), out + err
    assert (
        f"the agent and numbers of empfang, which had its phone number and {had}: agentctl rename empfang zentrale"
        in out + err
    )
    # The mark of a document goes with its text, which is for the next sync to write.
    assert known("rename", "empfang", "zentrale", "--yes")[0] == (3 if "knowledge/preise.md" in edited else 0)
    assert known("sync", "--yes")[0] == 0
    assert ids(known)[0] == before[0]
    assert known.agent("zentrale")["agent_id"] in before[0]
    in_sync(known)


def test_the_other_remedy_makes_a_second_agent_and_overwrites_nothing_else(known: Bench) -> None:
    known.declare("zweite", 'first_message = "Hallo."\n')
    assert known("sync", "--yes")[0] == 0
    renamed(known, "prompt.md")
    url, key = f"{known.sandbox.url}/v1/convai/agents/{known.agent('zweite')['agent_id']}", known.sandbox.key
    body = {"conversation_config": {"agent": {"first_message": "Von Hand."}}}
    httpx.patch(url, json=body, headers={"xi-api-key": key}).raise_for_status()
    _, out, _ = known("sync", "--yes")
    command = out.partition("for a second agent: agentctl ")[2].splitlines()[0]
    assert command == "sync --only zentrale --take-ours"
    assert known(*command.split(), "--yes")[0] == 0
    assert {one["name"] for one in known.sandbox.state()["agents"].values()} == {"Empfang", "Zentrale", "Zweite"}
    assert known.agent("zweite")["conversation_config"]["agent"]["first_message"] == "Von Hand."


def test_what_one_that_stays_has_too_proves_nothing(known: Bench) -> None:
    known.declare("zweite", VOICE)
    for folder in ("zweite", "empfang"):
        (known.root / "assistants" / folder / "knowledge").mkdir(exist_ok=True)
        (known.root / "assistants" / folder / "knowledge" / "agb.md").write_text("Unsere Bedingungen.\n")
    assert known("sync", "--yes")[0] == 0
    (known.root / "assistants" / "empfang").rename(known.root / "before")
    known.declare("dritte", VOICE)
    (known.root / "assistants" / "dritte" / "knowledge").mkdir()
    (known.root / "assistants" / "dritte" / "knowledge" / "agb.md").write_text("Unsere Bedingungen.\n")
    code, out, err = known("sync", "--yes")
    assert (code, "agent dritte: created" in err) == (0, True), out + err


def test_by_its_documents_where_nothing_is_remembered(known: Bench) -> None:
    before = ids(known)

    async def forget(control: Control) -> None:
        bindings = await control.bindings()
        for ref in (Ref("agent", "empfang"), Ref("knowledge_document", "empfang/preise")):
            await bindings.unbind(ref)

    known.control(forget)
    renamed(known)
    code, out, err = known("sync", "--yes")
    assert (code, ids(known)[0]) == (3, before[0]), out + err
    assert "empfang, which had its knowledge document" in out + err
    assert follow(known, out) == 3
    assert ids(known)[0] == before[0]
    in_sync(known)


def test_one_that_the_store_does_not_know_is_taken_up_first(known: Bench) -> None:
    before = ids(known)

    async def forget(control: Control) -> None:
        bindings = await control.bindings()
        for kind in ("agent", "knowledge_document"):
            for key in bindings.of(kind):
                await bindings.unbind(Ref(kind, key))

    known.control(forget)
    by_hand(known)
    code, out, err = known("sync", "--yes")
    assert (code, ids(known)) == (3, before), out + err
    follow(known, out)
    assert ids(known) == before
    in_sync(known)


def test_one_whose_making_was_cut_off_is_taken_up_first(known: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    known.declare("neu")
    real = PostgresStore.call

    async def killed(self: PostgresStore, function: str, args: Mapping[str, Any], **more: Any) -> Any:
        if function == "bind" and args["key"] == "neu" and args["kind"] == "agent":
            raise SystemExit(9)
        return await real(self, function, args, **more)

    with monkeypatch.context() as patched:
        patched.setattr(PostgresStore, "call", killed)
        assert known("sync", "--yes")[0] != 0
    before = ids(known)
    assert len(before[0]) == 2
    by_hand(known, "neu", "neuer")
    code, out, err = known("sync", "--yes")
    assert (code, ids(known)) == (3, before), out + err
    follow(known, out)
    assert ids(known) == before
    in_sync(known)


def other(known: Bench, key: str) -> None:
    known.declare(key, f'first_message = "Hier ist {key}."\n')
    folder = known.root / "assistants" / key
    (folder / "prompt.md").write_text(f"Du bist {key}.\n")
    (folder / "knowledge").mkdir(exist_ok=True)
    (folder / "knowledge" / "preise.md").write_text(f"Bei {key}.\n")


def follow(known: Bench, out: str) -> int:
    """Do what is said to keep the agent, to the letter; how many steps that were."""
    said = re.split(
        "; for a second agent|; for agents of|; to edit them", out.partition("eep the agent and numbers of ")[2]
    )[0]
    steps = re.findall(
        r"mv assistants/([\w-]+) assistants/([\w-]+)|agentctl ((?:rename [\w-]+ [\w-]+|sync(?: --prune)?)\b)", said
    )
    for old, new, command in steps:
        if old:
            by_hand(known, old, new)
        else:
            code, printed, err = known(*command.split(), "--yes")
            assert code == 0, f"{command}: {printed}{err}"
    return len(steps)


def names(known: Bench) -> dict[str, str]:
    return {agent_id: one["name"] for agent_id, one in known.sandbox.state()["agents"].items()}


@pytest.mark.parametrize("options", [("--prune", "--force"), ("--only", "c"), ("--only", "zweite")])
def test_folders_that_were_shifted_keep_their_agents(known: Bench, options: tuple[str, ...]) -> None:
    other(known, "zweite")
    assert known("sync", "--yes")[0] == 0
    before, called = ids(known), names(known)
    by_hand(known, "zweite", "c")
    by_hand(known, "empfang", "zweite")
    with known.writes() as writes:
        code, out, err = known("sync", "--yes", *options)
    assert (code, writes) == (3, []), out + err
    in_order = "agentctl rename zweite c, then agentctl rename empfang zweite"
    assert in_order in out
    code, _, err = known("rename", "empfang", "zweite", "--yes")
    assert (code, f"First {in_order}" in err, ids(known)) == (1, True, before), err
    assert follow(known, out) == 2
    assert (ids(known), names(known)) == (before, called)
    in_sync(known)


@pytest.mark.parametrize("options", [(), ("--only", "empfang")])
def test_folders_that_changed_places_keep_their_agents(known: Bench, options: tuple[str, ...]) -> None:
    other(known, "zweite")
    assert known("sync", "--yes")[0] == 0
    before, called = ids(known), names(known)
    for old, new in (("empfang", "c"), ("zweite", "empfang"), ("c", "zweite")):
        by_hand(known, old, new)
    with known.writes() as writes:
        code, out, err = known("sync", "--yes", *options)
    assert (code, writes) == (3, []), out + err
    assert follow(known, out) == 6
    assert (ids(known), names(known)) == (before, called)
    assert "agentctl:beispiel/production/zweite" in known.agent("empfang")["tags"]
    in_sync(known)


def test_a_pull_takes_into_no_folder_what_was_changed_of_the_agent_that_it_was_not_made_for(known: Bench) -> None:
    other(known, "zweite")
    assert known("sync", "--yes")[0] == 0
    for old, new in (("empfang", "c"), ("zweite", "empfang"), ("c", "zweite")):
        by_hand(known, old, new)
    at_platform(known, language="en")
    files = {path: path.read_text() for path in known.root.rglob("assistant.toml")}
    for keys in (["empfang"], ["empfang", "zweite"]):
        code, out, err = known("pull", *keys, "--yes")
        assert (code, "agentctl rename empfang" in out + err) == (3, True), out + err
    assert {path: path.read_text() for path in known.root.rglob("assistant.toml")} == files


def test_two_that_were_edited_alike_changed_no_places(known: Bench) -> None:
    other(known, "zweite")
    assert known("sync", "--yes")[0] == 0
    first, second = (known.root / "assistants" / key / "prompt.md" for key in ("empfang", "zweite"))
    text = first.read_text()
    first.write_text(second.read_text())
    second.write_text(text)
    code, out, err = known("sync", "--yes")
    assert code == 0, out + err


def test_one_whose_place_a_fresh_folder_has_taken_keeps_its_agent(known: Bench) -> None:
    (number,) = known.sandbox.state()["numbers"].values()
    before = ids(known)
    by_hand(known, "empfang", "c")
    other(known, "empfang")
    toml = known.root / "assistants" / "empfang" / "assistant.toml"
    toml.write_text(toml.read_text().replace('"Empfang"', '"Neuer"'))
    code, out, err = known("sync", "--yes")
    assert (code, ids(known)[0], set(names(known).values())) == (3, before[0], {"Empfang"}), out + err
    assert "empfang, which had its prompt and knowledge document and name, is declared otherwise now" in out
    assert follow(known, out) == 1
    assert known("sync", "--yes")[0] == 0
    assert names(known)[number["agent_id"]] == "Empfang"
    assert set(names(known).values()) == {"Empfang", "Neuer"}
    in_sync(known)


def test_a_hold_moves_along_with_a_shifted_folder(known: Bench) -> None:
    other(known, "zweite")
    assert known("sync", "--yes")[0] == 0
    (known.root / "assistants" / "zweite" / "prompt.md").write_text("Du bist neu.\n")
    assert known("sync", "--yes")[0] == 0
    assert known("rollback", "zweite", "--to", "1", "--yes")[0] == 0
    by_hand(known, "zweite", "c")
    by_hand(known, "empfang", "zweite")
    code, out, _ = known("sync", "--yes")
    assert (code, follow(known, out)) == (3, 2)
    assert {one["assistant"]: one["state"] for one in known.json("status")}["c"] == "held"


@pytest.mark.parametrize("edited", ["", "prompt.md", "assistant.toml"])
def test_a_copy_of_one_that_stays_is_no_renaming(known: Bench, edited: str) -> None:
    folder = known.root / "assistants" / "empfang"
    shutil.copytree(folder, folder.with_name("c"))
    copied = folder.with_name("c") / "assistant.toml"
    copied.write_text('name = "C"\n')
    if edited == "prompt.md":
        (folder / edited).write_text("Du bist jetzt anders.\n")
    elif edited:
        (folder / edited).write_text((folder / edited).read_text().replace('"Empfang"', '"Anders"'))
        copied.write_text('name = "Empfang"\n')
    code, out, err = known("sync", "--yes")
    assert (code, "agent c: created" in err) == (0, True), out + err
    in_sync(known)


def test_a_pull_of_all_leaves_the_agent_of_a_renamed_folder(known: Bench) -> None:
    before = ids(known)
    renamed(known)
    code, out, err = known("pull", "--all", "--yes")
    assert (code, (known.root / "assistants" / "empfang").exists()) == (3, False), out + err
    assert "agentctl rename empfang zentrale" in out
    assert known("rename", "empfang", "zentrale", "--yes")[0] == 0
    assert known("pull", "--all", "--yes")[0] == 0
    assert ids(known)[0] == before[0]


def test_but_one_that_is_asked_for_comes_back(known: Bench) -> None:
    renamed(known)
    code, out, err = known("pull", "empfang", "--yes")
    assert (code, known.toml.exists()) == (3, True), "its number is the other one's: " + out + err


def forgotten(known: Bench) -> None:
    """A runner that has never seen the project: nothing is bound."""

    async def forget(control: Control) -> None:
        bindings = await control.bindings()
        for kind in ("agent", "knowledge_document", "phone_number", "post_call"):
            for key in bindings.of(kind):
                await bindings.unbind(Ref(kind, key))

    known.control(forget)


def routes(known: Bench) -> dict[str, str]:
    return {one["phone_number"]: one["agent_id"] for one in known.sandbox.state()["numbers"].values()}


@pytest.mark.parametrize("remembers", [True, False])
@pytest.mark.parametrize("scene", ["shift", "place", "old name"])
def test_whatever_was_moved_by_hand_nothing_is_made_or_overwritten(known: Bench, scene: str, remembers: bool) -> None:
    """With a number at the one that moves."""
    other(known, "zweite")
    assert known("sync", "--yes")[0] == 0
    before, called, ringing = ids(known), names(known), routes(known)
    if not remembers:
        forgotten(known)
    if scene == "shift":
        by_hand(known, "empfang", "dritte")
        by_hand(known, "zweite", "empfang")
    elif scene == "place":
        shutil.rmtree(known.root / "assistants" / "zweite")
        by_hand(known, "empfang", "zweite")
    else:
        by_hand(known, "empfang", "empfang-alt")
        toml = known.root / "assistants" / "empfang-alt" / "assistant.toml"
        toml.write_text(toml.read_text().replace('"Empfang"', '"Empfang (alt)"'))
        other(known, "neu")
        toml = known.root / "assistants" / "neu" / "assistant.toml"
        toml.write_text(toml.read_text().replace('"Neu"', '"Empfang"'))
    with known.writes() as writes:
        code, out, err = known("sync", "--yes", "--prune", "--force")
    assert (code, writes) == (3, []), out + err
    if scene == "old name":
        first, _, second = out.partition("agentctl rename empfang empfang-alt")
        assert "agentctl rename" not in first, "the likelier one comes first"
        assert "or, less likely, by its name: agentctl rename empfang neu" in second
    follow(known, re.sub("; or, less likely[^;\n]*", "", out))
    code, out, err = known("sync", "--yes")
    assert code == 0, out + err
    kept = {agent_id: name for agent_id, name in names(known).items() if agent_id in before[0]}
    moved = next(iter(ringing.values()))
    assert (kept[moved], routes(known)) == ("Empfang (alt)" if scene == "old name" else "Empfang", ringing)
    assert scene == "place" or kept.keys() == called.keys()
    assert known("sync", "--yes", "--prune")[0] == 0
    in_sync(known)


def test_what_made_room_is_departed_and_goes_by_a_prune_alone(known: Bench) -> None:
    other(known, "zweite")
    assert known("sync", "--yes")[0] == 0
    before = ids(known)[0]
    shutil.rmtree(known.root / "assistants" / "zweite")
    by_hand(known, "empfang", "zweite")
    code, _, err = known("rename", "empfang", "zweite", "--yes")
    assert (code, "what zweite was is zweite-before then" in err) == (0, True), err
    assert known("sync", "--yes")[0] == 0
    assert ids(known)[0] == before
    assert "zweite-before" in {one["key"] for one in known.json("plan")["orphans"]}
    tags = {tag for one in known.sandbox.state()["agents"].values() for tag in one["tags"] if "/" in tag}
    assert tags == {f"agentctl:beispiel/production/{key}" for key in ("zweite", "zweite-before")}
    assert known("sync", "--yes", "--prune")[0] == 0
    assert set(names(known).values()) == {"Empfang"}
    in_sync(known)


def test_one_that_never_was_cannot_be_renamed(known: Bench) -> None:
    other(known, "zweite")
    assert known("sync", "--yes")[0] == 0
    with known.writes() as writes:
        code, out, err = known("rename", "empfamg", "zweite", "--yes")
    assert (code, writes) == (2, []), out + err
    assert "Did you mean empfang?" in err


def obey(known: Bench, told: str) -> list[str]:
    """Do what is said, word for word, as a shell does it; the steps."""
    steps = re.sub(r" \([^)]*\)", "", re.split("; ", told.partition(", so first ")[2])[0]).split(", then ")
    for step in steps:
        if step.startswith("mv "):
            subprocess.run(shlex.split(step), cwd=known.root, check=True)
        else:
            code, out, err = known(*step.removeprefix("agentctl ").split(), "--yes")
            assert code == 0, f"{step}: {out}{err}"
    return steps


def test_a_new_folder_under_the_old_key_is_put_aside_and_comes_back(
    known: Bench, other_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = known.root / "agentctl.toml"
    project.write_text(f"{project.read_text()}[environments.staging.overrides]\nphone.numbers = []\n")
    assert known("--env", "staging", "sync", "--yes")[0] == 0
    assert known("rename", "empfang", "c", "--yes")[0] == 0
    other(known, "empfang")
    monkeypatch.setenv("DATABASE_URL", other_dsn)
    agents, folders = known.sandbox.state()["agents"], texts(known)
    listed = (known.root / "renames.toml").read_text()
    (told,) = [one for one in known("--env", "staging", "plan")[1].splitlines() if "so first " in one]
    steps = obey(known, told)
    assert steps[:2] == ["mv assistants/empfang assistants/aside", "mv assistants/c assistants/empfang"]
    assert steps[-1] == "mv assistants/aside assistants/empfang"
    assert (texts(known), known.sandbox.state()["agents"].keys()) == (folders, agents.keys())
    assert (known.root / "renames.toml").read_text() == listed
    assert known("--env", "staging", "sync", "--yes")[0] == 0
    made = {tag: one for one in known.sandbox.state()["agents"].values() for tag in one["tags"] if "/staging/" in tag}
    prompts = {
        tag.rpartition("/")[2]: one["conversation_config"]["agent"]["prompt"]["prompt"] for tag, one in made.items()
    }
    assert prompts == {key: text.strip() for (key, file), text in folders.items() if file == "prompt.md"}
    assert known.json("--env", "staging", "plan")["changes"] == []


def texts(known: Bench) -> dict[tuple[str, str], str]:
    """Every file of an assistant, by its key and its name."""
    folder = known.root / "assistants"
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {(path.relative_to(folder).parts[0], path.name): path.read_text() for path in files}
