"""agentctl.verbs.talk: an agent's terms, and an address that lets in once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from agentctl.errors import AgentctlError, NotFound
from agentctl.sandbox.harness import BlockingSandbox, running_thread
from agentctl.settings import Settings
from agentctl.verbs import talk
from agentctl.verbs.talk import Terms
from agentctl.wiring import Control, connect

pytestmark = pytest.mark.anyio
SIGNED = "/v1/convai/conversation/get-signed-url"


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[tuple[Control, BlockingSandbox]]:
    with running_thread() as sandbox:
        settings = Settings(elevenlabs_base_url=sandbox.url, elevenlabs_api_key=SecretStr(sandbox.key))
        async with connect(tmp_path, settings=settings) as control:
            yield control, sandbox


def made(sandbox: BlockingSandbox, **config: object) -> str:
    with httpx.Client(base_url=sandbox.url, headers={"xi-api-key": sandbox.key}) as http:
        return str(http.post("/v1/convai/agents/create", json={"conversation_config": {}, **config}).json()["agent_id"])


async def test_terms_are_what_the_agent_has(there: tuple[Control, BlockingSandbox]) -> None:
    control, sandbox = there
    assert await talk.terms(control, made(sandbox)) == Terms(talk.TRANSCRIPT, False, ())
    spoken = {"client_events": ["audio", "agent_response"], "text_only": True}
    auth = {"allowlist": [{"hostname": "example.org"}]}
    agent = made(sandbox, conversation_config={"conversation": spoken}, platform_settings={"auth": auth})
    assert await talk.terms(control, agent) == Terms(("user_transcript",), True, ("example.org",))
    with pytest.raises(NotFound):
        await talk.terms(control, "agent_0000000000000000000000000000")


@pytest.mark.parametrize(
    ("hosts", "host", "answers"),
    [
        ((), "127.0.0.1:8080", True),
        (("example.org",), "example.org", True),
        (("example.org",), "example.org:8443", True),
        (("example.org:8443",), "example.org:8443", True),
        (("example.org",), "www.example.org", False),
        (("example.org", "localhost"), "localhost:8080", True),
    ],
)
def test_an_allowlist_names_hosts(hosts: tuple[str, ...], host: str, *, answers: bool) -> None:
    assert Terms((), text_only=False, hosts=hosts).answers(host) is answers


async def test_an_invitation_is_of_the_workspaces_host_and_no_other(there: tuple[Control, BlockingSandbox]) -> None:
    control, sandbox = there
    agent = made(sandbox)
    assert (await talk.invitation(control, agent)).startswith(f"{talk.origin(control)}/v1/convai/conversation?")
    for odd in ("wss://evil.example/v1", sandbox.url, "", f"{talk.origin(control)}.evil.example/v1"):
        sandbox.fault(path=SIGNED, status=200, body={"signed_url": odd})
        with pytest.raises(AgentctlError, match="would have this conversation at"):
            await talk.invitation(control, agent)


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://api.elevenlabs.io", "wss://api.elevenlabs.io"),
        ("https://api.eu.residency.elevenlabs.io/", "wss://api.eu.residency.elevenlabs.io"),
        ("http://127.0.0.1:8787", "ws://127.0.0.1:8787"),
    ],
)
async def test_conversations_are_held_where_the_workspace_lives(tmp_path: Path, url: str, origin: str) -> None:
    async with connect(tmp_path, settings=Settings(elevenlabs_base_url=url)) as control:
        assert talk.origin(control) == origin
