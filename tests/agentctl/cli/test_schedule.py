"""agentctl schedule: what it prints is for this project and this machine, and holds no secret."""

from __future__ import annotations

import sys

import pytest

from tests.telephony import Bench, bench

__all__ = ["bench"]


@pytest.mark.parametrize("form", ["crontab", "systemd", "github", "pg_cron"])
def test_each_form_is_printed_without_a_secret(bench: Bench, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    monkeypatch.setenv("SYNC_TRIGGER_SECRET", "canary-of-the-trigger")
    monkeypatch.setenv("ELEVENLABS_WEBHOOK_SECRET", "canary-of-the-webhook")
    monkeypatch.setenv("PUBLIC_URL", "https://door.example.org/")
    with bench.writes() as writes:
        code, out, err = bench("schedule", form)
    assert (code, err, writes) == (0, "", [])
    assert "beispiel" in out or form == "github"
    for secret in ("canary", bench.sandbox.key, bench.sandbox.auth_token):
        assert secret not in out
    if form in ("crontab", "systemd"):
        assert str(bench.root) in out
        assert sys.executable.rpartition("/")[0] in out
    if form == "pg_cron":
        assert "'https://door.example.org/sync'" in out


def test_the_repositorys_own_view_of_the_directory(bench: Bench) -> None:
    assert "agentctl -C . sync" in bench("schedule", "github")[1]
    (bench.root.parent / ".git").mkdir()
    assert f"agentctl -C {bench.root.name} sync" in bench("schedule", "github", "--every", "6h")[1]


def test_what_cannot_be_meant_is_2(bench: Bench) -> None:
    for arguments in (("fax",), ("crontab", "--every", "25m"), ("pg_cron",), ("pg_cron", "--url", "door")):
        code, out, _ = bench("schedule", *arguments)
        assert (code, out) == (2, ""), arguments


def test_mail_is_asked_for_where_somebody_is_named(bench: Bench) -> None:
    assert "--mail" not in bench("schedule")[1]
    (bench.root / "agentctl.toml").write_text('project = "beispiel"\n[mail]\nto = ["team@example.org"]\n')
    assert "--mail" in bench("schedule", "--env", "staging")[1]
