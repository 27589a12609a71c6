"""A store in which an early version let older files take back an agent that has another key by now."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from pathlib import Path

import pytest

from agentctl.sync.kind import Ref
from agentctl.wiring import Control
from tests.agentctl.verbs.rekeying.test_rename import in_sync, known
from tests.agentctl.verbs.renaming.test_outdated import check_out, older, unlisted
from tests.agentctl.verbs.renaming.test_renamed import names, other, routes
from tests.telephony import NUMBER, Bench, bench

__all__ = ["bench", "known", "older", "unlisted"]


async def take_back(control: Control) -> None:
    """The agent and a document under the old key too, and a row of its own, of what the older files say."""
    bindings, store, scope = await control.bindings(), await control.store(), asdict(control.scope)
    for kind in ("agent", "knowledge_document", "post_call"):
        for key, remote_id in bindings.of(kind).items():
            if key.startswith("bereit"):
                old, applied = Ref(kind, key.replace("bereit", "empfang")), bindings.applied(Ref(kind, key))
                await bindings.bind(old, "empfang" if kind == "post_call" else remote_id, applied)
    (row,) = [one for one in await store.call("assistants", scope) if one["key"] == "bereit"]
    await store.call("save_assistant", {**scope, **row, "key": "empfang", "name": "Empfang"})


async def rows(control: Control) -> list[str]:
    found = await (await control.store()).call("assistants", asdict(control.scope))
    return sorted(one["key"] for one in found)


@pytest.fixture
def newer(known: Bench, older: Path) -> Path:
    """The assistants as they are by now; the store is torn, and the older ones are checked out."""
    aside = known.root / "newer"
    shutil.copytree(known.root / "assistants", aside)
    known.control(take_back)
    check_out(known, older)
    return aside


def test_nobody_writes_it_until_the_named_command_heals_it(known: Bench, newer: Path, older: Path) -> None:
    agents, ringing = names(known), routes(known)
    for options in ((), ("--prune", "--force"), ("--take-ours",), ("--take-ours", "--prune", "--force")):
        with known.writes() as writes:
            code, out, err = known("sync", "--yes", *options)
        assert (code, writes, names(known), routes(known)) == (1, [], agents, ringing), out + err
        assert known.control(rows) == ["bereit", "empfang"]
    assert "is bound to bereit too; nothing is written to it" in out
    assert "empfang was given the key bereit by agentctl rename on 20" in out
    assert "and there: agentctl rename empfang bereit" in out
    for command in (("rename", "empfang", "bereit"), ("import-number", NUMBER, "--assistant", "empfang")):
        code, _, err = known(*command, "--yes")
        assert (code, "Then there: agentctl rename empfang bereit" in err or "there: agentctl" in err) == (2, True), err
    check_out(known, newer)
    with known.writes() as writes:
        code, out, err = known("sync", "--yes", "--prune", "--force", "--take-ours")
    assert (code, writes, names(known)) == (1, [], agents), out + err
    assert "If empfang was renamed to bereit: agentctl rename empfang bereit." in out
    code, out, err = known("rename", "empfang", "bereit", "--yes")
    assert (code, names(known), known.control(rows)) == (0, agents, ["bereit"]), out + err
    in_sync(known)
    check_out(known, older)
    assert known("sync", "--yes", "--prune", "--force")[0] == 3
    assert (names(known), routes(known)) == (agents, ringing)


def test_a_new_assistant_of_the_old_key_is_made_once_it_is_healed(known: Bench, newer: Path) -> None:
    agents = names(known)
    check_out(known, newer)
    other(known, "empfang")
    with known.writes() as writes:
        code, out, err = known("sync", "--yes", "--take-ours")
    assert (code, writes, names(known)) == (1, [], agents), out + err
    assert known("rename", "empfang", "bereit", "--yes")[0] == 0
    assert known("sync", "--yes")[0] == 0
    assert set(names(known).values()) == {"Bereit", "Empfang"}
    assert names(known).items() >= agents.items()
    in_sync(known)


def test_whatever_would_lead_to_it_is_refused_before_anything_moves(known: Bench, newer: Path) -> None:
    check_out(known, newer)
    agents, ringing = names(known), routes(known)
    for command in (("rename", "bereit", "drei"), ("import-number", NUMBER, "--assistant", "bereit")):
        with known.writes() as writes:
            code, out, err = known(*command, "--yes")
        assert (code, writes, names(known), routes(known)) == (1, [], agents, ringing), out + err
        assert "is bound to empfang too; nothing is written to it" in err
        assert "agentctl rename empfang bereit" in err
    assert (known.root / "assistants" / "bereit").is_dir()
    code, out, _ = known("doctor")
    assert (code, "is bound to empfang too" in out) == (1, True)
