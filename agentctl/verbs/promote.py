"""Promote: what one environment has recorded as applied becomes the plan of another.

The files of a project are one source for all its environments; each environment lays its own variables, defaults and
overrides under and over them. A revision records, beside what was applied, what the files said before that (its
origin). To promote a revision is to apply its origin with the layers of the other environment. That is done only where
the files, as the other environment loads them now, have the same origin: otherwise the next sync there would take the
promotion back. So what is promoted is exactly what was recorded, what is applied is exactly what a sync of the files
would apply, and a later sync finds nothing to do.

What differs between the environments by their layers is not promoted; it belongs to the environment.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from agentctl.errors import Problem, UsageError
from agentctl.resources.agent import KIND as AGENT_KIND
from agentctl.resources.assistant import Assistant
from agentctl.sources.loaded import Loaded
from agentctl.sources.origin import differing
from agentctl.sync.apply import Applied, OnChange
from agentctl.verbs import sync
from agentctl.verbs.gate import OnTests
from agentctl.verbs.renaming.former import must_be_called_so
from agentctl.verbs.revisions import history
from agentctl.verbs.revisions.history import ProjectPlan
from agentctl.verbs.rows.outside import need_here, need_right
from agentctl.wiring import Control

_SHOWN = 8


@dataclass(frozen=True)
class Promotion:
    """What a promotion would do: the plan in the environment `to`, and which revision of `source` each key comes from.

    `left`: assistants that cannot be promoted, and why.
    """

    source: str
    to: str
    revisions: dict[str, int]
    plan: ProjectPlan
    left: tuple[Problem, ...]


async def look(
    source: Control,
    to: Control,
    only: Sequence[str] = (),
    *,
    gated: bool | None = None,
    force: bool = False,
) -> Promotion:
    """Plan to apply in `to` what `source` recorded last for each assistant that matches `only` (globs; none: all).

    Writes nothing. Raises UsageError where the two are one environment, where nothing can be promoted, where a key was
    named that `source` never synced, and where the files say otherwise than the revision, with what differs; and as
    `plan` does.
    """
    names = source.loaded.project.environment, to.loaded.project.environment
    if names[0] == names[1]:
        raise UsageError(f"{names[0]} cannot be promoted to itself")
    loaded = await sync.load(to)
    await must_be_called_so(to, only)
    need_here(loaded, only, _apart(names[1]))
    need_right(loaded, only)
    chosen = sync.select(loaded.assistants, only)
    revisions: dict[str, int] = {}
    left, refused = [], []
    for assistant in chosen:
        kept = await history.revisions(source, assistant.key)
        if not kept:
            left.append(Problem(assistant.key, f"{names[0]} has no revision of it: agentctl --env {names[0]} sync"))
            continue
        revisions[assistant.key] = kept[0].revision
        refused += await _differences(source, assistant, kept[0].revision)
    if not only:
        left += await _gone(source, {assistant.key for assistant in loaded.assistants} | {*loaded.elsewhere})
        left += _elsewhere(loaded, _apart(names[1]))
    rows = to.loaded.rows.source.table if to.loaded.rows else ""
    _must_be_possible(names, revisions, left, refused, rows, named=bool(only))
    plan = await sync.plan(to, list(revisions), gated=gated, force=force)
    left += [Problem(hold.key, str(hold)) for hold in plan.holds if hold.key in revisions]
    plan = replace(plan, note=f"promoted from {names[0]}")
    return Promotion(*names, revisions, plan, tuple(left))


async def promote(
    to: Control,
    promotion: Promotion,
    *,
    take_ours: bool = False,
    force: bool = False,
    destroy: bool = False,
    on_change: OnChange | None = None,
    on_tests: OnTests | None = None,
) -> Applied:
    """Apply it; whoever calls this has a yes, and `destroy` one of its own. Raises as `apply` does."""
    how: dict[str, Any] = {"take_ours": take_ours, "force": force, "destroy": destroy}
    return await sync.apply(to, promotion.plan, on_change=on_change, on_tests=on_tests, **how)


def _elsewhere(loaded: Loaded, way: str) -> Iterator[Problem]:
    for key, tenant in loaded.elsewhere.items():
        done = way.replace("KEY", key).replace("TENANT", tenant)
        yield Problem(key, f"is of tenant {tenant}, whose agents are in another workspace. {done}")


def _apart(to: str) -> str:
    return f"What its row says is synced there: agentctl --env {to} sync --tenant TENANT --only KEY"


async def _gone(source: Control, declared: set[str]) -> list[Problem]:
    """The assistants that only `source` has: a promotion deletes nothing and brings nothing back."""
    bound = (await source.bindings()).of(AGENT_KIND)
    what = f"{source.loaded.project.environment} has it, and the files do not declare it any more"
    return [Problem(key, what) for key in sorted(bound.keys() - declared)]


async def _differences(source: Control, assistant: Assistant, revision: int) -> list[Problem]:
    """What the files say otherwise than the newest revision of `source` does."""
    recorded = (await history.restored(source, assistant.key, revision)).source
    name = f"revision {revision} of {source.loaded.project.environment}"
    if not recorded:
        return [Problem(assistant.key, f"{name} does not say what its files were; sync that environment again")]
    paths = differing(recorded, assistant.source)
    if not paths:
        return []
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    return [Problem(assistant.key, f"differs from {name} in {', '.join(paths[:_SHOWN])}{more}")]


def _must_be_possible(
    names: tuple[str, str],
    revisions: dict[str, int],
    left: list[Problem],
    refused: list[Problem],
    rows: str,
    *,
    named: bool,
) -> None:
    source, to = names
    if refused:
        files = f"files, or the rows of {to}'s {rows}," if rows else "files"
        way = f", or write the rows of {to} as {source} has them" if rows else ""
        raise UsageError(
            f"the {files} say otherwise than what {source} has recorded, and a sync of {to} would take it back:\n  "
            + "\n  ".join(map(str, refused)),
            f"Sync {source} from these files first (agentctl --env {source} sync), or check out those that it has"
            f"{way}.",
        )
    if left and (named or not revisions):
        raise UsageError("nothing to promote:\n  " + "\n  ".join(map(str, left)), "Nothing was changed.")
