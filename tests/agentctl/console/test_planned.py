"""agentctl.console.planned: a plan as a person reads it."""

from __future__ import annotations

from agentctl.console.planned import counted, shown
from agentctl.resources.assistant import Document
from agentctl.secrecy.veil import Veil
from agentctl.sync.diff import Edit
from agentctl.sync.kind import Desired
from agentctl.sync.plan import Change, Plan


def part(*edits: Edit, veil: Veil | None = None):  # type: ignore[no-untyped-def]
    change = Change("update", Desired("agent", "empfang", {}, where="assistants/empfang"), edits)
    (found,) = shown("", "mark", Plan(changes=(change,)), veil or Veil()).parts
    return found


def test_a_plan_comes_to_so_many_of_each_kind() -> None:
    new = [Change("create", Desired("agent", key, {}, where=key), ()) for key in ("b", "c")]
    known = Change("update", Desired("agent", "a", {}, where="a"), ())
    gone = Change("delete", Desired("agent_test", "d", {}, where="d"), ())
    parts = [shown("", "mark", Plan(changes=(gone, known, *new)), Veil())]
    assert counted(parts) == [("create", "agent", 2), ("update", "agent", 1), ("delete", "agent_test", 1)]


def test_a_long_text_is_shown_as_lines_that_go_and_come() -> None:
    before = "\n".join(f"Satz {number}." for number in range(30))
    found = part(Edit(("prompt",), before, before.replace("Satz 15.", "Satz fünfzehn."))).fields[0]
    assert [(line.sign, line.text) for line in found.lines if line.sign in "+-"] == [
        ("-", "Satz 15."),
        ("+", "Satz fünfzehn."),
    ]
    assert len(found.lines) < 10


def test_a_secret_is_not_shown_on_either_side() -> None:
    veil = Veil("sehr-geheimes-wort")
    found = part(Edit(("prompt",), "Nach: sehr-geheimes-wort", "Nach: neues"), veil=veil).fields[0]
    assert "sehr-geheimes-wort" not in repr(found)
    hidden = part(Edit(("headers", "authorization"), "Bearer alt-und-lang", "Bearer neu-und-lang")).fields[0]
    assert "und-lang" not in repr(hidden)


def test_short_values_stand_beside_each_other() -> None:
    found = part(Edit(("name",), "Empfang", "Zentrale"), Edit(("speed",), None, 1.1)).fields
    assert [(one.before, one.after, one.lines) for one in found] == [("Empfang", "Zentrale", ()), (None, "1.1", ())]


def test_what_a_tick_is_for_in_part_is_told_from_what_it_is_for_whole() -> None:
    theirs, ours = Edit(("name",), "Umbenannt", "Empfang", "there"), Edit(("prompt",), "alt", "neu")
    assert [(one.ticked, one.partly) for one in (part(theirs), part(theirs, ours), part(ours))] == [
        (True, False),
        (False, True),
        (False, False),
    ]


def test_what_would_be_made_can_be_read() -> None:
    prompt = "Hilf freundlich weiter.\nFrage nach dem Namen."
    found = part(Edit(("prompt",), None, prompt)).fields[0]
    assert [line.text for line in found.lines if line.sign == "+"] == prompt.splitlines()
    document = Document(key="empfang/zeiten", name="Zeiten", text="Wir haben ab 8 Uhr offen.")
    desired = Desired("knowledge_document", "empfang/zeiten", {}, where="assistants/empfang", payload=document)
    change = Change("create", desired, (Edit(("content",), None, document.digest),))
    (made,) = shown("", "mark", Plan(changes=(change,)), Veil()).parts
    assert made.fields[0].after == "Wir haben ab 8 Uhr offen."
