"""agentctl schedule: what it prints is for this project and this machine, and holds no secret."""

from __future__ import annotations

import re
import shlex
import sys

import pytest

from agentctl.cli.app import run
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
    repository = bench.root.parent / ".git"
    repository.mkdir()
    try:
        assert f"agentctl -C {bench.root.name} sync" in bench("schedule", "github", "--every", "6h")[1]
    finally:
        repository.rmdir()  # other tests' projects lie beside this one


def test_what_cannot_be_meant_is_2(bench: Bench) -> None:
    for arguments in (("fax",), ("crontab", "--every", "25m"), ("pg_cron",), ("pg_cron", "--url", "door")):
        code, out, _ = bench("schedule", *arguments)
        assert (code, out) == (2, ""), arguments


def test_mail_is_asked_for_where_somebody_is_named(bench: Bench) -> None:
    assert "--mail" not in bench("schedule")[1]
    assert "SuccessExitStatus" not in bench("schedule", "systemd")[1], "nobody would hear of drift"
    (bench.root / "agentctl.toml").write_text('project = "beispiel"\n[mail]\nto = ["team@example.org"]\n')
    assert "--mail" in bench("schedule")[1]
    assert "SuccessExitStatus=3\n" in bench("schedule", "systemd")[1]


def test_a_run_has_the_time_that_its_gate_has(bench: Bench) -> None:
    def printed(form: str, sync: str) -> tuple[str, ...]:
        (bench.root / "agentctl.toml").write_text(f'project = "beispiel"\n[sync]\n{sync}')
        code, out, err = bench("schedule", form)
        return tuple(re.findall(r"(?:--timeout |timeout-minutes: )(\d+)", out)) if code == 0 else (str(code), err)

    assert printed("crontab", "gate_timeout = 1800") == ("600",), "nothing waits for tests"
    assert printed("crontab", "gate = true\ngate_timeout = 1800") == ("4200",)
    assert printed("systemd", "gate = true") == ("1200",)
    assert printed("systemd", "gate = true\ngate_timeout = 86400") == ("86400",), "more is refused by sync"
    assert printed("github", "") == ("15", "30", "1200")
    assert printed("github", "gate = true\ngate_timeout = 1800") == ("15", "90", "4800")
    code, err = printed("github", "gate = true\ngate_timeout = 86400")
    assert (code, "GitHub ends a job after 360 minutes" in err) == ("2", True)


def test_the_environment_that_was_chosen_is_chosen_then_too(bench: Bench) -> None:
    text = 'project = "beispiel"\n[environments.staging]\n'
    text += f'base_url = "{bench.sandbox.url}"\napi_key_env = "KEY_OF_STAGING"\ndatabase_url_env = "STORE_OF_STAGING"\n'
    (bench.root / "agentctl.toml").write_text(text)
    (bench.root / ".env").write_text("KEY_OF_STAGING=canary\nSTORE_OF_STAGING=postgresql://u:canary@h/x\n")
    for form in ("crontab", "systemd"):
        assert " --env staging sync " in bench("--env", "staging", "schedule", form)[1]
        assert " --env " not in bench("schedule", form)[1]
    out = bench("--env", "staging", "schedule", "github")[1]
    for name in ("KEY_OF_STAGING", "STORE_OF_STAGING"):
        assert f"{name}: ${{{{ secrets.{name} }}}}" in out
    assert "ELEVENLABS_API_KEY" not in out
    assert "canary" not in out


