"""agentctl.verbs.store: status, migrate, stop."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from psycopg.pq import Conninfo
from pydantic import HttpUrl, SecretStr

from agentctl.clients.store.migrations import migrations
from agentctl.errors import ConfigurationError, StoreUnavailable, UsageError
from agentctl.settings import Settings
from agentctl.verbs import store
from agentctl.wiring import Control, connect
from tests.cluster import PASSWORD, Cluster, free_port
from tests.postgrest import Project

pytestmark = pytest.mark.anyio

NEWEST = migrations()[-1].version


@asynccontextmanager
async def database(directory: Path, dsn: str) -> AsyncIterator[Control]:
    async with connect(directory, settings=Settings(database_url=SecretStr(dsn))) as control:
        yield control


async def test_an_empty_database_is_told_apart_and_migrated(empty_dsn: str, tmp_path: Path) -> None:
    async with database(tmp_path, empty_dsn) as control:
        before = await store.status(control)
        assert before.current is None
        assert before.pending == tuple(str(migration) for migration in migrations())
        assert PASSWORD not in repr(before)
        assert not before.embedded
        assert await store.migrate(control) == list(before.pending)
        after = await store.status(control)
        assert (after.current, after.pending) == (NEWEST, ())
        assert await store.migrate(control) == []


async def test_a_database_that_is_half_way(dsn: str, cluster: Cluster, tmp_path: Path) -> None:
    name = dsn.rpartition("/")[2]
    cluster.execute(f"delete from agentctl.migrations where version = '{NEWEST}'", name)
    cluster.execute("drop function public.agentctl_status(jsonb)", name)
    async with database(tmp_path, dsn) as control:
        found = await store.status(control)
    assert found.current == migrations()[-2].version
    assert found.pending_versions == [NEWEST]


async def test_a_database_that_is_newer_lacks_nothing(dsn: str, cluster: Cluster, tmp_path: Path) -> None:
    cluster.execute(
        "insert into agentctl.migrations (version, name) values ('29990101000000', 'later')", dsn.rpartition("/")[2]
    )
    async with database(tmp_path, dsn) as control:
        found = await store.status(control)
    assert (found.current, found.pending) == ("29990101000000", ())


async def test_a_database_that_is_down(tmp_path: Path) -> None:
    async with database(tmp_path, f"postgresql://me:geheim@127.0.0.1:{free_port()}/calls") as control:
        with pytest.raises(StoreUnavailable) as raised:
            await store.status(control)
    assert "geheim" not in str(raised.value)


async def test_supabase_is_read_and_never_migrated(supabase_api: Project, tmp_path: Path) -> None:
    settings = Settings(
        supabase_url=HttpUrl(supabase_api.url), supabase_service_role_key=SecretStr(supabase_api.service_key)
    )
    async with connect(tmp_path, settings=settings) as control:
        found = await store.status(control)
        assert (found.current, found.pending) == (NEWEST, ())
        assert found.address.rstrip("/") == supabase_api.url.rstrip("/")
        with pytest.raises(UsageError, match="only SUPABASE_URL is set") as raised:
            await store.migrate(control)
    assert "supabase db push" in raised.value.hint


async def test_the_embedded_one_migrates_itself_and_stops_when_told(tmp_path: Path) -> None:
    (tmp_path / "agentctl.toml").write_text('project = "probe"\n', encoding="utf-8")
    async with connect(tmp_path, settings=Settings()) as control:
        found = await store.status(control)
        assert (found.current, found.pending, found.embedded) == (NEWEST, (), True)
        assert await store.stop(control)
        assert not await store.stop(control)


async def test_there_is_nothing_to_stop_outside_a_project(tmp_path: Path) -> None:
    async with connect(tmp_path, settings=Settings()) as control:
        with pytest.raises(ConfigurationError):
            await store.stop(control)


async def test_no_variable_that_is_meant_for_another_postgres_leads_away_from_the_embedded_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = tmp_path / "pg_service.conf"
    services.write_text("[office]\nport=7\nsslmode=verify-full\noptions=-c search_path=nowhere\n")
    for name in [one.envvar.decode() for one in Conninfo.get_defaults() if one.envvar]:
        monkeypatch.setenv(name, "7")
    monkeypatch.setenv("PGSERVICE", "office")
    monkeypatch.setenv("PGSERVICEFILE", str(services))
    (tmp_path / "agentctl.toml").write_text('project = "praxis"\n')
    async with connect(tmp_path, settings=Settings()) as control:
        assert (await store.status(control)).current == NEWEST
        assert await store.stop(control)
