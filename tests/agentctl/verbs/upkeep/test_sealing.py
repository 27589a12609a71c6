"""agentctl.verbs.upkeep.sealing: what lies open in the database is closed, and told of once."""

from __future__ import annotations

import logging
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from agentctl.clients.store.migrations import _LOCK
from agentctl.errors import StoreError, StoreUnavailable
from agentctl.settings import Settings
from agentctl.verbs.examination import own_side
from agentctl.verbs.upkeep import sealing
from agentctl.verbs.work import once
from agentctl.wiring import connect
from tests.cluster import Cluster

pytestmark = pytest.mark.anyio
TEAM = ("technik@example.org",)
MAILS = {"worker": "w", "limit": 50, "lease_seconds": 600}
OPENING = "grant all on all functions in schema public to anon, authenticated"


def anon_reads(dsn: str) -> bool:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("set role anon")
        try:
            connection.execute("select public.agentctl_list_calls('{}')")
        except psycopg.errors.InsufficientPrivilege:
            return False
        return True


async def test_a_worker_closes_what_lies_open_and_says_so_once_for_each_time(
    tmp_path: Path, dsn: str, cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    database = dsn.rpartition("/")[2]
    async with connect(tmp_path, settings=Settings(database_url=SecretStr(dsn), alert_mail_to=TEAM)) as control:
        store = await control.store()
        assert (await sealing.seal(control, TEAM), await store.call("claim_mails", MAILS)) == (False, [])
        for _ in range(2):
            cluster.execute(OPENING, database)
            assert anon_reads(dsn)
            assert [found.state async for found in own_side.store(control)] == ["broken"]

            cluster.execute("update agentctl.duties set due_at = now()", database)
            assert (await once(control)).duties_failed == 0

            assert not anon_reads(dsn)
            assert [found.state async for found in own_side.store(control)] == ["ok"]
            (mail,) = await store.call("claim_mails", MAILS)
            assert (mail["recipient"], mail["message"]["subject"]) == (TEAM[0], "agentctl: The database lay open")
            assert "anon may execute" in mail["message"]["text"]
            assert not await sealing.seal(control, TEAM)
        assert await store.call("claim_mails", MAILS) == []
    assert len([one for one in caplog.records if one.getMessage().startswith("rights: users may do")]) == 2


async def test_what_somebody_else_has_granted_is_a_failure_that_says_who_is_to_take_it(
    tmp_path: Path, dsn: str, cluster: Cluster
) -> None:
    database = dsn.rpartition("/")[2]
    cluster.execute(
        "do $$ begin create role lender; exception when duplicate_object then null; end $$;"
        "grant execute on function public.agentctl_status(jsonb) to lender with grant option;"
        "set role lender; grant execute on function public.agentctl_status(jsonb) to anon; reset role",
        database,
    )
    async with connect(tmp_path, settings=Settings(database_url=SecretStr(dsn))) as control:
        with pytest.raises(StoreError, match=r"anon may execute public\.agentctl_status"):
            await sealing.seal(control, ())
        assert [found.state async for found in own_side.store(control)] == ["broken"]


@pytest.mark.parametrize("besides", [OPENING, "select"])
async def test_what_would_be_unsafe_to_grant_is_closed_and_keeps_nothing_else_open(
    besides: str, tmp_path: Path, dsn: str, cluster: Cluster
) -> None:
    database = dsn.rpartition("/")[2]
    cluster.execute(f"alter view public.agentctl_calls reset (security_invoker); {besides}", database)
    mend = r"alter view public\.agentctl_calls set \(security_invoker = true\)"
    may = "select has_table_privilege('authenticated', 'public.agentctl_{}', 'select')"
    async with connect(tmp_path, settings=Settings(database_url=SecretStr(dsn))) as control:
        with pytest.raises(StoreError, match=mend):
            await sealing.seal(control, ())
    assert not anon_reads(dsn)
    with psycopg.connect(dsn) as connection:
        told = [connection.execute(may.format(view).encode()).fetchone() for view in ("calls", "digests")]
    assert told == [(False,), (True,)]


async def test_while_migrations_run_rights_are_taken_another_time(tmp_path: Path, dsn: str, cluster: Cluster) -> None:
    cluster.execute(OPENING, dsn.rpartition("/")[2])
    async with connect(tmp_path, settings=Settings(database_url=SecretStr(dsn))) as control:
        with psycopg.connect(dsn) as migrating:
            migrating.execute("select pg_advisory_xact_lock(%s)", [_LOCK])
            with pytest.raises(StoreUnavailable, match="migrations"):
                await sealing.seal(control, ())
            assert anon_reads(dsn)
        assert await sealing.seal(control, ())
        assert not anon_reads(dsn)
