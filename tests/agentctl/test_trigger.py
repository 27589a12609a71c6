"""agentctl.trigger: who may ask a hosted server for a sync, and what becomes of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import cast

import httpx
import pytest
from pydantic import SecretStr
from starlette.applications import Starlette

from agentctl import trigger
from agentctl.errors import ConfigurationError, Problem, SyncError, TimedOut
from agentctl.verbs import door
from agentctl.verbs.unattended.triggered import Syncs
from agentctl.wiring import Control, connect
from tests.telephony import Bench, bench

__all__ = ["bench"]
SECRET = "a-secret-of-the-scheduler"
BEARER = {"authorization": f"Bearer {SECRET}"}
Headers = Mapping[str, str] | Mapping[str, bytes]
pytestmark = pytest.mark.anyio


async def asked(secret: str | None, headers: Headers, method: str = "POST") -> tuple[int, int]:
    """The status, and how many syncs were begun."""
    begun: list[bool] = []
    route = trigger.route(SecretStr(secret) if secret else None, lambda: begun.append(True) or True)
    transport = httpx.ASGITransport(Starlette(routes=[route]))
    async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:
        answer = await client.request(method, "/sync", headers=headers)  # type: ignore[arg-type]
    return answer.status_code, len(begun)


async def test_the_right_secret_begins_one() -> None:
    assert await asked(SECRET, BEARER) == (202, 1)
    assert await asked(SECRET, {"authorization": f"bearer  {SECRET} "}) == (202, 1)


@pytest.mark.parametrize("secret", ["Schlüssel-für-den-Plan", "ein-Schlüssel-voilà"])
async def test_a_secret_is_what_a_client_sends_of_it(secret: str) -> None:
    """In UTF-8, as curl and pg_net send it."""
    sent = f"Bearer {secret}".encode()
    assert await asked(secret, {"authorization": sent}) == (202, 1)
    for wrong in (sent[:-1], sent + b"\xa0", f"Bearer {secret}".encode("latin-1")):
        assert await asked(secret, {"authorization": wrong}) == (401, 0)


@pytest.mark.parametrize(
    "headers",
    [{}]
    + [
        {"authorization": value}
        for value in ("", "Bearer", "Bearer ", SECRET, f"Basic {SECRET}", f"Bearer {SECRET}x", "Bearer ä".encode())
    ],
)
async def test_any_other_begins_none(headers: Headers) -> None:
    assert await asked(SECRET, headers) == (401, 0)
    assert await asked(None, headers) == (503, 0)


async def test_looking_begins_none() -> None:
    assert await asked(SECRET, BEARER, "GET") == (405, 0)
    assert await asked(None, BEARER) == (503, 0)


def test_a_server_syncs_what_the_files_say_then_one_at_a_time_and_never_over_drift(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("SYNC_TRIGGER_SECRET", SECRET)
    caplog.set_level(logging.INFO, "agentctl")

    async def session() -> None:
        async with connect(bench.root) as control:
            await serving(control)

    async def serving(control: Control) -> None:
        stop, up = asyncio.Event(), asyncio.get_running_loop().create_future()
        server = asyncio.create_task(door.serve(control, port=0, worker=False, ready=up.set_result, stop=stop))
        url = (await up).replace("/webhooks/elevenlabs", "/sync")
        async with httpx.AsyncClient(headers=BEARER, trust_env=False) as client:
            bench.declare("notdienst")
            bench.sandbox.fault(method="POST", path="/v1/convai/agents/create", delay_ms=500)
            answers = [(await client.post(url)).json() for _ in range(3)]
            assert [answer["started"] for answer in answers] == [True, False, False]
            await ended(caplog, "2 done, 0 failed")
            agent_id = bench.agent()["agent_id"]
            await control.api.patch("/v1/convai/agents/{agent_id}", json={"name": "Reception"}, agent_id=agent_id)
            await begun(client, url)
            await ended(caplog, "held back: agent empfang: name (changed at the platform). Take theirs into the files")
            assert "agentctl pull empfang; or overwrite it: agentctl sync --take-ours --only empfang" in caplog.text
            (bench.root / "assistants/notdienst/assistant.toml").write_text("nmae = 1\n")
            await ended(caplog, "0 done, 0 failed")
            await begun(client, url)
            await ended(caplog, "cannot begin: assistants/notdienst/assistant.toml")
        stop.set()
        await server

    asyncio.run(session())
    names = sorted(agent["name"] for agent in bench.sandbox.state()["agents"].values())
    assert names == ["Notdienst", "Reception"]
    assert SECRET not in caplog.text


def test_a_server_of_one_environment_syncs_that_one(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "agentctl")
    text = f'project = "beispiel"\n[environments.staging]\nbase_url = "{bench.sandbox.url}"\napi_key_env = "STAGING"\n'
    (bench.root / "agentctl.toml").write_text(text)
    monkeypatch.setenv("STAGING", bench.sandbox.key)
    bench.toml.write_text(bench.toml.read_text().replace("Empfang", "Pforte"))

    async def session() -> None:
        async with connect(bench.root, environment="staging") as control:
            syncs = Syncs(control)
            assert syncs.start()
            await ended(caplog, "done, 0 failed")
            await syncs.end()

    asyncio.run(session())
    agents = bench.sandbox.state()["agents"].values()
    assert sorted((one["name"], one["tags"][-1]) for one in agents) == [
        ("Empfang", "agentctl:beispiel/production/empfang"),
        ("Pforte", "agentctl:beispiel/staging/empfang"),
    ]


@pytest.mark.parametrize(
    "error",
    [SyncError, TimedOut, lambda text, hint: ConfigurationError([Problem("a", text), Problem("b", text)], hint)],
)
async def test_what_is_logged_has_its_remedy_and_names_the_environment_of_the_server(
    caplog: pytest.LogCaptureFixture, error: Callable[[str, str], Exception]
) -> None:
    class Failing(Syncs):
        async def _sync(self) -> None:
            raise error("see: agentctl plan", "Run agentctl doctor.")

    syncs = Failing(cast(Control, SimpleNamespace(environment="staging")))
    assert syncs.start()
    await ended(caplog, "see: agentctl --env staging plan. Run agentctl --env staging doctor.")
    assert caplog.text.count("doctor") == 1


def test_a_failure_is_logged_with_its_resource(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.toml.write_text(bench.toml.read_text().replace("Empfang", "Pforte"))
    body = {"detail": {"status": "missing_permissions", "message": "no"}}
    bench.sandbox.fault(method="PATCH", path="/v1/convai/agents/*", status=401, body=body)

    async def session() -> None:
        async with connect(bench.root) as control:
            syncs = Syncs(control)
            assert syncs.start()
            await ended(caplog, "sync: agent empfang: ")
            await syncs.end()

    asyncio.run(session())
    assert "The key lacks a permission: give it " in caplog.text


async def begun(client: httpx.AsyncClient, url: str) -> None:
    """Ask until it begins: the line of log about the one before comes a moment before that has ended."""
    async with asyncio.timeout(30):
        while not (await client.post(url)).json()["started"]:  # noqa: ASYNC110 - an answer is no event
            await asyncio.sleep(0.02)


async def ended(caplog: pytest.LogCaptureFixture, words: str) -> None:
    """Wait until the log says so."""
    async with asyncio.timeout(30):
        while words not in caplog.text:  # noqa: ASYNC110 - a log is no event
            await asyncio.sleep(0.02)


def test_people_are_told_of_a_triggered_sync_as_of_one_of_cron(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "agentctl")

    def asked_for(words: str) -> list[str]:
        caplog.clear()

        async def session() -> None:
            async with connect(bench.root) as control:
                syncs = Syncs(control)
                assert syncs.start()
                await ended(caplog, words)
                assert syncs._running is not None
                await asyncio.wait({syncs._running}, timeout=30)

        asyncio.run(session())
        queued = bench.store("claim_mails", worker="test", limit=50, lease_seconds=3600)
        return [mail["message"]["subject"].partition(": ")[2] for mail in queued]

    toml = bench.root / "agentctl.toml"
    agent_id = bench.agent()["agent_id"]
    body = {"name": "Reception"}
    bench.control(lambda control: control.api.patch("/v1/convai/agents/{agent_id}", json=body, agent_id=agent_id))
    assert asked_for("held back") == [], "nobody is named"
    toml.write_text('project = "beispiel"\n[mail]\nto = ["team@example.org"]\n')
    assert asked_for("held back") == ["Changes held back"]
    assert bench("sync", "--yes", "--quiet", "--mail")[0] == 3
    assert asked_for("held back") == [], "told already, whoever runs it"
    bench.toml.write_text("nmae = 1\n")
    assert asked_for("cannot begin") == ["Sync failed"]
    bench.toml.write_text('name = "Reception"\nlanguage = "de"\n')
    assert asked_for("0 failed") == ["Sync is back to normal"]
