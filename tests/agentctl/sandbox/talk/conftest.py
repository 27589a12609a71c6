"""An agent to talk to."""

from __future__ import annotations

from typing import Any

import pytest

from tests.agentctl.sandbox.talk.client import END_CALL, EVENTS


@pytest.fixture
def talker(make_agent: Any) -> Any:
    """Create an agent that tells its clients everything; answers its id. Settings under `auth` and `overrides`."""

    def make(*, tools: Any = END_CALL, conversation: Any = None, **settings: Any) -> str:
        config = {
            "agent": {"language": "en", "first_message": "Hello!", "prompt": {"built_in_tools": tools}},
            "tts": {"model_id": "eleven_flash_v2"},
            "conversation": {"client_events": EVENTS} | (conversation or {}),
        }
        return str(make_agent(conversation_config=config, platform_settings=settings))

    return make
