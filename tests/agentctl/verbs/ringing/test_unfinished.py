"""A re-import that was cut off is told of wherever the project is at work, whether files there declare its number."""

from __future__ import annotations

import json

import pytest

from agentctl.sync.patience import Patience
from agentctl.wiring import Control
from tests.telephony import NUMBER, Bench, bench

__all__ = ["bench"]
IMPORT = ("import-number", NUMBER, "--assistant", "empfang")
REMEDY = f"agentctl {' '.join(IMPORT)} --reimport"
LOOKS = (
    *("plan", "status", "sync --yes --quiet", "doctor"),
    *("sync --yes --trust-store", "plan --only empf*", "pull empfang"),
)


@pytest.fixture
def gap(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Its number is out of ElevenLabs; another assistant is there too, so that no checkout is empty."""
    monkeypatch.setattr(Control, "patience", Patience(pauses=()))
    bench.declare("zentrale")
    assert bench("sync", "--yes")[0] == 0
    assert bench(*IMPORT, "--yes")[0] == 0
    bench.sandbox.fault(method="POST", path="/v1/convai/phone-numbers", status=400, body={"detail": "no"})
    assert bench(*IMPORT, "--reimport", "--yes")[0] == 1
    return bench


def without_line(bench: Bench) -> None:
    lines = bench.toml.read_text().splitlines(keepends=True)
    bench.toml.write_text("".join(line for line in lines if NUMBER not in line and line.strip() != "[phone]"))


def test_where_its_line_was_taken_out_all_of_them_fail_and_name_it(gap: Bench) -> None:
    without_line(gap)
    assert NUMBER not in gap.toml.read_text()
    for look in LOOKS:
        code, out, err = gap(*look.split())
        assert (code, (out + err).count(REMEDY)) == (1, 1), (look, out, err)
    assert REMEDY not in "".join(gap("plan", "--only", "zentrale")[1:]), "a part says nothing of the rest"
    (standing,) = [one for one in json.loads(gap("status", "--json")[1]) if one["assistant"] == "empfang"]
    assert standing["state"] == "error"
    assert gap(*IMPORT, "--reimport", "--yes")[0] == 0, "the remedy works as it is named"
    for look in LOOKS:
        assert REMEDY not in "".join(gap(*look.split())[1:]), look


def test_where_the_folder_is_not_there_too(gap: Bench) -> None:
    gap.toml.parent.rename(gap.root / "elsewhere")
    for look in LOOKS[:4]:
        code, out, err = gap(*look.split())
        assert (code, (out + err).count(f"Where the files of empfang are: Go on with it: {REMEDY}")) == (1, 1), look
    assert [one["assistant"] for one in json.loads(gap("status", "--json")[1])] == ["zentrale", "empfang"]
    assert gap("release-number", NUMBER, "--yes")[0] == 0
    assert gap("sync", "--yes", "--quiet") == (0, "", "")


def test_whoever_trusts_the_store_is_told_as_well(bench: Bench) -> None:
    for _ in range(2):
        assert bench("sync", "--yes", "--trust-store")[0] == 0
    assert "trusting the store" in bench("plan", "--trust-store")[1]
    scope = {"project": "beispiel", "environment": "production"}
    scope["workspace"] = bench.sandbox.url.removeprefix("http://")
    bench.store("save_undertaking", **scope, name=f"reimport {NUMBER}", state={})
    code, out, _ = bench("plan", "--trust-store")
    assert (code, f"{NUMBER} is between two imports" in out) == (1, True), out
    assert f"With the assistant whose number it is, called '{NUMBER}', as KEY: " in out, "another version's state"
