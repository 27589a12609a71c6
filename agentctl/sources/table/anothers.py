"""A table is the source of one environment of the store: of that whose agents its rows have named the longest.

Two would write their ids, times and errors over each other's, and each take the other's for a slip of somebody's hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agentctl.errors import Problem
from agentctl.resources import agent
from agentctl.sources.mapping import SECTION, SourceTable
from agentctl.sources.problems import located
from agentctl.sources.project import FILENAME
from agentctl.sync.bindings import Store
from agentctl.sync.kind import Scope

MANY = 1000  # agents among which the first one is looked for


@dataclass(frozen=True)
class Holding:
    """Whose source the table is: the project's in that environment. `key`: of the row that names `agent_id`."""

    project: str
    environment: str
    key: str
    agent_id: str

    def problem(self, source: SourceTable, scope: Scope) -> Problem:
        """What to say of it where it is not `scope`'s."""
        whose = f"environment {self.environment}" + f" of project {self.project}" * (self.project != scope.project)
        what = (
            f"table {source.table} is the source of {whose}, which has agent {self.agent_id} of its row "
            f"{self.key[:80]}: have environment {scope.environment} read its own, in a database of its own "
            f"(database_url_env, or supabase_url_env, under [environments.{scope.environment}]); or, to have this one, "
            f"end the other and empty {source.wanted['agent_id']} in every row"
        )
        return Problem(located(FILENAME, f"{SECTION}.table"), what)


async def candidates(store: Store, scope: Scope) -> list[Holding]:
    """Who may hold it, the longest first; empty where the store has no other environment. Raises StoreError."""
    asked = {"project": scope.project, "environment": scope.environment, "kind": agent.KIND, "limit": MANY}
    found = await store.call("bound_first", asked)
    return [Holding(one["project"], one["environment"], one["key"], one["id"]) for one in found]


def another(found: list[Holding], named: Mapping[str, Any], scope: Scope) -> Holding | None:
    """The first of them whose agent a row names, unless that is `scope`'s own. `named`: by key, the agent's id."""
    first = next((one for one in found if named.get(one.key) == one.agent_id), None)
    is_own = first is None or (first.project, first.environment) == (scope.project, scope.environment)
    return None if is_own else first
