"""Changes of a product's own table: noted by a trigger, gathered into one job per assistant; over both transports."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from tests.databases import Databases
from tests.stores import Store

pytestmark = pytest.mark.anyio

Product = Callable[..., psycopg.Connection]
WATCH = "select agentctl.watch('public.phone_assistants', 'slug', array['prompt', 'settings'], 'tenant')"
TABLE = """
    create table public.phone_assistants (
        slug text, tenant uuid default '00000000-0000-0000-0000-00000000000a', prompt text, settings json,
        elevenlabs_agent_id text
    );
    create role shop login;
    grant select, insert, update, delete on public.phone_assistants to shop
"""

KEYS = ("77", "077", "front-desk")


@pytest.fixture
def lender(lender: Databases) -> Databases:
    return lender.after(f"{TABLE}; {WATCH}")


@pytest.fixture
def product(dsn: str) -> Iterator[psycopg.Connection]:
    """The product's own connection, as a role that has no rights on anything of ours; its table is watched."""
    with psycopg.connect(dsn, autocommit=True) as owner:
        owner.execute("set role shop")
        yield owner


async def due(store: Store, **changes: Any) -> list[dict[str, Any]]:
    found = await store.call(
        "claim_sync_jobs",
        {
            "project": "praxis",
            "environment": "production",
            "worker": "w",
            "limit": 9,
            "lease_seconds": 60,
            "quiet_seconds": 0,
            "longest_seconds": 2,
            **changes,
        },
    )
    jobs: list[dict[str, Any]] = found["jobs"]
    return jobs


async def drained(store: Store) -> list[str]:
    keys = []
    while jobs := await due(store):
        for job in jobs:
            keys.append(job["key"])
            assert await store.call("sync_job_done", job) == {"held": True}
    return keys


async def test_five_hundred_rows_in_one_statement_are_a_job_each_however_often_they_change(
    store: Store, product: psycopg.Connection
) -> None:
    product.execute("insert into phone_assistants (slug, prompt) select 'a' || i, 'x' from generate_series(1, 500) i")
    for _ in range(3):
        product.execute("update phone_assistants set prompt = prompt || '!'")
    assert (await store.call("sync_queue", {}))["syncs"] == {"pending": 500, "running": 0, "held": 0, "dead": 0}
    [first] = await due(store)
    assert (first["attempt"], first["tenant"]) == (1, "00000000-0000-0000-0000-00000000000a")
    assert (await store.call("sync_queue", {}))["syncs"] == {"pending": 499, "running": 1, "held": 0, "dead": 0}
    # While one runs nobody else gets one, since a second worker would only wait for the same sync to end.
    assert await asyncio.gather(*(due(store) for _ in range(4))) == [[], [], [], []]
    assert await due(store, environment="staging") == []


async def test_only_what_counts_is_noted_and_only_once_it_is_committed(
    store: Store, product: psycopg.Connection
) -> None:
    product.execute("insert into phone_assistants values ('a', default, 'x', '{\"a\": 1}')")
    assert await drained(store) == ["a"]
    product.execute("update phone_assistants set elevenlabs_agent_id = 'agent_1', prompt = prompt")
    with product.transaction(force_rollback=True):
        product.execute("update phone_assistants set prompt = 'taken back'")
    assert await drained(store) == []
    product.execute("update phone_assistants set settings = '{\"a\": 2}'")
    assert await drained(store) == ["a"]
    product.execute("update phone_assistants set slug = 'b'")
    assert sorted(await drained(store)) == ["a", "b"]
    product.execute("delete from phone_assistants")
    assert await drained(store) == ["b"]
    product.execute(
        "insert into phone_assistants (slug, prompt) values (null, 'x'), ('', 'x'), (repeat('k', 201), 'x')"
    )
    assert await drained(store) == []


async def test_a_job_waits_until_it_is_quiet_and_a_change_while_it_runs_makes_another(
    store: Store, product: psycopg.Connection
) -> None:
    product.execute("insert into phone_assistants (slug, prompt) values ('a', 'x')")
    assert await due(store, quiet_seconds=60, longest_seconds=90) == []
    told = await store.call("claim_sync_jobs", {**_terms(), "quiet_seconds": 60, "longest_seconds": 90})
    assert 50 < told["due_seconds"] <= 60
    # However long it goes on, the first change does not wait for longer than that.
    product.execute("update phone_assistants set prompt = 'y'")
    [job] = await due(store, quiet_seconds=60, longest_seconds=0)
    product.execute("update phone_assistants set prompt = 'z'")
    assert await due(store) == []
    assert await store.call("sync_job_done", {**job, "held": True, "error": "edited there"}) == {"held": True}
    standing = await store.call("sync_queue", {})
    assert (standing["syncs"]["held"], standing["syncs"]["pending"]) == (1, 1)
    assert standing["troubled_syncs"] == [{"key": "a", "state": "held", "error": "edited there"}]
    assert [one["attempt"] for one in await due(store)] == [2]


