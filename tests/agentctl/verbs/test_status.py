"""How an assistant stands follows from everything that it is made of, whatever kinds there are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from agentctl.errors import SyncError, Waiting
from agentctl.resources import KINDS
from agentctl.resources import kinds as all_kinds
from agentctl.resources.api import Api
from agentctl.resources.assistant import Assistant, Document, Phone
from agentctl.resources.declared_test import DeclaredTest
from agentctl.resources.knowledge_base import KnowledgeBase, Rag
from agentctl.resources.place import Place
from agentctl.sync.bindings import Store
from agentctl.sync.diff import Edit
from agentctl.sync.kind import Desired, Kind, Observed, Scope
from agentctl.sync.plan import Change, Failure, Plan
from agentctl.verbs.status import standing
from agentctl.wiring import Control
from tests.telephony import Bench
from tests.telephony import bench as bench

PLACE = Place(cast(Api, None), cast(Store, None), Scope("beispiel", "production", "api.elevenlabs.io"))
ASSISTANT = Assistant(
    key="empfang",
    where="assistants/empfang/assistant.toml",
    name="Empfang",
    prompt="Hilf.",
    knowledge=(Document(key="empfang/preise", name="Preise", text="Ein Brot: 4 Euro."),),
    knowledge_base=KnowledgeBase(folder=True),
    rag=Rag(enabled=True),
    tests=(DeclaredTest(name="hours", user="Hallo?", success_condition="Sagt Hallo."),),
    phone=Phone(numbers=("+498999998100",)),
)


class Exam:
    """A kind that nobody has thought of yet."""

    name = "exam"

    def desired(self, assistant: Assistant) -> Iterable[Desired]:
        yield Desired(self.name, f"{assistant.key}/grüßt", {"expected": "Hallo"}, assistant.where)


def kinds() -> tuple[Kind[Assistant], ...]:
    return (*all_kinds(PLACE), cast(Kind[Assistant], Exam()))


def test_each_kind_counts_and_others_do_not() -> None:
    mine = [desired for kind in kinds() for desired in kind.desired(ASSISTANT)]
    assert {one.kind for one in mine} == {kind.name for kind in (*KINDS, Exam)}
    for desired in mine:
        drift = Change("update", desired, (Edit(("name",), "A", "B", "there"),), Observed("id_1", {}))
        is_agent = desired.kind == "agent"
        cases: list[tuple[str, Plan]] = [
            ("missing" if is_agent else "changed here", Plan(changes=(Change("create", desired),))),
            ("missing" if is_agent else "drifted", Plan(changes=(Change("create", desired, bound="id_1"),))),
            ("needs its number", Plan(waiting=(Failure(desired.ref, desired.where, Waiting("not yet", "")),))),
            ("drifted", Plan(changes=(drift,))),
            ("error", Plan(failures=(Failure(desired.ref, desired.where, SyncError("no", "")),))),
        ]
        for state, plan in cases:
            found = standing(ASSISTANT, plan, kinds())
            assert (found.state, found.assistant) == (state, "empfang"), desired
        theirs = Desired(desired.kind, "zweite/anderes", {}, "")
        assert standing(ASSISTANT, Plan(changes=(Change("create", theirs),)), kinds()).state == "in sync"


def test_what_was_changed_on_which_side_is_told_apart_where_it_was_on_both() -> None:
    (desired,) = [one for kind in kinds() for one in kind.desired(ASSISTANT) if one.kind == "agent"]
    edits = (Edit(("name",), "A", "B", "there"), Edit(("tags",), ["a"], ["b"]), Edit(("x",), None, "1", "there"))
    found = standing(ASSISTANT, Plan(changes=(Change("update", desired, edits, Observed("id_1", {})),)), kinds())
    said = "name (changed at the platform), tags (changed here), x (removed at the platform)"
    assert (found.state, found.what) == ("drifted", (f"agent empfang: {said}",))


def test_what_was_changed_here_is_told_so_where_the_word_is_for_something_else() -> None:
    mine = {desired.kind: desired for kind in kinds() for desired in kind.desired(ASSISTANT)}
    seen = Observed("id_1", {})
    here = Change("update", mine["agent"], (Edit(("name",), "A", "B"),), seen)
    there = Change("update", mine["knowledge_document"], (Edit(("content",), "a", "b", "there"),), seen)
    both = Change("update", mine["knowledge_document"], (Edit(("content",), "a", "b", "both"),), seen)
    wrong = Failure(mine["phone_number"].ref, "", SyncError("no", ""))
    for plan, state, what in (
        (Plan(changes=(here,)), "changed here", "agent empfang: name"),
        (Plan(changes=(there, here)), "drifted", "agent empfang: name (changed here)"),
        (Plan(changes=(both, here)), "conflict", "agent empfang: name (changed here)"),
        (Plan(changes=(here,), failures=(wrong,)), "error", "agent empfang: name (changed here)"),
    ):
        found = standing(ASSISTANT, plan, kinds())
        assert (found.state, found.what[-1]) == (state, what)


def test_an_assistant_of_which_a_part_is_to_come_is_not_missing_and_one_without_its_agent_is(bench: Bench) -> None:
    def state() -> tuple[str, list[str]]:
        (found,) = bench.json("status")
        return found["state"], found["what"]

    (bench.root / "assistants/empfang/knowledge").mkdir()
    (bench.root / "assistants/empfang/knowledge/preise.md").write_text("Ein Brot: 4 Euro.\n")
    assert state()[0] == "changed here"
    assert bench("sync", "--yes")[0] == 0
    assert state() == ("in sync", [])
    bench.toml.write_text(bench.toml.read_text() + '[phone]\nnumbers = ["+498999998150"]\n')
    assert bench("sync", "--yes")[0] == 0
    found, (way,) = state()
    assert (found, "agentctl import-number +498999998150 --assistant empfang" in way) == ("needs its number", True)

    async def delete(control: Control) -> None:
        agent_id = (await control.bindings()).of("agent")["empfang"]
        await control.api.delete("/v1/convai/agents/{agent_id}", agent_id=agent_id)

    bench.control(delete)
    found, what = state()
    assert found == "missing"
    assert "agent empfang was deleted there" in what
