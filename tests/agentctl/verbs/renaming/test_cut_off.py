"""A create whose answer was lost, before its assistant gets another key: nothing is made a second time."""

from __future__ import annotations

import shutil

import pytest

from agentctl.sync.patience import Patience
from agentctl.wiring import Control
from tests.agentctl.verbs.rekeying.test_rename import in_sync
from tests.agentctl.verbs.renaming.test_renamed import names
from tests.telephony import Bench, bench

__all__ = ["bench"]


@pytest.mark.parametrize(
    ("listed", "made"),
    [("/v1/convai/agents", "/v1/convai/agents/create"), ("/v1/convai/knowledge-base", "/v1/convai/knowledge-base/*")],
)
def test_it_is_looked_for_under_its_old_key_first(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, listed: str, made: str
) -> None:
    monkeypatch.setattr(Control, "patience", Patience(pauses=()))
    assert bench("sync", "--yes")[0] == 0
    bench.declare("zentrale")
    old, new = (bench.root / "assistants" / key for key in ("zentrale", "annahme"))
    (old / "knowledge").mkdir()
    (old / "knowledge" / "preise.md").write_text("Ein Brot: 4 Euro.\n")
    bench.sandbox.fault(method="GET", path=listed, stale=True, times=50)
    bench.sandbox.fault(method="POST", path=made, drop="after")
    assert bench("sync", "--yes")[0] == 1
    agents, documents = names(bench), set(bench.sandbox.state()["documents"])

    code, _, err = bench("rename", "zentrale", "annahme", "--yes")
    assert (code, "was begun and not seen yet; nothing was renamed" in err, old.is_dir()) == (1, True, True), err
    old.rename(new)
    with bench.writes() as writes:
        code, out, err = bench("sync", "--yes")
    assert (code, writes) == (3, []), out + err
    back = "mv assistants/annahme assistants/zentrale, then agentctl sync, then agentctl rename zentrale annahme"
    assert back in out
    assert bench("rename", "zentrale", "annahme", "--yes")[0] == 1

    bench.sandbox.clear_faults()
    new.rename(old)
    assert bench("sync", "--yes")[0] == 0
    code, out, err = bench("rename", "zentrale", "annahme", "--yes")
    assert code == 0, out + err
    assert names(bench).items() >= agents.items()
    assert set(bench.sandbox.state()["documents"]) >= documents
    assert (len(names(bench)), len(bench.sandbox.state()["documents"])) == (2, 1)
    in_sync(bench)


@pytest.fixture
def cut_off(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Assistant b is in sync, and the create of a had no answer: it is there, and the lists do not show it yet."""
    monkeypatch.setattr(Control, "patience", Patience(pauses=()))
    bench.declare("b")
    (bench.root / "assistants" / "b" / "prompt.md").write_text("Nimm Bestellungen auf.\n")
    assert bench("sync", "--yes")[0] == 0
    bench.declare("a")
    (bench.root / "assistants" / "a" / "prompt.md").write_text("Vereinbare Termine.\n")
    bench.sandbox.fault(method="GET", path="/v1/convai/agents", stale=True, times=50)
    bench.sandbox.fault(method="POST", path="/v1/convai/agents/create", drop="after")
    assert bench("sync", "--yes")[0] == 1
    return bench


def untouched(bench: Bench) -> list[str]:
    """What a sync says that writes nothing, and whose words are the ways out of it."""
    with bench.writes() as writes:
        code, out, err = bench("sync", "--yes", "--prune")
    assert (code, writes) == (3, []), out + err
    return [line for line in (out + err).splitlines() if "agentctl rename" in line]


def test_moved_into_the_place_of_a_deleted_one_it_overwrites_nothing(cut_off: Bench) -> None:
    before, folders = names(cut_off), cut_off.root / "assistants"
    shutil.rmtree(folders / "b")
    (folders / "a").rename(folders / "b")
    (told,) = {line.strip() for line in untouched(cut_off) if line.startswith("note")}
    back = "first mv assistants/b assistants/a, then agentctl sync --prune"
    assert "a create of a was begun and not seen yet" in told
    assert back in told
    assert "agentctl rename a b" in told

    cut_off.sandbox.clear_faults()
    (folders / "b").rename(folders / "a")
    assert cut_off("sync", "--yes", "--prune")[0] == 0
    assert cut_off("rename", "a", "b", "--yes")[0] == 0
    assert names(cut_off) == {key: one for key, one in before.items() if one != "B"}
    in_sync(cut_off)


def test_what_another_became_does_not_take_its_place(cut_off: Bench) -> None:
    before, folders = names(cut_off), cut_off.root / "assistants"
    shutil.rmtree(folders / "a")
    (folders / "b").rename(folders / "a")
    (told,) = {line.strip() for line in untouched(cut_off) if line.startswith("note")}
    assert "first mv assistants/a assistants/b, then agentctl sync --prune" in told
    assert "until a is found and gone" in told
    assert told.count("agentctl rename b a") == 1

    (folders / "a").rename(folders / "b")
    assert cut_off("sync", "--yes", "--prune")[0] == 0
    code, _, err = cut_off("rename", "b", "a", "--yes")
    assert (code, "agentctl sync --prune deletes what is found of it" in err) == (1, True), err
    cut_off.sandbox.clear_faults()
    assert cut_off("sync", "--yes", "--prune")[0] == 0
    assert cut_off("rename", "b", "a", "--yes")[0] == 0
    assert names(cut_off) == {key: one for key, one in before.items() if one != "A"}
    in_sync(cut_off)


def test_folders_that_were_shifted_are_told_of_in_one_voice(cut_off: Bench) -> None:
    before, folders = names(cut_off), cut_off.root / "assistants"
    (folders / "b").rename(folders / "c")
    (folders / "a").rename(folders / "b")
    (told,) = {line.strip() for line in untouched(cut_off) if line.startswith("note")}
    back = "first mv assistants/b assistants/a, then mv assistants/c assistants/b, then agentctl sync"
    assert f"{back}, then agentctl rename b c, then agentctl rename a b" in told

    cut_off.sandbox.clear_faults()
    (folders / "b").rename(folders / "a")
    (folders / "c").rename(folders / "b")
    assert cut_off("sync", "--yes")[0] == 0
    assert cut_off("rename", "b", "c", "--yes")[0] == 0
    assert cut_off("rename", "a", "b", "--yes")[0] == 0
    assert names(cut_off) == before
    in_sync(cut_off)
