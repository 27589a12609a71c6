"""A table is the source of one environment of the store: of that which was synced from it first, until it is released.

Two would write their ids, times and errors over each other's, and each take the other's for a slip of somebody's hand.
What its rows name proves nothing of that: whoever may write one can put the id of any agent there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from agentctl.errors import ConfigurationError, Problem, UsageError
from agentctl.resources import agent
from agentctl.sources.mapping import SECTION, SourceTable
from agentctl.sources.problems import located
from agentctl.sources.project import FILENAME
from agentctl.sync.bindings import Store
from agentctl.sync.kind import Scope

_PLACE = located(FILENAME, f"{SECTION}.table")


@dataclass(frozen=True)
class Holder:
    """Whose source `source` is: the project's in that environment. `since`: a time, as the store says it. `unheard`:
    changes of it were watched, and are not any more.
    """

    source: SourceTable
    project: str
    environment: str
    since: str
    unheard: bool

    def is_of(self, scope: Scope) -> bool:
        """Whether that is this one."""
        return (self.project, self.environment) == (scope.project, scope.environment)

    @property
    def refusal(self) -> UsageError:
        """The error of a job of one row, which its tenant's people read: whose the table is, is not theirs to know.

        Nobody tries that again by itself: each time the holder would be asked to sync the row once more.
        """
        what = f"{_PLACE}: table {self.source.table} is the source of another environment"
        return UsageError(what, "Which, and what to do: agentctl plan. Then: agentctl calls retry --all")

    def problem(self, scope: Scope) -> Problem:
        """What to say of it where it is not `scope`'s."""
        whose = f"environment {self.environment}" + f" of project {self.project}" * (self.project != scope.project)
        named = self.source.table.replace("'", "''")
        own = f"[environments.{scope.environment}]"
        what = (
            f"table {self.source.table} is the source of {whose} since {self.since[:10]}: have environment "
            f"{scope.environment} leave it (table = false under {own}), or read its own, in a database of its own "
            f"(database_url_env, or supabase_url_env, under {own}); or, to have this one, end the other (table = false "
            f"there, and sync --prune), empty {self.source.wanted['agent_id']} in every row, and run in its database: "
            f"select agentctl.release_source('{named}')"
        )
        return Problem(_PLACE, what)


async def holder(store: Store, source: SourceTable, scope: Scope, *, take: bool = False) -> Holder | None:
    """Who holds it; None: nobody. `take`: in that case it is `scope`'s from now on. Raises StoreError."""
    asked = {**source.named, "project": scope.project, "environment": scope.environment, "take": take}
    if (found := await store.call("source_of", asked)) is None:
        return None
    return Holder(source, found["project"], found["environment"], found["since"], found["unheard"])


async def another(store: Store, source: SourceTable, scope: Scope, *, take: bool = False) -> Holder | None:
    """As `holder`, but None where that is `scope`, too."""
    found = await holder(store, source, scope, take=take)
    return None if found is None or found.is_of(scope) else found


async def take(store: Store, source: SourceTable, scope: Scope) -> None:
    """Have it be `scope`'s. Raises ConfigurationError where it is another's, and StoreError."""
    if found := await another(store, source, scope, take=True):
        raise ConfigurationError([found.problem(scope)])


async def theirs(store: Store, scope: Scope, ids: Iterable[str]) -> frozenset[str]:
    """Those of these agents that another environment has. Raises StoreError."""
    asked = [*ids]
    if not asked:
        return frozenset()
    terms = {"project": scope.project, "environment": scope.environment, "kind": agent.KIND}
    found = await store.call("bound_first", {**terms, "ids": asked, "limit": len(asked)})
    own = (scope.project, scope.environment)
    return frozenset(one["id"] for one in found if (one["project"], one["environment"]) != own)
