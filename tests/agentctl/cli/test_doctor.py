"""agentctl doctor: what it prints, and how it ends."""

from __future__ import annotations

import json

import pytest

from agentctl.cli.doctor import finding_text
from agentctl.verbs.examination.finding import Finding
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


def test_settings_that_cannot_be_used_are_findings_like_any_other(bench: Bench) -> None:
    (bench.root / ".env").write_text("WEBHOOK_MAX_BYTES=many\nPUBLIC_URL=nowhere\nMAIL_FROM=nobody\n")
    code, out, err = bench("doctor", "--json")
    assert (code, err) == (1, "")
    found = json.loads(out)["findings"]
    wrong = [one for one in found if one["state"] == "broken"]
    assert [one["what"].partition(":")[0] for one in wrong] == ["MAIL_FROM", "PUBLIC_URL", "WEBHOOK_MAX_BYTES"]
    assert all(one["subject"] == "settings" and ".env.example" in one["remedy"] for one in wrong)
    skipped = {one["subject"]: one["what"] for one in found if one["state"] == "skipped"}
    assert (
        skipped.items()
        >= {"door": "not examined: it needs PUBLIC_URL", "mail": "not examined: it needs MAIL_FROM"}.items()
    )


@pytest.mark.parametrize("content", [b"DATABASE_URL='x\n", b"A=\xff\n"], ids=["a wrong line", "no text"])
def test_without_what_env_says_nothing_else_than_is_meant_is_looked_at(bench: Bench, content: bytes) -> None:
    (bench.root / ".env").write_bytes(content)
    code, out, err = bench("doctor", "--json")
    assert (code, err) == (1, "")
    found = json.loads(out)["findings"]
    assert str(bench.root / ".env") in found[0]["what"]
    looked = [one["what"] for one in found if one["subject"] in ("store", "elevenlabs", "twilio")]
    assert set(looked) <= {"not examined: it needs .env"}


def test_of_a_project_file_that_is_not_understood_nothing_is_concluded(bench: Bench) -> None:
    file = bench.root / "agentctl.toml"
    for broken in ("[broken\n", f"{file.read_text()}\nnmae = 1\n"):
        file.write_text(broken)
        code, out, _ = bench("doctor")
        assert code == 1
        assert "FAIL project     agentctl.toml" in out
        assert "record_voice" not in out
        assert "nobody gets a mail" not in out


def test_what_is_wrong_comes_with_a_remedy(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMTP_URL", "smtp://127.0.0.1:1")
    monkeypatch.setenv("MAIL_FROM", "a@example.org")
    found = json.loads(bench("doctor", "--json")[1])["findings"]
    bad = [one for one in found if one["state"] in ("warning", "broken")]
    assert {"mail", "elevenlabs"} <= {one["subject"] for one in bad}
    assert [one for one in bad if not one["remedy"]] == []


def test_a_finding_cannot_drive_the_terminal_and_keeps_its_lines() -> None:
    finding = Finding("store", "broken", "one\x1b[2J\ntwo", "do\nthis")
    assert finding_text(finding) == (
        "FAIL store       one�[2J\n" + "".join(f"{' ' * 17}{line}\n" for line in ("two", "do", "this"))
    ).rstrip("\n")


def test_an_env_that_is_no_text_keeps_the_files_from_nothing(bench: Bench) -> None:
    (bench.root / ".env").write_bytes(b"A=\xff\n")
    out = bench("doctor")[1]
    assert f"FAIL settings    {bench.root / '.env'}: is not UTF-8" in out
    assert "ok   project     beispiel/production: empfang\n" in out


def test_a_project_file_that_is_a_directory_is_found_and_told(bench: Bench) -> None:
    (bench.root / "agentctl.toml").unlink()
    (bench.root / "agentctl.toml").mkdir()
    code, out, _ = bench("doctor")
    assert code == 1
    assert "FAIL project     agentctl.toml: is a directory; a file is needed\n" in out
    assert "or above" not in out
