"""agentctl doctor: what it prints, and how it ends."""

from __future__ import annotations

import json

import pytest

from agentctl.cli.doctor import finding_text
from agentctl.verbs.finding import Finding
from tests.telephony import NUMBER, Bench, bench

__all__ = ["bench"]


def test_nothing_broken_is_0(bench: Bench) -> None:
    code, out, err = bench("doctor")
    assert (code, err) == (0, "")
    assert out.splitlines()[0].startswith("warn project     assistants/empfang/assistant.toml: ")
    assert "\nok   elevenlabs  the key may write agents (convai_write)\n" in out
    assert out.endswith("\nNothing is broken.\n")


def test_something_broken_is_1_with_its_remedy(bench: Bench) -> None:
    bench.toml.write_text(f'name = "Empfang"\nlanguage = "de"\n[phone]\nnumbers = ["{NUMBER}"]\n')
    code, out, _ = bench("doctor")
    assert code == 0
    assert f"warn numbers     {NUMBER} is not at ElevenLabs yet\n" in out
    assert bench("import-number", NUMBER, "--assistant", "empfang", "--yes")[0] == 0
    (phone_number_id,) = bench.sandbox.state()["numbers"]
    path = "/v1/convai/phone-numbers/{one}"
    bench.control(lambda control: control.api.delete(path, one=phone_number_id))
    code, out, _ = bench("doctor")
    assert code == 1
    remedy = f"agentctl import-number {NUMBER} --assistant empfang"
    assert f"FAIL numbers     {NUMBER} is gone from ElevenLabs\n                 {remedy}\n" in out
    assert out.endswith("\n1 broken.\n")


def test_the_face_for_machines(bench: Bench) -> None:
    found = bench.json("doctor")
    assert found["ok"] is True
    assert {"subject": "twilio", "state": "ok", "what": "the account is active", "remedy": ""} in found["findings"]


def test_the_face_for_machines_when_something_is_broken(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELEVENLABS_API_KEY", "sk_wrong_one")
    code, out, err = bench("doctor", "--json")
    assert (code, err) == (1, "")
    found = json.loads(out)
    assert found["ok"] is False
    assert [one["subject"] for one in found["findings"] if one["state"] == "broken"] == ["elevenlabs"]
    assert "sk_wrong_one" not in out


def test_settings_that_cannot_be_used_are_2_all_at_once(bench: Bench) -> None:
    (bench.root / ".env").write_text("WEBHOOK_MAX_BYTES=many\nPUBLIC_URL=nowhere\nMAIL_FROM=nobody\n")
    code, out, err = bench("doctor")
    assert (code, out) == (2, "")
    for name in ("WEBHOOK_MAX_BYTES", "PUBLIC_URL", "MAIL_FROM", ".env.example"):
        assert name in err


def test_a_finding_cannot_drive_the_terminal_and_keeps_its_lines() -> None:
    finding = Finding("store", "broken", "one\x1b[2J\ntwo", "do\nthis")
    assert finding_text(finding) == (
        "FAIL store       one�[2J\n" + "".join(f"{' ' * 17}{line}\n" for line in ("two", "do", "this"))
    ).rstrip("\n")
