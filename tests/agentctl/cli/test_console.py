"""agentctl.cli.console: which way people come in, and what to do where none can."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from pydantic import HttpUrl, SecretStr

from agentctl.cli.console import absent, consoled, link
from agentctl.console import app
from agentctl.errors import ConfigurationError, UsageError
from agentctl.settings import Settings
from agentctl.wiring import connect
from tests.cluster import free_port
from tests.postgrest import Project
from tests.team import settings_of

pytestmark = pytest.mark.anyio
LISTENS = "Listening on http://127.0.0.1:1/webhooks/elevenlabs\n"


async def told(directory: Path, settings: Settings, host: str, capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    async with (
        connect(directory, settings=settings) as control,
        consoled(control, host, asyncio.Event(), wanted=True) as shown,
    ):
        shown.tell("http://127.0.0.1:1/webhooks/elevenlabs")
    out, err = capsys.readouterr()
    return out.removeprefix(LISTENS), err


async def test_by_a_link_where_nobody_else_reaches_it(
    dsn: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(database_url=SecretStr(dsn))
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    out, err = await told(tmp_path, settings, "127.0.0.1", capsys)
    assert out.startswith("Console, opens once: http://127.0.0.1:1/enter?link=")
    monkeypatch.setattr("sys.stdout.isatty", lambda: False)
    out, err = await told(tmp_path, settings, "127.0.0.1", capsys)
    assert out == "Console: agentctl link --url http://127.0.0.1:1/ makes a link into it\n", "no key into a log"
    out, err = await told(tmp_path, settings, "0.0.0.0", capsys)
    assert out == ""
    assert "SUPABASE_PUBLISHABLE_KEY" in err


async def test_a_link_that_leads_nowhere_says_so() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    assert await absent(url) == f"nothing answers at {url}"
    with pytest.raises(UsageError, match="no address"):
        link("127.0.0.1:8080")


async def test_by_signing_in_where_the_key_is_set(
    supabase_api: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = supabase_api.url
    out, err = await told(tmp_path, settings_of(supabase_api, url, supabase_publishable_key=None), "127.0.0.1", capsys)
    assert out == ""
    assert "Set SUPABASE_PUBLISHABLE_KEY, by which people sign in" in err

    public = {"public_url": HttpUrl("https://console.example.org")}
    out, err = await told(tmp_path, settings_of(supabase_api, url, **public), "127.0.0.1", capsys)
    assert (out, err) == ("Console, sign in: https://console.example.org/\n", "")
    out, err = await told(tmp_path, settings_of(supabase_api, url), "0.0.0.0", capsys)
    assert out == "Console, sign in: http://127.0.0.1:1/\n"
    assert "set PUBLIC_URL" in err
    assert "TRUSTED_PROXIES is not set" in err
    clear = {"public_url": HttpUrl("http://console.example.org")}
    assert "in the clear" in (await told(tmp_path, settings_of(supabase_api, url, **clear), "127.0.0.1", capsys))[1]

    old = settings_of(supabase_api, url, supabase_publishable_key=None, supabase_anon_key=supabase_api.anon_key)
    assert (await told(tmp_path, old, "127.0.0.1", capsys))[0].startswith("Console, sign in")
    async with connect(tmp_path, settings=old) as control:
        with pytest.raises(UsageError, match="people sign in"):
            await app.link(control)
    wrong = settings_of(supabase_api, url, supabase_publishable_key=supabase_api.secret_key)
    with pytest.raises(ConfigurationError, match="SUPABASE_PUBLISHABLE_KEY") as caught:
        await told(tmp_path, wrong, "127.0.0.1", capsys)
    assert supabase_api.secret_key not in str(caught.value)
