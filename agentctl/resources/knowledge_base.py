"""Sections `[knowledge_base]` and `[rag]`: where documents lie, and how an assistant looks things up in them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, WithJsonSchema

from agentctl.resources.part import Part

LONGEST_FOLDER = 60
# The platform's own default (published spec).
EMBEDDING_MODEL = "e5_mistral_7b_instruct"


def _folder(value: object) -> bool | str:
    if isinstance(value, bool):
        return value
    fit = isinstance(value, str) and value.strip() == value and value.isprintable() and not set(value) & set("/@")
    if not isinstance(value, str) or not fit or not 1 <= len(value) <= LONGEST_FOLDER:
        raise ValueError(f"must be true, false, or a name of at most {LONGEST_FOLDER} characters without / and @")
    return value


Folder = Annotated[
    bool | str,
    PlainValidator(_folder),
    WithJsonSchema({
        "anyOf": [
            {"type": "boolean"},
            {"type": "string", "minLength": 1, "maxLength": LONGEST_FOLDER, "pattern": "^[^/@]+$"},
        ]
    }),
]  # fmt: skip


class KnowledgeBase(Part):
    """Folders at the platform. True: one named after its owner; false: none; left out: wherever a document lies."""

    folder: Folder | None = Field(
        None, description="Folder of the assistant's own documents: true (named after its key), a name, or false: none."
    )
    shared_folder: Folder | None = Field(
        None, description="Folder of the documents in shared/knowledge; in [defaults.knowledge_base] of agentctl.toml."
    )


class Rag(Part):
    """How an assistant finds what it needs in long documents, instead of having them whole in its prompt."""

    enabled: bool | None = Field(
        None, strict=True, description="Look things up in an index of the documents, which sync has made and awaits."
    )
    embedding_model: Literal["e5_mistral_7b_instruct", "multilingual_e5_large_instruct"] | None = Field(
        None, description=f"What the index is made with; {EMBEDDING_MODEL} by default."
    )
    max_vector_distance: float | None = Field(
        None, gt=0, lt=1, strict=True, description="How far from the question a passage may be; lower is stricter."
    )
    max_documents_length: int | None = Field(
        None, ge=1, lt=10_000_000, strict=True, description="Characters that are looked up, all passages together."
    )
    max_retrieved_rag_chunks_count: int | None = Field(
        None, ge=1, le=20, strict=True, description="Passages that are fetched before distance and length choose."
    )

    @property
    def model(self) -> str:
        """The embedding model in use."""
        return self.embedding_model or EMBEDDING_MODEL

    def settings(self) -> dict[str, Any]:
        """The agent's `prompt.rag`: what is declared, and the model that indexes are made with wherever it is on."""
        declared = self.model_dump(exclude_none=True)
        return {**declared, "embedding_model": self.model} if self.enabled else declared
