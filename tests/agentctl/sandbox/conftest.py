"""One sandbox for the tests of this directory, emptied after each, and a webhook receiver."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from agentctl.sandbox.harness import BlockingSandbox, running_thread
from tests.agentctl.sandbox.door import Door, open_door


@pytest.fixture(scope="module")
def _server() -> Iterator[BlockingSandbox]:
    with running_thread() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(_server: BlockingSandbox) -> Iterator[BlockingSandbox]:
    """An empty sandbox."""
    yield _server
    _server.reset()


@pytest.fixture
def api(sandbox: BlockingSandbox) -> Iterator[httpx.Client]:
    """A client with the right key."""
    with httpx.Client(base_url=sandbox.url, headers={"xi-api-key": sandbox.key}, trust_env=False) as client:
        yield client


@pytest.fixture
def door() -> Iterator[Door]:
    """A webhook receiver that answers 200 until told otherwise."""
    with open_door() as made:
        yield made


@pytest.fixture
def make_agent(api: httpx.Client) -> Any:
    """Create an agent; answers its id."""

    def make(name: str = "Empfang", **body: Any) -> str:
        config = {"agent": {"language": "de"}, "tts": {"model_id": "eleven_flash_v2_5"}}
        answer = api.post("/v1/convai/agents/create", json={"name": name, "conversation_config": config} | body)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["agent_id"])

    return make


@pytest.fixture
def reception(api: httpx.Client, sandbox: BlockingSandbox, door: Door, make_agent: Any) -> dict[str, str]:
    """A German agent with knowledge, number, webhook and analysis, all bound."""
    text = "# Öffnungszeiten\n\nMontag bis Freitag von 8 bis 17 Uhr.\n\n# Anfahrt\n\nMusterweg 1, Linie 5.\n"
    document = api.post("/v1/convai/knowledge-base/text", json={"name": "Praktisches", "text": text}).json()
    settings = {"auth_type": "hmac", "name": "agentctl", "webhook_url": door.url}
    webhook = api.post("/v1/workspace/webhooks", json={"settings": settings}).json()
    agent_id = make_agent(
        conversation_config={
            "agent": {
                "language": "de",
                "first_message": "Guten Tag, {{firma}}, hier spricht eine KI. Ihre Nummer: {{system__caller_id}}",
                "dynamic_variables": {"dynamic_variable_placeholders": {"firma": "Beispiel GmbH"}},
                "prompt": {
                    "prompt": "# Empfang der {{firma}}\n\nSei freundlich.",
                    "knowledge_base": [{"type": "text", "name": "Praktisches", "id": document["id"]}],
                },
            },
            "tts": {"model_id": "eleven_flash_v2_5"},
        },
        platform_settings={
            "data_collection": {
                "action_items": {"type": "string", "description": "One per line: what | who | when"},
                "callback_wanted": {"type": "boolean"},
                "caller_name": {"type": "string"},
                "urgency": {"type": "integer"},
            },
            "workspace_overrides": {
                "webhooks": {
                    "post_call_webhook_id": webhook["webhook_id"],
                    "events": ["transcript", "audio", "call_initiation_failure"],
                }
            },
        },
    )
    number = {"provider": "twilio", "phone_number": "+498999998100", "label": "Zentrale", "agent_id": agent_id}
    number |= {"sid": sandbox.account_sid, "token": sandbox.auth_token, "enable_sms": False}
    phone = api.post("/v1/convai/phone-numbers", json=number).json()
    return {
        "agent_id": agent_id,
        "document_id": document["id"],
        "webhook_id": webhook["webhook_id"],
        "secret": webhook["webhook_secret"],
        "phone_number_id": phone["phone_number_id"],
    }
