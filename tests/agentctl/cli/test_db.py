"""agentctl db."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from agentctl.cli.app import run
from agentctl.clients.store.migrations import migrations
from tests.cluster import PASSWORD, Cluster
from tests.postgrest import Project

Cli = Callable[..., tuple[int, str, str]]
VERSIONS = [migration.version for migration in migrations()]


@pytest.fixture
def cli(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Cli:
    def call(*arguments: str) -> tuple[int, str, str]:
        code = run(["-C", str(tmp_path), "db", *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def test_another_database_is_migrated_after_a_yes(cli: Cli, empty_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", empty_dsn)
    code, out, _ = cli("status", "--json")
    assert code == 0
    found = json.loads(out)
    assert (found["current"], found["pending"]) == (None, VERSIONS)
    assert PASSWORD not in out
    assert ":***@" in found["dsn"]

    code, out, err = cli("migrate")
    assert (code, out) == (2, "")
    assert "--yes" in err
    assert found["dsn"] in err
    assert PASSWORD not in err
    assert json.loads(cli("status", "--json")[1])["current"] is None
    assert cli("status", "--exit-code")[0] == 3

    code, out, _ = cli("migrate", "--yes", "--json")
    assert (code, json.loads(out)) == (0, {"applied": VERSIONS, "sealed": 0})
    found = json.loads(cli("status", "--json")[1])
    assert (found["current"], found["pending"]) == (VERSIONS[-1], [])
    assert cli("status", "--exit-code")[0] == 0
    assert cli("migrate")[:2] == (0, "Nothing to do: all migrations are applied.\n")


@pytest.mark.parametrize("wire", ["DATABASE_URL", "SUPABASE_URL"])
def test_what_lies_open_is_shown_and_closed_though_no_migration_is_pending(
    cli: Cli, dsn: str, cluster: Cluster, wire: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    if wire == "SUPABASE_URL":
        api = request.getfixturevalue("supabase_api")
        monkeypatch.setenv("SUPABASE_SERVICE_ROLE_KEY", api.service_key)
    monkeypatch.setenv(wire, dsn if wire == "DATABASE_URL" else api.url)
    opening = "grant all on all functions in schema public to anon, authenticated"
    cluster.execute(opening, dsn.rpartition("/")[2])
    found = json.loads(cli("status", "--json")[1])
    assert (found["pending"], found["open"]["rights"] > 280, len(found["open"]["named"])) == ([], True, 5)
    assert "anon may execute public.agentctl_abandoned_recordings(jsonb)" in cli("status")[1]

    code, out, _ = cli("migrate")

    assert (code, out.startswith("sealed: users may do what only the server is to do")) == (0, True)
    assert json.loads(cli("status", "--json")[1])["open"] == {"rights": 0, "objects": 0, "named": []}
    assert cli("migrate")[:2] == (0, "Nothing to do: all migrations are applied.\n")


def test_supabase_is_left_to_its_own_tool(
    cli: Cli, supabase_api: Project, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUPABASE_URL", supabase_api.url)
    monkeypatch.setenv("SUPABASE_SERVICE_ROLE_KEY", supabase_api.service_key)
    assert json.loads(cli("status", "--json")[1])["current"] == VERSIONS[-1]
    import psycopg

    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("delete from agentctl.migrations where version = %s", (VERSIONS[-1],))
    assert json.loads(cli("status", "--json")[1])["pending"] == [VERSIONS[-1]]
    code, out, err = cli("migrate", "--yes")
    assert (code, out) == (2, "")
    assert "supabase db push" in err
    assert "DATABASE_URL" in err


def test_the_embedded_one(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "agentctl.toml").write_text('project = "probe"\n', encoding="utf-8")
    assert cli("stop")[:2] == (0, "It was not running.\n")
    assert cli("migrate")[:2] == (0, "Nothing to do: all migrations are applied.\n")
    found = json.loads(cli("status", "--json")[1])
    assert found | {"current": VERSIONS[-1], "pending": [], "embedded": True} == found
    assert "postgres" in found["dsn"]
    assert "(embedded)" in cli("status")[1]
    assert cli("stop", "--json")[1] == '{\n  "stopped": true\n}\n'
    assert cli("stop")[:2] == (0, "It was not running.\n")


def test_an_address_that_is_none(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "geheim geheim")
    code, _, err = cli("status")
    assert code == 2
    assert "DATABASE_URL" in err
    assert "geheim" not in err


def test_a_product_gets_the_migrations_as_files_of_its_own(cli: Cli, tmp_path: Path) -> None:
    code, out, err = cli("export", str(tmp_path))
    assert (code, out) == (2, "")
    assert "supabase init" in err
    folder = tmp_path / "supabase" / "migrations"
    folder.parent.mkdir()
    code, out, _ = cli("export", str(tmp_path), "--json")
    done = json.loads(out)
    assert (code, done["folder"], done["kept"]) == (0, str(folder), {})
    assert list(done["written"].values()) == sorted(path.name for path in folder.iterdir())
    for path in (folder, folder.parent / "agentctl-migrations.json"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert "supabase migration repair --status applied $(sed" in cli("export", str(tmp_path))[2]
    assert cli("export", str(tmp_path))[:2] == (0, f"Nothing to do: {folder} has all {len(VERSIONS)}.\n")
