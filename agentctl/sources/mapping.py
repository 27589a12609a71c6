"""`[source.table]` of agentctl.toml: which table or view declares assistants, and which column of it is what."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from agentctl.errors import Problem
from agentctl.resources.assistant import Llm, OneLine, Part, PostCall, Voice
from agentctl.resources.part import VoiceId
from agentctl.settings import nearest
from agentctl.sources.assistant_file import Layer
from agentctl.sources.problems import located, unknown_key

OWN = "agentctl.declared_assistants"
SECTION = "source.table"
GROUPS: Mapping[str, type[Part]] = {"voice": Voice, "llm": Llm, "post_call": PostCall}
SECTIONS = (
    "rag", "conversation", "language_presets", "built_in_tools", "evaluation", "data_collection", "webhooks", "privacy",
    "call_limits", "overrides", "auth", "elevenlabs",
)  # fmt: skip
BACK = {
    "agent_id": "elevenlabs_agent_id",
    "phone_number_id": "elevenlabs_phone_number_id",
    "synced_at": "elevenlabs_synced_at",
    "error": "elevenlabs_sync_error",
}
"""What is written back, and the column that it goes to where the mapping names no other."""
# Types of columns that hold one value each. Of any other type, each row tells whether there is something within.
_PLAIN = frozenset({
    "bigint", "boolean", "character", "character varying", "date", "double precision", "integer", "numeric", "real",
    "smallint", "text", "timestamp with time zone", "timestamp without time zone", "uuid",
})  # fmt: skip
_OWN_COLUMNS = (
    "tenant", "enabled", "name", "prompt", "first_message", "language", "voice", "llm", "knowledge", "numbers",
    "post_call", "settings",
)  # fmt: skip

OnDelete = Literal["archive", "delete", "keep"]
"""What becomes of the agent of an assistant that is declared no longer."""

Place = tuple[str, ...]
"""A column, and where in its JSON a value is."""


def _place(value: Any) -> Any:
    parts = value.split(".") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple) or not parts or not all(isinstance(one, str) and one for one in parts):
        raise ValueError(
            'must be a column, like "behavior_prompt", or a path into one of JSON, like "voice_settings.voice_id"'
        )
    return tuple(parts)


def _column(value: Any) -> Any:
    if not isinstance(value, str) or not value:
        raise ValueError('must be a column, like "id"')
    return value


def _table(value: Any) -> Any:
    if not isinstance(value, str) or not all(value.split(".")) or value.count(".") > 1:
        raise ValueError('must be a table or view, like "phone_assistants" or "sales.phone_assistants"')
    return value


def _group(group: type[Part]) -> BeforeValidator:
    def places(value: Any) -> Any:
        if not isinstance(value, Mapping):
            return {"": _place(value)}
        if wrong := [str(key) for key in value if key not in group.model_fields]:
            raise ValueError(unknown_key(wrong[0], list(group.model_fields)))
        return {key: _place(one) for key, one in value.items()}

    return BeforeValidator(places)


_At = Annotated[Place, BeforeValidator(_place)]
_Column = Annotated[str, BeforeValidator(_column)]


class SourceTable(Part):
    """Where assistants are declared in a table. Without `table` it is ours, of which every column is known.

    A group (`voice`, `llm`, `post_call`) is one place that holds all of it, under the empty name, or a place for each
    of its fields. `defaults` lies under each row. `on_delete`: what becomes of the agent of a row that is deleted.
    """

    table: Annotated[str, BeforeValidator(_table)] = OWN
    key: _Column | None = None
    tenant: _At | None = None
    enabled: _At | None = None
    name: _At | None = None
    prompt: _At | None = None
    first_message: _At | None = None
    language: _At | None = None
    knowledge: _At | None = None
    numbers: _At | None = None
    settings: _At | None = None
    voice: Annotated[dict[str, Place], _group(Voice)] = Field({})
    llm: Annotated[dict[str, Place], _group(Llm)] = Field({})
    post_call: Annotated[dict[str, Place], _group(PostCall)] = Field({})
    rag: _At | None = None
    conversation: _At | None = None
    language_presets: _At | None = None
    built_in_tools: _At | None = None
    evaluation: _At | None = None
    data_collection: _At | None = None
    webhooks: _At | None = None
    privacy: _At | None = None
    call_limits: _At | None = None
    overrides: _At | None = None
    auth: _At | None = None
    elevenlabs: _At | None = None
    agent_id: _Column | None = None
    phone_number_id: _Column | None = None
    synced_at: _Column | None = None
    error: _Column | None = None
    on_delete: OnDelete = "archive"
    voices: dict[OneLine, VoiceId] = Field({})
    defaults: Layer = Layer()

    @property
    def is_ours(self) -> bool:
        """Whether it is the table that agentctl brings along."""
        return self.table == OWN

    @property
    def key_column(self) -> str:
        """The column of which the value is the assistant's key."""
        return self.key or ("key" if self.is_ours else "id")

    @property
    def adoption(self) -> str:
        """The command that has the database do what it lacks; names of tables may have spaces."""
        return f"agentctl db adopt {shlex.quote(self.table)}"

    @property
    def named(self) -> dict[str, str]:
        """The table's schema and name, as SQL functions take them."""
        schema, _, table = self.table.rpartition(".")
        return {"schema": schema or "public", "table": table}

    @property
    def places(self) -> dict[str, Place]:
        """Every place that is read, by what it is: `prompt`, `voice`, `voice.id`."""
        found: dict[str, Place] = {name: (name,) for name in _OWN_COLUMNS} if self.is_ours else {}
        for name in (*(one for one in _OWN_COLUMNS if one not in GROUPS), *SECTIONS):
            found |= {name: place} if (place := getattr(self, name)) else {}
        for name in GROUPS:
            own: dict[str, Place] = getattr(self, name)
            if own:
                found.pop(name, None)
            found |= {f"{name}.{field}".removesuffix("."): place for field, place in own.items()}
        return found

    @property
    def columns(self) -> list[str]:
        """The columns that say what an assistant should be: those of which a change is one."""
        return list(dict.fromkeys(place[0] for place in self.places.values()))

    @property
    def wanted(self) -> dict[str, str]:
        """The column that each thing which is written back is to go to."""
        return {name: getattr(self, name) or column for name, column in BACK.items()}

    def back(self, columns: Collection[str]) -> dict[str, str]:
        """The same, of those columns alone."""
        return {name: column for name, column in self.wanted.items() if column in columns}

    def placed(self, problem: Problem, where: str) -> Problem:
        """A problem of the row `where`, with the column that it is about where that is called otherwise."""
        path = problem.where.removeprefix(where).removeprefix(": ")
        names = [name for name in self.places if path == name or path.startswith((f"{name}.", f"{name}["))]
        column = ".".join(self.places[max(names, key=len)]) if names else path
        return problem if column == path else Problem(f"{problem.where} (column {column})", problem.what)

    def problems(self, file: str, columns: Mapping[str, str]) -> Iterator[Problem]:
        """Columns that the mapping names and the table does not have, and paths into such as hold no JSON.

        `file`: in which the mapping is. `columns`: of each of the table's its type, as format_type() says it.
        """
        said = {name: (column,) for name in BACK if (column := getattr(self, name))}
        for name, place in {"key": (self.key_column,), **self.places, **said}.items():
            if place[0] not in columns:
                near = nearest(place[0], list(columns))
                meant = f"did you mean {near!r}?" if near else f"there are {', '.join(columns)}"
                what = f"table {self.table} has no column {place[0]!r}, {meant}"
                yield Problem(located(file, f"{SECTION}.{name}"), what)
            elif len(place) > 1 and (kind := columns[place[0]].partition("(")[0]) in _PLAIN:
                what = f"column {place[0]} of table {self.table} is {kind}: a path leads into jsonb alone"
                yield Problem(located(file, f"{SECTION}.{name}"), what)
        for name in ("name", "prompt"):
            if name not in self.places and not (name == "name" and self.defaults.name):
                yield Problem(located(file, f"{SECTION}.{name}"), "is missing: which column holds it?")