async def test_what_is_asked_for_is_due_at_once_and_belongs_to_whom_it_was_synced_for(store: Store) -> None:
    row = {"project": "praxis", "environment": "production", "workspace": "w", "key": "a", "name": "A"}
    await store.call("save_assistant", {**row, "tenant": "acme", "agent_id": "agent_1"})
    for _ in range(3):
        assert await store.call("request_sync", {"key": "a"}) == {"requested": True}
    await store.call("request_sync", {"key": "a", "project": "praxis", "environment": "production"})
    [job] = await due(store, quiet_seconds=60, longest_seconds=90)
    assert (job["key"], job["tenant"]) == ("a", "acme")
    with pytest.raises(Exception, match="key must be"):
        await store.call("request_sync", {"key": ""})


async def test_who_asks_is_served_before_an_import_and_tenants_in_turn(
    store: Store, product: psycopg.Connection
) -> None:
    one, other = (f"00000000-0000-0000-0000-00000000000{end}" for end in "ab")
    rows = "insert into phone_assistants (slug, tenant, prompt) select %s || n, %s, 'x' from generate_series(1, %s) n"
    product.execute(rows, ["a", one, 9])
    product.execute(rows, ["b", other, 2])
    await store.call("request_sync", {"key": "a7"})
    served = await drained(store)
    assert served[0] == "a7"
    assert [key[0] for key in served[:5]] == ["a", "b", "a", "b", "a"]
    assert len(served) == 11
    # One whose syncs end in nothing but an outage has its turn, and no more.
    product.execute("update phone_assistants set prompt = 'y'")
    turns = []
    for _ in range(4):
        [job] = await due(store)
        turns.append(job["key"][0])
        how = {"error": "away", "outage": True, "permanent": False, "max_attempts": 5, "delay_seconds": 0}
        await store.call("fail_sync_job", {**job, **how})
    assert turns[::2] == [turns[0]] * 2
    assert turns[1::2] == [turns[1]] * 2
    assert {*turns} == {"a", "b"}


async def test_of_each_workspace_one_runs(store: Store) -> None:
    for tenant, has in {"acme": {"elevenlabs_key": "env:A"}, "lodger": {"workspace_of": "acme"}, "beta": None}.items():
        if has:
            await store.call("save_tenant", {"tenant": tenant, "set": has})
        row = {"workspace": "w", "tenant": tenant, "key": tenant, "name": "A", "agent_id": f"agent_{tenant}"}
        await store.call("save_assistant", {"project": "praxis", "environment": "production", **row})
        await store.call("request_sync", {"key": tenant, "project": "praxis", "environment": "production"})
    slow, quick = sorted(await due(store), key=lambda job: job["key"] == "beta")
    assert (slow["tenant"] in ("acme", "lodger"), quick["tenant"]) == (True, "beta")
    assert await due(store) == []
    assert await store.call("sync_job_done", quick) == {"held": True}
    await store.call("request_sync", {"key": "beta", "project": "praxis", "environment": "production"})
    assert [job["key"] for job in await due(store)] == ["beta"]
    assert await store.call("sync_job_done", slow) == {"held": True}
    [other] = await due(store)
    assert {slow["key"], other["key"]} == {"acme", "lodger"}


async def test_what_is_asked_for_reaches_the_environments_that_have_it_and_no_other_project(store: Store) -> None:
    row = {"workspace": "w", "key": "a", "name": "A", "agent_id": "agent_1"}
    for project, environment in (("praxis", "production"), ("praxis", "staging"), ("other", "production")):
        await store.call("save_assistant", {**row, "project": project, "environment": environment})
    await store.call("request_sync", {"key": "a", "project": "praxis"})
    assert await due(store, project="other") == []
    for environment in ("production", "staging"):
        assert [job["key"] for job in await due(store, environment=environment)] == ["a"]
    await store.call("request_sync", {"key": "a"})
    assert [job["key"] for job in await due(store, project="other")] == ["a"]


