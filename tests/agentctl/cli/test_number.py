"""agentctl import-number, release-number: at a sandbox, with a real store, read back by Twilio's own client."""

from __future__ import annotations

import json
import logging
import signal

import pytest

from agentctl.resources.phone_number import TwilioAccess
from agentctl.wiring import Control
from tests.deadly import in_a_process
from tests.telephony import DEMO, NUMBER, OLD_FLOW, QUIET, Bench, bench

__all__ = ["bench"]
ELEVENLABS = "https://api.us.elevenlabs.io/twilio/inbound_call"


def test_a_number_in_use_is_not_taken_without_a_yes(bench: Bench) -> None:
    before = bench.at_twilio()
    with bench.writes() as writes:
        code, out, err = bench("import-number", NUMBER, "--assistant", "empfang")
    assert code == 2
    assert OLD_FLOW in out
    assert "in use at Twilio: voice_url" in err
    assert "--yes" in err
    assert writes == []
    assert bench.at_twilio() == before
    assert bench.store("route", phone_number=NUMBER) is None
    assert NUMBER not in bench.toml.read_text()


def test_a_number_comes_over_and_rings_at_the_agent(bench: Bench) -> None:
    with bench.writes() as writes:
        code, out, err = bench("import-number", NUMBER, "--assistant", "empfang", "--yes")
    assert code == 0, err
    for shown in (OLD_FLOW, "https://phone.example.org/fallback", "https://phone.example.org/status"):
        assert shown in out
    assert bench.call()["reached"]
    (number,) = bench.sandbox.state()["numbers"].values()
    assert number["agent_id"] == bench.agent()["agent_id"]
    assert [(entry["method"], entry["path"]) for entry in writes if entry["server"] == "twilio"] == []
    text = bench.toml.read_text()
    assert f'numbers = ["{NUMBER}"]' in text
    assert "# Die Nummern stehen unten." in text
    assert bench("plan", "--exit-code")[0] == 0


def test_the_old_routing_is_saved_before_the_import(bench: Bench) -> None:
    bench.sandbox.fault(method="POST", path="/v1/convai/phone-numbers", status=400, body={"detail": "no"})
    code, _, err = bench("import-number", NUMBER, "--assistant", "empfang", "--yes")
    assert code == 1
    assert "Not done: +498999998100 rings" in err
    saved = bench.store("route", phone_number=NUMBER)["route"]
    assert saved["voice_url"] == OLD_FLOW
    assert saved["status_callback"] == "https://phone.example.org/status"


def test_a_number_that_nobody_uses_needs_no_yes(bench: Bench) -> None:
    assert bench("import-number", QUIET, "--assistant", "empfang")[0] == 0
    assert bench.call(QUIET)["reached"]


def test_a_second_run_writes_nothing_and_says_so(bench: Bench) -> None:
    bench("import-number", NUMBER, "--assistant", "empfang", "--yes")
    before = bench.at_twilio(), bench.toml.read_bytes()
    with bench.writes() as writes:
        code, out, err = bench("import-number", NUMBER, "--assistant", "empfang")
    assert (code, err) == (0, "")
    assert out.startswith("Nothing to do")
    assert writes == []
    assert (bench.at_twilio(), bench.toml.read_bytes()) == before
    assert bench.store("route", phone_number=NUMBER)["route"]["voice_url"] == OLD_FLOW


def test_the_face_for_machines(bench: Bench) -> None:
    first = bench.json("import-number", NUMBER, "--assistant", "empfang", "--yes")
    assert first["changed"] is first["imported"] is first["rings"] is first["line_added"] is True
    assert first["saved"]["voice_url"] == OLD_FLOW
    assert first["routing"]["voice_url"] == ELEVENLABS
    assert first["phone_number_id"] in bench.sandbox.state()["numbers"]
    second = bench.json("import-number", NUMBER, "--assistant", "empfang", "--yes")
    assert second | {"changed": False, "imported": False, "assigned": False, "line_added": False} == second
    released = bench.json("release-number", NUMBER)
    assert released["deleted"] is released["restored"] is True
    assert released["routing"] == first["saved"]


def test_messages_stay_where_they_are_unless_asked(bench: Bench) -> None:
    with bench.writes() as writes:
        bench("import-number", NUMBER, "--assistant", "empfang", "--yes")
    assert writes[0]["request_body"]["enable_sms"] is False
    assert bench.at_twilio()["sms_url"] == "https://phone.example.org/sms"


