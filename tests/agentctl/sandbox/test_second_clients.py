"""The vendor's Python SDK as a second client: nothing of ours builds its requests or reads its answers."""

from __future__ import annotations

import pytest
from elevenlabs.client import ElevenLabs
from elevenlabs.core.api_error import ApiError
from elevenlabs.types import (
    AgentConfig,
    ConversationalConfig,
    KnowledgeBaseLocator,
    PromptAgentApiModelOutput,
    TtsConversationalConfigOutput,
)

from agentctl.sandbox.harness import BlockingSandbox


@pytest.fixture
def sdk(sandbox: BlockingSandbox) -> ElevenLabs:
    return ElevenLabs(api_key=sandbox.key, base_url=sandbox.url)


def test_an_agent_with_knowledge_lives_and_dies_by_the_sdk(sdk: ElevenLabs) -> None:
    convai = sdk.conversational_ai
    document = convai.knowledge_base.documents.create_from_text(text="Montag ab 8 Uhr.", name="Zeiten")
    config = ConversationalConfig(
        agent=AgentConfig(
            language="de",
            first_message="Guten Tag.",
            prompt=PromptAgentApiModelOutput(
                prompt="Sei freundlich.",
                knowledge_base=[KnowledgeBaseLocator(type="text", id=document.id, name="Zeiten")],
            ),
        ),
        tts=TtsConversationalConfigOutput(model_id="eleven_flash_v2_5"),
    )
    made = convai.agents.create(name="Empfang", conversation_config=config, tags=["x"])
    agent = convai.agents.get(made.agent_id)
    assert agent.conversation_config.agent is not None
    assert agent.conversation_config.agent.first_message == "Guten Tag."
    assert agent.model_extra == {}
    changed = convai.agents.update(made.agent_id, name="Zentrale")
    assert changed.name == "Zentrale"
    assert [item.name for item in convai.agents.list(tags=["x"]).agents] == ["Zentrale"]
    read = convai.knowledge_base.documents.get(document.id)
    assert read.extracted_inner_html == "<p>Montag ab 8 Uhr.</p>"
    convai.agents.delete(made.agent_id)
    convai.knowledge_base.documents.delete(document.id)
    assert convai.agents.list().agents == []


def test_a_held_conversation_and_a_number_are_read_by_the_sdk(
    sdk: ElevenLabs, sandbox: BlockingSandbox, reception: dict[str, str]
) -> None:
    convai = sdk.conversational_ai
    call = sandbox.call(to_number="+498999998100")
    conversation = convai.conversations.get(call["conversation_id"])
    assert conversation.status == "done"
    assert conversation.analysis is not None
    assert "Erika Muster" in conversation.analysis.transcript_summary
    listed = convai.conversations.list(agent_id=reception["agent_id"])
    assert [item.conversation_id for item in listed.conversations] == [call["conversation_id"]]
    (number,) = convai.phone_numbers.list()
    assert number.phone_number_id == reception["phone_number_id"]


def test_a_missing_agent_is_the_sdks_error(sdk: ElevenLabs) -> None:
    with pytest.raises(ApiError) as missing:
        sdk.conversational_ai.agents.get("agent_x")
    assert missing.value.status_code == 404
