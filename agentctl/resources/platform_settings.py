"""What ElevenLabs calls the platform settings of an agent: analysis, delivery, privacy, limits, access.

Names, ranges and defaults are those of the published OpenAPI spec (AgentPlatformSettingsRequestModel). What is not
declared is not sent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from agentctl.resources.part import OneLine, Part
from agentctl.sync.kind import Peril

SETTINGS = "platform_settings"
NO_WEBHOOK = "none"
_ITEM = re.compile(r"^[A-Za-z0-9_-]{1,64}$")
_RETENTION = "retention_days"
# The spec's default, of requests and of answers; an archived agent is hidden in lists.
IN_SERVICE: Mapping[str, Any] = {SETTINGS: {"archived": False}}


def _item_id(name: str) -> str:
    if not _ITEM.fullmatch(name):
        raise ValueError("must be at most 64 of letters, digits, - and _")
    return name


ItemId = Annotated[str, AfterValidator(_item_id), WithJsonSchema({"type": "string", "pattern": _ITEM.pattern})]


class Criterion(Part):
    """What makes a conversation a success, judged after it by a language model."""

    id: ItemId = Field(description="Under this name the result comes back with each conversation.")
    name: OneLine = Field(description="As the dashboard shows it.")
    conversation_goal_prompt: str = Field(min_length=1, max_length=2000, description="What has to be achieved.")
    use_knowledge_base: bool | None = Field(None, strict=True, description="Judge with the agent's knowledge.")
    scope: Literal["conversation", "agent"] | None = Field(
        None, description="conversation: all of it; agent: only the part of this agent, where calls are transferred."
    )
    llm: str | None = Field(None, description="Model that judges; default: the agent's analysis model.")
    scoring_mode: Literal["binary", "numeric_uniform"] | None = Field(
        None, description="binary: success or failure; numeric_uniform: a number up to max_score."
    )
    max_score: int | None = Field(None, ge=1, strict=True, description="With numeric_uniform; default 100.")
    score_instructions: str | None = Field(None, max_length=2000, description="With numeric_uniform: how to score.")


class Evaluation(Part):
    """Whether conversations go well. Criteria count one by one: others that are added in the dashboard stay."""

    criteria: tuple[Criterion, ...] | None = None

    @model_validator(mode="after")
    def _ids_differ(self) -> Evaluation:
        ids = [criterion.id for criterion in self.criteria or ()]
        if twice := sorted({name for name in ids if ids.count(name) > 1}):
            raise ValueError(f"two criteria have the id {twice[0]!r}")
        return self


class DataCollectionItem(Part):
    """One thing to be picked out of each conversation."""

    type: Literal["string", "boolean", "integer", "number"] = Field(description="Of the value.")
    description: str = Field(min_length=1, description="What to look for, in words.")
    enum: tuple[str, ...] | None = Field(None, description="With type string: the values to choose from.")
    name: str | None = Field(None, description="As the dashboard shows it.")
    llm: str | None = Field(None, description="Model that looks; default: the agent's analysis model.")
    scope: Literal["conversation", "agent"] | None = Field(None, description="As for evaluation criteria.")

    @model_validator(mode="after")
    def _choice_of_texts(self) -> DataCollectionItem:
        if self.enum is not None and self.type != "string":
            raise ValueError(f"enum: goes with type string only (type is {self.type})")
        return self


class Webhooks(Part):
    """Where this agent's calls are delivered, instead of where the project's or the workspace's are."""

    post_call_webhook_id: ItemId | None = Field(
        None,
        description='Id of a webhook of the workspace; "none": nowhere. Default: the one that agentctl registered.',
    )
    events: tuple[OneLine, ...] | None = Field(
        None, description="transcript, audio, call_initiation_failure, answering_machine_detection, …"
    )
    transcript_format: Literal["json", "opentelemetry"] | None = Field(
        None, description="agentctl's own door reads json only."
    )

    @model_validator(mode="after")
    def _ours_can_be_read(self) -> Webhooks:
        if self.transcript_format == "opentelemetry" and self.post_call_webhook_id is None:
            raise ValueError("transcript_format: opentelemetry needs a post_call_webhook_id: agentctl reads json only")
        return self


class ConversationHistoryRedaction(Part):
    """Personal details that are taken out of transcripts, recordings and analyses."""

    enabled: bool = Field(strict=True)
    entities: tuple[OneLine, ...] | None = Field(None, description="Like name, email_address, financial_id.")


class Privacy(Part):
    """What is kept of conversations, and how long."""

    record_voice: bool | None = Field(None, strict=True, description="ElevenLabs' default records every call.")
    retention_days: int | None = Field(
        None, ge=-1, strict=True, description="How long conversations are kept; -1, the default, is for ever."
    )
    delete_transcript_and_pii: bool | None = Field(None, strict=True, description="Delete transcripts as well.")
    delete_audio: bool | None = Field(None, strict=True, description="Delete recordings as well.")
    apply_to_existing_conversations: bool | None = Field(
        None, strict=True, description="Also for what is stored already: sync then asks before anything is deleted."
    )
    zero_retention_mode: bool | None = Field(
        None, strict=True, description="Nothing personal is stored; the webhook is the only source of transcripts."
    )
    conversation_history_redaction: ConversationHistoryRedaction | None = None


