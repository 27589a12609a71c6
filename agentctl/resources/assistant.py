"""Assistant and its parts: the desired state, complete and validated, whichever source declared it.

Only what is declared is pushed: `None` means "not declared", so that the platform's own value stays.
Ranges and defaults are those of the published OpenAPI spec.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from agentctl.resources.built_in_tools import BuiltInTools
from agentctl.resources.declared_test import DeclaredTest
from agentctl.resources.knowledge_base import KnowledgeBase, Rag
from agentctl.resources.language_presets import Conversation, LanguagePreset
from agentctl.resources.part import E164 as E164
from agentctl.resources.part import KEY as KEY
from agentctl.resources.part import OPERATOR as OPERATOR
from agentctl.resources.part import RESERVED as RESERVED
from agentctl.resources.part import E164Number as E164Number
from agentctl.resources.part import Language as Language
from agentctl.resources.part import MailAddress as MailAddress
from agentctl.resources.part import OneLine as OneLine
from agentctl.resources.part import Part as Part
from agentctl.resources.part import Tenant as Tenant
from agentctl.resources.part import TimeZone as TimeZone
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
from agentctl.resources.voice import Voice as Voice

# "Non-english Agents must use turbo or flash v2_5." (the platform's own 422); its default is eleven_flash_v2.
MULTILINGUAL_MODEL = "eleven_flash_v2_5"
ENGLISH_ONLY_MODELS = frozenset({"eleven_turbo_v2", "eleven_flash_v2"})


class Llm(Part):
    """The language model that answers."""

    model: str | None = Field(None, description="Model name as ElevenLabs lists it, e.g. gemini-2.5-flash.")
    temperature: float | None = Field(None, ge=0, le=1, strict=True, description="0 is the most predictable.")
    max_tokens: int | None = Field(None, ge=-1, strict=True, description="Upper limit of one answer; -1 is no limit.")


class Phone(Part):
    """The numbers that ring at this assistant."""

    numbers: tuple[E164Number, ...] = Field(
        (), description="E.164, e.g. +498999998100; import each once with agentctl import-number."
    )


def _distinct(outcomes: tuple[str, ...]) -> tuple[str, ...]:
    if len({outcome.casefold() for outcome in outcomes}) < len(outcomes):
        raise ValueError("must not name an outcome twice")
    return outcomes


Outcome = Annotated[OneLine, Field(max_length=60)]
Outcomes = Annotated[tuple[Outcome, ...], Field(min_length=2, max_length=30), AfterValidator(_distinct)]


class PostCall(Part):
    """What happens after each call."""

    mail_to: tuple[MailAddress, ...] = Field((), description="Who gets the e-mail after each call.")
    summary_language: Language | None = Field(
        None, description="Language of summary and e-mail; default: the assistant's."
    )
    action_items: bool = Field(True, strict=True, description="Have action items extracted from each call.")
    outcomes: Outcomes | None = Field(
        None, description="What a call can come to, for a language model to choose from; default: resolved, callback, …"
    )
    timezone: TimeZone | None = Field(
        None, description="Where 'tomorrow' is meant, like Europe/Berlin; default: what ElevenLabs says of the call."
    )


class Document(Part):
    """One knowledge document, its content already read. Exactly one of `text`, `content` (a file), `url` is set.

    `key` is unique in the project: `<assistant>/<name>`, or `shared/<name>` for one that several assistants use.
    `path`: its file, from the project's directory, as far as it is known to have one; no part of what it is.
    """

    key: str
    name: str
    usage: Literal["auto", "prompt"] = "auto"
    text: str | None = Field(None, repr=False)
    content: bytes | None = Field(None, repr=False)
    filename: str | None = None
    media_type: str | None = None
    url: str | None = None
    path: str | None = Field(None, exclude=True, repr=False)

    def __eq__(self, other: object) -> bool:
        """Wherever the files are: one that comes back from a revision has none."""
        return isinstance(other, Document) and self._said() == other._said()

    def __hash__(self) -> int:
        return hash(self._said())

    def _said(self) -> tuple[object, ...]:
        return tuple(getattr(self, name) for name in Document.model_fields if name != "path")

    @property
    def digest(self) -> str:
        """SHA-256 of what is uploaded, in hex: the platform's own read-back is lossy (files, HTML)."""
        body = self.content if self.content is not None else (self.text or self.url or "").encode()
        return hashlib.sha256(body).hexdigest()


class Assistant(Part):
    """One phone assistant as it should be. `where` names its source in messages.

    `source`: path -> digest of each thing that its files say before the layers of an environment; empty where the
    project declares none. `tenant`: whose its calls are. Not `enabled`: its
    numbers ring at nobody. `agent_id`: the agent that its source names; no part of what it should be.
    """

    key: str = Field(pattern=KEY.pattern)
    where: str
    tenant: Tenant = OPERATOR
    enabled: bool = True
    agent_id: str | None = Field(None, exclude=True, repr=False)
    name: OneLine
    prompt: str = Field(min_length=1, repr=False)
    language: Language = "en"
    first_message: str | None = None
    llm: Llm = Llm()
    voice: Voice = Voice()
    knowledge: tuple[Document, ...] = ()
    knowledge_base: KnowledgeBase = KnowledgeBase()
    rag: Rag = Rag()
    tests: tuple[DeclaredTest, ...] = ()
    phone: Phone = Phone()
    post_call: PostCall = PostCall()
    conversation: Conversation = Conversation()
    language_presets: dict[Language, LanguagePreset] = Field({})
    built_in_tools: BuiltInTools = BuiltInTools()
    evaluation: Evaluation = Evaluation()
    data_collection: dict[ItemId, DataCollectionItem] = Field({})
    webhooks: Webhooks = Webhooks()
    privacy: Privacy = Privacy()
    call_limits: CallLimits = CallLimits()
    overrides: Overrides = Overrides()
    auth: Auth = Auth()
    elevenlabs: dict[str, Any] = Field({}, repr=False)
    source: dict[str, str] = Field({}, repr=False)

    @model_validator(mode="after")
    def _speech_model_speaks_the_language(self) -> Assistant:
        # Raw settings are merged last, so they decide what the platform will see.
        raw = self.elevenlabs.get("conversation_config", {})
        language = _leaf(raw, "agent", "language") or self.language
        model = _leaf(raw, "tts", "model_id") or self.voice.model
        if language != "en" and model in ENGLISH_ONLY_MODELS:
            raise ValueError(
                f"voice.model: {model} speaks English only; for language {language!r} "
                f"use {MULTILINGUAL_MODEL} or eleven_turbo_v2_5"
            )
        return self


def _leaf(tree: Any, *path: str) -> str | None:
    for name in path:
        tree = tree.get(name) if isinstance(tree, dict) else None
    return tree if isinstance(tree, str) else None
