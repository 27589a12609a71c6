"""Rows as assistants: literal texts, values of any shape, defaults under them, and what is wrong between them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from agentctl.sources.files import load
from agentctl.sources.loaded import Loaded
from agentctl.sources.table.divided import divided
from agentctl.sources.table.rows import Told, joined
from agentctl.sources.table.succession import Holder
from tests.agentctl.sources.disk import DiskProject

SOUND = {"tenant": "acme", "name": "Empfang", "prompt": "Hilf."}
SECTION = "[source.table]\n"


@pytest.fixture
def project(tmp_path: Path) -> DiskProject:
    """Without any assistant of files."""
    empty = DiskProject(tmp_path)
    shutil.rmtree(tmp_path / "assistants")
    return empty


def read(
    project: DiskProject,
    *rows: dict[str, Any],
    bound: dict[str, str] | None = None,
    holders: dict[str, Holder] | None = None,
    owners: dict[str, str] | None = None,
    lacking: str = "",
    toml: str = SECTION,
) -> Loaded:
    """The project with these rows in our own table; `key` and `rows` of each are not among its values."""
    project.write("agentctl.toml", f'project = "probe"\n{toml}')
    loaded = load(project.root)
    assert loaded.problems == ()
    source = loaded.project.table
    assert source is not None
    places = {place[0] for place in source.places.values()}
    columns = [
        {
            "name": name,
            "type": "jsonb",
            "sort": "jsonb",
            "writable": True,
            "required": False,
            "made": False,
            "length": None,
        }
        for name in (*places, source.key_column, *source.wanted.values())
        if name != lacking
    ]
    found = []
    for row in rows:
        values = {**dict.fromkeys(source.places), **SOUND, **row}
        told = {"key": values.pop("key", "a"), "rows": values.pop("rows", 1), "astray": values.pop("astray", {})}
        found.append({**told, "values": values})
    shown = {"columns": columns, "view": False, "watched": True, "unique": ["id"], "open": []}
    return divided(joined(loaded, source, Told(shown, found, 0, bound or {}, owners or {})), holders or {})


def wrong(loaded: Loaded) -> dict[str, str]:
    assert loaded.rows is not None
    return {row.key: row.error or "" for row in loaded.rows.wrong}


def test_texts_of_a_row_are_literal_and_those_of_defaults_are_templates(project: DiskProject) -> None:
    under = '[vars]\nfirma = "Beispiel"\n[defaults]\nfirst_message = "KI der [[firma]]."\n' + SECTION
    said = "[[ firma ]] [% for x in y %] [# #] {{name}}"
    presets = {"language_presets": {"en": {"first_message": said}}}
    loaded = read(
        project, {"key": "a", "prompt": f"\n{said}\r\nZwei "}, {"key": "b", "first_message": said, "settings": presets},
        toml=under,
    )  # fmt: skip
    a, b = loaded.assistants
    assert (a.prompt, a.first_message) == (f"{said}\nZwei", "KI der Beispiel.")
    assert (b.first_message, b.language_presets["en"].first_message) == (said, said)
    assert {str(one) for one in loaded.warnings if "{{name}}" in str(one)} == {
        f"table agentctl.declared_assistants, row {key}: {at}: uses {{{{name}}}}, for which no default is declared "
        "under elevenlabs.conversation_config.agent.dynamic_variables.dynamic_variable_placeholders"
        for key, at in (("a", "prompt"), ("b", "first_message"), ("b", "language_presets.en"))
    }


def test_a_row_that_has_passed_to_another_tenant_is_told_of_the_column_by_which_its_agent_comes_along(
    project: DiskProject,
) -> None:
    theirs = {"a": "beta"}
    said = [wrong(read(project, {}, owners=theirs, lacking=one))["a"] for one in ("", "elevenlabs_agent_id")]
    lacks = "a column that the table does not have yet: agentctl db adopt agentctl.declared_assistants"
    assert said[1] == f"{said[0]}, {lacks}"


def test_a_variable_with_a_default_needs_no_warning(project: DiskProject) -> None:
    given = {"conversation_config": {"agent": {"dynamic_variables": {"dynamic_variable_placeholders": {"name": "x"}}}}}
    loaded = read(project, {"prompt": "{{ name }} {{system__time}}", "settings": {"elevenlabs": given}})
    assert len(loaded.assistants) == 1
    assert not [one for one in loaded.warnings if "uses" in one.what]


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("Text", ["knowledge"]),
        (["eins", " ", None, "zwei"], ["knowledge 1", "knowledge 4"]),
        ([{"title": "T", "content": "x"}, {"name": "U", "url": "https://example.org"}], ["T", "U"]),
        ({"title": "T", "body": "x", "id": 3}, ["T"]),
        ([*["x"] * 500, " ", None], [f"knowledge {number}" for number in range(1, 501)]),
        ([], []),
        (" ", []),
    ],
)
def test_knowledge_comes_in_many_shapes(project: DiskProject, value: object, names: list[str]) -> None:
    (assistant,) = read(project, {"knowledge": value}).assistants
    assert [document.name for document in assistant.knowledge] == names


def test_values_are_taken_as_products_keep_them(project: DiskProject) -> None:
    voices = SECTION + '[source.table.voices]\n"Polly.Vicki" = "cjVigY5qzO86Huf0OWal"\n'
    row = {
        "voice": {"voice_id": "Polly.Vicki", "stability": 1, "engine": "neural", "speed": None},
        "llm": "gemini-2.5-flash",
        "numbers": ["+49 (89) 9999-8100", "", "+49 (0)89 9999-8200"], "language": "de-DE",
        "post_call": {"mailTo": "a@example.org"},
        "tenant": "acme", "settings": {"privacy": {"record_voice": False, "retention_days": None}},
    }  # fmt: skip
    (one,) = read(project, row, toml=voices).assistants
    assert (one.voice.id, one.voice.stability, one.voice.speed) == ("cjVigY5qzO86Huf0OWal", 1, None)
    assert (one.llm.model, one.language, one.tenant) == ("gemini-2.5-flash", "de", "acme")
    assert one.phone.numbers == ("+498999998100", "+498999998200")
    assert one.post_call.mail_to == ("a@example.org",)
    assert (one.privacy.record_voice, one.privacy.retention_days) == (False, None)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"name": None}, "name: is missing"),
        ({"prompt": 3}, "prompt: must be text"),
        ({"prompt": "x" * 200_001}, "prompt: must be at most 200000 characters long (got 200001)"),
        ({"voice": {"stability": "0.4"}}, "voice.stability (column voice): must be a number (got text: '0.4')"),
        ({"voice": "Polly.Vicki"}, "voice.id (column voice): 'Polly.Vicki' is no voice of ElevenLabs; map it under "
         "[source.table.voices]"),
        ({"voice": {"voice": "Polly.Vicki", "rate": None}}, "voice: unknown key 'voice', known are id, model, "),
        ({"llm": {"modell": "gemini-2.5-flash"}}, "llm: unknown key 'modell', did you mean 'model'?"),
        ({"voice": [1]}, "voice: must be a table, like [section] (got a list)"),
        ({"numbers": ["110"]}, "phone.numbers[0]: must be a number in E.164 form"),
        ({"knowledge": 7}, "knowledge: must be text, a list of texts, or a list of"),
        ({"knowledge": ["x"] * 501}, "knowledge: has 501 documents; an assistant of a table has at most 500: put"),
        ({"knowledge": [{"title": "T"}]}, "knowledge[0] (column knowledge): needs a text or a url (got neither)"),
        ({"knowledge": [{"file": "../../etc/passwd"}]}, "knowledge[0] (column knowledge): needs a text or a url"),
        ({"knowledge": [{"title": "T", "text": "x"}, {"title": "t", "text": "y"}]}, "has the same name as another one"),
        ({"knowledge": [{"url": "file:///etc/passwd"}]}, "must be a web address"),
        ({"settings": {"knowledge": [{"file": "x"}]}}, "settings.knowledge (column settings): belongs into the column"),
        ({"settings": {"promt": 1}}, "unknown key 'promt'"),
        ({"settings": 3}, "settings: must be an object"),
        ({"settings": {"privacy": {"x": 10**30}}}, "is a whole number beyond 64 bits"),
        ({"settings": {"elevenlabs": {"name": "x"}}}, "elevenlabs.name: belongs to agentctl"),
        ({"enabled": "yes"}, "enabled: must be true or false"),
        ({"tenant": None}, "tenant: is missing"),
        ({"rows": 2}, "key: 2 rows have this key; it has to be unique"),
        ({"key": "Empfang Süd"}, "key: cannot be the key of an assistant"),
        ({"key": "shared"}, "key: cannot be the key of an assistant"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_row_is_its_own_problem(project: DiskProject, row: dict[str, Any], said: str) -> None:
    loaded = read(project, {"tenant": "acme", **row}, {"key": "sound", "tenant": "acme"})
    assert [one.key for one in loaded.assistants] == ["sound"]
    assert loaded.problems == ()
    (error,) = wrong(loaded).values()
    assert said in error


def test_deep_json_is_refused_before_anything_recurses_into_it(project: DiskProject) -> None:
    deep: Any = 1
    for _ in range(5000):
        deep = [deep]
    assert "nested" in wrong(read(project, {"settings": {"x": deep}, "tenant": "a"}))["a"]


def test_rows_transfer_within_their_tenant_and_to_what_the_project_declares(project: DiskProject) -> None:
    project.assistant("notdienst", 'name = "Notdienst"\n')

    def transferring(key: str, tenant: str, to: str) -> dict[str, Any]:
        tool = {"transfer_to_agent": {"transfers": [{"assistant": to, "condition": "immer"}]}}
        return {"key": key, "tenant": tenant, "settings": {"built_in_tools": tool}}

    loaded = read(
        project, transferring("a", "acme", "b"), transferring("b", "acme", "notdienst"),
        transferring("c", "other", "a"), transferring("d", "acme", "d"),
    )  # fmt: skip
    assert sorted(one.key for one in loaded.assistants) == ["a", "b", "notdienst"]
    assert "there is no assistant 'a'" in wrong(loaded)["c"]
    assert "is this assistant itself" in wrong(loaded)["d"]


def test_a_number_is_declared_by_whose_it_is_and_costs_no_row_anything_else(project: DiskProject) -> None:
    number = {"tenant": "t", "numbers": ["+498999998100"]}

    def declaring(loaded: Loaded) -> list[str]:
        return [one.key for one in loaded.assistants if one.phone.numbers]

    loaded = read(project, {"key": "a", **number}, {"key": "b", **number})
    assert not wrong(loaded)
    assert declaring(loaded) == []
    mine = {"+498999998100": Holder("a", "t")}
    said = {"key": "b", "phone_number_id": "phnum_1", **number}  # whatever a row says
    assert declaring(read(project, {"key": "a", **number}, said, holders=mine)) == ["a"]
    broken = read(project, {"key": "a", "prompt": "", **number}, said, holders=mine)
    assert wrong(broken).keys() == {"a"}
    assert declaring(broken) == []
    assert declaring(read(project, {"key": "a", "tenant": "t"}, said, holders=mine)) == ["b"]
    off = {"key": "a", "enabled": False, **number}
    assert declaring(read(project, off, {"key": "b", **number}, bound={"a": "agent_1"})) == ["b"]


def test_an_agent_whose_row_got_another_key_is_not_made_twice(project: DiskProject) -> None:
    loaded = read(project, {"key": "new", "tenant": "t", "agent_id": "agent_1"}, bound={"old": "agent_1"})
    assert "agent_1 is the agent of a key that nobody declares any more" in wrong(loaded)["new"]
    assert " old" not in wrong(loaded)["new"], "which may be another tenant's"


def test_files_refer_to_rows_and_a_file_that_refers_to_nobody_is_told(project: DiskProject) -> None:
    tool = '[[built_in_tools.transfer_to_agent.transfers]]\nassistant = "{}"\ncondition = "immer"\n'
    project.assistant("empfang", f'name = "Empfang"\n{tool.format("row")}')
    assert read(project, {"key": "row", "tenant": "t"}).problems == ()
    project.assistant("empfang", f'name = "Empfang"\n{tool.format("raw")}')
    (problem,) = read(project, {"key": "row", "tenant": "t"}).problems
    assert "no assistant 'raw', did you mean 'row'?" in str(problem)


def test_layers_of_an_environment_lie_under_and_over_a_row(project: DiskProject) -> None:
    toml = (
        'environment = "test"\n' + SECTION + '[source.table.defaults]\nlanguage = "de"\nshared_knowledge = false\n'
        '[environments.test.overrides]\nname = "Probe"\n[environments.test.assistants.a]\nfirst_message = "[[x]]"\n'
        '[environments.test.vars]\nx = "Hallo"\n'
    )
    (one,) = read(project, {"tenant": "t", "first_message": "Von der Zeile"}, toml=toml).assistants
    assert (one.name, one.language, one.first_message) == ("Probe", "de", "Hallo")
    assert one.source["prompt.md"]


def test_what_cannot_be_read_is_wrong_and_not_taken_for_nothing(project: DiskProject) -> None:
    toml = '[source.table]\nknowledge = "documentation.base"\n'
    at = {"at": "documentation", "type": "string"}
    loaded = read(project, {"key": "a", "astray": {"knowledge": at}}, {"key": "b"}, toml=toml)
    assert [one.key for one in loaded.assistants] == ["b"]
    assert wrong(loaded) == {
        "a": "knowledge (column documentation.base): documentation holds a text, where the mapping has an object: "
        "write JSON, not JSON in a text, or null for nothing"
    }


def test_a_path_into_a_column_of_texts_is_the_mappings_fault(project: DiskProject) -> None:
    (project.root / "agentctl.toml").write_text('project = "probe"\n[source.table]\nknowledge = "prompt.base"\n')
    source = load(project.root).project.table
    assert source is not None
    held = dict.fromkeys((*source.columns, source.key_column), "jsonb") | {"prompt": "character varying(40)"}
    assert [str(one) for one in source.problems("agentctl.toml", held)] == [
        "agentctl.toml: source.table.knowledge: column prompt of table agentctl.declared_assistants is character "
        "varying: a path leads into jsonb alone"
    ]
