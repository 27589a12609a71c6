"""agentctl calls forget: who is found by a number, and what is said of whoever is not known."""

from __future__ import annotations

import json

import pytest

from agentctl.verbs.work import process
from tests.agentctl.verbs.calls.test_forget import CALLER, OTHER, accept, called, files
from tests.telephony import Bench, bench

__all__ = ["bench"]


def test_a_number_leads_to_calls_that_were_emptied_for_their_age(bench: Bench) -> None:
    emptied, other = called(bench, CALLER, OTHER)
    bench.store("save_retention", project="beispiel", environment="production", transcripts=0)
    assert bench.json("calls", "retain")["erased"]["calls"] == 2
    assert "beforehand finds them" in bench("calls", "forget", CALLER)[1]
    done = bench.json("calls", "forget", "089 9999 8777", "--yes")
    assert (done["remote"], done["erased"]["calls"], done["erased"]["recordings"]) == (1, 1, 1)
    assert set(bench.sandbox.state()["conversations"]) == {other}
    assert files(bench) == {other}
    assert {row["conversation_id"] for row in bench.json("calls", "list")} == {other}
    assert emptied not in json.dumps(bench.json("calls", "events", "--state", "done"))
    assert not bench.json("calls", "forget", CALLER, "--yes")["known"]
    assert f"Nothing is known of {CALLER} here. What" in bench("calls", "forget", CALLER, "--yes")[1]
    assert "Nothing is known of 089 7654321 here." in bench("calls", "forget", "089 7654321", "--yes")[1]


def test_several_whose_calls_were_emptied_are_told_apart(bench: Bench) -> None:
    called(bench, CALLER, "+438999998777")
    bench.store("save_retention", project="beispiel", environment="production", transcripts=0)
    bench.json("calls", "retain")
    code, _, err = bench("calls", "forget", "089 9999 8777", "--yes")
    assert code == 2
    assert "several callers have that number: 2 whose calls were emptied for their age" in err
    assert bench.json("calls", "forget", CALLER, "--yes")["remote"] == 1


def test_a_number_that_a_site_passed_as_user_id_is_forgotten(bench: Bench) -> None:
    placed = bench.sandbox.call(agent_id=bench.agent()["agent_id"], deliver=False, audio=False)
    web = str(placed["conversation_id"])
    data = bench.sandbox.state()["conversations"][web]["data"]
    data = {**data, "user_id": "+49 (0)89 9999-8777", "metadata": {**data["metadata"], "phone_call": None}}
    event = json.dumps({"type": "post_call_transcription", "data": data}).encode()
    accept(bench, event)
    bench.control(process)
    for written in (CALLER, "089 9999 8777"):
        assert [row["conversation_id"] for row in bench.json("calls", "list", "--number", written)] == [web]
    assert bench.json("calls", "forget", CALLER, "--yes")["remote"] == 1
    assert bench.json("calls", "list") == []
    assert accept(bench, event).id is None


@pytest.mark.parametrize("keep", [True, False])
def test_what_nothing_is_known_of_is_said_and_refused_all_the_same(bench: Bench, keep: bool) -> None:
    how = ["--yes", *(["--keep-remote"] if keep else [])]
    code, out, _ = bench("calls", "forget", "conv_typo", *how)
    assert code == 0
    where = "here" if keep else "here or at ElevenLabs"
    assert out.splitlines()[-1] == f"Nothing is known of conv_typo {where}. What comes of it later is refused."
    assert "gone at ElevenLabs" not in out
    (end, *_) = bench.json("calls", "audit")
    assert (end["action"], end["subject"]["remote"]) == ("forgot", 0)
    late = {"type": "post_call_transcription", "data": {"conversation_id": "conv_typo"}}
    assert accept(bench, json.dumps(late).encode()).id is None


def test_what_can_be_neither_a_number_nor_an_id_is_refused(bench: Bench) -> None:
    code, out, err = bench("calls", "forget", "anonymous", "--yes")
    assert (code, out) == (2, "")
    assert "'anonymous' is neither a number nor the id of a conversation or an event" in err
    assert bench.json("calls", "audit") == []
