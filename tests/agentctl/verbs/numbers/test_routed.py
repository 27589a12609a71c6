"""A number that another environment of the project routes: neither a pull nor an unasked sync touches it."""

from __future__ import annotations

import pytest

from tests.telephony import NUMBER, Bench, bench

__all__ = ["bench"]


@pytest.fixture
def both(bench: Bench) -> Bench:
    """Production routes the number; staging is in the same workspace and has never been synced."""
    assert bench("sync", "--yes")[0] == 0
    assert bench("import-number", NUMBER, "--assistant", "empfang", "--yes")[0] == 0
    file = bench.root / "agentctl.toml"
    file.write_text(f"{file.read_text()}\n[environments.staging]\n")
    return bench


def ringing(bench: Bench) -> str:
    (number,) = bench.sandbox.state()["numbers"].values()
    return str(number["agent_id"])


def test_production_keeps_its_callers_and_the_files_their_number(both: Bench) -> None:
    before, files = ringing(both), both.toml.read_text()
    code, out, err = both("--env", "staging", "sync", "--yes")
    assert (code, ringing(both)) == (3, before), out + err
    assert f"{NUMBER} is routed by environment production, to its empfang" in out
    assert "[environments.staging.assistants.empfang]" in out
    assert "Take theirs into the files" not in out
    code, out, err = both("--env", "staging", "pull", "empfang", "--yes")
    assert (code, both.toml.read_text()) == (3, files), out + err
    assert "is routed by environment production" in out + err
    remedy = f"{NUMBER} is routed by environment production, to its empfang"
    assert remedy in both("--env", "staging", "doctor")[1]
    file = both.root / "agentctl.toml"
    file.write_text(f"{file.read_text()}\n[environments.staging.assistants.empfang]\nphone.numbers = []\n")
    code, out, err = both("--env", "staging", "sync", "--yes")
    assert (code, ringing(both)) == (0, before), out + err


def test_whoever_takes_it_all_the_same_is_told_whose_callers_they_are(both: Bench) -> None:
    before = ringing(both)
    code, out, err = both("--env", "staging", "sync", "--yes", "--take-ours")
    assert (code, ringing(both) != before) == (0, True), out + err
    assert "takes the callers of production away from it" in out + err
