"""The shape of assistant.toml, and its JSON schema for editors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from agentctl.errors import Problem
from agentctl.resources.assistant import Language, Llm, OneLine, Part, Phone, PostCall, Voice
from agentctl.resources.knowledge_base import KnowledgeBase, Rag
from agentctl.sources.problems import located
from agentctl.sources.raw import RAW_TABLES
from agentctl.sources.sections import Sections

_FORMS = ("text", "file", "url")


def _web_address(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    if scheme.lower() not in ("http", "https") or not separator or not rest or any(part.isspace() for part in url):
        raise ValueError("must be a web address that begins with https:// or http://")
    return url


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be empty")
    return text


class KnowledgeEntry(Part):
    """One `[[knowledge]]` entry: exactly one of text, file and url."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": [form]} for form in _FORMS]})

    name: OneLine | None = Field(
        None,
        description="How it is listed at ElevenLabs; default with file: the file's name without ending.",
    )
    text: Annotated[str, AfterValidator(_not_blank)] | None = Field(
        None, description="The knowledge itself.", repr=False
    )
    file: Annotated[str, AfterValidator(_not_blank)] | None = Field(
        None, description="A file beside assistant.toml, like knowledge/prices.pdf, or shared/knowledge/prices.pdf."
    )
    url: Annotated[str, AfterValidator(_web_address)] | None = Field(
        None, description="A page that ElevenLabs fetches."
    )
    usage: Literal["auto", "prompt"] = Field(
        "auto", description="auto: looked up when needed; prompt: always part of the prompt."
    )
    as_file: bool = Field(
        False, strict=True, description="With a .md or .txt file: upload it as a file; default: as text."
    )

    @model_validator(mode="after")
    def _one_form(self) -> KnowledgeEntry:
        given = [form for form in _FORMS if getattr(self, form) is not None]
        if len(given) != 1:
            raise ValueError(f"needs exactly one of text, file and url (got {' and '.join(given) or 'none'})")
        if self.file is None and self.name is None:
            raise ValueError(f"needs a name beside {given[0]}")
        if self.as_file and (self.file is None or self.file.startswith("shared/")):
            raise ValueError("as_file is for a file of the assistant's own")
        return self


class AssistantFile(Sections):
    """A phone assistant, as assistant.toml declares it. Only `name` is required, and a prompt.md beside the file."""

    model_config = ConfigDict(title="agentctl assistant.toml")

    name: OneLine = Field(description="The agent's name at ElevenLabs and in mails.")
    language: Language = Field("en", description="Language that is spoken, like de or en.")
    first_message: str | None = Field(
        None, description="What the assistant says first. It should say that an AI answers. [[ ]] as in prompt.md."
    )
    llm: Llm = Llm()
    voice: Voice = Voice()
    knowledge: tuple[KnowledgeEntry, ...] = Field(
        (), description="What it can look up, besides every file in knowledge/ and shared/knowledge/."
    )
    shared_knowledge: bool = Field(
        True,
        strict=True,
        description="Whether it can look up all of shared/knowledge/; false: only what [[knowledge]] names of it.",
    )
    knowledge_base: KnowledgeBase = KnowledgeBase()
    rag: Rag = Rag()
    phone: Phone = Phone()
    post_call: PostCall = PostCall()
    elevenlabs: dict[str, Any] = Field(
        {},
        description="Raw settings of the platform, merged last: conversation_config, platform_settings, workflow.",
        json_schema_extra={
            "properties": {name: {"type": "object"} for name in RAW_TABLES},
            "additionalProperties": False,
        },
    )


class Layer(AssistantFile):
    """What lies under or over assistants, so that nothing in it is required."""

    name: OneLine | None = None  # type: ignore[assignment]


def misplaced(table: Mapping[str, Any], where: str, prefix: str = "") -> Iterator[Problem]:
    """What the file of one assistant must not say, since it holds for all; `prefix` is where the table is in it."""
    base = table.get("knowledge_base")
    if isinstance(base, Mapping) and "shared_folder" in base:
        what = "holds for all assistants alike: put it under [defaults.knowledge_base] in agentctl.toml"
        yield Problem(located(where, f"{prefix}knowledge_base.shared_folder"), what)


def entries_of(table: Mapping[str, Any]) -> tuple[KnowledgeEntry, ...] | None:
    """The knowledge entries of a table that need not be whole; None where they are wrong."""
    try:
        return TypeAdapter(tuple[KnowledgeEntry, ...]).validate_python(table.get("knowledge", ()))
    except ValidationError:
        return None


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of assistant.toml, for editors. TOML has no null, so neither has the schema."""
    body = _without_null(AssistantFile.model_json_schema())
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **body}


def _without_null(node: Any) -> Any:
    if isinstance(node, list):
        return [_without_null(item) for item in node]
    if not isinstance(node, dict):
        return node
    node = {key: _without_null(value) for key, value in node.items() if not (key == "default" and value is None)}
    kinds = [kind for kind in node.get("anyOf", ()) if kind != {"type": "null"}]
    if len(kinds) == 1:
        node.pop("anyOf")
        node = {**kinds[0], **node}
    elif kinds:
        node["anyOf"] = kinds
    return node
