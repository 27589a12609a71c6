"""--tenant: whose calls a command reads, changes or erases; and what the operator sees of everybody."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agentctl.cli.app import run
from agentctl.clients.store.postgres import PostgresStore
from tests.stores import delivery, running, stored

Cli = Callable[..., tuple[int, str, str]]
NUMBER = "+498999998100"


@pytest.fixture
def cli(dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    monkeypatch.setenv("DATABASE_URL", dsn)
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setenv("AGENTCTL_ACTOR", "me")
    asyncio.run(_fill(dsn))

    def call(*arguments: str) -> tuple[int, str, str]:
        code = run(["-C", str(tmp_path), "calls", *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


async def _fill(dsn: str) -> None:
    """One call of each of two tenants, from one number, and an event of each that waits."""
    store = await PostgresStore.open(dsn)
    place = {"project": "praxis", "environment": "production", "workspace": "w"}
    for tenant in ("acme", "beta"):
        row = {"tenant": tenant, "key": tenant, "name": tenant, "agent_id": f"agent_{tenant}", "post_call": {}}
        await store.call("save_assistant", {**place, **row, "language": "de"})
        fence = await running(store, f"conv_{tenant}", agent_id=f"agent_{tenant}")
        call = {"external_number": NUMBER, "agent_id": f"agent_{tenant}", "assistant": tenant}
        await store.call("store_call", {**stored(fence, f"conv_{tenant}", call=call), "tenant": tenant})
    for tenant in ("acme", "beta"):
        await store.call("accept", delivery(f"conv_{tenant}_waits", agent_id=f"agent_{tenant}"))
    await store.close()


def found(cli: Cli, *arguments: str) -> Any:
    code, out, err = cli(*arguments, "--json")
    assert code == 0, err
    return json.loads(out)


def names(cli: Cli, *arguments: str) -> list[str]:
    return [call["conversation_id"] for call in found(cli, "list", *arguments)]


def test_who_asks_for_nobody_in_particular_is_told_that_there_are_others(cli: Cli) -> None:
    code, out, err = cli("list")
    assert (code, out) == (0, "")
    assert "No calls yet." in err
    assert "other tenants: --tenant acme, or beta" in err
    assert "other tenants" in cli("list", "--json", "--tenant", "nobody")[2]
    assert "other tenants" not in cli("list", "--tenant", "acme")[2]
    said = cli("list", "--tenant", "acme", "--number", "+498999998199")[2]
    assert ("No calls like that." in said, "other tenants" in said) == (True, False)


def test_each_command_acts_for_one_tenant(cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert names(cli, "--tenant", "acme") == ["conv_acme"]
    assert found(cli, "show", "conv_acme", "--tenant", "acme")["conversation_id"] == "conv_acme"
    assert cli("show", "conv_acme", "--tenant", "beta")[0] == 1
    assert found(cli, "stats", "--since", "2020-01-01", "--tenant", "beta")["all"]["calls"] == 1
    cli("export", "--format", "jsonl", "-o", str(tmp_path / "out"), "--tenant", "beta")
    assert json.loads((tmp_path / "out").read_text())["conversation_id"] == "conv_beta"
    [item] = found(cli, "actions", "list", "--tenant", "acme")
    assert cli("actions", "done", item["id"])[0] == 1
    assert found(cli, "actions", "done", item["id"], "--tenant", "acme")["changed"]
    assert len(found(cli, "actions", "list", "--tenant", "beta")) == 1

    monkeypatch.setenv("AGENTCTL_TENANT", "beta")
    assert names(cli) == ["conv_beta"]
    assert names(cli, "--tenant", "acme") == ["conv_acme"]
    code, _, err = cli("show", "conv_none", "--tenant", "acme")
    assert code == 1
    assert "agentctl calls list --tenant acme" in err  # what is followed word by word must not end up elsewhere
    code, _, err = cli("list", "--tenant", "")
    assert (code, "needs the name of a tenant" in err) == (2, True)
    monkeypatch.setenv("AGENTCTL_TENANT", "../acme")
    assert "AGENTCTL_TENANT: must be a tenant's name" in cli("list")[2]


def test_queues_and_audit_log_are_everybodys_unless_one_is_named(cli: Cli) -> None:
    waiting = {one["conversation_id"]: one["tenant"] for one in found(cli, "events")}
    assert waiting == {"conv_acme_waits": "acme", "conv_beta_waits": "beta"}
    assert len(found(cli, "events", "--tenant", "acme")) == 1
    assert "TENANT" in cli("events")[1]
    assert found(cli, "status")["events"]["pending"] == 2
    assert found(cli, "status", "--tenant", "acme")["events"]["pending"] == 1
    assert "acme" in cli("status")[1]
    names(cli, "--tenant", "beta")
    rows = found(cli, "audit")
    assert {"tenant": "beta", "actor": "me", "action": "list"}.items() <= rows[0].items()
    assert {row["tenant"] for row in rows} == {"default", "acme", "beta"}
    assert {row["tenant"] for row in found(cli, "audit", "--tenant", "acme")} == {"acme"}
    assert "TENANT" in cli("audit")[1]
    assert cli("retry", "conv_acme", "--tenant", "beta")[0] == 1
    assert found(cli, "retry", "conv_acme")["events"] == 1
    assert cli("process", "conv_acme", "--tenant", "beta")[0] == 1
    assert found(cli, "process", "conv_acme", "--tenant", "acme")["requeued"] == 1


def test_a_caller_is_forgotten_by_the_tenant_that_was_named(cli: Cli) -> None:
    gone = found(cli, "forget", NUMBER, "--tenant", "acme", "--keep-remote", "--yes")
    assert gone["erased"]["calls"] == 1
    assert names(cli, "--tenant", "acme") == []
    assert names(cli, "--tenant", "beta") == ["conv_beta"]
    asked = [(row["tenant"], row["action"]) for row in found(cli, "audit") if row["action"].startswith("forg")]
    assert asked == [("acme", "forgot"), ("acme", "forget")]


def test_what_is_too_old_goes_of_every_tenant_or_of_one(cli: Cli, dsn: str) -> None:
    async def keep() -> None:
        store = await PostgresStore.open(dsn)
        limit = {"project": "praxis", "environment": "production", "transcripts": 1}
        await store.call("save_retention", limit)
        await store.close()

    asyncio.run(keep())
    assert found(cli, "retain", "--tenant", "acme")["erased"]["calls"] == 1
    assert found(cli, "retain")["erased"]["calls"] == 1
