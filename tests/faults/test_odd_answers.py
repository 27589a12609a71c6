"""An answer of the wrong shape is a failure with a name and a remedy, of whatever it is about, and never a crash."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from itertools import count
from random import Random

import pytest

from agentctl.resources import test_run
from tests.faults.odd import Odd, Odder, oddities
from tests.faults.project import Bench, bench

__all__ = ["bench"]
SEED = 20261121
MOST = int(os.environ.get("ODD_ANSWERS", "6"))
PAGE = '[[knowledge]]\nname = "preise"\nurl = "https://www.example.org/preise"\n'
CRASHES = ("agentctl itself failed", "could not be examined")
COMMANDS = {
    "first sync": ("sync", "--yes", "--gate"),
    "sync": ("sync", "--yes", "--gate", "--prune", "--force"),
    "plan": ("plan",),
    "status": ("status",),
    "pull": ("pull", "--all", "--yes"),
    "test": ("test",),
    "knowledge list": ("knowledge", "list"),
    "knowledge refresh": ("knowledge", "refresh"),
    "doctor": ("doctor",),
}
# They ask nearly the same of the platform, at a dozen times the price of a look: each tries half of the answers.
TWINS = ("first sync", "sync")


@pytest.fixture(autouse=True)
def no_time_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    """While tests are awaited."""
    monkeypatch.setattr(test_run, "Pace", partial(test_run.Pace, first=0, longest=0, clock=count(0, 50).__next__))
    monkeypatch.setattr("agentctl.verbs.sync.Pace", test_run.Pace)


@pytest.mark.parametrize("name", COMMANDS)
def test_no_answer_is_a_crash(bench: Bench, name: str) -> None:
    way = bench.way = Odder(bench.platform)
    bench.more = PAGE
    bench.write("Hilf.", at="empfang")
    bench.begin("create" if name == "first sync" else "look")
    way.heard.clear()
    bench(*COMMANDS[name])
    every = [odd for asked, answer in way.heard.items() for odd in oddities(asked, answer)]
    wrong: list[str] = []
    for odd in chosen(every, Random(f"{SEED} {name}"), 1 if name in TWINS else 2):
        bench.again()
        way.odd = odd
        code, told = bench(*COMMANDS[name])
        way.odd = None
        if any(words in told for words in CRASHES) or code not in (0, 1, 3):
            wrong.append(f"{odd}: {code} {told[-300:]}")
    bench.platform.world.journal.clear()  # what was sent follows from what was told
    assert not wrong, f"{len(wrong)} of {len(every)}\n" + "\n".join(wrong)
    assert way.used


def chosen(every: Sequence[Odd], random: Random, each: int) -> list[Odd]:
    """Of each request so many answers that are odd as a whole, and some of all members."""
    found: list[Odd] = []
    for asked in dict.fromkeys(odd.asked for odd in every):
        found += random.sample([odd for odd in every if odd.asked == asked and not odd.path], each)
    members = [odd for odd in every if odd.path]
    return found + random.sample(members, min(MOST * each // 2, len(members)))


def ordered(bench: Bench, method: str, path: str, body: object, times: int = 1) -> None:
    order = {"method": method, "path": path, "status": 200, "body": body, "times": times}
    bench.platform.world.faults.add(order)


@pytest.mark.parametrize("body", [[], {"test_runs": [5]}])
def test_an_odd_result_of_tests_stops_one_assistant_and_no_other(bench: Bench, body: object) -> None:
    bench.begin("list")
    assert bench("sync", "--yes")[0] == 0
    for key in ("empfang", "nacht"):
        (bench.root / "assistants" / key / "prompt.md").write_text("Hilf. Sei kurz.")
    ordered(bench, "GET", "*/test-invocations/*", body)
    code, told = bench("test")
    assert code == 1
    assert (told.count("passed  "), told.count("not run  ")) == (1, 1), told
    ordered(bench, "GET", "*/test-invocations/*", body)
    code, told = bench("sync", "--yes", "--gate")
    assert code == 1
    assert "1 done, 1 failed" in told
    assert "https://status.elevenlabs.io" in told
    (failed,) = [line for line in told.splitlines() if line.startswith("failed: ")]
    assert failed.startswith("failed: agent ")
    bench.platform.world.journal.clear()


@pytest.mark.parametrize("body", [[], {"indexes": 5}, {"indexes": [{"model": "x", "status": "succeeded"}]}])
def test_an_odd_answer_about_an_index_stops_no_agent_beside_it(bench: Bench, body: object) -> None:
    bench.begin("list")
    assert bench("sync", "--yes")[0] == 0
    (bench.root / "assistants/empfang/prompt.md").write_text("Hilf. Sei kurz.")
    ordered(bench, "POST", "*/knowledge-base/rag-index", [])
    ordered(bench, "GET", "*/rag-index", body, times=9)
    code, told = bench("sync", "--yes")
    assert (code, "1 done, 1 failed" in told) == (1, True), told
    assert "failed: rag_index nacht/zeiten@" in told
    bench.platform.world.journal.clear()


@pytest.mark.parametrize("entry", [{"name": "x"}, {"id": None}, 5, {"id": "d", "name": 5}])
def test_an_odd_entry_of_the_list_of_documents_is_named(bench: Bench, entry: object) -> None:
    ordered(bench, "GET", "/v1/convai/knowledge-base", {"documents": [entry], "has_more": False})
    code, told = bench("knowledge", "list")
    assert (code, "GET /v1/convai/knowledge-base" in told) == (1, True), told
    bench.platform.world.journal.clear()
