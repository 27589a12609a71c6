"""How an assistant stands follows from everything that it is made of, whatever kinds there are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from agentctl.errors import SyncError
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
        cases: dict[str, Any] = {
            "missing": Plan(changes=(Change("create", desired),)),
            "drifted": Plan(changes=(drift,)),
            "error": Plan(failures=(Failure(desired.ref, desired.where, SyncError("no", "")),)),
        }
        for state, plan in cases.items():
            found = standing(ASSISTANT, plan, kinds())
            assert (found.state, found.assistant) == (state, "empfang"), desired
        theirs = Desired(desired.kind, "zweite/anderes", {}, "")
        assert standing(ASSISTANT, Plan(changes=(Change("create", theirs),)), kinds()).state == "in sync"