def test_messages_are_routed_too_when_asked(bench: Bench) -> None:
    code, _, err = bench("import-number", NUMBER, "--assistant", "empfang", "--sms")
    assert code == 2
    assert "sms_url" in err
    assert bench("import-number", NUMBER, "--assistant", "empfang", "--sms", "--yes")[0] == 0
    assert "elevenlabs.io" in bench.at_twilio()["sms_url"]


def test_a_release_restores_every_field(bench: Bench) -> None:
    twilio = bench.twilio()
    number = twilio.incoming_phone_numbers.list(phone_number=NUMBER)[0]
    number.update(voice_method="GET", sms_method="GET", status_callback_method="GET", voice_fallback_method="GET",
                  sms_fallback_url="https://phone.example.org/sms-fallback", sms_application_sid="AP" + "1" * 32,
                  voice_application_sid="AP" + "2" * 32)  # fmt: skip
    before = bench.at_twilio()
    imported = bench("import-number", NUMBER, "--assistant", "empfang", "--sms", "--yes",
                     "--fallback", "https://phone.example.org/rescue")  # fmt: skip
    assert imported[0] == 0, imported[2]
    assert bench.at_twilio() != before
    assert bench.call()["reached"]
    code, out, err = bench("release-number", NUMBER)
    assert code == 0, err
    assert OLD_FLOW in out
    assert bench.at_twilio() == before
    assert bench.sandbox.state()["numbers"] == {}
    assert bench.store("route", phone_number=NUMBER) is None
    assert f"assistants/empfang/assistant.toml still declares {NUMBER}" in err


def test_a_trunk_that_would_swallow_the_calls_is_cleared_and_restored(bench: Bench) -> None:
    bench.twilio().incoming_phone_numbers.list(phone_number=QUIET)[0].update(trunk_sid="TK" + "3" * 32)
    before = bench.at_twilio(QUIET)
    code, _, err = bench("import-number", QUIET, "--assistant", "empfang")
    assert code == 2
    assert "trunk_sid is TK333" in err
    code, out, _ = bench("import-number", QUIET, "--assistant", "empfang", "--yes")
    assert code == 0
    assert "trunk_sid is now empty" in out
    assert bench.call(QUIET)["reached"]
    assert bench("release-number", QUIET)[0] == 0
    assert bench.at_twilio(QUIET) == before


def test_a_fallback_is_set_and_restored(bench: Bench) -> None:
    before = bench.at_twilio()
    arguments = ("import-number", NUMBER, "--assistant", "empfang", "--yes", "--fallback", OLD_FLOW)
    assert bench(*arguments)[0] == 0
    assert bench.at_twilio()["voice_fallback_url"] == OLD_FLOW
    with bench.writes() as writes:
        assert bench(*arguments)[1].startswith("Nothing to do")
    assert writes == []
    bench("release-number", NUMBER)
    assert bench.at_twilio() == before


@pytest.mark.parametrize("url", ["phone.example.org", "ftp://x/y", "https://", "https://a b", "javascript:alert(1)"])
def test_a_fallback_that_is_no_web_address_is_refused(bench: Bench, url: str) -> None:
    with bench.writes() as writes:
        code, _, err = bench("import-number", NUMBER, "--assistant", "empfang", "--yes", "--fallback", url)
    assert code == 2
    assert "--fallback" in err
    assert writes == []


@pytest.mark.parametrize(
    ("number", "said"),
    [("089 99998100", "E.164"), ("+49 89 99998-100", "Did you mean +498999998100?"), ("0049 (0)89 99998100", NUMBER)],
)
def test_a_number_that_is_not_e164_is_refused_with_a_suggestion(bench: Bench, number: str, said: str) -> None:
    code, _, err = bench("import-number", number, "--assistant", "empfang", "--yes")
    assert code == 2
    assert said in err
    assert bench("release-number", number, "--yes")[0] == 2


def test_a_number_that_the_account_does_not_have(bench: Bench) -> None:
    code, _, err = bench("import-number", "+498999998999", "--assistant", "empfang", "--yes")
    assert code == 1
    assert f"AC…{bench.sandbox.account_sid[-4:]} has no number +498999998999" in err


