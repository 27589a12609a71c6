"""Workers as processes: what somebody asks for is synced, also where one of them is killed in the middle."""

from __future__ import annotations

from pathlib import Path

import psycopg

from agentctl.sandbox.harness import running_thread
from tests.example import Example

CREATE = "/v1/convai/agents/create"


def test_a_killed_worker_is_followed_by_another_which_makes_nothing_twice(tmp_path: Path, dsn: str) -> None:
    with running_thread() as sandbox, psycopg.connect(dsn, autocommit=True) as button:
        example = Example(tmp_path, sandbox, dsn)
        # It is made, and its answer never comes.
        sandbox.fault(method="POST", path=CREATE, apply=True, hang=True)
        with example.started("work") as worker:
            button.execute("select agentctl.request_sync('empfang')")
            example.until(CREATE)
            worker.kill()
            worker.wait()
        assert button.execute("select state, attempt from agentctl.sync_jobs").fetchall() == [("running", 1)]
        button.execute("update agentctl.sync_jobs set due_at = now()")
        said = example("work", "--once")
        assert "1 assistants synced, 0 failed." in said
        assert len(sandbox.state()["agents"]) == 1
        assert button.execute("select state, attempt, error from agentctl.sync_jobs").fetchall() == [("done", 2, None)]
