"""A checkout that did not pull since a rename: on the same store its sync makes no second agent."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import psycopg
import pytest

from agentctl.verbs.rekeying import rename as rename_verb
from tests.agentctl.verbs.rekeying.test_rename import in_sync, known
from tests.agentctl.verbs.renaming.test_renamed import names, other, routes
from tests.synced import After
from tests.telephony import Bench, bench

__all__ = ["bench", "known"]


@pytest.fixture
def older(known: Bench, after: After, unlisted: None) -> Path:
    """The assistants as another checkout has them, from before a rename and an edit of the name and prompt."""
    aside = known.root / "older"

    def steps() -> None:
        shutil.copytree(known.root / "assistants", aside)
        assert known("rename", "empfang", "bereit", "--yes")[0] == 0
        edit(known, "bereit")

    after(steps)
    return aside


@pytest.fixture(autouse=True)
def unlisted(monkeypatch: pytest.MonkeyPatch) -> None:
    """An earlier version did the renames: neither files nor store list them."""

    async def note(*_: object, **__: object) -> None: ...

    monkeypatch.setattr(rename_verb, "note", note)


def edit(known: Bench, key: str) -> None:
    """Nothing of it is what it was, and that is in use."""
    folder = known.root / "assistants" / key
    toml = folder / "assistant.toml"
    toml.write_text(toml.read_text().replace('"Empfang"', f'"{key.title()}"'))
    (folder / "prompt.md").write_text("Du bist in Bereitschaft.\n")
    (folder / "knowledge" / "preise.md").write_text("Nachts kostet es mehr.\n")
    assert known("sync", "--yes")[0] == 0


def check_out(known: Bench, folder: Path) -> None:
    shutil.rmtree(known.root / "assistants")
    shutil.copytree(folder, known.root / "assistants")


@pytest.mark.parametrize("options", [(), ("--prune", "--force"), ("--only", "empfang")])
def test_older_files_make_nothing_take_nothing_and_delete_nothing(
    known: Bench, older: Path, options: tuple[str, ...]
) -> None:
    newer = known.root / "newer"
    shutil.copytree(known.root / "assistants", newer)
    agents, ringing = names(known), routes(known)
    check_out(known, older)
    with known.writes() as writes:
        code, out, err = known("sync", "--yes", *options)
    assert (code, writes, names(known), routes(known)) == (3, [], agents, ringing), out + err
    assert "empfang was given the key bereit by agentctl rename on 20" in out
    assert "update the checkout (git pull, or the branch that has assistants/bereit)" in out
    assert "agentctl rename bereit" not in out + err, "that would take the key from everybody else"
    (standing,) = known.json("status")
    assert (standing["state"], "these files are older" in str(standing["what"])) == ("missing", True)
    check_out(known, newer)
    in_sync(known)


def test_its_likeness_is_no_reason_to_rename_it_back(known: Bench) -> None:
    shutil.copytree(known.root / "assistants", known.root / "older")
    assert known("rename", "empfang", "bereit", "--yes")[0] == 0
    check_out(known, known.root / "older")
    code, out, err = known("sync", "--yes")
    assert (code, "these files are older" in out, "agentctl rename bereit" in out + err) == (3, True, False), out + err
    code, out, err = known("pull", "--all", "--yes")
    assert (code, "these files are older" in out, "agentctl rename bereit" in out + err) == (3, True, False), out + err
    assert not (known.root / "assistants" / "bereit").exists()


def test_a_new_assistant_of_the_old_key_is_made_beside_it_or_by_take_ours(known: Bench, older: Path) -> None:
    other(known, "empfang")
    code, out, err = known("sync", "--yes")
    assert (code, "agent empfang: created" in err) == (0, True), out + err
    assert set(names(known).values()) == {"Bereit", "Empfang"}
    in_sync(known)


def test_the_other_way_out_makes_a_new_one_of_the_old_key(known: Bench, older: Path) -> None:
    check_out(known, older)
    _, out, _ = known("sync", "--yes")
    assert "agentctl sync --only empfang --take-ours" in out
    assert known("sync", "--only", "empfang", "--take-ours", "--yes")[0] == 0
    assert set(names(known).values()) == {"Bereit", "Empfang"}


def test_a_key_that_was_given_back_is_no_former_one_but_the_one_between(known: Bench, older: Path) -> None:
    between = known.root / "between"
    shutil.copytree(known.root / "assistants", between)
    assert known("rename", "bereit", "empfang", "--yes")[0] == 0
    assert known("sync", "--yes")[0] == 0
    (known.root / "assistants" / "empfang").rename(known.root / "assistants" / "dritte")
    _, out, _ = known("plan")
    assert ("agentctl rename empfang dritte" in out, "these files are older" in out) == (True, False)
    check_out(known, between)
    code, out, err = known("sync", "--yes")
    assert (code, "bereit was given the key empfang by" in out) == (3, True), out + err


def test_a_chain_of_renames_in_every_environment(known: Bench) -> None:
    project = known.root / "agentctl.toml"
    before = f"{project.read_text()}[environments.staging.assistants.empfang]\nphone.numbers = []\n"
    project.write_text(before)
    assert known("--env", "staging", "sync", "--yes")[0] == 0
    shutil.copytree(known.root / "assistants", known.root / "older")
    for old, new in (("empfang", "bereit"), ("bereit", "nacht")):
        assert known("rename", old, new, "--yes")[0] == 0
    edit(known, "nacht")
    check_out(known, known.root / "older")
    project.write_text(before)
    agents = names(known)
    for options in ((), ("--prune", "--force")):  # its agent carries the first key's mark still
        with known.writes() as writes:
            code, out, err = known("--env", "staging", "sync", "--yes", *options)
        assert (code, writes, names(known)) == (3, [], agents), out + err
        assert "empfang was given the key nacht by" in out


def test_another_environment_is_marked_anew_although_the_old_key_is_another_by_now(known: Bench) -> None:
    project = known.root / "agentctl.toml"
    there = "[environments.staging.assistants.empfang]\nphone.numbers = []\n"
    project.write_text(f"{project.read_text()}{there}")
    assert known("--env", "staging", "sync", "--yes")[0] == 0
    assert known("rename", "empfang", "bereit", "--yes")[0] == 0
    edit(known, "bereit")
    other(known, "empfang")
    before = names(known)
    code, out, err = known("--env", "staging", "sync", "--yes")
    assert (code, "carries its mark" in out + err) == (0, False), out + err
    tags = {tag for one in known.sandbox.state()["agents"].values() for tag in one["tags"] if "staging" in tag}
    assert tags == {"agentctl:beispiel/staging/bereit", "agentctl:beispiel/staging/empfang"}
    assert len(names(known)) == len(before) + 1
    assert known.json("--env", "staging", "plan")["changes"] == []


def test_older_files_give_no_third_key(known: Bench, older: Path) -> None:
    check_out(known, older)
    code, out, err = known("rename", "empfang", "tresen", "--yes")
    assert (code, "empfang was given the key bereit" in out + err) == (2, True), out + err
    assert "agentctl rename bereit tresen" in err
    assert (known.root / "assistants" / "empfang").is_dir()
    assert known("sync", "--yes")[0] == 3, "what was remembered is still"


def test_an_agent_that_carries_the_old_mark_still_is_not_taken(known: Bench) -> None:
    aside = known.root / "older"
    shutil.copytree(known.root / "assistants", aside)
    known.sandbox.fault(method="PATCH", path="*", times=50, status=400, body={"detail": "no"})
    assert known("rename", "empfang", "bereit", "--yes")[0] == 1
    known.sandbox.clear_faults()
    newer = known.root / "newer"
    shutil.copytree(known.root / "assistants", newer)
    check_out(known, aside)
    (known.root / "assistants" / "empfang" / "prompt.md").write_text("Alt, und hier geändert.")
    for _ in range(2):
        with known.writes() as writes:
            code, out, err = known("sync", "--yes")
        assert (code != 0, writes, "bereit" in out + err) == (True, [], True), out + err
    check_out(known, newer)
    assert known("sync", "--yes")[0] == 0
    in_sync(known)


@pytest.fixture
def taken_up(known: Bench, older: Path) -> Path:
    """The newer files have a new assistant of the old key; the older ones are checked out."""
    other(known, "empfang")
    newer = known.root / "newer"
    assert known("sync", "--yes")[0] == 0
    shutil.copytree(known.root / "assistants", newer)
    check_out(known, older)
    return newer


def test_older_files_overwrite_no_new_assistant_of_the_old_key_and_delete_nothing(known: Bench, taken_up: Path) -> None:
    agents, ringing, called = names(known), routes(known), known.agent()["conversation_config"]
    for options in ((), ("--prune", "--force"), ("--only", "empfang")):
        with known.writes() as writes:
            code, out, err = known("sync", "--yes", *options)
        assert (code, writes, names(known), routes(known)) == (3, [], agents, ringing), out + err
        assert "empfang was given the key bereit by agentctl rename on 20" in out
        assert "if that is meant, and bereit was deleted here: agentctl sync --prune --take-ours" in out
        assert "agentctl rename" not in (out + err).replace("by agentctl rename on", ""), "it would destroy one of them"
    (standing,) = known.json("status")
    assert (standing["state"], "another assistant has the key empfang" in str(standing["what"])) == (
        "changed here",
        True,
    )
    for command in (("empfang", "tresen"), ("empfang", "bereit"), ("bereit", "empfang")):
        code, out, err = known("rename", *command, "--yes")
        assert (code, "these files are older" in err, names(known)) == (2, True, agents), out + err
    check_out(known, taken_up)
    in_sync(known)
    assert known.agent()["conversation_config"] == called


@pytest.mark.parametrize("moved", ["tresen", "bereit", None])
def test_older_files_without_the_old_folder_delete_no_new_assistant_of_its_key(
    known: Bench, taken_up: Path, moved: str | None
) -> None:
    other(known, "dritte")
    before = {agent_id: name for agent_id, name in names(known).items() if name in ("Empfang", "Bereit")}
    folders = known.root / "assistants"
    if moved:
        (folders / "empfang").rename(folders / moved)
    else:
        shutil.rmtree(folders / "empfang")
    code, out, err = known("sync", "--yes", "--prune", "--force")
    assert (code, names(known).items() >= before.items()) == (3, True), out + err
    told = "empfang was given the key bereit by agentctl rename on 20"
    assert told in out
    assert "another assistant has the key empfang by now" in out
    assert "update the checkout" in out
    check_out(known, taken_up)
    assert known("sync", "--yes", "--prune", "--take-ours", "--force")[0] == 0
    assert names(known) == before


def test_newer_files_with_both_keys_are_not_troubled_and_know_a_folder_renamed_by_hand(
    known: Bench, taken_up: Path
) -> None:
    check_out(known, taken_up)
    (known.root / "assistants" / "bereit").rename(known.root / "assistants" / "dritte")
    code, out, err = known("sync", "--yes")
    assert (code, "agentctl rename bereit dritte" in out, "files are older" in out) == (3, True, False), out + err
    shutil.rmtree(known.root / "assistants" / "dritte")
    assert known("sync", "--yes", "--prune", "--take-ours", "--force")[0] == 0
    assert set(names(known).values()) == {"Empfang"}
    assert known.json("plan")["changes"] == []


def forget_rename(dsn: str) -> None:
    """The store is that of somebody who did not do the rename, and has seen nothing of a new assistant since."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("delete from agentctl.bindings where key = 'empfang' or key like 'empfang/%'")
        connection.execute("delete from agentctl.assistants where key = 'empfang'")
        connection.execute("update agentctl.assistants set key = 'empfang'")
        moved = "key = 'empfang' || substr(key, 7), remote_id = replace(remote_id, 'bereit', 'empfang'), "
        moved += "applied = replace(applied::text, '/bereit', '/empfang')::jsonb"
        connection.execute(f"update agentctl.bindings set {moved} where key ~ '^bereit($|/)'")
        connection.execute("delete from agentctl.undertakings where name like 'rename %'")


