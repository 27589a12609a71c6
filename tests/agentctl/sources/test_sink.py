"""[sink.table]: what may stand there, and what is said of what may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentctl.sources.project import read_project
from agentctl.sources.sink import SinkTable, obstacles

HEAD = 'project = "p"\n[sink.table]\ntable = "sessions"\nkey = "id"\n'
SINK = SinkTable(table="sessions", key="id", summary="said")


def read(tmp_path: Path, text: str) -> tuple[SinkTable | None, list[str]]:
    (tmp_path / "agentctl.toml").write_text(text)
    project, problems = read_project(tmp_path / "agentctl.toml")
    return project.sink if project else None, [str(problem) for problem in problems]


def test_the_id_may_be_named_twice_and_a_schema_once(tmp_path: Path) -> None:
    text = HEAD.replace('"sessions"', '"crm.sessions"') + 'conversation_id = "id"\nsummary = "said"\n'
    sink, problems = read(tmp_path, text)
    assert problems == []
    assert sink is not None
    assert sink.record() == {
        "schema_name": "crm",
        "table_name": "sessions",
        "key_column": "id",
        "columns": {"summary": "said"},
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAD, "no value goes anywhere"),
        (HEAD + 'sumary = "said"', "did you mean 'summary'"),
        (HEAD + 'summary = "said"\ntitle = "said"', "column 'said' is given to title and to summary"),
        (HEAD + 'summary = "id"', "column 'id' is given to key and to summary"),
        (HEAD + 'summary = ""', "must be the name of a column"),
        (HEAD.replace("sessions", "a.b.c") + 'summary = "said"', "must be the name of a table"),
        (HEAD.replace("sessions", "agentctl.calls") + 'summary = "said"', "is agentctl's own"),
    ],
)
def test_what_cannot_be_meant_is_an_error_of_the_file(tmp_path: Path, text: str, said: str) -> None:
    sink, problems = read(tmp_path, text)
    assert sink is None
    assert said in "\n".join(problems)


def test_a_view_and_columns_that_refuse_null_are_told_with_what_mends_them() -> None:
    column = {"shown": "text", "sort": "S", "required": False, "made": False, "default": False, "unique": True}
    column |= {"length": None}
    found = {
        "columns": {"id": column, "said": {**column, "required": True}},
        "is_table": True,
        "writable": True,
        "hiding": False,
    }
    (told,) = obstacles(SINK, found)
    assert told.endswith("not every call has that: alter table public.sessions alter column said drop not null;")
    assert list(obstacles(SINK, {**found, "is_table": False})) == ["table: sessions is no table; name the table itself"]
    made = {**column, "made": True}
    (told,) = obstacles(SINK, {**found, "columns": {"id": column, "said": made}})
    assert told == "summary: column said is made by the database itself"
