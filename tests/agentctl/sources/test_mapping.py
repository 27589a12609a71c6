"""[source.table]: which column is what, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path

from agentctl.sources.mapping import SourceTable
from agentctl.sources.project import FILENAME, read_project

COLUMNS = ["id", "title", "behavior_prompt", "voice_settings", "elevenlabs_agent_id"]


def section(tmp_path: Path, text: str) -> tuple[SourceTable | None, list[str]]:
    (tmp_path / FILENAME).write_text(f'project = "x"\n[source.table]\n{text}\n')
    project, problems = read_project(tmp_path / FILENAME)
    return project.table if project else None, [str(problem) for problem in problems]


def test_our_own_table_needs_no_mapping(tmp_path: Path) -> None:
    table, problems = section(tmp_path, "")
    assert problems == []
    assert table is not None
    assert (table.named, table.key_column) == ({"schema": "agentctl", "table": "declared_assistants"}, "key")
    assert table.places["prompt"] == ("prompt",)
    assert table.places["voice"] == ("voice",)


def test_places_lead_into_json_and_groups_are_one_place_or_several(tmp_path: Path) -> None:
    table, problems = section(
        tmp_path,
        'table = "crm.bots"\nname = "title"\nprompt = ["odd.column", "de"]\nknowledge = "docs.base.0"\n'
        'llm = "model"\nagent_id = "bot"\n[source.table.voice]\nid = "voice.id"\nspeed = "pace"',
    )
    assert problems == []
    assert table is not None
    assert table.named == {"schema": "crm", "table": "bots"}
    assert table.key_column == "id"
    assert table.places == {
        "name": ("title",), "prompt": ("odd.column", "de"), "knowledge": ("docs", "base", "0"),
        "voice.id": ("voice", "id"), "voice.speed": ("pace",), "llm": ("model",),
    }  # fmt: skip
    assert table.columns == ["title", "odd.column", "docs", "voice", "pace", "model"]
    assert table.back(["bot", "elevenlabs_sync_error"]) == {"agent_id": "bot", "error": "elevenlabs_sync_error"}


def test_what_is_wrong_names_file_and_key(tmp_path: Path) -> None:
    wrong = [
        ('tabel = "x"', "agentctl.toml: source.table: unknown key 'tabel', did you mean 'table'?"),
        ('table = "a.b.c"', "agentctl.toml: source.table.table: must be a table or view"),
        ("prompt = 3", "agentctl.toml: source.table.prompt: must be a column"),
        ('voice = { stabilty = "x" }', "source.table.voice: unknown key 'stabilty', did you mean 'stability'?"),
        ('voices = { "Polly.Vicki" = "no id" }', "agentctl.toml: source.table.voices.Polly.Vicki: must be a voice id"),
        ("[source.table.defaults]\nlangauge = 'de'", "source.table.defaults: unknown key 'langauge'"),
    ]  # fmt: skip
    for text, said in wrong:
        assert said in "\n".join(section(tmp_path, text)[1]), text


def test_a_column_that_is_not_there_is_answered_with_the_nearest() -> None:
    table = SourceTable.model_validate(
        {"table": "bots", "prompt": "behaviour_prompt", "agent_id": "elevenlabs_agentid"}
    )
    assert [str(problem) for problem in table.problems(FILENAME, COLUMNS)] == [
        "agentctl.toml: source.table.prompt: table bots has no column 'behaviour_prompt', did you mean "
        "'behavior_prompt'?",
        "agentctl.toml: source.table.agent_id: table bots has no column 'elevenlabs_agentid', did you mean "
        "'elevenlabs_agent_id'?",
        "agentctl.toml: source.table.name: is missing: which column holds it?",
    ]
