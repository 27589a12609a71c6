"""agentctl.wiring: settings and files become clients, each when it is first used, all closed at the end."""

from __future__ import annotations

import asyncio
import os
import select
import signal
from pathlib import Path
from typing import Any

import pytest
from pydantic import HttpUrl, SecretStr

from agentctl.clients.mail import ResendRoute, SmtpRoute
from agentctl.clients.recordings import Directory
from agentctl.clients.shelves import Shelves
from agentctl.clients.store.postgres import PostgresStore
from agentctl.clients.store.supabase import SupabaseStore
from agentctl.errors import ConfigurationError, UsageError
from agentctl.local import postgres as local
from agentctl.settings import Settings
from agentctl.wiring import connect

pytestmark = pytest.mark.anyio
SID = "AC" + "0" * 32
KEY = "SK" + "0" * 32
SCOPE = {"project": "probe", "environment": "production", "workspace": "sandbox"}
BINDING = {**SCOPE, "kind": "agent", "key": "desk", "remote_id": "agent_1", "applied": {}}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    (tmp_path / "agentctl.toml").write_text('project = "probe"\n')
    return tmp_path.resolve()


def given(**values: Any) -> Settings:
    """Settings of these fields and defaults, whatever the environment holds."""
    return Settings(**values)


async def test_it_finds_the_project_above_and_reads_its_dot_env(root: Path) -> None:
    (root / ".env").write_text("MAIL_FROM=a@example.org\n")
    below = root / "assistants"
    below.mkdir()
    async with connect(below) as control:
        assert control.directory == root
        assert control.has_project
        assert control.settings.mail_from == "a@example.org"
        assert control.scope.project == "probe"
        assert control.scope.workspace == "api.elevenlabs.io"


async def test_an_environment_is_a_scope_with_its_own_settings(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host = "https://api.eu.residency.elevenlabs.io"
    declared = f'base_url = "{host}"\napi_key_env = "STAGING_KEY"\n'
    (root / "agentctl.toml").write_text(f'project = "probe"\n[environments.staging]\n{declared}workspace = "acme"\n')
    monkeypatch.setenv("ELEVENLABS_API_KEY", "of-production")
    async with connect(root, environment="staging") as control:
        assert (control.scope.environment, control.scope.workspace) == (
            "staging",
            "acme@api.eu.residency.elevenlabs.io",
        )
        with pytest.raises(ConfigurationError, match="STAGING_KEY: is not set"):
            _ = control.api
    monkeypatch.setenv("STAGING_KEY", "k")
    async with connect(root, environment="staging") as control:
        assert control.api.host == "api.eu.residency.elevenlabs.io"
    async with connect(root) as control:
        assert (control.scope.environment, control.scope.workspace) == ("production", "api.elevenlabs.io")
    # The workspace is no matter of the key: it can be rotated.
    monkeypatch.setenv("STAGING_KEY", "another")
    async with connect(root, environment="staging") as control:
        assert control.scope.workspace == "acme@api.eu.residency.elevenlabs.io"
    with pytest.raises(UsageError, match="there is no environment 'qa'"):
        async with connect(root, environment="qa"):
            pytest.fail("it opened")


@pytest.mark.parametrize(("named", "otherwise"), [("staging", "naming 'staging'"), (None, "AGENTCTL_ENV")])
async def test_an_environment_needs_a_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str | None, otherwise: str
) -> None:
    monkeypatch.setenv("AGENTCTL_ENV", "qa")
    with pytest.raises(ConfigurationError, match=f"it would declare environment '{named or 'qa'}'") as caught:
        async with connect(tmp_path, environment=named):
            pytest.fail("it opened")
    assert caught.value.hint == f"Run this inside a project, or without {otherwise}."


async def test_without_a_project_a_door_still_has_its_settings(tmp_path: Path, dsn: str) -> None:
    async with connect(tmp_path, settings=given(database_url=SecretStr(dsn))) as control:
        assert not control.has_project
        assert (await (await control.store()).call("status", {}))["events"]["pending"] == 0
        with pytest.raises(ConfigurationError, match="agentctl init"):
            _ = control.storehouse.place


