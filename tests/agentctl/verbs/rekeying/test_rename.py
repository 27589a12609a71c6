"""agentctl rename: the key changes, and everything else stays what it is."""

from __future__ import annotations

import shutil
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from agentctl.calls import backfill
from agentctl.errors import StoreError
from agentctl.sync.kind import Ref
from agentctl.verbs.unattended.triggered import Syncs
from agentctl.wiring import Control
from tests.deadly import in_a_process
from tests.synced import After
from tests.telephony import NUMBER, WRITES, Bench, bench

__all__ = ["bench"]


@pytest.fixture
def known(bench: Bench, after: After) -> Bench:
    """An assistant with a document of its own, a shared one, a number, two revisions."""

    def steps() -> None:
        (bench.toml.parent / "knowledge").mkdir()
        (bench.toml.parent / "knowledge" / "preise.md").write_text("Ein Brot: 4 Euro.\n")
        (bench.root / "shared" / "knowledge").mkdir(parents=True)
        (bench.root / "shared" / "knowledge" / "firma.md").write_text("Seit 1900.\n")
        assert bench("sync", "--yes")[0] == 0
        assert bench("import-number", NUMBER, "--assistant", "empfang", "--yes")[0] == 0
        assert bench("sync", "--yes")[0] == 0

    after(steps)
    return bench


def ids(bench: Bench) -> tuple[set[str], ...]:
    state = bench.sandbox.state()
    return set(state["agents"]), set(state["documents"]), set(state["numbers"])


async def poll(control: Control, agents: list[str]) -> None:
    await backfill.poll(control.api, await control.store(), agents, datetime.now(UTC) - timedelta(hours=1))


def in_sync(bench: Bench) -> None:
    plan = bench.json("plan")
    assert (plan["changes"], plan["orphans"], plan["failures"]) == ([], [], [])
    with bench.writes() as writes:
        assert bench("sync", "--yes")[0] == 0
    assert writes == []


def test_ids_number_revisions_and_calls_stay(known: Bench) -> None:
    before, held = ids(known), known.call()
    known.control(lambda control: poll(control, list(before[0])))
    assert known("work", "--once")[0] == 0
    revisions = known.json("history", "empfang")[0]["revisions"]
    code, out, err = known("rename", "empfang", "pforte")
    assert (code, "--yes" in err, known.toml.exists()) == (2, True, True)
    with known.writes() as writes:
        code, out, err = known("rename", "empfang", "pforte", "--yes")
    assert (code, "empfang is pforte now." in out) == (0, True)
    assert [entry["method"] for entry in writes] == ["PATCH", "PATCH"], "the document's name and the agent's tag"
    assert (ids(known), known.toml.exists()) == (before, False)
    in_sync(known)
    (agent,) = known.sandbox.state()["agents"].values()
    assert [tag for tag in agent["tags"] if "/" in tag] == ["agentctl:beispiel/production/pforte"]
    assert {
        one["name"].partition("@")[0].rpartition("production/")[2]
        for one in known.sandbox.state()["documents"].values()
    } == {
        "pforte/preise",
        "shared/firma",
    }
    assert known.json("history", "pforte")[0]["revisions"][-len(revisions) :] == revisions
    assert known.call()["reached"] == held["reached"]
    assert [call["assistant"] for call in known.json("calls", "list")] == ["pforte"]


def test_a_rollback_after_it_is_of_the_renamed_one(known: Bench) -> None:
    preise = known.toml.parent / "knowledge" / "preise.md"
    before = ids(known)
    preise.write_text("Ein Brot: 5 Euro.\n")
    assert known("sync", "--yes")[0] == 0
    assert known("rename", "empfang", "pforte", "--yes")[0] == 0
    newest = known.json("history", "pforte")[0]["revisions"][0]["revision"]
    assert known("rollback", "pforte", "--to", str(newest - 1), "--yes")[0] == 0
    assert ids(known) == before
    (text,) = [one["text"] for one in known.sandbox.state()["documents"].values() if "preise" in one["name"]]
    assert text == "Ein Brot: 4 Euro.\n"
    assert known("rename", "pforte", "empfang", "--yes")[0] == 0
    assert known.json("status")[0]["state"] == "held", "the hold moves along"
    assert ids(known) == before


