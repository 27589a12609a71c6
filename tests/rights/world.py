"""Two tenants with calls, and pages of a product that are open before them. All of the foreign one has SECRET in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest

from tests.postgrest import Project, token
from tests.rights.people import FOREIGN, MEMBER, OWN, Browser, joined

SECRET = "geheim"
TENANTS = {OWN: "mine", FOREIGN: SECRET}
ROWS = """
    insert into agentctl.calls (tenant, conversation_id, status, source, started_at, assistant, external_number,
        agent_number, cost_fiat, detail)
    select %(tenant)s, 'conv_' || %(word)s || n, 'done', 'webhook', now(), %(word)s, '+49' || %(word)s, %(word)s, 7,
        jsonb_build_object('dynamic_variables', %(word)s) from generate_series(1, 3) n;
    insert into agentctl.call_turns (tenant, conversation_id, position, role, message, tool_calls)
    select tenant, conversation_id, 0, 'user', assistant, jsonb_build_array('hidden') from agentctl.calls
    where tenant = %(tenant)s;
    insert into agentctl.digests (tenant, conversation_id, engine, summary, cost)
    select tenant, conversation_id, 'llm', assistant, 7 from agentctl.calls where tenant = %(tenant)s;
    insert into agentctl.action_items (tenant, conversation_id, position, what)
    select tenant, conversation_id, 0, assistant from agentctl.calls where tenant = %(tenant)s;
    insert into agentctl.recordings (tenant, conversation_id, location)
    select tenant, conversation_id, 'hidden' from agentctl.calls where tenant = %(tenant)s;
    insert into agentctl.assistants (tenant, project, environment, workspace, key, name, agent_id, post_call)
    values (%(tenant)s, 'p', 'e', 'w', %(word)s, %(word)s, 'agent_' || %(word)s, '{"mail": "hidden"}')"""
ITEMS = """
    select agentctl.item_id(i) from agentctl.action_items i where tenant = %s order by conversation_id"""


@dataclass
class World:
    """Two tenants' rows, and pages that are open before them."""

    project: Project
    database: psycopg.Connection
    pages: list[Browser] = field(default_factory=list)

    def page(self, bearer: str | None = None, **claims: Any) -> Browser:
        """With this token, or one of these claims."""
        made = Browser(self.project, bearer or token("authenticated", **claims))
        self.pages.append(made)
        return made

    def items(self, tenant: str) -> list[str]:
        return [one for (one,) in self.database.execute(ITEMS, [tenant]).fetchall()]

    def synced(self, function: str, **row: Any) -> None:
        """What a sync of whosever assistants writes, through a function of the server: it names no tenant."""
        place = {"project": "p", "environment": "e", "workspace": "w"}
        self.database.execute(f"select public.agentctl_{function}(%s)".encode(), [json.dumps({**place, **row})])

    def done(self, tenant: str) -> int:
        row = self.database.execute(
            "select count(*) from agentctl.action_items where tenant = %s and done", [tenant]
        ).fetchone()
        assert row
        return int(row[0])


@pytest.fixture
def world(supabase_api: Project, dsn: str) -> Iterator[World]:
    with psycopg.connect(dsn, autocommit=True) as database:
        for tenant, word in TENANTS.items():
            for statement in ROWS.split(";\n"):
                database.execute(statement.encode(), {"tenant": tenant, "word": word})
        joined(database, MEMBER, OWN)
        made = World(supabase_api, database)
        yield made
        for page in made.pages:
            page.close()


@pytest.fixture
def page(world: World) -> Browser:
    return world.page(sub=MEMBER)
