"""A sandbox, our client of it, and the kinds over both."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from agentctl.clients.elevenlabs import ElevenLabs
from agentctl.resources import kinds as all_kinds
from agentctl.resources.assistant import Assistant
from agentctl.resources.place import Place
from agentctl.sandbox.harness import Sandbox, running
from agentctl.sandbox.options import Options
from agentctl.sync.kind import Kind
from tests.agentctl.resources.contract import SCOPE, Memory


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with running(Options()) as found:
        yield found


@pytest.fixture
async def api(sandbox: Sandbox) -> AsyncIterator[ElevenLabs]:
    async with ElevenLabs(sandbox.url, SecretStr(sandbox.key)) as client:
        yield client


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def kinds(api: ElevenLabs, memory: Memory) -> tuple[Kind[Assistant], ...]:
    return all_kinds(Place(api, memory, SCOPE))
