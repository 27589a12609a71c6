"""A folder renamed by hand that other files name still: the error says what mends all of it."""

from __future__ import annotations

from tests.agentctl.verbs.rekeying.test_rename import by_hand, in_sync, known
from tests.telephony import Bench, bench

__all__ = ["bench", "known"]

TRANSFER = "[[built_in_tools.transfer_to_agent.transfers]]\nassistant = 'empfang'\ncondition = 'Asks for it.'\n"


def test_the_rename_is_told_where_a_file_names_what_is_elsewhere_by_now(known: Bench) -> None:
    known.declare("zweite", TRANSFER)
    file = known.root / "agentctl.toml"
    file.write_text(f"{file.read_text()}\n[environments.probe.assistants.empfang]\nname = 'P'\n")
    assert known("sync", "--yes")[0] == 0
    by_hand(known)
    code, _, err = known("sync", "--yes")
    told = [
        line for line in err.splitlines() if "; if its folder was renamed: agentctl rename empfang zentrale" in line
    ]
    assert (code, len(told)) == (2, 2), err
    assert "environments.probe.assistants.empfang: no assistant 'empfang'" in told[0] + told[1]
    assert known("rename", "empfang", "zentrale", "--yes")[0] == 0
    in_sync(known)


def test_but_not_for_what_never_was(known: Bench) -> None:
    known.declare("zweite", TRANSFER.replace("empfang", "empfangg"))
    code, _, err = known("sync", "--yes")
    assert (code, "no assistant 'empfangg'" in err, "agentctl rename" in err) == (2, True, False), err
