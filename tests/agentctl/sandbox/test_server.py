"""The server: its port, its state file, and two sandboxes beside each other."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

from agentctl.sandbox.harness import running, running_thread
from agentctl.sandbox.options import Options, TwilioNumber
from agentctl.sandbox.server import app, serve


def test_the_state_survives_in_its_file(tmp_path: Path) -> None:
    path = tmp_path / "state" / "sandbox.json"
    with running_thread(state_file=path) as sandbox:
        headers = {"xi-api-key": sandbox.key}
        body = {"name": "Empfang", "conversation_config": {}}
        made = httpx.post(f"{sandbox.url}/v1/convai/agents/create", headers=headers, json=body).json()
        sandbox.add_number("+498999998105")
    with running_thread(state_file=path) as sandbox:
        agent = httpx.get(f"{sandbox.url}/v1/convai/agents/{made['agent_id']}", headers=headers).json()
        numbers = {row["phone_number"] for row in sandbox.state()["twilio_numbers"].values()}
    assert agent["name"] == "Empfang"
    assert "+498999998105" in numbers
    assert path.stat().st_mode & 0o077 == 0
    assert [item.name for item in path.parent.iterdir()] == ["sandbox.json"]


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text('{"something": "else"}', encoding="utf-8")
    with pytest.raises(ValueError, match="not a sandbox's state file"):
        app(Options(), state_file=path)


@pytest.mark.anyio
async def test_serve_tells_its_address_and_ends_when_cancelled() -> None:
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve(Options(), port=0, ready=ready.set_result))
    url = await ready
    async with httpx.AsyncClient(headers={"xi-api-key": "sandbox-key"}) as client:
        assert (await client.get(f"{url}/v1/user")).status_code == 200
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_a_taken_port_is_an_os_error() -> None:
    with running_thread() as sandbox, pytest.raises(OSError, match=r"in use|Address"):
        asyncio.run(serve(Options(), port=int(sandbox.url.rsplit(":", 1)[1])))


@pytest.mark.anyio
async def test_two_sandboxes_know_nothing_of_each_other() -> None:
    numbers = (TwilioNumber("+498999998110"), TwilioNumber("+498999998111"))
    async with running(Options(numbers=numbers)) as one, running() as two:
        await one.add_number("+498999998112")
        assert len((await one.state())["twilio_numbers"]) == 3
        assert len((await two.state())["twilio_numbers"]) == 1
        await one.reset()
        assert len((await one.state())["twilio_numbers"]) == 2


@pytest.mark.anyio
async def test_a_door_in_the_same_event_loop_can_answer_while_a_call_is_delivered() -> None:
    received: list[bytes] = []

    async def door(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        received.append(await reader.readexactly(length))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(door, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async with server, running() as sandbox, httpx.AsyncClient(headers={"xi-api-key": sandbox.key}) as api:
        settings = {"settings": {"auth_type": "hmac", "name": "x", "webhook_url": url}}
        webhook = (await api.post(f"{sandbox.url}/v1/workspace/webhooks", json=settings)).json()
        bound = {"webhooks": {"post_call_webhook_id": webhook["webhook_id"], "events": ["transcript"]}}
        await api.patch(f"{sandbox.url}/v1/convai/settings", json=bound)
        agent = await api.post(f"{sandbox.url}/v1/convai/agents/create", json={"conversation_config": {}})
        call = await sandbox.call(agent_id=agent.json()["agent_id"])
    assert call["deliveries"][0]["status"] == 200
    assert len(received) == 1
