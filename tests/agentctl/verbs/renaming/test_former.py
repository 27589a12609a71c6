"""Whoever names a key that was given away hears which one it was given, whatever the command."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agentctl.verbs.rekeying.test_rename import known
from tests.agentctl.verbs.renaming.test_outdated import check_out, older, unlisted
from tests.agentctl.verbs.renaming.test_renamed import names, routes
from tests.telephony import NUMBER, Bench, bench

__all__ = ["bench", "known", "older", "unlisted"]

COMMANDS = [
    ("rollback", "empfang", "--yes"),
    ("history", "empfang"),
    ("unhold", "empfang"),
    ("test", "empfang"),
    ("import-number", NUMBER, "--assistant", "empfang", "--yes"),
    ("import-number", NUMBER, "--assistant", "empfang", "--reimport", "--yes"),
]


def test_in_newer_files_it_is_named_with_the_key_that_it_has(known: Bench, older: Path) -> None:
    for command in (*COMMANDS, ("pull", "empfang", "--yes"), ("plan", "--only", "empfang")):
        code, out, err = known(*command)
        assert (code, "empfang was given the key bereit by agentctl rename on 20" in err) == (2, True), (command, err)
        assert ("Use bereit." in err, out) == (True, "")


def test_older_files_are_told_to_be_older(known: Bench, older: Path) -> None:
    check_out(known, older)
    told = "empfang was given the key bereit by agentctl rename on 20"
    agents, ringing = names(known), routes(known)
    with known.writes() as writes:
        for command in (*COMMANDS, ("release-number", NUMBER)):
            code, out, err = known(*command)
            assert (code, told in out + err, "update the checkout" in out + err) == (2, True, True), (command, out, err)
        for command in (("pull", "empfang"), ("pull", "bereit"), ("pull", "--all")):
            code, out, err = known(*command, "--yes")
            assert (code, told in out + err) == (3, True), (command, out, err)
    assert (writes, names(known), routes(known)) == ([], agents, ringing)
    assert not (known.root / "assistants" / "bereit").exists()


@pytest.mark.parametrize("key", ["bereit", "nix"])
def test_whoever_names_another_hears_nothing_of_it(known: Bench, older: Path, key: str) -> None:
    code, _, err = known("history", key)
    assert (code, "was given the key" in err) == (0 if key == "bereit" else 2, False)
