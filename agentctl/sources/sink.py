"""`[sink.table]` of agentctl.toml: the product's own table in which calls stand, too, and which value goes where."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from math import inf
from typing import Annotated, Any

from pydantic import AfterValidator, model_validator

from agentctl.resources.assistant import Part
from agentctl.settings import nearest
from agentctl.sources.spelling import quoted

SECTION = "sink.table"
# A value's sort, and what a column must be to take it: categories of types (pg_type.typcategory), or their names.
_TAKES = {
    "text": {"S": "text"},
    "word": {"S": "text", "E": "an enumeration"},
    "tenant": {"S": "text", "uuid": "uuid"},
    "number": {"N": "a number"},
    "time": {"D": "timestamptz"},
    "truth": {"B": "boolean"},
    "list": {"jsonb": "jsonb", "json": "json"},
}
# What a call always has, so that a column for it may refuse null.
_ALWAYS = {
    *("conversation_id", "tenant", "project", "environment", "started_at", "status", "stored_at", "updated_at"),
    *("action_items", "open_items", "turns", "has_recording"),
}

# Of how many characters the ids are that ElevenLabs and Twilio make now.
_IDS = {"conversation_id": 33, "agent_id": 34, "call_sid": 34}
# Of how many characters other texts are at most; of one that is not here nobody knows.
_LONGEST = dict.fromkeys(("project", "environment", "assistant"), 63) | {
    **dict.fromkeys(("channel", "direction", "sentiment"), 8),
    **dict.fromkeys(("title", "caller_name", "caller_number"), 200),
    "status": 11,
    "successful": 7,
    "language": 5,
    "summary": 4000,
}


def _column(name: str) -> str:
    if not name.strip() or len(name.encode()) > 63 or "\0" in name:
        raise ValueError("must be the name of a column")
    return name


def _place(name: str) -> str:
    if not re.fullmatch(r"([^.\0]{1,63}\.)?[^.\0]{1,63}", name):
        raise ValueError("must be the name of a table, like call_sessions or a_schema.call_sessions")
    if name.startswith("agentctl.") or name.removeprefix("public.").startswith("agentctl_"):
        raise ValueError("is agentctl's own: name a table of your product")
    return name


Column = Annotated[str, AfterValidator(_column)]


class SinkTable(Part):
    """Where calls go: `table`, `key` (its column with the conversation's id), and the column of each value."""

    table: Annotated[str, AfterValidator(_place)]
    key: Column
    conversation_id: Column | None = None
    tenant: Column | None = None
    project: Column | None = None
    environment: Column | None = None
    assistant: Column | None = None
    assistant_name: Column | None = None
    agent_id: Column | None = None
    channel: Column | None = None
    direction: Column | None = None
    external_number: Column | None = None
    agent_number: Column | None = None
    call_sid: Column | None = None
    user_id: Column | None = None
    started_at: Column | None = None
    duration_seconds: Column | None = None
    status: Column | None = None
    successful: Column | None = None
    termination_reason: Column | None = None
    failure_reason: Column | None = None
    language: Column | None = None
    cost: Column | None = None
    cost_credits: Column | None = None
    digest_cost: Column | None = None
    title: Column | None = None
    summary: Column | None = None
    outcome: Column | None = None
    sentiment: Column | None = None
    follow_up: Column | None = None
    caller_name: Column | None = None
    caller_number: Column | None = None
    action_items: Column | None = None
    open_items: Column | None = None
    turns: Column | None = None
    transcript: Column | None = None
    has_recording: Column | None = None
    stored_at: Column | None = None
    updated_at: Column | None = None

    @model_validator(mode="after")
    def _each_column_once(self) -> SinkTable:
        taken: dict[str, str] = {}
        for name, column in self.columns.items():
            if column == self.key or column in taken:
                raise ValueError(f"column {column!r} is given to {taken.get(column, 'key')} and to {name}")
            taken[column] = name
        if not taken:
            raise ValueError('no value goes anywhere: name one at least, like summary = "summary"')
        return self

    @property
    def columns(self) -> dict[str, str]:
        """Each value's column; the id where it is the key's is none of them."""
        named = self.model_dump(exclude_none=True, exclude={"table", "key"})
        return {name: column for name, column in named.items() if (name, column) != ("conversation_id", self.key)}

    @property
    def place(self) -> dict[str, str]:
        """The table as the store's functions take it."""
        schema, _, table = self.table.rpartition(".")
        return {"schema_name": schema or "public", "table_name": table}

    def record(self) -> dict[str, Any]:
        """As `save_sink` takes it, without whose it is."""
        return {**self.place, "key_column": self.key, "columns": self.columns}


def obstacles(sink: SinkTable, found: Mapping[str, Any]) -> Iterator[str]:
    """What keeps calls from being written, by what `sink_columns` found of the table, each with what mends it."""
    columns = found["columns"]
    if columns is None:
        near = nearest(sink.table.rpartition(".")[2], list(found["tables"]))
        yield f"table: there is no {sink.table}{f'; did you mean {near}?' if near else ''}"
        return
    if not found["is_table"]:
        yield f"table: {sink.table} is no table; name the table itself"
        return
    if not found["writable"]:
        grant = f"grant select, insert, update on {_quoted(sink)} to {quoted(found['caller'])};"
        yield f"table: {found['caller']} may not write {sink.table}: {grant}"
    if found["hiding"]:
        mend = f"as an administrator: alter role {quoted(found['caller'])} bypassrls;"
        yield f"table: row-level security of {sink.table} may refuse what {found['caller']} writes: {mend}"
    yield from _of_key(sink, columns)
    for name, column in sink.columns.items():
        yield from (f"{name}: {why}" for why in _of_column(sink, name, column, columns))
    given = {sink.key, *sink.columns.values()}
    for column in sorted(columns.keys() - given):
        if columns[column]["required"] and not (columns[column]["made"] or columns[column]["default"]):
            yield f"column {column} must not be null and is given nothing: {_nullable(sink, column)}"


def cramped(sink: SinkTable, found: Mapping[str, Any]) -> Iterator[str]:
    """Which columns are too short for some calls, by the same: the row of such a call is refused."""
    columns = found["columns"] or {}
    for name, column in sink.columns.items():
        there = columns.get(column)
        if there is None or name in _IDS or there["length"] is None or there["length"] >= _LONGEST.get(name, inf):
            continue
        yield f"{name}: column {column} is {there['shown']}, and a longer value is refused: {_as_text(sink, column)}"


def exposure(sink: SinkTable, found: Mapping[str, Any]) -> str:
    """Which users may read the calls of all tenants in it, with what ends that; empty: none, as far as that is told."""
    if not found["readers"]:
        return ""
    who = " and ".join({"anon": "anon, which is anybody,"}.get(one, one) for one in found["readers"])
    shut = f"alter table {_quoted(sink)} enable row level security, and policies for who may"
    what = f"no row-level security keeps users from {sink.table}: {who} may read every tenant's calls in it"
    return f"table: {what}; {shut}"


def _of_key(sink: SinkTable, columns: Mapping[str, Any]) -> Iterator[str]:
    key = columns.get(sink.key)
    if key is None:
        yield f"key: {_missing(sink, sink.key, columns)}"
        return
    if key["sort"] != "S":
        yield f"key: column {sink.key} is {key['shown']}, and a conversation's id is text"
        return
    if short := _short(sink, "conversation_id", sink.key, key):
        yield f"key: {short}"
    if not key["unique"]:
        mend = f"alter table {_quoted(sink)} add unique ({quoted(sink.key)});"
        yield f"key: column {sink.key} is not unique, so that a call would stand there again and again: {mend}"


def _of_column(sink: SinkTable, name: str, column: str, columns: Mapping[str, Any]) -> Iterator[str]:
    there = columns.get(column)
    if there is None:
        yield _missing(sink, column, columns)
        return
    takes = _TAKES[_sort(name)]
    if there["sort"] not in takes:
        yield f"column {column} is {there['shown']}, and the value needs {' or '.join(takes.values())}"
    elif there["made"]:
        yield f"column {column} is made by the database itself"
    elif short := _short(sink, name, column, there):
        yield short
    elif there["required"] and name not in _ALWAYS:
        yield f"column {column} must not be null, and not every call has that: {_nullable(sink, column)}"


def _short(sink: SinkTable, name: str, column: str, there: Mapping[str, Any]) -> str:
    longest = _IDS.get(name, 0)
    if there["length"] is None or there["length"] >= longest:
        return ""
    return f"column {column} is {there['shown']}, and ids have {longest} characters: {_as_text(sink, column)}"


def _sort(name: str) -> str:
    sorts = {
        "tenant": "tenant",
        "number": "duration_seconds cost cost_credits digest_cost open_items",
        "time": "started_at stored_at updated_at",
        "truth": "follow_up has_recording",
        "list": "action_items turns",
        "word": "channel direction status successful outcome sentiment language",
    }
    return next((sort for sort, names in sorts.items() if name in names.split()), "text")


def _missing(sink: SinkTable, column: str, columns: Mapping[str, Any]) -> str:
    near = nearest(column, list(columns))
    return f"{sink.table} has no column {column}{f'; did you mean {near}?' if near else ''}"


def _nullable(sink: SinkTable, column: str) -> str:
    return f"alter table {_quoted(sink)} alter column {quoted(column)} drop not null;"


def _as_text(sink: SinkTable, column: str) -> str:
    return f"alter table {_quoted(sink)} alter column {quoted(column)} type text;"


def _quoted(sink: SinkTable) -> str:
    return ".".join(quoted(part) for part in sink.place.values())
