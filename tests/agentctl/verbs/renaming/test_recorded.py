"""renames.toml: what files and store have each seen of renames decides which of them is older, whatever has moved."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from agentctl.sources.renames import FILENAME
from tests.agentctl.verbs.pulling.test_texts import edited as edited_there
from tests.agentctl.verbs.rekeying.test_rename import in_sync
from tests.agentctl.verbs.renaming.test_renamed import names, routes
from tests.faults.test_edited_list import api
from tests.synced import After
from tests.telephony import NUMBER, Bench, bench

__all__ = ["bench"]


@pytest.fixture
def two(bench: Bench, after: After) -> Bench:
    """Assistants a and b, each with a prompt of its own; a has the number."""

    def steps() -> None:
        shutil.rmtree(bench.toml.parent)
        for key, prompt in (("a", "Vereinbare Termine."), ("b", "Nimm Bestellungen auf.")):
            made(bench, key, prompt)
        assert bench("sync", "--yes", "--prune", "--force")[0] == 0
        assert bench("import-number", NUMBER, "--assistant", "a", "--yes")[0] == 0
        assert bench("sync", "--yes")[0] == 0

    after(steps)
    return bench


def made(bench: Bench, key: str, prompt: str) -> None:
    bench.declare(key)
    folder = bench.root / "assistants" / key
    (folder / "prompt.md").write_text(f"{prompt}\n")
    (folder / "knowledge").mkdir()
    (folder / "knowledge" / "preise.md").write_text(f"{prompt} Ein Brot: 4 Euro.\n")


def edited(bench: Bench, *keys: str) -> None:
    """Nothing of them is what it was."""
    for key in keys:
        folder = bench.root / "assistants" / key
        toml = folder / "assistant.toml"
        lines = toml.read_text().splitlines()
        toml.write_text("\n".join([f'name = "Jetzt {key}"', *lines[1:]]) + "\n")
        (folder / "prompt.md").write_text(f"Du bist jetzt {key}.\n")
        (folder / "knowledge" / "preise.md").write_text(f"Bei {key} kostet es mehr.\n")


def commit(bench: Bench, name: str) -> None:
    """The files as Git has them: folders and list."""
    aside = bench.root / name
    shutil.copytree(bench.root / "assistants", aside / "assistants")
    if (bench.root / FILENAME).exists():
        shutil.copy(bench.root / FILENAME, aside)


def check_out(bench: Bench, name: str) -> None:
    shutil.rmtree(bench.root / "assistants")
    (bench.root / FILENAME).unlink(missing_ok=True)
    shutil.copytree(bench.root / name, bench.root, dirs_exist_ok=True)


def rename(bench: Bench, *steps: str) -> None:
    for step in steps:
        code, out, err = bench("rename", *step.split(), "--yes")
        assert code == 0, out + err


def fresh(bench: Bench) -> None:
    made(bench, "a", "Hier ist ein ganz neues A.")
    assert bench("sync", "--yes")[0] == 0


def shift(bench: Bench) -> None:
    rename(bench, "b c", "a b")


def swap(bench: Bench) -> None:
    rename(bench, "a x", "b a", "x b")


def into_a_place_that_was_left(bench: Bench) -> None:
    shutil.rmtree(bench.root / "assistants" / "b")
    assert bench("sync", "--yes", "--prune")[0] == 0
    rename(bench, "a b")


def given_twice(bench: Bench) -> None:
    rename(bench, "a z")
    fresh(bench)
    rename(bench, "a y")


def taken_up(bench: Bench) -> None:
    rename(bench, "a z")
    fresh(bench)


WAYS = [shift, swap, into_a_place_that_was_left, given_twice, taken_up]


def test_the_store_is_told_nothing_by_older_files_either(two: Bench) -> None:
    commit(two, "older")
    shift(two)
    assert two("sync", "--yes")[0] == 0
    scope = {"project": "beispiel", "environment": "production"}
    kept = two.store("retention", **scope)
    check_out(two, "older")
    settings = two.root / "agentctl.toml"
    settings.write_text(settings.read_text() + "\n[retention]\ntranscripts = 1\n")
    edited(two, "a")
    assert two("sync", "--yes")[0] == 3
    assert two.store("retention", **scope) == kept


@pytest.mark.parametrize("is_edited", [False, True])
@pytest.mark.parametrize("way", WAYS)
def test_older_files_write_nothing_whatever_was_renamed(
    two: Bench, way: Callable[[Bench], None], is_edited: bool
) -> None:
    commit(two, "older")
    way(two)
    if is_edited:
        edited(two, *(folder.name for folder in (two.root / "assistants").iterdir()))
    assert two("sync", "--yes")[0] == 0
    commit(two, "newer")
    before, ringing = two.sandbox.state()["agents"], routes(two)
    check_out(two, "older")
    for options in ((), ("--prune", "--force"), ("--take-ours",), ("--prune", "--take-ours", "--force")):
        with two.writes() as writes:
            code, out, err = two("sync", "--yes", *options)
        assert (code, writes, two.sandbox.state()["agents"], routes(two)) == (3, [], before, ringing), out + err
        assert f"{FILENAME} does not have agentctl rename" in out
        assert "update the checkout (git pull)" in out
        assert "--take-ours" not in out + err
    check_out(two, "newer")
    in_sync(two)


@pytest.mark.parametrize("way", WAYS)
def test_another_store_learns_what_was_renamed_in_its_order(
    two: Bench, way: Callable[[Bench], None], other_dsn: str, monkeypatch: pytest.MonkeyPatch, dsn: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", other_dsn)
    code, out, err = two("sync", "--yes", "--stateless")
    assert code == 0, out + err
    monkeypatch.setenv("DATABASE_URL", dsn)
    way(two)
    assert two("sync", "--yes")[0] == 0
    before, ringing = names(two), routes(two)
    monkeypatch.setenv("DATABASE_URL", other_dsn)
    with two.writes() as writes:
        code, out, err = two("sync", "--yes", "--prune")
    assert (code, writes) == (1, []), out + err
    steps = (out + err).partition("Let this one know it: ")[2].splitlines()[0].split(", then ")
    for step in steps:
        assert two(*step.removeprefix("agentctl ").split(), "--yes")[0] == 0
    with two.writes() as writes:
        code, out, err = two("sync", "--yes", "--prune")
    assert (code, writes, names(two), routes(two)) == (0, [], before, ringing), out + err
    in_sync(two)


def test_what_lags_behind_with_its_marks_is_learnt_all_the_same(
    two: Bench, other_dsn: str, monkeypatch: pytest.MonkeyPatch, dsn: str
) -> None:
    """After the first of two steps the mark of b is one's that is c here: no assistant of somebody else's."""
    project = two.root / "agentctl.toml"
    project.write_text(f"{project.read_text()}[environments.staging.overrides]\nphone.numbers = []\n")
    assert two("--env", "staging", "sync", "--yes")[0] == 0
    monkeypatch.setenv("DATABASE_URL", other_dsn)
    assert two("--env", "staging", "sync", "--yes", "--stateless")[0] == 0
    monkeypatch.setenv("DATABASE_URL", dsn)
    shift(two)
    before = set(names(two))
    monkeypatch.setenv("DATABASE_URL", other_dsn)
    rename(two, "b c", "a b")
    for _ in range(2):
        code, out, err = two("--env", "staging", "sync", "--yes")
        assert (code, set(names(two))) == (0, before), out + err
    agents = two.sandbox.state()["agents"].values()
    prompts = {
        tag.rpartition("/")[2]: one["conversation_config"]["agent"]["prompt"]["prompt"]
        for one in agents
        for tag in one["tags"]
        if "/staging/" in tag
    }
    assert (prompts["b"], prompts["c"]) == ("Vereinbare Termine.", "Nimm Bestellungen auf.")


def test_what_is_run_again_is_listed_once(two: Bench) -> None:
    rename(two, "a z", "b y")
    listed = (two.root / FILENAME).read_text()
    rename(two, "a z")  # as after a run that was killed
    assert (two.root / FILENAME).read_text() == listed
    in_sync(two)


def test_what_was_edited_there_is_not_taken_into_older_files_nor_promoted_from_them(two: Bench) -> None:
    project = two.root / "agentctl.toml"
    project.write_text(f"{project.read_text()}[environments.staging.overrides]\nphone.numbers = []\n")
    assert two("--env", "staging", "sync", "--yes")[0] == 0
    commit(two, "older")
    rename(two, "b c")
    for one in two.sandbox.state()["agents"].values():
        body = {"conversation_config": {"agent": {"prompt": {"prompt": "Von Hand."}}}}
        api(two, "PATCH", f"agents/{one['agent_id']}", body)
    edited_there(two, "a/preise", "Von Hand.")
    before = two.sandbox.state()
    check_out(two, "older")
    files = {path: path.read_text() for path in (two.root / "assistants").rglob("*.*")}
    with two.writes() as writes:
        code, out, err = two("pull", "a", "--yes")
        assert (code, "these files are older" in out + err, "--take-ours" in out + err) == (3, True, False), out + err
        code, out, err = two("promote", "staging", "production", "a", "--yes", "--take-ours", "--force")
        assert (code, "these files are older" in out + err) == (3, True), out + err
    assert writes == []
    assert {path: path.read_text() for path in (two.root / "assistants").rglob("*.*")} == files
    assert two.sandbox.state()["agents"] == before["agents"]


def test_a_yes_on_a_terminal_is_not_asked_for_what_no_word_does(two: Bench) -> None:
    commit(two, "older")
    rename(two, "a z")
    fresh(two)
    check_out(two, "older")
    edited(two, "a")
    with two.writes() as writes:
        code, out, err = two("sync")
    assert (code, writes, "these files are older" in out) == (3, [], True), out + err


def test_what_an_environment_lags_behind_with_is_listed_once(
    two: Bench, other_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = two.root / "agentctl.toml"
    project.write_text(f"{project.read_text()}[environments.staging.overrides]\nphone.numbers = []\n")
    assert two("--env", "staging", "sync", "--yes")[0] == 0
    rename(two, "a z")
    listed, before = (two.root / FILENAME).read_text(), set(names(two))
    monkeypatch.setenv("DATABASE_URL", other_dsn)  # which knows nothing of either environment
    (two.root / "assistants" / "z").rename(two.root / "assistants" / "a")
    assert two("--env", "staging", "sync", "--yes")[0] == 0
    assert two("--env", "staging", "rename", "a", "z", "--yes")[0] == 0
    assert ((two.root / FILENAME).read_text(), set(names(two))) == (listed, before)
    shutil.rmtree(two.root / "assistants" / "z")
    for where in ((), ("--env", "staging")):
        assert two(*where, "sync", "--yes", "--prune", "--take-ours", "--force", "--stateless")[0] == 0
    fresh(two)
    rename(two, "a z")  # by now that store has done the first itself, so that this is another one
    assert (two.root / FILENAME).read_text().count("id =") == 2


def test_another_assistant_of_the_same_key_is_renamed_as_well(two: Bench) -> None:
    rename(two, "a z")
    shutil.rmtree(two.root / "assistants" / "z")
    assert two("sync", "--yes", "--prune", "--force")[0] == 0
    fresh(two)
    commit(two, "older")
    rename(two, "a z")
    commit(two, "newer")
    before = two.sandbox.state()["agents"]
    check_out(two, "older")
    with two.writes() as writes:
        assert two("sync", "--yes", "--prune")[0] == 3
    assert (writes, two.sandbox.state()["agents"]) == ([], before)
    check_out(two, "newer")
    assert two.json("plan")["changes"] == []


@pytest.mark.parametrize("lost", ["the list", "all of it"])
def test_whoever_lost_the_list_or_took_a_rename_back_with_git_goes_on(two: Bench, lost: str) -> None:
    commit(two, "before")
    agents, ringing = names(two), routes(two)
    rename(two, "a z")
    if lost == "the list":
        (two.root / FILENAME).unlink()
    else:
        check_out(two, "before")
    made(two, "c", "Hier ist c.")
    code, out, err = two("sync", "--yes")
    assert (code, "agentctl rename --seen" in out) == (3, True), out + err
    for command in (("rename", "c", "d"), ("import-number", NUMBER, "--assistant", "b"), ("rollback", "b")):
        code, out, err = two(*command, "--yes")
        assert (code, "these files are older" in err) == (2, True), (command, out + err)
    assert two("rename", "--seen", "--yes")[0] == 0
    if lost == "all of it":
        code, out, err = two("sync", "--yes")
        assert (code, "agentctl rename z a" in out) == (3, True), out + err
        rename(two, "z a")
    assert two("sync", "--yes")[0] == 0
    in_sync(two)
    assert (names(two).items() >= agents.items(), routes(two)) == (True, ringing)


def test_a_rename_that_git_took_back_is_taken_back_by_the_opposite_one(two: Bench) -> None:
    commit(two, "before")
    rename(two, "a z")
    check_out(two, "before")
    rename(two, "z a")
    in_sync(two)
    assert (two.root / FILENAME).read_text().count("id =") == 2


def test_so_is_one_that_was_taken_back_before_in_another_store(
    two: Bench, other_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename(two, "a z", "z a")
    monkeypatch.setenv("DATABASE_URL", other_dsn)
    assert two("sync", "--yes", "--stateless")[0] == 0
    commit(two, "before")
    rename(two, "a z")
    check_out(two, "before")
    rename(two, "z a")
    assert (two.root / FILENAME).read_text().count("id =") == 4
    in_sync(two)


def test_a_list_that_is_broken_is_an_error_with_its_place(two: Bench) -> None:
    rename(two, "a z")
    path: Path = two.root / FILENAME
    good = path.read_text()
    for text, where in (
        (good.replace("  {", "<<<<<<< HEAD\n  {"), "line 4: is a mark of Git (<<<<<<<)"),
        (good.replace("]\n", ">>>>>>> other\n]\n"), "Keep the lines of both sides"),
        (good.replace('new = "z"', 'new = "Z Z"'), "renames.0.new"),
        (good.replace("renames =", "renamed ="), "unknown keys: renamed"),
        ("renames = 3", "must be a list"),
    ):
        path.write_text(text)
        code, out, err = two("sync", "--yes")
        assert (code, FILENAME in err, where in err) == (2, True, True), out + err
    path.write_text(good)
    in_sync(two)


def test_a_store_that_comes_later_has_seen_what_the_files_have(
    two: Bench, other_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename(two, "a z")
    before = names(two)
    monkeypatch.setenv("DATABASE_URL", other_dsn)
    assert two("sync", "--yes", "--stateless")[0] == 0
    fresh(two)  # of which the list, too, speaks
    in_sync(two)
    assert names(two).items() >= before.items()
    with psycopg.connect(other_dsn) as connection:
        (count,) = connection.execute("select count(*) from agentctl.undertakings").fetchone() or (0,)
    assert count == 1


def test_a_store_has_to_learn_before_anything_else_and_in_every_environment(
    two: Bench, other_dsn: str, monkeypatch: pytest.MonkeyPatch, dsn: str
) -> None:
    project = two.root / "agentctl.toml"
    project.write_text(f"{project.read_text()}[environments.staging.assistants.a]\nphone.numbers = []\n")
    monkeypatch.setenv("DATABASE_URL", other_dsn)
    assert two("--env", "staging", "sync", "--yes")[0] == 0
    monkeypatch.setenv("DATABASE_URL", dsn)
    assert two("--env", "staging", "sync", "--yes", "--stateless")[0] == 0
    rename(two, "a z")
    fresh(two)
    before = names(two)
    monkeypatch.setenv("DATABASE_URL", other_dsn)
    with two.writes() as writes:
        for command in (("sync", "--only", "a"), ("rename", "z", "y"), ("rollback", "b"), ("rename", "b", "c")):
            code, out, err = two(*command, "--yes")
            assert (code, "agentctl rename a z" in err) == (1, True), (command, out + err)
    assert writes == []
    assert two("rename", "a", "z", "--yes")[0] == 0
    assert two("sync", "--yes", "--stateless")[0] == 0
    assert names(two) == before


@pytest.mark.parametrize("where", [(), ("--env", "staging")])
def test_another_assistant_that_has_the_old_key_in_this_store_stays_what_it_is(
    two: Bench, other_dsn: str, monkeypatch: pytest.MonkeyPatch, dsn: str, where: tuple[str, ...]
) -> None:
    """Made by both under one key, and one of them was given another since."""
    project = two.root / "agentctl.toml"
    project.write_text(f"{project.read_text()}[environments.staging.overrides]\nphone.numbers = []\n")
    made(two, "test", "Hier ist der Laden.")
    assert two("sync", "--yes")[0] == 0
    rename(two, "test shop")
    edited(two, "shop")
    assert two("sync", "--yes")[0] == 0
    listed = (two.root / FILENAME).read_text()
    commit(two, "merged")
    (two.root / FILENAME).unlink()
    shutil.rmtree(two.root / "assistants" / "shop")
    made(two, "test", "Hier wird geprobt.")
    monkeypatch.setenv("DATABASE_URL", other_dsn)
    assert two("sync", "--yes", "--stateless")[0] == 0
    shutil.copytree(two.root / "assistants" / "test", two.root / "merged" / "assistants" / "test")
    check_out(two, "merged")
    before = names(two)
    code, _, err = two("sync", "--yes")
    assert (code, "agentctl rename test shop" in err) == (1, True), err
    code, out, err = two(*where, "rename", "test", "shop", "--yes")
    assert (code, "test is another assistant here" in out + err) == (0, True), out + err
    code, out, err = two("sync", "--yes", "--prune", "--stateless")
    assert (code, names(two)) == (0, before), out + err
    prompts = {
        tag.rpartition("/")[2]: one["conversation_config"]["agent"]["prompt"]["prompt"]
        for one in two.sandbox.state()["agents"].values()
        for tag in one["tags"]
    }
    assert (prompts["shop"], prompts["test"]) == ("Du bist jetzt shop.", "Hier wird geprobt.")
    assert (two.root / FILENAME).read_text() == listed
    in_sync(two)
    monkeypatch.setenv("DATABASE_URL", dsn)  # with the other store, test is new
    assert two("sync", "--yes")[0] == 0
    assert names(two) == before
    in_sync(two)


def test_a_new_store_makes_no_second_agent_beside_one_with_a_former_mark(
    two: Bench, other_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = two.root / "agentctl.toml"
    project.write_text(f"{project.read_text()}[environments.staging.assistants.a]\nphone.numbers = []\n")
    assert two("--env", "staging", "sync", "--yes")[0] == 0
    rename(two, "a z")
    edited(two, "z")
    assert two("sync", "--yes")[0] == 0
    before = set(two.sandbox.state()["agents"])
    monkeypatch.setenv("DATABASE_URL", other_dsn)
    code, out, err = two("--env", "staging", "sync", "--yes")
    assert (code, set(two.sandbox.state()["agents"])) == (3, before), out + err
    assert "mv assistants/z assistants/a (so too where agentctl.toml names z), then agentctl --env staging sync" in out
    project.write_text(project.read_text().replace("assistants.z]", "assistants.a]"))
    (two.root / "assistants" / "z").rename(two.root / "assistants" / "a")
    assert two("--env", "staging", "sync", "--yes")[0] == 0
    assert two("--env", "staging", "rename", "a", "z", "--yes")[0] == 0
    assert two("--env", "staging", "sync", "--yes")[0] == 0
    assert set(two.sandbox.state()["agents"]) == before