def test_wrong_twilio_credentials(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", "quite-wrong")
    with bench.writes() as writes:
        code, _, err = bench("import-number", NUMBER, "--assistant", "empfang", "--yes")
    assert code == 1
    assert "TWILIO_AUTH_TOKEN" in err
    assert "quite-wrong" not in err
    assert writes == []
    monkeypatch.delenv("TWILIO_AUTH_TOKEN")
    code, _, err = bench("import-number", NUMBER, "--assistant", "empfang", "--yes")
    assert code == 2
    assert "TWILIO_AUTH_TOKEN: is not set" in err


def test_an_api_key_is_enough_and_its_limit_is_named(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWILIO_API_KEY_SID", bench.sandbox.options.api_key_sid)
    monkeypatch.setenv("TWILIO_API_KEY_SECRET", bench.sandbox.options.api_key_secret)
    monkeypatch.delenv("TWILIO_AUTH_TOKEN")
    code, _, err = bench("import-number", NUMBER, "--assistant", "empfang", "--yes")
    assert code == 0, err
    assert "TWILIO_AUTH_TOKEN is not set" in err
    bench("release-number", NUMBER)
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", bench.sandbox.auth_token)
    code, _, err = bench("import-number", NUMBER, "--assistant", "empfang", "--yes")
    assert (code, err) == (0, "! in use at Twilio: voice_url is https://phone.example.org/old-flow\n")
    assert bench.call()["reached"]


def test_an_assistant_that_is_unknown_or_not_synced(bench: Bench) -> None:
    code, _, err = bench("import-number", NUMBER, "--assistant", "empfnag", "--yes")
    assert code == 2
    assert "Did you mean empfang?" in err
    bench.declare("notdienst")
    code, _, err = bench("import-number", NUMBER, "--assistant", "notdienst", "--yes")
    assert code == 2
    assert "agentctl sync --only notdienst" in err
    bench.sandbox.reset()
    code, _, err = bench("import-number", NUMBER, "--assistant", "empfang", "--yes")
    assert code == 2
    assert "agentctl sync --only empfang" in err


def test_a_number_of_another_assistant_is_left_to_it(bench: Bench) -> None:
    bench.declare("notdienst", f'[phone]\nnumbers = ["{NUMBER}"]\n')
    code, _, err = bench("import-number", NUMBER, "--assistant", "empfang", "--yes")
    assert code == 2
    assert "assistants/notdienst/assistant.toml" in err


def test_a_number_that_rings_at_another_agent_is_adopted_with_a_yes(bench: Bench) -> None:
    bench.declare("notdienst")
    bench("sync", "--yes")
    bench("import-number", NUMBER, "--assistant", "notdienst", "--yes")
    (bench.root / "assistants/notdienst/assistant.toml").write_text('name = "Notdienst"\nlanguage = "de"\n')
    other = bench.agent("notdienst")["agent_id"]
    code, _, err = bench("import-number", NUMBER, "--assistant", "empfang")
    assert code == 2
    assert f"rings at agent {other}" in err
    with bench.writes() as writes:
        code, out, _ = bench("import-number", NUMBER, "--assistant", "empfang", "--yes")
    assert code == 0
    assert "at ElevenLabs already" in out
    assert [entry["method"] for entry in writes] == ["PATCH"]
    (number,) = bench.sandbox.state()["numbers"].values()
    assert number["agent_id"] == bench.agent()["agent_id"]


def test_a_lost_answer_is_looked_into_and_imports_once(bench: Bench) -> None:
    bench.sandbox.fault(method="POST", path="/v1/convai/phone-numbers", drop="after")
    code, _, err = bench("import-number", NUMBER, "--assistant", "empfang", "--yes")
    assert code == 0, err
    assert len(bench.sandbox.state()["numbers"]) == 1
    assert bench.call()["reached"]


def test_a_step_that_fails_says_how_far_it_came_and_the_next_run_continues(bench: Bench) -> None:
    bench.sandbox.fault(method="POST", path="/2010-04-01/*", status=400, body={"code": 21402, "message": "not now"})
    arguments = ("import-number", NUMBER, "--assistant", "empfang", "--yes", "--fallback", OLD_FLOW)
    code, _, err = bench(*arguments)
    assert code == 1
    assert "not now" in err
    assert "Done: the routing at Twilio is saved; +498999998100 rings at agent empfang" in err
    assert "Not done: Twilio's side is set; assistants/empfang/assistant.toml declares it" in err
    code, _, err = bench(*arguments)
    assert code == 0, err
    assert bench.at_twilio()["voice_fallback_url"] == OLD_FLOW
    assert NUMBER in bench.toml.read_text()
    assert bench.store("route", phone_number=NUMBER)["route"]["voice_url"] == OLD_FLOW


def test_a_number_that_was_led_elsewhere_since_is_reported(bench: Bench) -> None:
    bench("import-number", NUMBER, "--assistant", "empfang", "--yes")
    bench.twilio().incoming_phone_numbers.list(phone_number=NUMBER)[0].update(voice_url="https://other.example.org/")
    with bench.writes() as writes:
        code, _, err = bench("import-number", NUMBER, "--assistant", "empfang", "--yes")
    assert code == 1
    assert "https://other.example.org/" in err
    assert writes == []
    code, _, err = bench("release-number", NUMBER)
    assert code == 2
    assert "changed after the import" in err
    assert bench("release-number", NUMBER, "--yes")[0] == 0
    assert bench.at_twilio()["voice_url"] == OLD_FLOW


def test_what_was_set_after_a_number_was_taken_out_by_hand_is_what_a_release_restores(bench: Bench) -> None:
    bench("import-number", NUMBER, "--assistant", "empfang", "--yes")
    (phone_number_id,) = bench.sandbox.state()["numbers"]
    bench.control(lambda control: control.api.delete("/v1/convai/phone-numbers/{one}", one=phone_number_id))
    bench.twilio().incoming_phone_numbers.list(phone_number=NUMBER)[0].update(voice_url="https://new.example.org/flow")
    assert bench("import-number", NUMBER, "--assistant", "empfang", "--yes")[0] == 0
    assert bench("release-number", NUMBER)[0] == 0
    assert bench.at_twilio()["voice_url"] == "https://new.example.org/flow"


def test_a_release_without_a_saved_routing_asks_and_leaves_twilio_alone(bench: Bench) -> None:
    bench("import-number", QUIET, "--assistant", "empfang")
    bench.store("forget_route", phone_number=QUIET)
    before = bench.at_twilio(QUIET)
    code, _, err = bench("release-number", QUIET)
    assert code == 2
    assert "left as they are" in err
    assert len(bench.sandbox.state()["numbers"]) == 1
    code, out, err = bench("release-number", QUIET, "--yes")
    assert code == 0
    assert "no routing was saved" in out
    assert "set its voice URL at Twilio" in err
    assert bench.sandbox.state()["numbers"] == {}
    assert bench.at_twilio(QUIET) == before


def test_a_release_of_what_is_not_there_is_fine(bench: Bench) -> None:
    with bench.writes() as writes:
        assert bench("release-number", NUMBER)[1].startswith("Nothing to do")
    assert writes == []
    bench("import-number", NUMBER, "--assistant", "empfang", "--yes")
    (phone_number_id,) = bench.sandbox.state()["numbers"]
    bench.control(lambda control: control.api.delete("/v1/convai/phone-numbers/{one}", one=phone_number_id))
    assert bench("release-number", NUMBER)[0] == 0
    assert bench.at_twilio()["voice_url"] == OLD_FLOW


def test_a_release_that_fails_half_way_goes_on_in_the_next_run(bench: Bench) -> None:
    bench("import-number", NUMBER, "--assistant", "empfang", "--yes")
    bench.sandbox.fault(method="DELETE", path="/v1/convai/phone-numbers/*", status=400, body={"detail": "busy"})
    code, _, err = bench("release-number", NUMBER)
    assert code == 1
    assert "Done: what Twilio had before the import is restored." in err
    assert bench.at_twilio()["voice_url"] == OLD_FLOW
    assert bench("release-number", NUMBER)[0] == 0
    assert bench.sandbox.state()["numbers"] == {}
    assert bench.store("route", phone_number=NUMBER) is None


def test_no_credential_is_in_any_output_or_log(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    said = ""
    refusal = {"detail": {"status": "x", "message": f"token {bench.sandbox.auth_token} is bad"}}
    bench.sandbox.fault(method="POST", path="/v1/convai/phone-numbers", status=400, body=refusal)
    for arguments in (
        ("import-number", NUMBER, "--assistant", "empfang", "--yes"),
        ("import-number", NUMBER, "--assistant", "empfang", "--yes", "--json"),
        ("release-number", NUMBER, "--json"),
    ):
        _, out, err = bench(*arguments)
        said += out + err
    assert "token *** is bad" in said
    for secret in (bench.sandbox.auth_token, bench.sandbox.key):
        assert secret not in said
        assert secret not in caplog.text
    assert (
        json.loads(bench("import-number", QUIET, "--assistant", "empfang", "--json")[1])["saved"]["voice_url"] == DEMO
    )


def test_a_number_that_waits_for_its_import_is_not_in_sync_to_plan_and_status_alike(bench: Bench) -> None:
    bench.toml.write_text(bench.toml.read_text() + f'[phone]\nnumbers = ["{NUMBER}"]\n')
    assert bench("sync", "--yes")[0] == 0
    code, out, _ = bench("plan", "--exit-code")
    assert (code, out.splitlines()[-1]) == (3, "Nothing to do: 2 unchanged, 1 waiting for you.")
    assert bench.json("plan")["waiting"] == [{"kind": "phone_number", "key": NUMBER}]
    code, out, _ = bench("status", "--exit-code")
    assert code == 3
    assert f"agentctl import-number {NUMBER} --assistant empfang" in out
    assert (bench("plan")[0], bench("status")[0], bench("sync", "--yes")[0]) == (0, 0, 0)
    assert bench("import-number", NUMBER, "--assistant", "empfang", "--yes")[0] == 0
    assert (bench("plan", "--exit-code")[0], bench("status", "--exit-code")[0]) == (0, 0)


def test_a_number_that_was_removed_there_is_drift_and_an_import_brings_it_back(bench: Bench) -> None:
    assert bench("import-number", NUMBER, "--assistant", "empfang", "--yes")[0] == 0
    assert bench("sync", "--yes")[0] == 0

    async def remove(control: Control) -> None:
        number_id = (await control.bindings()).of("phone_number")[NUMBER]
        await control.api.delete("/v1/convai/phone-numbers/{phone_number_id}", phone_number_id=number_id)

    bench.control(remove)
    assert bench("plan", "--exit-code")[0] == 3
    assert bench.json("status")[0]["state"] == "drifted"
    with bench.writes() as writes:
        code, out, err = bench("sync", "--yes", "--quiet")
        assert (code, out) == (3, "")
        assert f"phone_number {NUMBER} was deleted at the platform" in err
        for _ in range(2):  # A sync imports nothing: what it says is how to, and nobody looks for an import of its own.
            code, out, err = bench("sync", "--yes", "--take-ours")
            assert code == 1
            assert f"agentctl import-number {NUMBER} --assistant empfang" in out
            assert "looking again" not in err
    assert writes == []
    assert bench("import-number", NUMBER, "--assistant", "empfang", "--yes")[0] == 0
    assert bench.call()["reached"] is True
    assert (bench("plan", "--exit-code")[0], bench.json("status")[0]["state"]) == (0, "in sync")


@pytest.mark.parametrize("arrives", [True, False])
def test_a_number_that_was_taken_over_in_a_run_that_was_killed_is_ours_to_move(bench: Bench, arrives: bool) -> None:
    bench.declare("notdienst")
    bench("sync", "--yes")

    async def at_a_stranger(control: Control) -> str:
        api = control.api
        agent = await api.post("/v1/convai/agents/create", json={"name": "Other", "conversation_config": {}})
        access = TwilioAccess.of(control.settings, enable_sms=False)
        number = {"provider": "twilio", "phone_number": NUMBER, "label": "Other", "sid": access.sid}
        number |= {"token": access.token.get_secret_value(), "agent_id": agent["agent_id"]}
        await api.post("/v1/convai/phone-numbers", json=number)
        return str(agent["agent_id"])

    other = bench.control(at_a_stranger)
    taking = ["-C", str(bench.root), "import-number", NUMBER, "--assistant", "empfang", "--yes"]
    assert in_a_process(taking, 1, "applied" if arrives else "before", {"PATCH"}) == signal.SIGKILL
    toml = bench.root / "assistants/notdienst/assistant.toml"
    toml.write_text(f'{toml.read_text()}[phone]\nnumbers = ["{NUMBER}"]\n')
    assert bench("sync", "--yes")[0] == (0 if arrives else 3)
    (number,) = bench.sandbox.state()["numbers"].values()
    assert number["agent_id"] == (bench.agent("notdienst")["agent_id"] if arrives else other)
