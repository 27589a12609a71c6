"""agentctl calls to-test: a bad call becomes a test that a gate enforces."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from agentctl.calls import inbox
from agentctl.resources.declared_test import TestFile
from agentctl.verbs.work import process
from agentctl.wiring import Control
from tests.telephony import Bench, bench

__all__ = ["bench"]
SAID = (
    ("agent", "Guten Tag, wie kann ich helfen?"),
    ("user", "Hier ist Erika Muster, Musterstraße 12, 089 99998777. Was kostet eine {{stunde}}?"),
    ("agent", "Gern, Frau Muster. Eine Stunde kostet 3 Euro."),
    ("user", 'Und "zwei"?\nSchreiben Sie an erika@example.org'),
    ("agent", "Das weiß ich leider nicht, Erika."),
    ("user", "Danke."),
)
PERSONAL = ("Erika", "Muster", "99998777", "example.org", "4711", "{{")


@pytest.fixture
def conversation(bench: Bench) -> str:
    """One that was held with the assistant."""
    made = str(bench.sandbox.call(agent_id=bench.agent()["agent_id"], deliver=False, audio=False)["conversation_id"])
    data = bench.sandbox.state()["conversations"][made]["data"]
    shape = {**data["transcript"][0], "tool_calls": [], "tool_results": []}
    data["transcript"] = [{**shape, "role": role, "message": text} for role, text in SAID]
    variables = {"kunde": "Erika", "nummer": 4711, "stamm": True, "system__caller_id": "+498999998777"}
    data["conversation_initiation_client_data"]["dynamic_variables"] = variables
    payload = json.dumps({"type": "post_call_transcription", "data": data}).encode()

    async def enter(control: Control) -> None:
        await inbox.accept(await control.store(), payload, inbox.peek(payload), "webhook")
        await process(control)

    bench.control(enter)
    return made


def declared(bench: Bench, path: str) -> dict[str, Any]:
    text = (bench.root / path).read_text()
    assert not [word for word in PERSONAL if word in text]
    found = tomllib.loads(text)
    TestFile.model_validate(found)
    return found


def test_a_bad_answer_becomes_a_test_that_keeps_it_from_going_live(bench: Bench, conversation: str) -> None:
    made = bench.json("calls", "to-test", conversation, "--turn", "4")
    assert made["assistant"] == "empfang"
    assert conversation not in made["path"]
    found = declared(bench, made["path"])
    assert found["user"] == 'Und "zwei"?\nSchreiben Sie an [mail]'
    assert [turn["role"] for turn in found["chat_history"]] == ["agent", "user", "agent"]
    assert found["chat_history"][1]["message"] == "Hier ist [name], [address], [number]. Was kostet eine { {stunde}}?"
    assert found["failure_examples"] == ["Das weiß ich leider nicht, [name]."]
    assert found["dynamic_variables"] == {"kunde": "[kunde]", "nummer": 0, "stamm": True}
    assert "# Say here what the right answer is." in (bench.root / made["path"]).read_text()

    assert bench("sync", "--gate", "--yes")[0] == 0
    (test,) = bench.sandbox.state()["tests"].values()
    assert test["test"]["chat_history"][-1]["message"] == found["user"]
    assert bench("test", "empfang")[0] == 0
    path = bench.root / made["path"]
    path.write_text(path.read_text().replace("The answer does", "The answer says „never“ and does"))
    (bench.root / "assistants" / "empfang" / "prompt.md").write_text("Sei knapp.\n")
    code, out, _ = bench("sync", "--gate", "--yes")
    assert code == 1
    assert Path(made["path"]).stem in out


def test_a_file_that_is_there_is_never_overwritten(bench: Bench, conversation: str) -> None:
    path = bench.root / bench.json("calls", "to-test", conversation, "--turn", "1")["path"]
    path.write_text("mine")
    code, _, err = bench("calls", "to-test", conversation, "--turn", "1")
    assert code == 2
    assert "is there already" in err
    assert path.read_text() == "mine"
    bench.json("calls", "to-test", conversation, "--turn", "1", "--name", "preise")
    found = declared(bench, "assistants/empfang/tests/preise.toml")
    assert found["failure_examples"] == ["Gern, Frau [name]. Eine Stunde kostet 3 Euro."]


def test_what_cannot_be_made_a_test_is_refused_with_the_reason(bench: Bench, conversation: str) -> None:
    for arguments, reason in (
        (("--turn", "9"), "the call has no turn 9\n  It has 0 to 5."),
        (("--turn", "0"), "the caller has said nothing"),
        (("--turn", "1", "--assistant", "empfan"), "Did you mean empfang?"),
        (("--turn", "1", "--name", "../x"), "cannot be the name of a test"),
    ):
        code, _, err = bench("calls", "to-test", conversation, *arguments)
        assert code == 2
        assert reason in err
    (bench.root / "assistants" / "empfang" / "tests").symlink_to(bench.root.parent)
    code, _, err = bench("calls", "to-test", conversation, "--turn", "1")
    assert code == 2
    assert "leads outside the project" in err
    assert not list(bench.root.parent.glob("call-*.toml"))


def test_a_call_of_an_assistant_without_a_folder_is_made_a_test_of_one_that_has_one(
    bench: Bench, conversation: str
) -> None:
    folder = bench.root / "assistants" / "empfang"
    away = folder.rename(bench.root / "empfang")
    code, _, err = bench("calls", "to-test", conversation, "--turn", "4")
    assert code == 2
    assert "Tests are files of an assistant's folder; one that a row declares has none. Declare one" in err
    bench.declare("auskunft")
    code, _, err = bench("calls", "to-test", conversation, "--turn", "4")
    assert (code, "There are: auskunft. Name the one to be tested with --assistant KEY." in err) == (2, True)
    made = bench.json("calls", "to-test", conversation, "--turn", "4", "--assistant", "auskunft")
    assert made["path"].startswith("assistants/auskunft/tests/")
    assert not (away / "tests").exists()


def test_the_last_words_of_a_caller_have_no_answer(bench: Bench, conversation: str) -> None:
    code, out, _ = bench("calls", "to-test", conversation, "--turn", "5", "--tenant", "default")
    assert code == 0
    # The assistant is the files', and lives in the project's workspace, whosever the call was.
    assert "agentctl test empfang runs it; agentctl sync --gate lets" in out
    path = out.splitlines()[0].removesuffix(" is written.")
    assert "failure_examples" not in declared(bench, path)
    rows = bench.json("calls", "audit")
    assert (rows[0]["action"], rows[0]["subject"]) == ("to-test", {"call": conversation, "turn": 5})