class CallLimits(Part):
    """How many conversations there may be."""

    agent_concurrency_limit: int | None = Field(None, ge=-1, strict=True, description="At once; -1 is no limit.")
    daily_limit: int | None = Field(None, ge=0, strict=True, description="Per day; ElevenLabs' default is 100000.")
    bursting_enabled: bool | None = Field(
        None, strict=True, description="Up to 3 times the workspace's concurrency, at double rate."
    )


class PromptOverrides(Part):
    """Which parts of the prompt a client may override."""

    prompt: bool | None = Field(None, strict=True)
    llm: bool | None = Field(None, strict=True)
    tool_ids: bool | None = Field(None, strict=True)
    native_mcp_server_ids: bool | None = Field(None, strict=True)
    knowledge_base: bool | None = Field(None, strict=True)


class AgentOverrides(Part):
    """What of the agent a client may override."""

    first_message: bool | None = Field(None, strict=True)
    language: bool | None = Field(None, strict=True)
    max_conversation_duration_message: bool | None = Field(None, strict=True)
    prompt: PromptOverrides | None = None


class VoiceOverrides(Part):
    """What of the voice a client may override."""

    voice_id: bool | None = Field(None, strict=True)
    model_id: bool | None = Field(None, strict=True)
    stability: bool | None = Field(None, strict=True)
    similarity_boost: bool | None = Field(None, strict=True)
    speed: bool | None = Field(None, strict=True)


class ConversationOverrides(Part):
    """What of the conversation's limits a client may override."""

    text_only: bool | None = Field(None, strict=True)
    max_duration_seconds: bool | None = Field(None, strict=True)


class Overrides(Part):
    """What whoever starts a conversation may set for it; everything is forbidden by default."""

    agent: AgentOverrides | None = None
    tts: VoiceOverrides | None = None
    conversation: ConversationOverrides | None = None
    custom_llm_extra_body: bool | None = Field(None, strict=True)
    enable_conversation_initiation_client_data_from_webhook: bool | None = Field(None, strict=True)


class Auth(Part):
    """Who may start a conversation over the web."""

    enable_auth: bool | None = Field(None, strict=True, description="Only with a signed URL or token.")
    allowlist: tuple[OneLine, ...] | None = Field(None, description="Hosts of the pages that may, like example.org.")
    require_origin_header: bool | None = Field(None, strict=True, description="Refuse whoever names no origin.")


def webhooks(declared: Webhooks) -> dict[str, Any]:
    """What the assistant says of its own delivery; `none` as the API's null."""
    found = given(declared)
    if found.get("post_call_webhook_id") == NO_WEBHOOK:
        found["post_call_webhook_id"] = None
    return found


def given(part: Part, *others: str) -> dict[str, Any]:
    """What is declared of a part, as the platform has it; without `others`."""
    return part.model_dump(mode="json", exclude_none=True, exclude=set(others))


_OFF = frozenset({"0", "0.0", "false", "off", "no", "n", "f"})


def _deletes(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """What a change of `privacy` would delete of the conversations that are stored."""
    if not _on(after.get("apply_to_existing_conversations")):
        return ""
    # What held for new conversations only has never been applied to those that are stored.
    was = before if before.get("apply_to_existing_conversations") is True else {}
    lost = []
    days, had = _days(after.get(_RETENTION, -1), unknown=0), _days(was.get(_RETENTION, -1), unknown=-1)
    if days >= 0 and not 0 <= had <= days:
        lost.append(f"stored conversations older than {days:g} days")
    for name, what in (
        ("delete_transcript_and_pii", "stored transcripts and personal details"),
        ("delete_audio", "stored recordings"),
        ("zero_retention_mode", "everything personal in stored conversations"),
    ):
        if _on(after.get(name)) and was.get(name) is not True:
            lost.append(what)
    redaction = after.get("conversation_history_redaction") or {}
    off = isinstance(redaction, Mapping) and not _on(redaction.get("enabled"))
    if not off and redaction != was.get("conversation_history_redaction"):
        lost.append("personal details in stored conversations")
    return ", ".join(lost)


def _on(value: Any) -> bool:
    # Raw settings may say it in any way; the platform takes "yes" and 1 for true. What is not surely off is on.
    return value is not None and value is not False and str(value).strip().lower() not in _OFF


def _days(value: Any, unknown: float) -> float:
    """As the platform would read it; `unknown` where it may read it otherwise than we do."""
    try:
        return unknown if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        return unknown


PRIVACY = Peril(at=(SETTINGS, "privacy"), destroys=_deletes)
