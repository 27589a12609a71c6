"""agentctl db adopt: proposed, agreed to, done once."""

from __future__ import annotations

import json
import shlex
import tomllib
from pathlib import Path

import psycopg
import pytest

import agentctl
from agentctl.cli.app import run
from agentctl.errors import Stale
from agentctl.verbs.rows import adopt
from tests.product import MADE, TABLE

SHOWN = (
    "customer", "active", "title", "behavior_prompt", "first_message", "locale", "documentation", "voice_settings",
    "phone", "notify",
)  # fmt: skip
HEAD = 'project = "probe"  # ours\n\n[mail]\nto = ["team@example.org"]\n'


@pytest.fixture
def project(tmp_path: Path, dsn: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DATABASE_URL", dsn)
    (tmp_path / "agentctl.toml").write_text(HEAD)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(MADE.encode())
        connection.execute(
            f"""insert into {TABLE} (id, customer, title, behavior_prompt, locale, documentation, voice_settings, phone,
            notify, active) values (1, 'acme', 'Empfang', 'Erika Muster, geheim', 'de-DE', '{{"knowledge_base": []}}',
            '{{"voice_id": "Polly.Vicki"}}', '+49 89 99998100', 'erika@example.org', true)""".encode()
        )
    return tmp_path


def columns(dsn: str) -> list[str]:
    with psycopg.connect(dsn) as connection:
        found = connection.execute(f"select * from {TABLE} limit 0".encode()).description
    return [column.name for column in found or ()]


def test_a_table_is_adopted_after_a_yes_and_only_once(
    project: Path, dsn: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def adopted(*more: str) -> tuple[int, str, str]:
        code = run(["-C", str(project), "db", "adopt", *(more or (TABLE,))])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    before = columns(dsn)
    code, out, err = adopted()
    assert (code, columns(dsn), (project / "agentctl.toml").read_text()) == (0, before, HEAD)
    assert f"agentctl db adopt {TABLE} --yes" in err
    assert "Erika" not in out + err
    assert "add column if not exists elevenlabs_agent_id text" in out
    assert tomllib.loads(out.partition("For agentctl.toml:")[2].partition("For the database:")[0])["source"][
        "table"
    ] == {
        "table": TABLE,
        "key": "id",
        "tenant": "customer",
        "enabled": "active",
        "name": "title",
        "prompt": "behavior_prompt",
        "first_message": "first_message",
        "language": "locale",
        "knowledge": "documentation.knowledge_base",
        "voice": "voice_settings",
        "numbers": "phone",
    }

    code, out, err = adopted(TABLE, "--yes", "--json")
    assert (code, json.loads(out)["applied"]) == (0, True)
    assert columns(dsn) == [
        *before, "elevenlabs_agent_id", "elevenlabs_phone_number_id", "elevenlabs_sync_error", "elevenlabs_synced_at",
    ]  # fmt: skip
    text = (project / "agentctl.toml").read_text()
    assert text.startswith(HEAD)
    assert tomllib.loads(text)["source"]["table"]["prompt"] == "behavior_prompt"

    code, out, err = adopted(TABLE, "--yes")
    assert (code, out, err) == (0, f"Nothing to do: {TABLE} declares assistants already.\n", "")
    assert (project / "agentctl.toml").read_text() == text

    code, out, err = adopted("another")
    assert (code, "no table or view 'another'" in err) == (2, True)
    code, out, err = adopted("agentctl.declared_assistants")
    assert (code, f"has {TABLE} as its source already" in err) == (2, True)


def test_the_command_that_a_message_names_adopts_a_table_of_two_words(
    project: Path, dsn: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(b'create table public."Phone Asst" (id bigint primary key, name text, prompt text)')
    assert run(["-C", str(project), "db", "adopt", "public.Phone Asst"]) == 0
    words = shlex.split(capsys.readouterr().err.partition("To do this: ")[2])
    assert words == ["agentctl", "db", "adopt", "public.Phone Asst", "--yes"]
    assert run(["-C", str(project), *words[1:]]) == 0
    assert tomllib.loads((project / "agentctl.toml").read_text())["source"]["table"]["table"] == "public.Phone Asst"


@pytest.mark.anyio
async def test_who_is_second_to_adopt_finds_it_done(project: Path) -> None:
    async with agentctl.connect(project) as one, agentctl.connect(project) as other:
        found = [await adopt.look(one, TABLE), await adopt.look(other, TABLE)]
        await adopt.adopt(one, found[0])
        text = (project / "agentctl.toml").read_text()
        await adopt.adopt(other, found[1])
        assert (project / "agentctl.toml").read_text() == text
        (project / "agentctl.toml").write_text(text.replace(f'"{TABLE}"', '"another"'))
        with pytest.raises(Stale, match="has another as its source by now"):
            await adopt.adopt(other, found[1])


def test_changes_flow_by_themselves(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["-C", str(project), "db", "adopt", TABLE, "--yes"]) == 0
    out = capsys.readouterr().out
    assert f"select agentctl.watch('public.{TABLE}', 'id', array['customer', 'active', 'title', " in out
    assert "tenant => 'customer', project => 'probe', environment => 'production');" in out


def test_a_view_is_adopted_as_far_as_it_goes(project: Path, dsn: str, capsys: pytest.CaptureFixture[str]) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(f"create view public.shown as select id, title, behavior_prompt from {TABLE}".encode())
    assert run(["-C", str(project), "db", "adopt", "shown", "--yes"]) == 0
    captured = capsys.readouterr()
    assert "view shown: is a view, which has to pass on elevenlabs_agent_id" in captured.err
    assert "alter table" not in captured.out
    assert tomllib.loads((project / "agentctl.toml").read_text())["source"]["table"]["table"] == "shown"


def test_a_table_of_which_a_view_takes_the_place_is_watched_no_longer_but_what_the_view_shows(
    project: Path, dsn: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["-C", str(project), "db", "adopt", TABLE, "--yes"]) == 0
    mapped = (project / "agentctl.toml").read_text()
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(f"create view public.mine as select * from {TABLE}".encode())
        shown = ", ".join(f"'{{}}'::jsonb as {name}" for name in SHOWN)
        connection.execute(f"create view public.theirs as select 1 as id, {shown}".encode())
    capsys.readouterr()

    def viewed(view: str) -> str:
        (project / "agentctl.toml").write_text(mapped.replace(f'"{TABLE}"', f'"{view}"'))
        assert run(["-C", str(project), "db", "adopt", view, "--yes"]) == 0
        return capsys.readouterr().out

    assert viewed("mine") == "Nothing to do: mine declares assistants already.\n"
    gone = f"select agentctl.unwatch('public.{TABLE}', project => 'probe', environment => 'production');"
    assert gone in viewed("theirs")
    assert viewed("theirs") == "Nothing to do: theirs declares assistants already.\n"
    with psycopg.connect(dsn) as connection:
        connection.execute(f"insert into {TABLE} (id) values (7)".encode())
        assert connection.execute("select from agentctl.sync_changes").fetchall() == []


def test_names_of_an_orm_are_recognized_and_what_is_left_out_is_said(
    project: Path, dsn: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            b"""create table public."Assistant" (id uuid primary key, "tenantId" text, name text, prompt text,
            "firstMessage" text, "phoneNumber" text, "isActive" boolean)"""
        )
        connection.execute(b'alter table public."Assistant" enable row level security')
        connection.execute(
            b"""insert into public."Assistant" values (gen_random_uuid(), 'acme', 'Reception', 'Help.', 'Hello.',
            '+49 89 99998100', false)"""
        )
    again = ["-C", str(project), "db", "adopt", "Assistant", "--yes"]
    assert (run(again), capsys.readouterr().err) == (0, "")
    text = (project / "agentctl.toml").read_text()
    table = tomllib.loads(text)["source"]["table"]
    assert {name: table[name] for name in ("tenant", "enabled", "first_message", "numbers")} == {
        "tenant": "tenantId", "enabled": "isActive", "first_message": "firstMessage", "numbers": "phoneNumber",
    }  # fmt: skip

    mine = [line for line in text.splitlines() if not line.startswith(("tenant = ", "enabled = "))]
    (project / "agentctl.toml").write_text("\n".join(mine))
    assert run(again) == 0
    err = capsys.readouterr().err
    assert 'each is the operator\'s; if tenantId does, write tenant = "tenantId" under [source.table]' in err
    assert 'each is live; if isActive does, write enabled = "isActive" under [source.table]' in err
    assert (run(again), capsys.readouterr()) == (0, ("Nothing to do: Assistant declares assistants already.\n", err))
