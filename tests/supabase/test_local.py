"""What `supabase start` reads besides the migrations: config.toml and the seed. It needs Docker itself, which is not
here: the genuine CLI is asked for everything that it does without.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from agentctl.clients.store.postgres import PostgresStore
from tests import npm
from tests.supabase_cli import OURS, Repository

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(not npm.runs_here(), reason="the Supabase CLI's binary is for Linux on x86-64"),
]


def paths(table: dict[str, Any], *above: str) -> Iterator[tuple[str, ...]]:
    for key, value in table.items():
        yield from paths(value, *above, key) if isinstance(value, dict) else [(*above, key)]


def test_the_configuration_has_nothing_that_the_cli_does_not_know(tmp_path: Path) -> None:
    Repository(tmp_path).run("init")
    known = set(paths(tomllib.loads((tmp_path / "supabase" / "config.toml").read_text())))
    ours = tomllib.loads((OURS / "config.toml").read_text())

    functions = ours.pop("functions", {})
    assert set(paths(ours)) <= known
    for name, settings in functions.items():
        assert (OURS / "functions" / name).is_dir()
        assert set(settings) <= {"enabled", "verify_jwt", "import_map", "entrypoint", "static_files"}
    # Reached through public.agentctl_* alone.
    assert "agentctl" not in ours["api"]["schemas"]


async def test_the_seed_gives_calls_to_look_at_and_can_be_run_again(dsn: str) -> None:
    """That the CLI runs it, too, is for test_push.py."""
    seed = (OURS / "seed.sql").read_bytes()
    with psycopg.connect(dsn) as connection:
        connection.execute(seed)
    store = await PostgresStore.open(dsn)
    before = await shown(store)

    with psycopg.connect(dsn) as connection:
        connection.execute(seed)

    assert await shown(store) == before
    assert [call["conversation_id"] for call in await store.call("list_calls", {"search": "Bremsen"})] == [
        "conv_demo_rueckruf"
    ]
    assert [call["conversation_id"] for call in await store.call("list_calls", {"items": "open"})] == [
        "conv_demo_rueckruf"
    ]
    for call in before:
        assert call["turn_count"] == len(call["turns"])
        assert all(item["quote"] in call["turns"][item["turn"]]["message"] for item in call["action_items"])
    await store.close()


async def shown(store: PostgresStore) -> list[dict[str, Any]]:
    listed = await store.call("list_calls", {"limit": 10})
    assert len(listed) == 3
    return [await store.call("show_call", {"conversation_id": call["conversation_id"]}) for call in listed]
