"""agentctl test and agentctl sync --gate, as a user types them."""

from __future__ import annotations

import json
from typing import Any

from tests.telephony import Bench, bench

__all__ = ["bench"]


def expect(bench: Bench, words: str, name: str = "gruss") -> None:
    folder = bench.root / "assistants" / "empfang" / "tests"
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.toml").write_text(f'user = "Hallo?"\nsuccess_condition = \'Sagt "{words}".\'\n')


def test_each_test_has_a_line_and_the_exit_code_tells(bench: Bench) -> None:
    assert bench("test")[:2] == (0, "No tests are declared: assistants/<key>/tests/<name>.toml\n")
    expect(bench, "hilf freundlich")
    code, out, err = bench("test")
    assert (code, out) == (0, "passed  empfang/gruss\n1 of 1 tests passed.\n")
    assert "empfang: 1 of 1 tests have ended" in err
    expect(bench, "etwas anderes", "zweiter")
    code, out, _ = bench("test", "empfang")
    assert code == 1
    assert out.splitlines()[0] == "passed  empfang/gruss"
    assert out.splitlines()[1] == "failed  empfang/zweiter"
    assert "did not say 'etwas anderes'" in out.splitlines()[2]
    assert out.splitlines()[-1] == "1 of 2 tests passed."
    assert bench("test", "nobody")[0] == 2


def test_an_assistant_without_tests_did_not_pass_any(bench: Bench) -> None:
    bench.declare("notdienst")
    assert bench("test", "--json") == (0, "[]\n", "No tests are declared: assistants/<key>/tests/<name>.toml\n")
    expect(bench, "hilf freundlich")
    for arguments in (("notdienst",), ("empfang", "notdienst"), ("not*",)):
        code, out, err = bench("test", *arguments)
        assert (code, out) == (2, "")
        assert f"{arguments[-1]}: the assistant" in err
        assert "no tests" in err


def test_json_is_one_document_and_reasons_cannot_repaint_the_terminal(bench: Bench) -> None:
    expect(bench, "hilf freundlich")
    bench.sandbox.judge(test="gruss", status="failed", reason="bad \x1b[2J\u202e\nnews")
    code, out, _ = bench("test", "--json")
    assert code == 1
    (found,) = json.loads(out)
    assert (found["assistant"], found["test"], found["status"]) == ("empfang", "gruss", "failed")
    _, out, err = bench("test", "--timeout", "5")
    assert "\x1b[2J" not in out + err
    assert "\u202e" not in out + err
    assert "    bad \N{REPLACEMENT CHARACTER}[2J\N{REPLACEMENT CHARACTER} news\n" in out


def test_a_run_that_does_not_end_is_not_waited_for_for_ever(bench: Bench) -> None:
    expect(bench, "hilf freundlich")
    bench.sandbox.judge(status="pending")
    code, out, _ = bench("test", "--timeout", "1")
    assert code == 1
    assert "not run  empfang/gruss\n    no result after 1 s; --timeout says how long to wait\n" in out


def test_sync_with_the_gate_stops_what_fails(bench: Bench) -> None:
    expect(bench, "hilf freundlich")
    assert bench("sync", "--yes", "--gate")[0] == 0
    before: Any = bench.agent()
    (bench.root / "assistants" / "empfang" / "prompt.md").write_text("Sei kurz.\n")
    code, out, err = bench("sync", "--yes", "--gate")
    assert code == 1
    assert "assistant empfang: 1 of 1 tests did not pass; its change does not go live" in out
    assert "gruss failed: The agent did not say 'hilf freundlich'" in out
    assert "agent empfang: failed" in err
    assert bench.agent() == before
    assert bench("sync", "--yes")[0] == 0
    assert bench.agent()["conversation_config"]["agent"]["prompt"]["prompt"] == "Sei kurz."
    code, out, _ = bench("sync", "--yes", "--gate")
    assert (code, out.splitlines()[-1]) == (0, "Everything is in sync.")


def test_a_rollback_with_the_gate_stops_what_fails(bench: Bench) -> None:
    expect(bench, "etwas anderes")
    assert bench("sync", "--yes")[0] == 0
    expect(bench, "hilf freundlich")
    (bench.root / "assistants/empfang/prompt.md").write_text("Hilf freundlich, und sei kurz.")
    assert bench("sync", "--yes")[0] == 0
    before: Any = bench.agent()
    code, out, err = bench("rollback", "empfang", "--gate", "--yes")
    assert code == 1
    assert "gruss failed: The agent did not say 'etwas anderes'" in out
    assert out.splitlines()[-1] == "Nothing that callers hear was written; nothing is held that was not before."
    assert "empfang: 1 of 1 tests have ended" in err
    assert bench.agent() == before
    assert bench("rollback", "empfang", "--yes")[0] == 0
    assert bench.agent() != before
