"""The sections of assistant.toml that carry ElevenLabs' own names."""

from __future__ import annotations

from pydantic import Field

from agentctl.resources.assistant import Language, Part
from agentctl.resources.built_in_tools import BuiltInTools
from agentctl.resources.language_presets import Conversation, LanguagePreset
from agentctl.resources.platform_settings import (
    Auth,
    CallLimits,
    DataCollectionItem,
    Evaluation,
    ItemId,
    Overrides,
    Privacy,
    Webhooks,
)


class Sections(Part):
    """What an agent can be told besides, each under the name that ElevenLabs has for it; also in [defaults]."""

    conversation: Conversation = Conversation()
    language_presets: dict[Language, LanguagePreset] = Field({}, description="Other languages, by their code.")
    built_in_tools: BuiltInTools = BuiltInTools()
    evaluation: Evaluation = Evaluation()
    data_collection: dict[ItemId, DataCollectionItem] = Field(
        {}, description="What is picked out of each conversation, by an id of yours."
    )
    webhooks: Webhooks = Webhooks()
    privacy: Privacy = Privacy()
    call_limits: CallLimits = CallLimits()
    overrides: Overrides = Overrides()
    auth: Auth = Auth()
