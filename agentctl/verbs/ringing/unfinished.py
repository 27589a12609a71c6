"""Re-imports that are not at their end, by what the store says is under way: no file here may declare the number."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatchcase

from agentctl.errors import SyncError
from agentctl.resources.agent import KIND as AGENT_KIND
from agentctl.resources.assistant import Assistant
from agentctl.resources.phone_number import KIND, between, going_on, undertaking_of
from agentctl.resources.routing import Routing
from agentctl.sync.bindings import Bindings
from agentctl.sync.kind import Ref
from agentctl.sync.plan import Failure
from agentctl.verbs.revisions.history import ProjectPlan
from agentctl.verbs.undertaking import Undertaking
from agentctl.wiring import Control


@dataclass(frozen=True)
class Begun:
    """What the next run of a re-import could not find out; `Reimport` says what it means. Kept in the store."""

    before: Routing
    old_id: str
    fallback: Mapping[str, str]
    sms: bool
    label: str
    agent_id: str = ""


async def numbers(control: Control) -> list[str]:
    """Each number that is between two imports. Raises StoreError."""
    rows = await (await control.store()).call("undertakings", asdict(control.scope))
    prefix = undertaking_of("")
    return [row["name"].removeprefix(prefix) for row in rows if row["name"].startswith(prefix)]


async def gaps(
    control: Control, bindings: Bindings, declared: Sequence[Assistant], told: Collection[str] = ()
) -> list[Failure]:
    """Why each of these numbers, but for those `told` already, is in trouble, and what ends that.

    `where` of each is the key of its assistant, else what the number was called. Raises StoreError.
    """
    return [await _gap(control, one, bindings, declared) for one in await numbers(control) if one not in told]


async def named(
    control: Control, plan: ProjectPlan, bindings: Bindings, declared: Sequence[Assistant], only: Sequence[str]
) -> ProjectPlan:
    """The plan with those that it does not know of as failures; of one that `only` narrowed, those of its part."""
    told = {one.ref.key for one in plan.failures if one.ref.kind == KIND}
    found = await gaps(control, bindings, declared, told)
    mine = [one for one in found if not only or any(fnmatchcase(one.where, glob) for glob in only)]
    return replace(plan, failures=(*plan.failures, *mine)) if mine else plan


async def _gap(control: Control, number: str, bindings: Bindings, declared: Sequence[Assistant]) -> Failure:
    key = next((one.key for one in declared if number in one.phone.numbers), "")
    if key:
        return Failure(Ref(KIND, number), key, SyncError(between(number), going_on(number, key)))
    key, label = await _whose(control, number, bindings)
    way = going_on(number, key or "KEY")
    if not key:
        way = f"With the assistant whose number it is, called {label!r}, as KEY: {way}"
    elif key not in {one.key for one in declared}:
        way = f"Where the files of {key} are: {way}"
    error = SyncError(
        f"{between(number)}; no file here declares it",
        f"{way}; to give the number up instead: agentctl release-number {number}",
    )
    return Failure(Ref(KIND, number), key or label, error)


async def _whose(control: Control, number: str, bindings: Bindings) -> tuple[str, str]:
    """The key of its assistant, empty where that is not known any more, and what the number was called."""
    try:
        begun = await (await Undertaking.of(control, undertaking_of(number))).state(Begun)
    except SyncError:  # Another version's: that it is under way is known all the same.
        begun = None
    if begun is None:
        return "", number
    keys = (key for key, agent_id in bindings.of(AGENT_KIND).items() if agent_id == begun.agent_id)
    return next(keys, ""), begun.label