async def test_a_failure_waits_an_outage_uses_no_attempt_and_a_change_revives_what_was_given_up(
    store: Store, product: psycopg.Connection
) -> None:
    product.execute("insert into phone_assistants (slug, prompt) values ('a', 'x')")

    async def fail(**how: Any) -> Any:
        [job] = await due(store)
        terms = {"error": "no", "outage": False, "permanent": False, "max_attempts": 2, "delay_seconds": 0}
        return (await store.call("fail_sync_job", {**job, **terms, **how}))["state"]

    assert [await fail(outage=True) for _ in range(3)] == ["pending"] * 3
    assert [await fail(), await fail()] == ["pending", "dead"]
    assert await due(store) == []
    assert (await store.call("sync_queue", {}))["troubled_syncs"] == [{"key": "a", "state": "dead", "error": "no"}]
    product.execute("update phone_assistants set prompt = 'y'")
    assert (await store.call("sync_queue", {}))["troubled_syncs"] == []
    assert await fail(permanent=True) == "dead"
    assert await store.call("retry_sync_jobs", {}) == {"jobs": 1}
    assert await fail(delay_seconds=60) == "pending"
    assert await due(store) == []
    product.execute("update phone_assistants set prompt = 'z'")
    assert await drained(store) == ["a"]


async def test_the_job_of_a_lost_worker_comes_again_and_its_own_word_counts_no_more(store: Store) -> None:
    await store.call("request_sync", {"key": "a"})
    [lost] = await due(store, lease_seconds=0)
    [again] = await due(store)
    assert again["attempt"] == 2
    assert await store.call("sync_job_done", lost) == {"held": False}
    assert await store.call("renew", {**again, "queue": "sync_jobs", "lease_seconds": 60}) == {"held": True}
    assert await store.call("release", {**again, "queue": "sync_jobs"}) == {"held": True}
    for _ in range(4):
        await due(store, lease_seconds=0)
    assert await due(store) == []
    assert (await store.call("sync_queue", {}))["syncs"]["dead"] == 1


async def test_a_watch_that_cannot_tell_what_changed_says_so_and_lets_the_product_write(
    store: Store, product: psycopg.Connection
) -> None:
    product.execute("insert into phone_assistants (slug, prompt) values ('a', 'geheim')")
    assert await drained(store) == ["a"]
    product.execute("reset role")
    product.execute("alter table phone_assistants rename column prompt to words")
    product.execute("set role shop")
    product.execute("update phone_assistants set words = 'noch geheimer'")
    assert await due(store) == []
    [trouble] = (await store.call("sync_queue", {}))["troubled_syncs"]
    assert trouble["state"] == "dead"
    assert "public.phone_assistants cannot tell what changed (42703" in trouble["error"]
    assert "geheim" not in trouble["error"]
    # Without a place to note anything the product writes all the same.
    product.execute("reset role")
    product.execute("alter table agentctl.sync_changes rename to elsewhere")
    product.execute("set role shop")
    product.execute("delete from phone_assistants")
    product.execute("reset role")
    product.execute("alter table agentctl.elsewhere rename to sync_changes")
    assert product.execute("select agentctl.unwatch('phone_assistants')").fetchone() == (True,)
    assert product.execute("select agentctl.unwatch('phone_assistants')").fetchone() == (False,)
    await store.call("retry_sync_jobs", {})
    assert (await store.call("sync_queue", {}))["troubled_syncs"] == []


async def test_columns_are_compared_to_the_byte_whatever_collations_they_have(
    store: Store, product: psycopg.Connection
) -> None:
    product.execute("reset role")
    product.execute(
        'create table public.others (slug text, one text collate "C", two text collate "POSIX", three text, four int)'
    )
    product.execute("select agentctl.watch('public.others', 'slug', array['one', 'two', 'three', 'four'])")
    product.execute("insert into others (slug, two) values ('a', 'x'), ('b', 'x')")
    assert sorted(await drained(store)) == ["a", "b"]
    product.execute("update others set two = case slug when 'a' then 'X' else two end")
    assert await drained(store) == ["a"]
    product.execute("update others set three = ''")
    assert sorted(await drained(store)) == ["a", "b"]
    assert (await store.call("sync_queue", {}))["troubled_syncs"] == []


async def test_a_row_whose_tenant_is_empty_is_the_operators_and_holds_up_nobody(
    store: Store, product: psycopg.Connection
) -> None:
    product.execute("reset role")
    product.execute("create table public.others (slug text, tenant text)")
    product.execute("select agentctl.watch('public.others', 'slug', array['slug'], 'tenant')")
    product.execute("insert into others values ('a', '')")
    assert product.execute("select tenant from agentctl.sync_changes").fetchall() == [("default",)]
    product.execute("update agentctl.sync_changes set tenant = ''")  # as it was noted before
    [job] = await due(store)
    assert job["tenant"] == "default"
    assert await store.call("sync_job_done", job) == {"held": True}


