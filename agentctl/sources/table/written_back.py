"""The columns of the source table that are written back into: those that can be, and what keeps the others from it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from agentctl.sources.mapping import SourceTable
from agentctl.sources.spelling import quoted

# What a column must be: categories of types (pg_type.typcategory), or their names; and as what it is made.
_WORDS = ({"S", "jsonb"}, "text")
_TIMES = ({"S", "jsonb", "D"}, "timestamptz")
_OF_A_DAY = ("time ", "time(")  # of Postgres' times those that know no date, as format_type spells them
_ID = 34  # characters of ids that ElevenLabs makes now, as of agent_7101k5zvyjhmfg983brhmhkd98n6
_NULL = {"phone_number_id": "a row without a number", "error": "a row without an error"}
"""What is told as null, and when that is."""


def writable(source: SourceTable, found: Mapping[str, Any]) -> dict[str, str]:
    """The column of each thing that can be written back. `found`: what `source_columns` says of the table."""
    columns = _columns(found)
    named = {name: columns[column] for name, column in source.wanted.items() if column in columns}
    return {name: one["name"] for name, one in named.items() if one["writable"] and not _misfit(name, one)}


def lacking(source: SourceTable, found: Mapping[str, Any], withheld: Collection[str]) -> str:
    """Which columns are not there, or may be written by nobody; empty where none. `withheld`: by a right alone."""
    columns = {name for name, one in _columns(found).items() if one["writable"]}
    if not (names := [column for column in source.wanted.values() if column not in columns and column not in withheld]):
        return ""
    remedy = "the view has to pass them on" if found["view"] else source.adoption
    return f"no column {', '.join(names)} to write; {remedy}"


def unfit(source: SourceTable, found: Mapping[str, Any]) -> Iterator[str]:
    """Which of those that are there do not take each value, with why and what mends it."""
    columns = _columns(found)
    for name, column in source.wanted.items():
        if (one := columns.get(column)) is None:
            continue
        why, mend = _misfit(name, one) or _refusing(name, one) or ("", "")
        alter = f"alter table {'.'.join(map(quoted, source.named.values()))} alter column {quoted(column)} {mend};"
        if why:
            yield f"column {column} {why}: {'have the view show one that does' if found['view'] else alter}"


def _misfit(name: str, column: Mapping[str, Any]) -> tuple[str, str] | None:
    """Why it can never be written, and what of the column's definition mends that."""
    sorts, made_as = _TIMES if name == "synced_at" else _WORDS
    if column["sort"] not in sorts or column["type"].startswith(_OF_A_DAY):
        using = " using null" if name == "synced_at" else ""  # no type that is no time can be cast to one
        return f"is {column['type']}, and what is written there is {made_as}", f"type {made_as}{using}"
    return ("is made by the database itself", "drop expression") if column["made"] else None


def _refusing(name: str, column: Mapping[str, Any]) -> tuple[str, str] | None:
    """Why it may refuse what is written all the same, and what mends that."""
    if name in ("agent_id", "phone_number_id") and (column["length"] or _ID) < _ID:
        return f"is {column['type']}, and ids have {_ID} characters", "type text"
    if not column["required"] or name not in _NULL:
        return None
    return f"must not be null, as it is in {_NULL[name]}", "drop not null"


def _columns(found: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {str(one["name"]): one for one in found.get("columns", ())}
