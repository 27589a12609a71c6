"""agentctl.settings: variables and .env become one object, all problems at once, no secret in any of it."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from pydantic import ValidationError

from agentctl.errors import ConfigurationError
from agentctl.settings import Settings, load_settings, nearest, require, wanted_environment, wants_colour

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "agentctl" / "templates" / "project" / "env.example"


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def refused(directory: Path) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(directory)
    return caught.value


def test_nothing_is_needed(tmp_path: Path) -> None:
    settings = load_settings(tmp_path)
    assert str(settings.elevenlabs_base_url) == "https://api.elevenlabs.io/"
    assert settings.workspace == "api.elevenlabs.io"
    assert settings.webhook_tolerance_seconds == 2700
    assert settings.elevenlabs_webhook_secret == ()


def test_the_environment_wins_over_dot_env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("ELEVENLABS_API_KEY=from-file\nMAIL_FROM=a@example.org\nSTRANGER=1\n")
    monkeypatch.setenv("ELEVENLABS_API_KEY", "from-environment")
    settings = load_settings(tmp_path)
    assert settings.elevenlabs_api_key is not None
    assert settings.elevenlabs_api_key.get_secret_value() == "from-environment"
    assert settings.mail_from == "a@example.org"


def test_an_empty_value_counts_as_not_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("SMTP_URL=\nWEBHOOK_MAX_BYTES=\n")
    monkeypatch.setenv("PUBLIC_URL", "")
    settings = load_settings(tmp_path)
    assert settings.smtp_url is None
    assert settings.public_url is None


def test_several_secrets_while_one_is_rotated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELEVENLABS_WEBHOOK_SECRET", " wsec_new , wsec_old ,")
    secrets = load_settings(tmp_path).elevenlabs_webhook_secret
    assert [secret.get_secret_value() for secret in secrets] == ["wsec_new", "wsec_old"]


def test_blanks_around_the_secret_of_a_scheduler_are_none_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYNC_TRIGGER_SECRET", " sixteen-letters!\n")
    secret = load_settings(tmp_path).sync_trigger_secret
    assert secret is not None
    assert secret.get_secret_value() == "sixteen-letters!"
    monkeypatch.setenv("SYNC_TRIGGER_SECRET", " " * 20)
    assert "at least 16 characters" in str(refused(tmp_path)), "anybody could send nothing"


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    bad = {
        "ELEVENLABS_BASE_URL": "api.elevenlabs.io",
        "WEBHOOK_TOLERANCE_SECONDS": "soon",
        "WEBHOOK_MAX_BYTES": "1",
        "TWILIO_ACCOUNT_SID": "SK123",
        "MAIL_FROM": "nobody",
    }
    (tmp_path / ".env").write_text("".join(f"{name}={value}\n" for name, value in bad.items()))
    error = refused(tmp_path)
    assert {problem.where for problem in error.problems} == set(bad)
    assert error.exit_code == 2
    assert str(tmp_path / ".env") in error.hint


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({"SUPABASE_URL": "https://x.supabase.co"}, "SUPABASE_SERVICE_ROLE_KEY"),
        ({"SUPABASE_SERVICE_ROLE_KEY": "k"}, "SUPABASE_URL"),
        ({"SUPABASE_PUBLISHABLE_KEY": "k"}, "SUPABASE_URL"),
        ({"SUPABASE_ANON_KEY": "k"}, "SUPABASE_URL"),
        ({"TWILIO_API_KEY_SID": "SK" + "0" * 32}, "TWILIO_API_KEY_SECRET"),
        ({"TWILIO_API_KEY_SECRET": "k"}, "TWILIO_API_KEY_SID"),
        ({"LLM_BASE_URL": "https://llm.example.org/v1"}, "LLM_MODEL"),
        ({"SMTP_URL": "smtp://mail.example.org"}, "MAIL_FROM"),
        ({"RESEND_API_KEY": "re_1"}, "MAIL_FROM"),
    ],
)
def test_half_of_a_pair_is_named(tmp_path: Path, given: dict[str, str], missing: str) -> None:
    (tmp_path / ".env").write_text("".join(f"{name}={value}\n" for name, value in given.items()))
    (problem,) = refused(tmp_path).problems
    assert problem.where == missing
    assert next(iter(given)) in problem.what


def test_several_people_are_alerted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALERT_MAIL_TO", "a@example.org, b@example.org")
    assert load_settings(tmp_path).alert_mail_to == ("a@example.org", "b@example.org")
    monkeypatch.setenv("ALERT_MAIL_TO", "a@example.org; b")
    assert [str(problem) for problem in refused(tmp_path).problems] == [
        "ALERT_MAIL_TO: must be mail addresses, with commas between them"
    ]


def test_no_secret_is_in_a_repr_or_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [name.upper() for name, field in Settings.model_fields.items() if "Secret" in str(field.annotation)]
    assert len(names) >= 8
    for name in names:
        monkeypatch.setenv(name, "quite-secret, and long enough")
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:quite-secret@h/d")
    monkeypatch.setenv("SMTP_URL", "smtp://u:quite-secret@h")
    monkeypatch.setenv("HEARTBEAT_URL", "https://h/quite-secret")
    monkeypatch.setenv("MAIL_FROM", "a@example.org")
    monkeypatch.setenv("SUPABASE_URL", "https://x.supabase.co")
    monkeypatch.setenv("TWILIO_API_KEY_SID", "SK" + "0" * 32)
    assert "quite-secret" not in repr(load_settings(tmp_path))
    monkeypatch.setenv("TWILIO_ACCOUNT_SID", "quite-secret")
    monkeypatch.setenv("LLM_BASE_URL", "quite-secret")
    error = refused(tmp_path)
    assert "quite-secret" not in f"{error!r} {error}"


def test_addresses_of_another_form_are_told_with_everything_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "quite-secret")
    monkeypatch.setenv("SMTP_URL", "quite-secret:25")
    monkeypatch.setenv("WEBHOOK_MAX_BYTES", "many")
    error = refused(tmp_path)
    assert [problem.where for problem in error.problems] == ["DATABASE_URL", "SMTP_URL", "WEBHOOK_MAX_BYTES"]
    assert "quite-secret" not in str(error)


@pytest.mark.parametrize(("text", "line"), [('A=1\nB="open\n', 2), ("FOO BAR\n", 1), ("A=1\nB\n", 2)])
def test_a_line_of_env_that_would_be_passed_over_is_an_error(
    tmp_path: Path, text: str, line: int, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / ".env").write_text(text)
    (problem, *_) = refused(tmp_path).problems
    assert str(problem) == f"{tmp_path / '.env'}, line {line}: is not NAME=value, with any quotes closed"
    assert capfd.readouterr().err == ""


def test_where_the_environment_says_so_no_env_is_read_and_none_has_to_be_readable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("LLM_MODEL=of-a-laptop\nno line\n")
    monkeypatch.setenv("AGENTCTL_ENV_FILE", "none")
    assert load_settings(tmp_path).llm_model is None
    monkeypatch.setenv("AGENTCTL_ENV_FILE", "nothing")
    with pytest.raises(ConfigurationError, match="AGENTCTL_ENV_FILE: must be none, or not set"):
        load_settings(tmp_path)


def test_env_that_is_a_directory_is_an_error(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    assert str(refused(tmp_path).problems[0]) == f"{tmp_path / '.env'}: is not a file"


def test_a_large_env_is_read_at_once_and_a_larger_one_is_refused(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    lines = "".join(f"VARIABLE_{number}=${{HOME}}\n" for number in range(30_000))
    file.write_text(f"{lines}BASE=https://x.example\nPUBLIC_URL=${{BASE}}/${{NONE:-y}}\n")
    begin = time.process_time()
    assert str(load_settings(tmp_path).public_url) == "https://x.example/y"
    assert time.process_time() - begin < 15, "it took a minute and more when each line cost as much as all before it"
    file.write_text("A=b\n" * 250_001)
    begin = time.process_time()
    (problem,) = refused(tmp_path).problems
    assert str(problem) == f"{file}: is larger than 1 MB"
    file.write_text("a\n" * 1_000)
    problems = refused(tmp_path).problems
    assert len(problems) == 21
    assert {problem.what for problem in problems} == {"is not NAME=value, with any quotes closed"}
    assert any("980 more lines" in problem.where for problem in problems)


def test_a_residency_host_is_a_workspace_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELEVENLABS_BASE_URL", "https://api.eu.residency.elevenlabs.io")
    assert load_settings(tmp_path).workspace == "api.eu.residency.elevenlabs.io"
    monkeypatch.setenv("ELEVENLABS_BASE_URL", "http://127.0.0.1:8081")
    assert load_settings(tmp_path).workspace == "127.0.0.1:8081"


def test_what_a_command_needs_is_named_all_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        require(load_settings(tmp_path), "elevenlabs_api_key", "elevenlabs_webhook_secret", "elevenlabs_base_url")
    assert [problem.where for problem in caught.value.problems] == ["ELEVENLABS_API_KEY", "ELEVENLABS_WEBHOOK_SECRET"]


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)],
)
def test_colour_is_for_terminals_that_want_it(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], wanted: bool
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert wants_colour() is wanted
    monkeypatch.setattr("sys.stdout.isatty", lambda: False, raising=False)
    assert not wants_colour()


def test_nearest() -> None:
    assert nearest("empfnag", ["notdienst", "empfang"]) == "empfang"
    assert nearest("xyz", ["notdienst", "empfang"]) == ""


@pytest.mark.parametrize("file", [ROOT / ".env.example", TEMPLATE], ids=["root", "template"])
def test_env_example_is_complete_and_each_name_has_one_line(file: Path) -> None:
    lines = file.read_text().splitlines()
    names = [line.partition("=")[0] for line in lines if re.match(r"[A-Z_]+=", line)]
    assert sorted(names) == sorted(name.upper() for name in Settings.model_fields)
    for at, line in enumerate(lines):
        if re.match(r"[A-Z_]+=", line):
            assert lines[at - 1].startswith("# "), line


def test_env_example_as_it_is_can_be_loaded(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(TEMPLATE.read_text())
    assert load_settings(tmp_path) == load_settings(tmp_path / "nowhere")


def test_the_largest_body_is_bounded(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"WEBHOOK_MAX_BYTES={256 * 1024 * 1024}\n")
    assert load_settings(tmp_path).webhook_max_bytes == 256 * 1024 * 1024
    (tmp_path / ".env").write_text(f"WEBHOOK_MAX_BYTES={256 * 1024 * 1024 + 1}\n")
    (problem,) = refused(tmp_path).problems
    assert str(problem) == "WEBHOOK_MAX_BYTES: must be less than or equal to 268435456"


def test_who_may_deliver_is_a_list_of_networks(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("WEBHOOK_SOURCES=203.0.113.7, 2001:db8::/64\nTRUSTED_PROXIES=10.0.0.0/8\n")
    settings = load_settings(tmp_path)
    assert [str(one) for one in settings.webhook_sources] == ["203.0.113.7/32", "2001:db8::/64"]
    assert [str(one) for one in settings.trusted_proxies] == ["10.0.0.0/8"]
    (tmp_path / ".env").write_text("WEBHOOK_SOURCES=elevenlabs.io\n")
    (problem,) = refused(tmp_path).problems
    assert str(problem) == "WEBHOOK_SOURCES: must be addresses or networks, like 203.0.113.7,2001:db8::/64"


def test_a_named_variable_is_the_only_one_that_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELEVENLABS_API_KEY", "of-production")
    monkeypatch.setenv("ELEVENLABS_WEBHOOK_SECRET", "of-production")
    (tmp_path / ".env").write_text("STAGING_KEY=of-staging\nRESEND_API_KEY=re_1\nMAIL_FROM=a@example.org\n")
    names = {"elevenlabs_api_key": "STAGING_KEY", "elevenlabs_webhook_secret": "STAGING_SECRET"}
    values = {"elevenlabs_base_url": "https://api.eu.residency.elevenlabs.io", "resend_api_key": None}
    settings = load_settings(tmp_path, values=values, variables=names)
    assert settings.elevenlabs_api_key is not None
    assert settings.elevenlabs_api_key.get_secret_value() == "of-staging"
    assert (settings.elevenlabs_webhook_secret, settings.resend_api_key) == ((), None)
    assert settings.workspace == "api.eu.residency.elevenlabs.io"
    with pytest.raises(ConfigurationError, match="STAGING_SECRET: is not set"):
        require(settings, "elevenlabs_webhook_secret")
    monkeypatch.setenv("STAGING_KEY", "of-the-environment")
    again = load_settings(tmp_path, variables=names).elevenlabs_api_key
    assert again is not None
    assert again.get_secret_value() == "of-the-environment"


def test_a_named_variable_is_blamed_by_its_own_name(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DB=quite-secret\nSID=AC1\n")
    names = {"database_url": "DB", "twilio_account_sid": "SID", "supabase_url": "SB"}
    with pytest.raises(ConfigurationError) as caught:
        load_settings(tmp_path, variables=names)
    assert [problem.where for problem in caught.value.problems] == ["DB", "SB", "SID"]
    assert "is not set, and agentctl.toml names it for SUPABASE_URL" in str(caught.value)
    assert "quite-secret" not in str(caught.value)


def test_the_environment_to_work_in_is_a_setting_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert wanted_environment(tmp_path) is None
    (tmp_path / ".env").write_text("AGENTCTL_ENV=staging\n")
    assert wanted_environment(tmp_path) == "staging"
    monkeypatch.setenv("AGENTCTL_ENV", "test")
    assert wanted_environment(tmp_path) == "test"
    monkeypatch.delenv("AGENTCTL_ENV")
    (tmp_path / ".env").write_bytes(b"\xff")
    assert wanted_environment(tmp_path) is None


def test_a_setting_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ValidationError, match="elevenlabs_api_kye"):
        Settings(elevenlabs_api_kye="x")  # type: ignore[call-arg]
