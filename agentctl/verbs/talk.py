"""Talking to an assistant over the web: the agent's terms, and an address that lets one person in, once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from agentctl.errors import AgentctlError
from agentctl.resources.endpoints import AGENT
from agentctl.wiring import Control

# Without these among `client_events` whoever talks reads nothing of it: the platform sends what is listed alone.
TRANSCRIPT = ("user_transcript", "agent_response")
_SIGNED = "/v1/convai/conversation/get-signed-url"


@dataclass(frozen=True)
class Terms:
    """How one talks to an agent. `untold`: what of TRANSCRIPT it does not send; `text_only`: it is written to.

    `hosts`: the only ones whose pages it answers, if there are any.
    """

    untold: tuple[str, ...]
    text_only: bool
    hosts: tuple[str, ...]

    def answers(self, host: str) -> bool:
        """Whether a page of `host` may have a conversation: "exact matching on hostnames", says the vendor's page
        "Agent authentication", and its examples have a port.
        """
        return not self.hosts or bool({host, urlsplit(f"//{host}").hostname} & {*self.hosts})


async def terms(there: Control, agent_id: str) -> Terms:
    """As they are at the platform now. Raises ApiError, Unreachable, ConfigurationError."""
    agent = await there.api.get(AGENT, agent_id=agent_id)
    conversation = _at(agent, "conversation_config", "conversation")
    allowed = _at(agent, "platform_settings", "auth").get("allowlist") or ()
    return Terms(
        tuple(one for one in TRANSCRIPT if one not in (conversation.get("client_events") or ())),
        bool(conversation.get("text_only")),
        tuple(one["hostname"] for one in allowed if isinstance(one.get("hostname"), str)),
    )


async def invitation(there: Control, agent_id: str) -> str:
    """Where to open the socket of one conversation: whoever knows it can have it, within 15 minutes, without any key.

    Raises ApiError, Unreachable, ConfigurationError; AgentctlError where it leads elsewhere than to `origin`.
    """
    answer = await there.api.get(_SIGNED, params={"agent_id": agent_id})
    url = str(answer.get("signed_url") or "")
    parts, wanted = urlsplit(url), origin(there)
    if f"{parts.scheme}://{parts.netloc}" != wanted:
        raise AgentctlError(
            f"ElevenLabs would have this conversation at {parts.netloc or 'no address'}, not at {wanted}",
            "Set ELEVENLABS_BASE_URL to the host that the workspace lives on: pages connect to no other.",
        )
    return url


def origin(there: Control) -> str:
    """Where conversations of this workspace are held: the host that it lives on, by WebSocket."""
    parts = urlsplit(str(there.settings.elevenlabs_base_url))
    return f"{'ws' if parts.scheme == 'http' else 'wss'}://{parts.netloc}"


def _at(told: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    for name in path:
        told = told.get(name) or {}
    return told
