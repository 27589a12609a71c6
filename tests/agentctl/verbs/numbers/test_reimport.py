"""agentctl import-number --reimport: new credentials, the same agent, and somebody who answers in between."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest

from agentctl.errors import Stale
from agentctl.sync.patience import Patience
from agentctl.verbs.numbers import reimport
from agentctl.wiring import Control
from tests.synced import After
from tests.telephony import DEMO, NUMBER, QUIET, Bench, bench

__all__ = ["bench"]
FALLBACK = "https://phone.example.org/fallback"
ANEW = ("import-number", NUMBER, "--assistant", "empfang", "--reimport", "--yes")
NUMBERS = "/v1/convai/phone-numbers"
REFUSED = {"status": 400, "body": {"detail": {"status": "no", "message": "no"}}}


@pytest.fixture
def imported(bench: Bench, after: After) -> Bench:
    def steps() -> None:
        assert bench("import-number", NUMBER, "--assistant", "empfang", "--yes")[0] == 0

    after(steps)
    return bench


def number(bench: Bench) -> dict[str, Any]:
    (found,) = bench.sandbox.state()["numbers"].values()
    return dict(found)


def intents(bench: Bench) -> list[str]:
    async def ask(control: Control) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = await (await control.store()).call("intents", asdict(control.scope))
        return found

    return [one["key"] for one in bench.control(ask)]


def settled(bench: Bench, before: dict[str, Any]) -> None:
    """All is as it was, but for the id; and nothing is left to do."""
    assert bench.at_twilio() == before
    assert number(bench)["agent_id"] == bench.agent()["agent_id"]
    assert bench.call()["reached"]
    assert bench("plan", "--exit-code")[0] == 0
    assert bench.store("route", phone_number=NUMBER)["route"]["voice_url"] == "https://phone.example.org/old-flow"


def test_it_is_imported_with_the_credentials_of_now_while_the_fallback_answers(
    imported: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, old = imported.at_twilio(), number(imported)
    options = imported.sandbox.options
    monkeypatch.setenv("TWILIO_API_KEY_SID", options.api_key_sid)
    monkeypatch.setenv("TWILIO_API_KEY_SECRET", options.api_key_secret)
    with imported.writes() as writes:
        code, out, err = imported(*ANEW)
    assert code == 0, err
    assert f"s calls went to {FALLBACK}" in out
    order = [(entry["server"], entry["method"]) for entry in writes]
    assert order == [("twilio", "POST"), ("elevenlabs", "DELETE"), ("elevenlabs", "POST")]
    sent = writes[2]["request_body"]
    assert (sent["sid"], sent["label"], sent["enable_sms"]) == (options.api_key_sid, old["label"], False)
    assert number(imported)["phone_number_id"] != old["phone_number_id"]
    settled(imported, before)


def test_the_face_for_machines(imported: Bench) -> None:
    told = imported.json(*ANEW, "--fallback", "https://phone.example.org/other")
    assert told["phone_number_id"] == number(imported)["phone_number_id"]
    assert told["fallback"] == "https://phone.example.org/other"
    assert 0 < told["gap_seconds"] < 30
    assert told["resumed"] is False


def test_messages_that_were_routed_stay_routed(bench: Bench) -> None:
    bench("import-number", NUMBER, "--assistant", "empfang", "--sms", "--yes")
    before = bench.at_twilio()
    assert bench(*ANEW)[0] == 0
    settled(bench, before)


def test_it_asks(imported: Bench) -> None:
    with imported.writes() as writes:
        assert imported(*ANEW[:-1])[0] == 2
    assert writes == []


def test_wrong_credentials_touch_nothing(imported: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", "wrong")
    before = imported.at_twilio()
    code, _, err = imported(*ANEW)
    assert code == 1
    assert "TWILIO_AUTH_TOKEN" in err
    assert imported.at_twilio() == before
    assert imported.call()["reached"]


def test_somebody_must_answer_in_the_gap(bench: Bench) -> None:
    bench("import-number", QUIET, "--assistant", "empfang")
    saved = bench.store("route", phone_number=QUIET)["route"]
    assert saved["voice_url"] == DEMO
    bench.store("forget_route", phone_number=QUIET)
    code, _, err = bench("import-number", QUIET, "--assistant", "empfang", "--reimport", "--yes")
    assert code == 2
    assert "--fallback URL" in err


def test_what_is_not_there_or_rings_elsewhere_is_refused(bench: Bench) -> None:
    code, _, err = bench(*ANEW)
    assert code == 2
    assert "without --reimport" in err
    bench("import-number", NUMBER, "--assistant", "empfang", "--yes")
    place = f"{NUMBERS}/{number(bench)['phone_number_id']}"
    bench.control(lambda control: control.api.patch(place, json={"agent_id": None}))
    code, _, err = bench(*ANEW)
    assert code == 2
    assert "agentctl sync" in err


def test_where_it_cannot_be_deleted_all_is_as_before(imported: Bench) -> None:
    before, old = imported.at_twilio(), number(imported)
    imported.sandbox.fault(method="DELETE", path=f"{NUMBERS}/*", **REFUSED)
    code, _, err = imported(*ANEW)
    assert code == 1
    assert f"{NUMBER} is still at ElevenLabs, and Twilio leads there as before." in err
    assert "calls go to" not in err
    assert "continues" not in err
    assert number(imported) == old
    settled(imported, before)
    assert "cut off" not in imported(*ANEW)[2]


def test_a_refused_import_leaves_the_fallback_answering_and_the_next_run_heals_it(imported: Bench) -> None:
    before = imported.at_twilio()
    imported.sandbox.fault(method="POST", path=NUMBERS, **REFUSED)
    code, _, err = imported(*ANEW)
    assert code == 1
    assert f"Done: what is there now is remembered; calls go to {FALLBACK}; {NUMBER} is out of ElevenLabs." in err
    assert imported.at_twilio()["voice_url"] == FALLBACK
    assert imported.sandbox.state()["numbers"] == {}
    assert imported("import-number", NUMBER, "--assistant", "empfang", "--yes")[0] == 2, "it would save the fallback"
    code, out, err = imported(*ANEW, "--json")
    assert code == 0
    assert "cut off" in err
    assert json.loads(out)["resumed"] is True
    settled(imported, before)


def test_a_refused_import_is_looked_for_by_no_plan(imported: Bench) -> None:
    imported.sandbox.fault(method="POST", path=NUMBERS, **REFUSED)
    assert imported(*ANEW)[0] == 1
    assert intents(imported) == [], "nothing was made"


def test_a_release_leaves_nothing_to_look_for(imported: Bench) -> None:
    imported.sandbox.fault(method="POST", path=NUMBERS, drop="before")
    assert imported(*ANEW)[0] == 1
    assert intents(imported) == [NUMBER]
    assert imported("release-number", NUMBER, "--yes")[0] == 0
    assert intents(imported) == []


def test_a_lost_answer_makes_no_second_number(imported: Bench) -> None:
    before = imported.at_twilio()
    imported.sandbox.fault(method="POST", path=NUMBERS, drop="after")
    imported(*ANEW)
    imported(*ANEW)
    settled(imported, before)


@pytest.mark.parametrize(("drop", "patches"), [("before", 2), ("after", 1)])
def test_an_assignment_whose_answer_was_lost_is_looked_for_before_it_is_sent_again(
    imported: Bench, monkeypatch: pytest.MonkeyPatch, drop: str, patches: int
) -> None:
    monkeypatch.setattr(Control, "patience", Patience(pauses=(0,)))
    before = imported.at_twilio()
    imported.sandbox.fault(method="POST", path=NUMBERS, ignore="agent_id")
    imported.sandbox.fault(method="PATCH", path=f"{NUMBERS}/*", drop=drop)
    with imported.writes() as writes:
        code, _, err = imported(*ANEW)
    assert code == 0, err
    assert [entry["method"] for entry in writes].count("PATCH") == patches
    settled(imported, before)


def test_a_second_run_that_looked_before_the_first_one_ended_touches_nothing(imported: Bench) -> None:
    before = imported.at_twilio()

    async def twice(control: Control) -> None:
        found = await reimport.look(control, NUMBER, "empfang")
        await reimport.reimport(control, found)
        with pytest.raises(Stale, match="another run"):
            await reimport.reimport(control, found)

    imported.control(twice)
    settled(imported, before)


def test_a_release_ends_it(imported: Bench) -> None:
    imported.sandbox.fault(method="POST", path=NUMBERS, **REFUSED)
    imported(*ANEW)
    assert imported("release-number", NUMBER, "--yes")[0] == 0
    assert imported.at_twilio()["voice_url"] == "https://phone.example.org/old-flow"
    assert imported("import-number", NUMBER, "--assistant", "empfang", "--yes")[0] == 0
    assert imported.call()["reached"]
