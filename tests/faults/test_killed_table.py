"""A sync of a table is killed between a create and what its row is told of it: the next one makes nothing twice."""

from __future__ import annotations

import asyncio
import time
from contextlib import closing
from pathlib import Path

import psycopg

from agentctl.sandbox.harness import running_thread
from tests import commands
from tests.product import BACK, MADE, TABLE, Product

PATIENCE_SECONDS = 50
WAITING = "from pg_stat_activity where query like '%report_synced%' and wait_event_type = 'Lock'"


def test_what_a_killed_sync_has_made_is_told_by_the_next(tmp_path: Path, dsn: str) -> None:
    with running_thread() as sandbox, closing(Product(tmp_path, dsn, sandbox)) as product:
        product.sql(MADE)
        product.sql(BACK)
        product.insert(1)
        environment = {
            "PATH": "/usr/bin", "DATABASE_URL": dsn,
            "ELEVENLABS_BASE_URL": sandbox.url, "ELEVENLABS_API_KEY": sandbox.key,
        }  # fmt: skip
        with psycopg.connect(dsn) as busy, commands.started(["sync", "--yes"], tmp_path, environment) as sync:
            busy.execute(f"select from {TABLE} for update".encode())  # so that the row cannot be told
            end = time.monotonic() + PATIENCE_SECONDS
            while not product.sql(f"select pid {WAITING}"):
                assert time.monotonic() < end
                assert sync.poll() is None, sync.communicate()
                time.sleep(0.02)
            sync.kill()
            sync.wait()
            product.sql(f"select pg_terminate_backend(pid, 5000) {WAITING}")  # which has not noticed
        (made,) = sandbox.state()["agents"]
        assert product.rows("elevenlabs_agent_id") == {1: None}
        sandbox.clear_log()
        ended = commands.ended(["sync", "--yes"], tmp_path, environment)
        assert ended.returncode == 0, ended.stderr
        assert product.rows("elevenlabs_agent_id", "elevenlabs_sync_error") == {1: (made, None)}
        assert [*sandbox.state()["agents"]] == [made]
        assert [one for one in sandbox.log() if one["method"] != "GET"] == []


def test_what_a_killed_worker_has_changed_is_told_by_the_next_and_changed_once(tmp_path: Path, dsn: str) -> None:
    with running_thread() as sandbox, closing(Product(tmp_path, dsn, sandbox)) as product:
        product.sql(MADE)
        product.sql(BACK)
        product.insert(1)
        environment = {
            "PATH": "/usr/bin", "DATABASE_URL": dsn,
            "ELEVENLABS_BASE_URL": sandbox.url, "ELEVENLABS_API_KEY": sandbox.key,
        }  # fmt: skip
        asyncio.run(product.sync())
        before = product.rows("elevenlabs_synced_at")
        sandbox.clear_log()
        product.sql(f"update {TABLE} set behavior_prompt = 'Neu.'")
        product.sql("select agentctl.request_sync('1')")
        with psycopg.connect(dsn) as busy, commands.started(["work"], tmp_path, environment) as worker:
            busy.execute(f"select from {TABLE} for update".encode())
            end = time.monotonic() + PATIENCE_SECONDS
            while not product.sql(f"select pid {WAITING}"):
                assert time.monotonic() < end
                assert worker.poll() is None, worker.communicate()
                time.sleep(0.02)
            worker.kill()
            worker.wait()
            product.sql(f"select pg_terminate_backend(pid, 5000) {WAITING}")
        assert product.rows("elevenlabs_synced_at") == before
        product.sql("update agentctl.sync_jobs set due_at = now()")
        ended = commands.ended(["work", "--once"], tmp_path, environment)
        assert ended.returncode == 0, ended.stderr
        assert product.rows("elevenlabs_sync_error") == {1: None}
        assert product.rows("elevenlabs_synced_at")[1] > before[1]
        assert [one["method"] for one in sandbox.log() if one["method"] != "GET"] == ["PATCH"]
        assert product.sql("select state, attempt from agentctl.sync_jobs") == [("done", 2)]
