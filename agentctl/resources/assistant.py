"""Assistant and its parts: the desired state, complete and validated, whichever source declared it.

Only what is declared is pushed: `None` means "not declared", so that the platform's own value stays.
Ranges and defaults are those of the published OpenAPI spec.
"""

from __future__ import annotations

import hashlib
import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema, model_validator

from agentctl.resources.declared_test import DeclaredTest

KEY = re.compile(r"^[a-z0-9][a-z0-9_-]{0,62}$")
E164 = re.compile(r"^\+[1-9]\d{6,14}$")
# A mailbox, loosely: the mail server has the last word; line breaks and lists must not reach a header.
MAILBOX = re.compile(r"^[^@\s<>,;\"]+@[^@\s<>,;\"]+\.[^@\s<>,;\"]+$")
LANGUAGE = re.compile(r"^[a-z]{2,3}(-[a-z]{2,4})?$")
VOICE_ID = re.compile(r"^[A-Za-z0-9]{1,64}$")

# "Non-english Agents must use turbo or flash v2_5." (the platform's own 422); its default is eleven_flash_v2.
MULTILINGUAL_MODEL = "eleven_flash_v2_5"
ENGLISH_ONLY_MODELS = frozenset({"eleven_turbo_v2", "eleven_flash_v2"})


def _e164(number: str) -> str:
    if not E164.fullmatch(number):
        raise ValueError("must be a number in E.164 form: + and 7 to 15 digits, without spaces, like +498999998100")
    return number


def _mailbox(address: str) -> str:
    if not MAILBOX.fullmatch(address):
        raise ValueError("must be one mail address, like team@example.org")
    return address


def _language(code: str) -> str:
    if not LANGUAGE.fullmatch(code):
        raise ValueError("must be a language code in lower case, like de, en or pt-br")
    return code


def _voice_id(identifier: str) -> str:
    if not VOICE_ID.fullmatch(identifier):
        raise ValueError("must be a voice id from the ElevenLabs voice library: letters and digits only")
    return identifier


def _one_line(name: str) -> str:
    if not name.strip() or not name.isprintable():
        raise ValueError("must be one line of text and not blank")
    return name


# The checks are functions for the sake of their messages; the JSON schema gets the same rule as a pattern.
E164Number = Annotated[str, AfterValidator(_e164), WithJsonSchema({"type": "string", "pattern": E164.pattern})]
MailAddress = Annotated[str, AfterValidator(_mailbox), WithJsonSchema({"type": "string", "format": "email"})]
Language = Annotated[str, AfterValidator(_language), WithJsonSchema({"type": "string", "pattern": LANGUAGE.pattern})]
VoiceId = Annotated[str, AfterValidator(_voice_id), WithJsonSchema({"type": "string", "pattern": VOICE_ID.pattern})]
OneLine = Annotated[str, AfterValidator(_one_line), WithJsonSchema({"type": "string", "minLength": 1})]


class Part(BaseModel):
    """What every part of an assistant has in common: it never changes, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Llm(Part):
    """The language model that answers."""

    model: str | None = Field(None, description="Model name as ElevenLabs lists it, e.g. gemini-2.5-flash.")
    temperature: float | None = Field(None, ge=0, le=1, strict=True, description="0 is the most predictable.")
    max_tokens: int | None = Field(None, ge=-1, strict=True, description="Upper limit of one answer; -1 is no limit.")


class Voice(Part):
    """The voice that is heard."""

    id: VoiceId | None = Field(None, description="Voice id from the ElevenLabs voice library.")
    model: str | None = Field(
        None,
        description="Speech model; languages other than en need a *_v2_5 or multilingual one, "
        "and get eleven_flash_v2_5 by default.",
    )
    stability: float | None = Field(None, ge=0, le=1, strict=True, description="Lower is livelier, higher is steadier.")
    similarity_boost: float | None = Field(
        None, ge=0, le=1, strict=True, description="How closely to keep to the original voice."
    )
    speed: float | None = Field(None, ge=0.7, le=1.2, strict=True, description="1 is normal speed.")


class Phone(Part):
    """The numbers that ring at this assistant."""

    numbers: tuple[E164Number, ...] = Field(
        (), description="E.164, e.g. +498999998100; import each once with agentctl import-number."
    )


class PostCall(Part):
    """What happens after each call."""

    mail_to: tuple[MailAddress, ...] = Field((), description="Who gets the e-mail after each call.")
    summary_language: Language | None = Field(
        None, description="Language of summary and e-mail; default: the assistant's."
    )
    action_items: bool = Field(True, strict=True, description="Have action items extracted from each call.")


class Document(Part):
    """One knowledge document, its content already read. Exactly one of `text`, `content` (a file), `url` is set.

    `key` is unique in the project: `<assistant>/<name>`, or `shared/<name>` for one that several assistants use.
    """

    key: str
    name: str
    usage: Literal["auto", "prompt"] = "auto"
    text: str | None = Field(None, repr=False)
    content: bytes | None = Field(None, repr=False)
    filename: str | None = None
    media_type: str | None = None
    url: str | None = None

    @property
    def digest(self) -> str:
        """SHA-256 of what is uploaded, in hex: the platform's own read-back is lossy (files, HTML)."""
        body = self.content if self.content is not None else (self.text or self.url or "").encode()
        return hashlib.sha256(body).hexdigest()


class Assistant(Part):
    """One phone assistant as it should be. `where` names its source in messages."""

    key: str = Field(pattern=KEY.pattern)
    where: str
    name: OneLine
    prompt: str = Field(min_length=1, repr=False)
    language: Language = "en"
    first_message: str | None = None
    llm: Llm = Llm()
    voice: Voice = Voice()
    knowledge: tuple[Document, ...] = ()
    tests: tuple[DeclaredTest, ...] = ()
    phone: Phone = Phone()
    post_call: PostCall = PostCall()
    elevenlabs: dict[str, Any] = Field({}, repr=False)

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