@pytest.mark.parametrize("looked", ["plan", "sync"])
def test_a_store_that_learns_the_rename_where_the_old_key_is_another_by_now(
    known: Bench, taken_up: Path, dsn: str, looked: str
) -> None:
    check_out(known, taken_up)
    agents, ringing = names(known), routes(known)
    forget_rename(dsn)
    with known.writes() as writes:
        code, out, err = known(looked, *(["--yes"] if looked == "sync" else []))
    assert (code, writes) == (1, []), out + err
    assert "agent empfang: agent_" in out
    assert "post_call empfang: updated" not in out + err
    assert set(re.findall(r"agentctl rename \w+ \w+", out)) == {"agentctl rename empfang bereit"}
    assert known("rename", "empfang", "bereit", "--yes")[0] == 0
    with known.writes() as writes:
        code, out, err = known("sync", "--yes")
    assert (code, writes, names(known), routes(known)) == (0, [], agents, ringing), out + err
    in_sync(known)


def test_a_store_older_than_the_files_learns_the_rename(known: Bench, older: Path) -> None:
    kinds = ["knowledge_document", "agent", "post_call"]  # as somebody else's store has it, who did the rename
    known.store("rename", project="beispiel", old="bereit", new="empfang", kinds=kinds)
    before = names(known)
    code, out, err = known("sync", "--yes")
    assert (code, names(known)) == (3, before), out + err
    assert "if empfang was renamed to bereit, by somebody with another store" in out
    assert "agentctl rename empfang bereit" in out
    assert known("rename", "empfang", "bereit", "--yes")[0] == 0
    in_sync(known)
    assert names(known) == before