def test_a_folder_that_was_renamed_by_hand_is_told_of_and_healed(known: Bench) -> None:
    before = ids(known)
    known.toml.parent.rename(known.toml.parent.with_name("pforte"))
    notices = known.json("plan")["notices"]
    assert any("agentctl rename empfang pforte" in notice for notice in notices), notices
    assert known("rename", "empfang", "pforte", "--yes")[0] == 0
    assert ids(known) == before
    in_sync(known)


@pytest.mark.parametrize("broken", ["store", "folder", "killed", "tag"])
def test_a_crash_anywhere_is_healed_by_the_same_command(
    known: Bench, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = ids(known)
    from agentctl.clients.store.postgres import PostgresStore

    real = PostgresStore.call
    with monkeypatch.context() as patched:
        if broken == "store":

            async def refused(self: PostgresStore, function: str, *args: object, **more: object) -> object:
                if function == "rename":
                    raise StoreError("cut off")
                return await real(self, function, *args, **more)  # type: ignore[arg-type]

            patched.setattr(PostgresStore, "call", refused)
        elif broken == "killed":

            async def killed(self: PostgresStore, function: str, *args: object, **more: object) -> object:
                if function == "rename":
                    raise SystemExit(9)
                return await real(self, function, *args, **more)  # type: ignore[arg-type]

            patched.setattr(PostgresStore, "call", killed)
        elif broken == "folder":

            def full(self: Path, target: Path) -> Path:
                raise OSError(28, "No space left on device")

            patched.setattr(Path, "rename", full)
        else:
            known.sandbox.fault(method="PATCH", path="/v1/convai/agents/*", status=400, times=1)
        assert known("rename", "empfang", "pforte", "--yes")[0] != 0
    if broken == "tag":
        plan = known.json("plan")
        assert (plan["orphans"], [one["action"] for one in plan["changes"]]) == ([], ["update"])
        assert known("sync", "--yes")[0] == 0
    else:
        # Whoever syncs meanwhile makes nothing twice and deletes nothing.
        assert known("sync", "--yes", "--prune")[0] == (3 if broken == "killed" else 0)
        assert ids(known) == before
        assert known("rename", "empfang", "pforte", "--yes")[0] == 0
    assert ids(known) == before
    in_sync(known)


def test_what_cannot_be_renamed_is_refused_and_nothing_is_done(known: Bench) -> None:
    known.declare("zweite")
    assert known("sync", "--yes")[0] == 0
    cases = {
        ("empfang", "zweite"): "assistants/zweite is there already",
        ("empfang", "A B"): "cannot be a key",
        ("empfang", "shared"): "cannot be a key",
        ("empfang", "empfang"): "has that key already",
        ("empfng", "neu"): "Did you mean empfang?",
    }
    for (old, new), what in cases.items():
        code, _, err = known("rename", old, new, "--yes")
        assert (code, what in err) == (2, True), err
    shutil.rmtree(known.root / "assistants" / "zweite")
    code, _, err = known("rename", "empfang", "zweite", "--yes")
    assert (code, "zweite is bound to agent_" in err) == (1, True)
    assert known.toml.exists()


@pytest.mark.parametrize("by_hand_before", [False, True])
def test_a_key_of_another_workspace_renames_nothing(known: Bench, by_hand_before: bool) -> None:
    if by_hand_before:
        by_hand(known, "empfang", "pforte")
    known.sandbox.reset()  # what a key of another workspace of that host sees
    for _ in range(2):
        code, _, err = known("rename", "empfang", "pforte", "--yes")
        assert (code, "the key opens another workspace" in err) == (1, True), err
        assert known.toml.exists() != by_hand_before
    assert [one["assistant"] for one in known.json("history") if one["revisions"]] == ["empfang"]


def test_one_that_was_never_synced_is_a_folder_alone(bench: Bench) -> None:
    bench.declare("neu")
    with bench.writes() as writes:
        assert bench("rename", "neu", "neuer", "--yes")[0] == 0
    assert writes == []
    assert (bench.root / "assistants" / "neuer" / "prompt.md").exists()


def test_whoever_names_it_names_the_new_key(known: Bench) -> None:
    transfer = "[[built_in_tools.transfer_to_agent.transfers]]\n"
    transfer += "assistant   = 'empfang' # the front desk\ncondition = \"Asks for the empfang.\"\n"
    known.declare("zweite", transfer)
    file = known.root / "agentctl.toml"
    file.write_text(
        f"{file.read_text()}\n[environments.probe]\n[environments.probe.assistants.empfang] # its own\nname = 'P'\n"
    )
    assert known("sync", "--yes")[0] == 0
    before = ids(known)
    code, _, err = known("rename", "empfang", "pforte", "--yes")
    assert (code, "assistants/zweite/assistant.toml names it, and is rewritten" in err) == (0, True), err
    other = known.root / "assistants" / "zweite" / "assistant.toml"
    assert transfer.replace("'empfang'", "'pforte'") in other.read_text()
    assert "[environments.probe.assistants.pforte] # its own" in file.read_text()
    assert ids(known) == before
    in_sync(known)
    known.root.joinpath("assistants/pforte").rename(known.root / "assistants/tor")
    assert known("plan")[0] == 2
    assert known("rename", "pforte", "tor", "--yes")[0] == 0, "renamed by hand, which leaves those names behind"
    assert ids(known) == before
    in_sync(known)


def test_a_form_that_has_to_be_edited_by_hand_is_named_before_anything_is_done(known: Bench) -> None:
    file = known.root / "agentctl.toml"
    file.write_text(f"{file.read_text()}\n[environments.probe.assistants]\nempfang.name = 'P'\n")
    before = file.read_text()
    code, _, err = known("rename", "empfang", "pforte", "--yes")
    assert (code, "names empfang in environments.probe.assistants.empfang" in err) == (2, True), err
    assert (known.toml.exists(), file.read_text()) == (True, before)
    in_sync(known)


@pytest.mark.parametrize("folder", ["true", '"empfang"'])
def test_folders_indexes_and_tests_are_the_same_ones_afterwards(known: Bench, folder: str) -> None:
    (known.toml.parent / "tests").mkdir()
    (known.toml.parent / "tests" / "hallo.toml").write_text("user = 'Hallo?'\nsuccess_condition = 'Sagt Hallo.'\n")
    text = known.toml.read_text()
    known.toml.write_text(f"{text}\n[knowledge_base]\nfolder = {folder}\n[rag]\nenabled = true\n")
    assert known("sync", "--yes")[0] == 0
    before, tests = ids(known), set(known.sandbox.state()["tests"])
    assert len(tests) == 1
    with known.writes() as writes:
        assert known("rename", "empfang", "pforte", "--yes")[0] == 0
    assert {entry["method"] for entry in writes} == {"PATCH", "PUT"}
    assert ids(known) == before
    assert set(known.sandbox.state()["tests"]) == tests
    names = [one["name"] for one in known.sandbox.state()["documents"].values() if one["type"] == "folder"]
    assert names == [f"agentctl/beispiel/production/{'pforte' if folder == 'true' else 'empfang'}"]
    in_sync(known)


def by_hand(known: Bench, old: str = "empfang", new: str = "zentrale") -> None:
    (known.root / "assistants" / old).rename(known.root / "assistants" / new)


@pytest.mark.parametrize("options", [(), ("-q",), ("--prune", "--force"), ("--only", "zentrale")])
def test_a_sync_that_nobody_watches_makes_no_second_agent_of_a_renamed_folder(
    known: Bench, options: tuple[str, ...]
) -> None:
    before = ids(known)
    by_hand(known)
    with known.writes() as writes:
        code, out, err = known("sync", "--yes", *options)
    assert (code, writes) == (3, []), out + err
    assert "agentctl rename empfang zentrale" in out + err
    assert "agentctl sync --only zentrale --take-ours" in out + err
    assert known("rename", "empfang", "zentrale", "--yes")[0] == 0
    assert ids(known) == before
    in_sync(known)


def test_a_number_that_nobody_answers_after_a_prune_is_told_of(known: Bench) -> None:
    shutil.rmtree(known.toml.parent)
    notices = known.json("plan", "--prune")["notices"]
    assert any(NUMBER in one and "nobody answers it then" in one for one in notices), notices


def test_of_several_folders_that_were_renamed_by_hand_no_agent_is_deleted(known: Bench) -> None:
    for key in ("eins", "zwei"):
        (known.root / "assistants" / key).mkdir()
        (known.root / "assistants" / key / "assistant.toml").write_text('name = "Zwilling"\n')
        (known.root / "assistants" / key / "prompt.md").write_text("Du bist eine KI.\n")
    assert known("sync", "--yes")[0] == 0
    before = ids(known)
    by_hand(known, "eins", "drei")
    by_hand(known, "zwei", "vier")
    code, out, err = known("sync", "--yes", "--prune", "--force")
    assert (code, ids(known)) == (3, before), out + err
    assert all(f"agentctl rename {old} drei" in out + err for old in ("eins", "zwei"))


@pytest.mark.parametrize("options", [(), ("--prune", "--force")])
def test_nor_where_nothing_is_remembered_of_it(known: Bench, options: tuple[str, ...]) -> None:
    before = ids(known)

    async def forget(control: Control) -> None:
        await (await control.bindings()).unbind(Ref("agent", "empfang"))

    known.control(forget)
    by_hand(known)
    code, out, err = known("sync", "--yes", *options)
    assert (code, ids(known)[0]) == (3, before[0]), out + err
    assert "agentctl rename empfang zentrale" in out + err


def test_no_assistant_takes_over_the_agent_of_another(known: Bench) -> None:
    (agent_id,) = known.sandbox.state()["agents"]
    tags = [f"agentctl:beispiel/production/{key}" for key in ("empfang", "neu")]
    url, key = f"{known.sandbox.url}/v1/convai/agents/{agent_id}", {"xi-api-key": known.sandbox.key}
    httpx.patch(url, json={"tags": ["managed-by:agentctl", *tags]}, headers=key).raise_for_status()
    (known.root / "assistants" / "neu").mkdir()
    (known.root / "assistants" / "neu" / "assistant.toml").write_text('name = "Neu"\n')
    (known.root / "assistants" / "neu" / "prompt.md").write_text("Du bist eine KI.\n")
    code, out, err = known("sync", "--yes")
    assert code == 1
    assert f"{agent_id} carries its mark and is bound to empfang" in out + err
    assert known.sandbox.state()["agents"][agent_id]["name"] != "Neu"
    httpx.patch(url, json={"tags": ["managed-by:agentctl", tags[0]]}, headers=key).raise_for_status()
    assert known("sync", "--yes")[0] == 0
    assert len(known.sandbox.state()["agents"]) == 2


def test_one_that_is_done_is_no_unknown_key(known: Bench) -> None:
    """Whoever's terminal was killed cannot know how far it came."""
    before = ids(known)
    # The agent's tag is the last write; nobody hears its answer.
    again = ("rename", "empfang", "pforte", "--yes")
    assert in_a_process(["-C", str(known.root), *again], 2, "applied", WRITES) == signal.SIGKILL
    for _ in range(2):
        with known.writes() as writes:
            code, out, err = known(*again)
        assert (code, out, writes) == (0, "empfang is pforte now.\n", []), err
        assert "empfang was given the key pforte before" in err
    assert known("rename", "pforte", "tor", "--yes")[0] == 0
    for old, new in (("empfang", "pforte"), ("empfang", "tor"), ("nix", "tor")):
        code, _, err = known("rename", old, new, "--yes")
        assert (code, f"no assistant '{old}'" in err, "There are: tor." in err) == (2, True, True), err
    assert ids(known) == before
    in_sync(known)


def test_one_without_an_agent_is_given_its_key_by_the_same_command(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    from agentctl.clients.store.postgres import PostgresStore

    real = PostgresStore.call

    async def killed(self: PostgresStore, function: str, *args: object, **more: object) -> object:
        if function == "rename":
            raise SystemExit(9)
        return await real(self, function, *args, **more)  # type: ignore[arg-type]

    bench.declare("neu")
    with monkeypatch.context() as patched:
        patched.setattr(PostgresStore, "call", killed)
        assert bench("rename", "neu", "alt", "--yes")[0] == 9
    code, out, err = bench("rename", "neu", "alt", "--yes")
    assert (code, out) == (0, "neu is alt now.\n"), err
    assert (bench.root / "assistants" / "alt").exists()


def test_cron_is_told_once_what_to_do_below_all_that_it_is_about(known: Bench) -> None:
    by_hand(known)
    code, out, err = known("sync", "--yes", "--quiet")
    assert (code, out) == (3, "")
    lines = err.splitlines()
    (way,) = [at for at, line in enumerate(lines) if "agentctl rename empfang zentrale" in line]
    assert lines[way].startswith("  Keep the agent and numbers of empfang")
    doubted = [at for at, line in enumerate(lines) if line.endswith("is probably not meant")]
    assert (doubted, len(doubted)) == (list(range(way)), 3), err


def test_nor_does_one_that_a_request_asks_for(known: Bench) -> None:
    before = ids(known)
    by_hand(known)

    async def asked(control: Control) -> None:
        syncs = Syncs(control)
        assert syncs.start()
        assert syncs._running is not None
        await syncs._running

    with known.writes() as writes:
        known.control(asked)
    assert (writes, ids(known)) == ([], before)


def test_whoever_says_so_gets_a_second_agent(known: Bench) -> None:
    (before,) = ids(known)[0]
    by_hand(known)
    assert known("sync", "--yes", "--take-ours")[0] == 0
    assert len(ids(known)[0]) == 2
    (number,) = known.sandbox.state()["numbers"].values()
    assert number["agent_id"] not in (None, before)


def test_what_else_there_is_to_do_goes_on_beside_a_renamed_folder(known: Bench) -> None:
    known.declare("zweite")
    by_hand(known)
    code, out, _ = known("sync", "--yes")
    assert (code, "agent zweite" in out) == (3, True)
    assert {one["name"] for one in known.sandbox.state()["agents"].values()} == {"Empfang", "Zweite"}


def test_the_remedy_after_a_second_agent_was_made_keeps_the_first(known: Bench) -> None:
    before = ids(known)
    (kept,) = before[0]
    by_hand(known)
    assert known("sync", "--yes", "--take-ours")[0] == 0
    code, _, err = known("rename", "empfang", "zentrale", "--yes")
    assert (code, f"To keep {kept}: rename the folder back" in err) == (1, True), err
    for step in (
        "mv assistants/zentrale assistants/empfang",
        "agentctl sync --prune",
        "agentctl rename empfang zentrale",
    ):
        assert step in err
    by_hand(known, "zentrale", "empfang")
    assert known("sync", "--prune", "--yes")[0] == 0
    assert known("rename", "empfang", "zentrale", "--yes")[0] == 0
    assert ids(known)[0] == {kept}
    assert {one["agent_id"] for one in known.sandbox.state()["numbers"].values()} == {kept}
    in_sync(known)


def test_where_another_file_cannot_be_rewritten_what_is_done_is_told_and_what_finishes_it(
    known: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    known.declare(
        "zweite",
        "[[built_in_tools.transfer_to_agent.transfers]]\nassistant = 'empfang'\ncondition = 'Asks for it.'\n",
    )
    assert known("sync", "--yes")[0] == 0
    before = ids(known)

    def refused(path: Path, content: bytes) -> Path:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as broken:
        broken.setattr("agentctl.sources.pulled.file_beside", refused)
        code, _, err = known("rename", "empfang", "pforte", "--yes")
    assert code == 1
    assert "assistants/zweite/assistant.toml: cannot be written: Permission denied" in err
    assert "assistants/pforte is the folder and pforte the key of what was empfang" in err
    assert "the same command finishes it: agentctl rename empfang pforte" in err
    assert "Nothing of it" not in err
    assert (known.root / "assistants" / "pforte").is_dir()
    assert known("rename", "empfang", "pforte", "--yes")[0] == 0
    assert ids(known) == before
    in_sync(known)


def test_doctor_and_status_name_the_rename_of_a_folder_that_was_renamed_by_hand(known: Bench) -> None:
    known.toml.parent.rename(known.toml.parent.with_name("pforte"))
    for command in ("doctor", "status"):
        said = known(command)[1]
        assert "agentctl rename empfang pforte" in said, (command, said)
    assert "keep its agent and numbers" in known("doctor")[1]


def test_an_agent_is_marked_at_once_and_only_what_tells_its_content_waits_for_that(known: Bench) -> None:
    (known.toml.parent / "prompt.md").write_text("Du bist an der Pforte.\n")
    (known.toml.parent / "knowledge" / "preise.md").write_text("Ein Brot: 5 Euro.\n")
    with known.writes() as writes:
        code, out, err = known("rename", "empfang", "pforte", "--yes")
    assert (code, [list(one["request_body"]) for one in writes]) == (3, [["tags"]]), out + err
    assert "knowledge_document pforte/preise: does not say so yet: more of it differs, and the next sync" in out
    assert "agent pforte: does not say so yet" not in out
    (change,) = [one for one in known.json("plan")["changes"] if one["kind"] == "agent"]
    assert [one["path"] for one in change["edits"]] == ["conversation_config.agent.prompt.prompt"]
    assert known("sync", "--yes")[0] == 0
    in_sync(known)
