"""The vendor's Python SDK as a second client: what agentctl pushed, read through models that are not ours; and the one
list that the SDK knows and the published spec does not.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from elevenlabs.client import ElevenLabs

from agentctl.sandbox.harness import BlockingSandbox, running_thread
from agentctl.sandbox.options import Options


@pytest.fixture
def sandbox() -> Iterator[BlockingSandbox]:
    with running_thread(Options()) as found:
        yield found


@pytest.fixture
def sdk(sandbox: BlockingSandbox) -> ElevenLabs:
    return ElevenLabs(api_key=sandbox.key, base_url=sandbox.url)


def test_an_agent_with_its_document_and_number_from_create_to_delete(sandbox: BlockingSandbox, sdk: ElevenLabs) -> None:
    convai = sdk.conversational_ai
    document = convai.knowledge_base.documents.create_from_text(text="Geöffnet von neun bis fünf.", name="Zeiten")
    knowledge = [{"type": "text", "name": document.name, "id": document.id, "usage_mode": "auto"}]
    config = {"agent": {"first_message": "Guten Tag!", "prompt": {"prompt": "Hilf.", "knowledge_base": knowledge}}}
    agent_id = convai.agents.create(name="Empfang", conversation_config=config).agent_id  # type: ignore[arg-type]
    agent = convai.agents.get(agent_id)
    assert agent.name == "Empfang"
    assert agent.conversation_config.agent is not None
    assert agent.conversation_config.agent.first_message == "Guten Tag!"
    assert agent.conversation_config.tts is not None
    assert agent.conversation_config.tts.voice_id
    assert [found.agent_id for found in convai.agents.list().agents] == [agent_id]
    content = convai.knowledge_base.documents.get(document.id)
    assert "neun bis fünf" in content.extracted_inner_html

    number = convai.phone_numbers.create(
        request={
            "provider": "twilio", "phone_number": "+498999998100", "label": "Empfang", "sid": sandbox.account_sid,
            "token": sandbox.auth_token, "agent_id": agent_id,
        }  # type: ignore[arg-type]
    )  # fmt: skip
    listed = convai.phone_numbers.list()
    assert [found.phone_number_id for found in listed] == [number.phone_number_id]

    paged = convai.phone_numbers.list_v_2(page_size=10)
    assert "+498999998100" in str(paged)

    held = sandbox.call(to_number="+498999998100", from_number="+498999998777", deliver=False)
    conversation = convai.conversations.get(held["conversation_id"])
    assert conversation.status == "done"
    assert conversation.transcript[0].message == "Guten Tag!"
    assert conversation.analysis is not None
    assert conversation.analysis.transcript_summary
    convai.agents.delete(agent_id)
    assert convai.agents.list().agents == []


def test_wrong_input_is_refused_in_shapes_that_the_sdk_understands(sdk: ElevenLabs) -> None:
    from elevenlabs.core.api_error import ApiError

    with pytest.raises(ApiError) as missing:
        sdk.conversational_ai.agents.get("agent_doesnotexist")
    assert missing.value.status_code == 404
    with pytest.raises(ApiError) as refused:
        sdk.conversational_ai.agents.create(
            conversation_config={"agent": {"language": "de"}, "tts": {"model_id": "eleven_flash_v2"}}
        )  # type: ignore[arg-type]
    assert refused.value.status_code in (400, 422)