async def test_unusable_settings_are_told_before_anything_is_opened(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEBHOOK_MAX_BYTES", "many")
    with pytest.raises(ConfigurationError, match="WEBHOOK_MAX_BYTES"):
        async with connect(root):
            pytest.fail("it opened")


async def test_clients_without_their_settings_say_what_is_missing(root: Path) -> None:
    async with connect(root, settings=given()) as control:
        for ask, missing in (
            (lambda: control.api, "ELEVENLABS_API_KEY"),
            (lambda: control.twilio, "TWILIO_ACCOUNT_SID"),
        ):
            with pytest.raises(ConfigurationError, match=missing):
                ask()
        assert control.workshop.mail_route is None
        assert control.workshop.language_model is None
        assert isinstance(control.workshop.recordings, Directory)
    async with connect(root, settings=given(twilio_account_sid=SID)) as control:
        with pytest.raises(ConfigurationError, match="TWILIO_AUTH_TOKEN"):
            _ = control.twilio


async def test_twilio_by_token_and_by_key(root: Path) -> None:
    token, secret = SecretStr("token"), SecretStr("secret")
    async with connect(root, settings=given(twilio_account_sid=SID, twilio_auth_token=token)) as control:
        access = control.twilio_access(enable_sms=True)
        assert (access.sid, access.token, access.account_auth_token, access.enable_sms) == (SID, token, None, True)
    pair = given(twilio_account_sid=SID, twilio_auth_token=token, twilio_api_key_sid=KEY, twilio_api_key_secret=secret)
    async with connect(root, settings=pair) as control:
        access = control.twilio_access(enable_sms=False)
        assert (access.sid, access.token, access.account_auth_token) == (KEY, secret, token)


async def test_smtp_before_resend(root: Path) -> None:
    both = {
        "smtp_url": SecretStr("smtp://mail.example.org"),
        "resend_api_key": SecretStr("re_1"),
        "mail_from": "a@b.de",
    }
    async with connect(root, settings=given(**both)) as control:
        assert isinstance(control.workshop.mail_route, SmtpRoute)
    del both["smtp_url"]
    async with connect(root, settings=given(**both)) as control:
        assert isinstance(control.workshop.mail_route, ResendRoute)


async def test_mail_is_a_job_only_where_there_is_a_route(root: Path, dsn: str) -> None:
    database = {"database_url": SecretStr(dsn)}
    async with connect(root, settings=given(**database)) as control:
        assert [job.name for job in control.workshop.jobs(await control.store())] == ["events", "sink", "recordings"]
    mail = {"smtp_url": SecretStr("smtp://mail.example.org"), "mail_from": "a@b.de"}
    async with connect(root, settings=given(**database, **mail)) as control:
        names = [job.name for job in control.workshop.jobs(await control.store())]
        assert names == ["events", "sink", "mails", "recordings"]


async def test_a_database_before_supabase(root: Path, dsn: str, supabase_api: Any) -> None:
    supabase = {
        "supabase_url": HttpUrl(supabase_api.url),
        "supabase_service_role_key": SecretStr(supabase_api.service_key),
    }
    async with connect(root, settings=given(**supabase)) as control:
        assert isinstance(await control.store(), SupabaseStore)
        assert isinstance(control.workshop.recordings, Shelves)
        assert not control.embedded
        with pytest.raises(UsageError, match="DATABASE_URL"):
            await control.storehouse.dsn()
    async with connect(root, settings=given(**supabase, database_url=SecretStr(dsn))) as control:
        assert isinstance(await control.store(), PostgresStore)
        assert await control.storehouse.dsn() == dsn


async def test_another_database_is_never_migrated_unasked(root: Path, empty_dsn: str) -> None:
    from agentctl.clients.store.migrations import pending

    before = await pending(empty_dsn)
    async with connect(root, settings=given(database_url=SecretStr(empty_dsn))) as control:
        await control.store()
    assert await pending(empty_dsn) == before != []


async def test_the_embedded_store_starts_migrated_beside_the_project(root: Path) -> None:
    try:
        async with connect(root, settings=given()) as control:
            assert control.embedded
            first, second = await control.store(), await control.store()
            assert first is second
            assert (await first.call("status", {}))["migrations"]
            assert (root / ".agentctl").is_dir()
    finally:
        await local.stop(root / ".agentctl")


async def test_an_embedded_server_that_dies_is_started_again_by_whoever_needs_it(root: Path) -> None:
    async with connect(root, settings=given()) as control:
        store = await control.store()
        await store.call("bind", BINDING)
        pid = int((root / ".agentctl/postgres/postmaster.pid").read_text().split()[0])
        (idle,) = store._idle  # type: ignore[attr-defined]
        os.kill(pid, signal.SIGKILL)
        # What is under way when it dies fails; this is about those who come afterwards.
        await asyncio.to_thread(select.select, [idle.fileno()], [], [], 30)
        found = await asyncio.gather(*(store.call("bindings", SCOPE, timeout=30) for _ in range(8)))
        assert [rows[0]["remote_id"] for rows in found] == ["agent_1"] * 8
    await local.stop(root / ".agentctl")


async def test_agents_are_bound_to_the_webhook_once_there_is_one(root: Path, dsn: str) -> None:
    from agentctl.resources.post_call import WEBHOOK
    from agentctl.sync.kind import Desired

    folder = root / "assistants" / "empfang"
    folder.mkdir(parents=True)
    (folder / "assistant.toml").write_text('name = "Empfang"\n')
    (folder / "prompt.md").write_text("Hilf.\n")
    settings = given(database_url=SecretStr(dsn), elevenlabs_api_key=SecretStr("k"))
    async with connect(root, settings=settings) as control:

        async def body() -> Desired:
            bindings = await control.bindings()
            (agent,) = [kind for kind in await control.kinds(bindings) if kind.name == "agent"]
            (desired,) = agent.desired(control.loaded.assistants[0])
            return desired

        assert "workspace_overrides" not in (await body()).body["platform_settings"]
        await (await control.bindings()).bind(WEBHOOK, "wh_1")
        assert (await body()).body["platform_settings"]["workspace_overrides"]["webhooks"][
            "post_call_webhook_id"
        ] == WEBHOOK


async def test_what_was_opened_is_closed(root: Path, dsn: str) -> None:
    settings = given(database_url=SecretStr(dsn), elevenlabs_api_key=SecretStr("k"))
    async with connect(root, settings=settings) as control:
        api, store = control.api, await control.store()
        await store.call("status", {})
    with pytest.raises(RuntimeError, match="closed"):
        await api.get("/v1/voices")
    with pytest.raises(Exception, match=r".+"):
        await store.call("status", {}, timeout=1)


async def test_what_is_learnt_in_a_look_of_its_own_is_hidden_by_whoever_tells_of_it(root: Path, dsn: str) -> None:
    async with connect(root, settings=given(database_url=dsn)) as control:
        async with control.afresh() as fresh:
            fresh.veil.add(SecretStr("learnt-in-there"))
        assert control.veil("refused: learnt-in-there") == "refused: ***"
