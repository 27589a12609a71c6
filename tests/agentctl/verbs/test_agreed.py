"""agentctl.verbs.agreed: what somebody has read is what is applied."""

from __future__ import annotations

import httpx
import pytest

from agentctl.errors import Stale
from agentctl.verbs import agreed
from agentctl.verbs.agreed import Agreement
from agentctl.wiring import Control
from tests.telephony import Bench, bench

__all__ = ["bench"]


def agreement(bench: Bench, **how: bool) -> Agreement:
    """To what a plan of now would do."""

    async def look(control: Control) -> Agreement:
        found = (await agreed.plan(control, ["empfang"])).checked()
        return Agreement(["empfang"], {one.workspace: agreed.mark(one.result) for one in found}, **how)

    return bench.control(look)


def apply(bench: Bench, agreement: Agreement) -> int:
    return len(bench.control(lambda control: agreed.apply(control, agreement)).done)


def rename_there(bench: Bench) -> None:
    (agent,) = bench.sandbox.state()["agents"]
    at, key = f"{bench.sandbox.url}/v1/convai/agents/{agent}", {"xi-api-key": bench.sandbox.key}
    assert httpx.patch(at, json={"name": "Umbenannt"}, headers=key).status_code == 200


def prompt(bench: Bench, text: str) -> None:
    (bench.root / "assistants" / "empfang" / "prompt.md").write_text(text)


def test_a_plan_is_applied_as_it_was_read(bench: Bench) -> None:
    prompt(bench, "Hilf sehr freundlich weiter.\n")
    seen = agreement(bench)
    assert seen == agreement(bench), "the same plan has the same mark"
    assert apply(bench, seen) == 1
    assert bench("plan", "--exit-code")[0] == 0


@pytest.mark.parametrize("where", ["here", "there"])
def test_one_that_has_gone_stale_writes_nothing(bench: Bench, where: str) -> None:
    prompt(bench, "Hilf sehr freundlich weiter.\n")
    seen = agreement(bench, take_ours=True)
    if where == "here":
        prompt(bench, "Hilf gar nicht.\n")
    else:
        rename_there(bench)
    with bench.writes() as written, pytest.raises(Stale):
        apply(bench, seen)
    assert written == []


def test_what_was_changed_there_is_overwritten_by_a_word_of_its_own(bench: Bench) -> None:
    rename_there(bench)
    assert apply(bench, agreement(bench)) == 0
    assert apply(bench, agreement(bench, take_ours=True)) == 1
    assert bench.agent("empfang")["name"] == "Empfang"


def test_a_secret_that_differs_makes_another_plan_and_is_not_in_its_mark(bench: Bench) -> None:
    marks = set()
    for secret in ("first-secret-of-all", "second-secret-of-all"):
        (bench.root / "agentctl.toml").write_text(f'project = "beispiel"\n[vars]\ntarif_api_key = "{secret}"\n')
        prompt(bench, "Nach: [[ tarif_api_key ]]\n")
        marks |= set(agreement(bench).marks.values())
    assert len(marks) == 2
    assert not any("secret" in mark for mark in marks)
