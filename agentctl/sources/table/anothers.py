"""A table is the source of one environment of the store: of that whose agents most of its rows name.

Two would write their ids, times and errors over each other's, and each take the other's for a slip of somebody's hand.
One row proves nothing by itself: whoever may write it can put the id of any agent there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from agentctl.errors import Problem, UsageError
from agentctl.resources import agent
from agentctl.sources.mapping import SECTION, SourceTable
from agentctl.sources.problems import located
from agentctl.sources.project import FILENAME
from agentctl.sync.bindings import Store
from agentctl.sync.kind import Scope

MANY = 500  # agents of each environment by which it is told


@dataclass(frozen=True)
class Holding:
    """Whose source the table is: the project's in that environment. `key`: of the row that names `agent_id`."""

    project: str
    environment: str
    key: str
    agent_id: str

    @property
    def place(self) -> tuple[str, str]:
        """Project and environment."""
        return self.project, self.environment

    def is_of(self, scope: Scope) -> bool:
        """Whether that is this one."""
        return self.place == (scope.project, scope.environment)

    def refusal(self, source: SourceTable) -> UsageError:
        """The error of a job of one row, which its tenant's people read: whose row tells it is not theirs to know."""
        what = f"table {source.table} is the source of another environment"
        return UsageError(what, "Which, and what to do: agentctl plan. Then: agentctl calls retry --all")

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
    return await _bound(store, scope, {"limit": MANY})


async def theirs(store: Store, scope: Scope, ids: Iterable[str]) -> frozenset[str]:
    """Those of these agents that another environment has. Raises StoreError."""
    asked = [*ids]
    found = await _bound(store, scope, {"ids": asked, "limit": len(asked)}) if asked else []
    return frozenset(one.agent_id for one in found if not one.is_of(scope))


def another(found: list[Holding], named: Mapping[str, Any], scope: Scope) -> Holding | None:
    """The first of the environment that holds it, unless that is `scope` or nobody. `named`: by key, the agent's id.

    That is the one whose agents most rows name; of several the one that has most of the keys, then the longest.
    """
    names = [one for one in found if named.get(one.key) == one.agent_id]
    keys = Counter(place for place, _ in {(one.place, one.key) for one in found if one.key in named})
    counts = Counter(one.place for one in names)
    place = max(counts, key=lambda one: (counts[one], keys[one]), default=None)
    holding = next((one for one in names if one.place == place), None)
    return None if holding is None or holding.is_of(scope) else holding


async def _bound(store: Store, scope: Scope, asked: Mapping[str, Any]) -> list[Holding]:
    terms = {"project": scope.project, "environment": scope.environment, "kind": agent.KIND, **asked}
    found = await store.call("bound_first", terms)
    return [Holding(one["project"], one["environment"], one["key"], one["id"]) for one in found]