async def test_blanks_around_a_tenant_are_none_of_its_name(store: Store, product: psycopg.Connection) -> None:
    product.execute("reset role")
    product.execute("create table public.others (slug text, tenant text)")
    product.execute("select agentctl.watch('public.others', 'slug', array['slug'], 'tenant')")
    product.execute("insert into others values ('a', e' acme \\n'), ('b', ' ')")
    noted = "select tenant from agentctl.sync_changes order by key"
    assert product.execute(noted.encode()).fetchall() == [("acme",), ("default",)]
    product.execute("update agentctl.sync_changes set tenant = ' acme' where key = 'a'")  # as it was noted before
    assert [job["tenant"] for job in await due(store)] == ["acme"]
    assert product.execute("select tenant from agentctl.rows_watched('a')").fetchall() == [("acme",)]


def test_a_button_finds_its_row_by_the_index(product: psycopg.Connection) -> None:
    product.execute("reset role")
    product.execute("create table public.many (id bigint primary key, tenant text)")
    product.execute("insert into many select n, 'acme' from generate_series(1, 2000) n; analyze many")
    product.execute("select agentctl.watch('public.many', 'id', array['tenant'], 'tenant')")
    scans = "select seq_scan from pg_stat_xact_user_tables where relname = 'many'"
    with product.transaction():
        before = product.execute(scans.encode()).fetchone()
        found = [product.execute("select tenant from agentctl.rows_watched(%s)", [key]).fetchall() for key in KEYS]
        assert product.execute(scans.encode()).fetchone() == before
    assert found == [[("acme",)], [], []]


async def test_a_row_whose_key_and_content_have_no_order_is_watched(store: Store, product: psycopg.Connection) -> None:
    product.execute("reset role")
    product.execute("create table public.others (id json, said json, tenant text)")
    product.execute("select agentctl.watch('public.others', 'id', array['said'], 'tenant')")
    noted = []
    for change in ("insert into others values ('7', '[1]', 'acme')", "update others set said = '[2]'"):
        product.execute(change.encode())
        noted += [(job["key"], job["tenant"]) for job in await due(store)]
        product.execute("delete from agentctl.sync_jobs")
    assert noted == [("7", "acme")] * 2
    assert product.execute("select tenant from agentctl.rows_watched('7')").fetchall() == [("acme",)]


def test_a_product_does_not_wait_for_what_is_locked_here(dsn: str, product: psycopg.Connection) -> None:
    said: list[str] = []
    product.add_notice_handler(lambda notice: said.append(notice.message_primary or ""))
    with psycopg.connect(dsn) as upgrade:
        upgrade.execute("lock table agentctl.sync_changes in access exclusive mode")
        product.execute("set statement_timeout = '20s'")
        product.execute("insert into phone_assistants (slug, prompt) values ('a', 'x')")
        product.execute("reset statement_timeout")
    assert said == ["agentctl: a change of public.phone_assistants was not noted (55P03)"]
    assert product.execute("select slug from phone_assistants").fetchall() == [("a",)]


async def test_each_environment_watches_for_itself_and_a_second_time_changes_what_counts(
    store: Store, product: psycopg.Connection
) -> None:
    product.execute("reset role")
    named = "select agentctl.watch('phone_assistants', 'slug', array['elevenlabs_agent_id'], null, 'praxis', %s)"
    for environment in ("production", "staging", "staging"):
        product.execute(named, (environment,))
    product.execute("select agentctl.unwatch('phone_assistants')")
    product.execute("insert into phone_assistants (slug) values ('a')")
    assert [one["key"] for one in await due(store)] == ["a"]
    assert [one["key"] for one in await due(store, environment="staging")] == ["a"]
    for wrong, said in (
        ("array['nothing', null]", "no column (nothing, null|null, nothing)"),
        ("array[]::text[]", "no columns"),
    ):
        with pytest.raises(psycopg.errors.RaiseException, match=said):
            product.execute(f"select agentctl.watch('phone_assistants', 'slug', {wrong})".encode())
    product.execute("create view shown as select * from phone_assistants")
    with pytest.raises(psycopg.errors.RaiseException, match="no table"):
        product.execute("select agentctl.watch('shown', 'slug', array['prompt'])")


def _terms() -> dict[str, Any]:
    return {"project": "praxis", "environment": "production", "worker": "w", "limit": 9, "lease_seconds": 60}
