"""A number that another environment of the project routes: neither a pull nor an unasked sync touches it."""

from __future__ import annotations

import pytest

from tests.agentctl.cli.test_session import Terminal
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


def test_a_rollback_to_when_it_was_declared_tells_whose_it_is_and_so_does_a_pull_of_what_is_held(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was recorded before production imported it must not fetch its callers unannounced."""
    file = bench.root / "agentctl.toml"
    project = f"{file.read_text()}\n[environments.staging]\n"
    file.write_text(project)
    bench.toml.write_text(f'{bench.toml.read_text()}\n[phone]\nnumbers = ["{NUMBER}"]\n')
    bench("--env", "staging", "sync", "--yes")  # it waits for an import of the number
    assert bench("sync", "--yes")[0] == 0
    assert bench("import-number", NUMBER, "--assistant", "empfang", "--yes")[0] == 0
    before = ringing(bench)
    file.write_text(f"{project}[environments.staging.assistants.empfang]\nphone.numbers = []\n")
    assert bench("--env", "staging", "sync", "--yes")[0] == 0
    code, out, err = bench("--env", "staging", "rollback", "empfang", "--to", "1", "--yes")
    assert (code, ringing(bench)) == (3, before), out + err
    whose = f"{NUMBER} is routed by environment production, to its empfang, and nobody changed that"
    plan, _, outcome = out.partition("held back:")
    assert whose in plan, out
    assert "--take-ours takes the callers of production away from it" in plan, out
    assert outcome.startswith(f" phone_number {NUMBER} is probably not meant"), out
    with monkeypatch.context() as streams:
        streams.setattr("sys.stdin", Terminal("n\n"))
        streams.setattr("sys.stderr", asked := Terminal())
        assert bench("--env", "staging", "rollback", "empfang", "--to", "1")[0] == 2
    assert "to revision 1, overwriting what was changed at the platform in 1 of them and with 1" in asked.getvalue()
    assert bench("--env", "staging", "rollback", "empfang", "--to", "1", "--yes", "--take-ours")[0] == 0
    assert bench("sync", "--yes", "--take-ours")[0] == 0
    assert ringing(bench) == before
    code, out, err = bench("--env", "staging", "pull", "empfang", "--yes")
    assert (code, whose in out + err, "was changed there" in out + err) == (3, True, False), out + err