def test_where_it_goes_is_said_unless_the_files_say_so(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ELEVENLABS_BASE_URL")
    assert "ELEVENLABS_BASE_URL" not in bench("schedule", "github")[1]
    (bench.root / ".env").write_text(
        "ELEVENLABS_BASE_URL=https://api.eu.residency.elevenlabs.io\nAGENTCTL_ENV=staging\n"
    )
    text = 'project = "beispiel"\n[environments.staging]\nworkspace = "other"\n'
    (bench.root / "agentctl.toml").write_text(text)
    out = bench("schedule", "github")[1]
    assert out.count('      ELEVENLABS_BASE_URL: "https://api.eu.residency.elevenlabs.io/"\n') == 2, "plan and sync"
    assert out.count("agentctl -C . --env staging ") == 2
    (bench.root / "agentctl.toml").write_text(f'{text}base_url = "https://api.us.elevenlabs.io"\n')
    assert "ELEVENLABS_BASE_URL" not in bench("schedule", "github")[1]


def test_the_store_that_is_used_is_named_to_github(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "")
    monkeypatch.setenv("SUPABASE_URL", "https://abcdefgh.supabase.co")
    monkeypatch.setenv("SUPABASE_SERVICE_ROLE_KEY", "canary")
    out = bench("schedule", "github")[1]
    assert "SUPABASE_SERVICE_ROLE_KEY: ${{ secrets.SUPABASE_SERVICE_ROLE_KEY }}" in out
    assert 'SUPABASE_URL: "https://abcdefgh.supabase.co/"' in out
    assert "DATABASE_URL" not in out
    assert "SUPABASE" not in bench("schedule", "github", "--stateless")[1]


SECRETIVE = (
    "https://user:canary@door.example/",
    "https://canary@door.example/",
    "https://door.example/?api_key=canary",
)


@pytest.mark.parametrize("address", SECRETIVE)
@pytest.mark.parametrize(
    ("form", "name"),
    [("github", "ELEVENLABS_BASE_URL"), ("github", "SUPABASE_URL"), ("pg_cron", "PUBLIC_URL"), ("pg_cron", "--url")],
)
def test_an_address_with_a_secret_in_it_is_refused(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, form: str, name: str, address: str
) -> None:
    options = (name, address) if name == "--url" else ()
    if name == "SUPABASE_URL":
        monkeypatch.setenv("DATABASE_URL", "")
        monkeypatch.setenv("SUPABASE_SERVICE_ROLE_KEY", "another")
    if not options:
        monkeypatch.setenv(name, address)
        assert bench("schedule", "crontab")[0] == 0, "it is not printed there"
    code, out, err = bench("schedule", form, *options)
    assert (code, out) == (2, "")
    assert f"{name}: " in err
    assert "holds a secret" in err
    assert "canary" not in err


@pytest.mark.parametrize(
    "address",
    ["https://door.example/a?x=1", "https://door.example/#a", "https://door.example?", "https://u:@door.example"],
)
def test_an_address_that_no_path_can_follow_is_refused(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    code, out, err = bench("schedule", "pg_cron", "--url", address)
    assert (code, out, "--url: " in err) == (2, "", True)
    monkeypatch.setenv("PUBLIC_URL", address)
    code, out, err = bench("schedule", "pg_cron")
    assert (code, out, "PUBLIC_URL: " in err) == (2, "", True)


@pytest.mark.parametrize("arguments", [("crontab",), ("systemd",), ("github",), ("github", "--stateless")])
def test_what_is_to_run_is_a_command_of_ours(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.chdir(bench.root)
    (bench.root / "agentctl.toml").write_text('project = "beispiel"\n[mail]\nto = ["team@example.org"]\n')
    out = bench("schedule", *arguments)[1]
    commands = re.findall(r"agentctl (-C .*?)(?: > plan.txt.*)?$", out, re.MULTILINE)
    assert len(commands) == (2 if "github" in arguments else 1)
    for command in commands:
        # An option that it does not know is refused before help is shown.
        assert run([*shlex.split(command), "--help"]) == 0, command
        assert run([*shlex.split(command), "--nonsense", "--help"]) == 2


def test_what_a_form_has_no_use_for_is_refused_and_the_rest_heeded(bench: Bench) -> None:
    for arguments in (
        ("crontab", "--url", "https://a.example"),
        ("pg_cron", "--url", "https://a.example", "--stateless"),
    ):
        code, out, err = bench("schedule", *arguments)
        assert (code, out) == (2, "")
        assert "pg_cron" in err
    for form in ("crontab", "systemd", "github"):
        assert re.search(r" sync .*--stateless", bench("schedule", form, "--stateless")[1]), form


def test_github_mails_as_the_others_do_by_the_route_that_is_used_here(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMTP_URL", "smtp://u:canary@mail.example.org")
    monkeypatch.setenv("MAIL_FROM", "a@example.org")
    assert "SMTP_URL" not in bench("schedule", "github")[1]
    (bench.root / "agentctl.toml").write_text('project = "beispiel"\n[mail]\nto = ["team@example.org"]\n')
    out = bench("schedule", "github")[1]
    assert "--report agentctl-report.json --mail\n" in out
    assert "SMTP_URL: ${{ secrets.SMTP_URL }}\n      MAIL_FROM: ${{ secrets.MAIL_FROM }}\n" in out
    assert "canary" not in out
    without = bench("schedule", "github", "--stateless")[1]
    assert "--mail" not in without
    assert "SMTP_URL" not in without


def test_nothing_is_printed_for_a_file_that_is_none(bench: Bench) -> None:
    (bench.root / "agentctl.toml").unlink()
    (bench.root / "agentctl.toml").mkdir()
    code, out, err = bench("schedule")
    assert (code, out) == (2, "")
    assert "agentctl.toml: is a directory; a file is needed" in err
