"""Rows that live in another workspace: what is here of them stays until somebody answers their callers there."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from agentctl.errors import AgentctlError, NotFound
from agentctl.resources.agent import KIND as AGENT_KIND
from agentctl.resources.agent import Agent
from agentctl.resources.assistant import Assistant
from agentctl.resources.phone_number import PhoneNumber
from agentctl.resources.platform_settings import IN_SERVICE
from agentctl.sources.loaded import Loaded
from agentctl.sync.bindings import Bindings
from agentctl.sync.diff import overlaid
from agentctl.sync.plan import Change, Plan
from agentctl.tenants import Access
from agentctl.verbs.rows.wrong import belonging
from agentctl.wiring import Control

Rings = Mapping[str, Collection[str]]
"""By number, the ids of the agents that it rings at in one workspace."""


async def spared(control: Control, plan: Plan, loaded: Loaded, bindings: Bindings) -> Plan:
    """The plan without the end of anything whose assistant has no agent in its own workspace yet: it is an orphan.

    Whatever keeps that one from being made, such as a key that opens nothing, there is somebody to answer its callers.
    No option ends an agent whose successor was made and is not seen there now, or at which a number rings that such an
    assistant declares and does not have there. Raises ApiError, Unreachable and StoreError.
    """
    if not loaded.elsewhere or not any(one.action == "delete" for one in plan.changes):
        return plan
    homes = await _homes(control, loaded)
    homeless = {*loaded.elsewhere}.difference(*(home.made for home in homes))
    plan = _staying(plan, homeless, bindings)
    doomed = {_id(one): one.desired.key for one in ending(plan)}
    rings = await answered(control, plan) if loaded.others else {}
    why: dict[str, list[str]] = {remote_id: [] for remote_id in doomed}
    for home in homes if doomed else ():
        async with control.within(home.access) as there:
            for remote_id, key in doomed.items():
                why[remote_id] += await home.missing(there, key)
            for one, number in await home.not_brought(there, rings):
                for remote_id in rings[number]:
                    why[remote_id].append(_unanswered(one, number))
    return _barred(plan, {remote_id: "; ".join(some) for remote_id, some in why.items() if some}, bindings)


def ending(plan: Plan) -> list[Change]:
    """The agents that it deletes, whoever says no word to that."""
    return [one for one in plan.changes if one.action == "delete" and one.desired.kind == AGENT_KIND and not one.barred]


async def answered(control: Control, plan: Plan) -> Rings:
    """The numbers that ring at an agent which it deletes. Raises ApiError and Unreachable."""
    doomed = {_id(one) for one in ending(plan)}
    rings = await PhoneNumber(control.api).ringing() if doomed else {}
    return {number: doomed & ids for number, ids in rings.items() if doomed & ids}


@dataclass(frozen=True)
class _Home:
    """Where the assistants of `tenant` live, which are not of this workspace. `made`: key -> id of its agent there."""

    tenant: str
    access: Access
    made: Mapping[str, str]
    assistants: Sequence[Assistant]

    async def missing(self, there: Control, key: str) -> list[str]:
        """Why nobody is known to answer the callers of `key` there, in words; nothing: its agent does."""
        if key not in self.made:
            return []
        agent = f"its agent in the workspace of tenant {self.tenant} ({self.made[key]})"
        mend = f"this one stays until it is there: agentctl sync --tenant {self.tenant}"
        try:
            now = await Agent(there.api, there.scope).read(self.made[key])
        except NotFound:
            return [f"{agent} is not there: it was deleted, or the key opens another workspace; {mend}"]
        except AgentctlError as error:
            return [f"{agent} cannot be looked at ({error.message}); {mend}"]
        return [] if overlaid(now.body, IN_SERVICE) == now.body else [f"{agent} is archived; {mend}"]

    async def not_brought(self, there: Control, rings: Rings) -> Iterable[tuple[Assistant, str]]:
        """Which of `rings`, numbers of the old workspace, assistants declare that do not have them there."""
        declared = [(one, number) for one in self.assistants for number in one.phone.numbers if number in rings]
        if not declared:
            return []
        try:
            now: Rings = await PhoneNumber(there.api).ringing()
        except AgentctlError:
            return declared
        return [
            (one, number)
            for one, number in declared
            if number not in now or (one.enabled and self.made.get(one.key) not in now[number])
        ]


async def _homes(control: Control, loaded: Loaded) -> list[_Home]:
    """One for each tenant whose assistants live elsewhere."""
    tenants, store = await control.tenants(control.access), await control.store()
    found = []
    for tenant in sorted({*loaded.elsewhere.values()}):
        keys = [key for key, whose in loaded.elsewhere.items() if whose == tenant]
        access = tenants.home(tenant)
        async with control.within(access) as there:
            made = await store.call("bound_ids", {**asdict(there.scope), "kind": AGENT_KIND, "keys": keys})
        found.append(_Home(tenant, access, made, [one for one in loaded.others if one.key in keys]))
    return found


def _staying(plan: Plan, keys: Collection[str], bindings: Bindings, told: Collection[Change] = ()) -> Plan:
    """The plan without the end of what is of these keys, but for what is `told`: it has the others as orphans."""
    is_theirs = belonging(keys, bindings)
    kept = [one for one in plan.changes if one.action == "delete" and is_theirs(one.desired.ref) and one not in told]
    changes = tuple(one for one in plan.changes if one not in kept)
    return replace(plan, changes=changes, orphans=(*plan.orphans, *(one.desired.ref for one in kept)))


def _barred(plan: Plan, why: Mapping[str, str], bindings: Bindings) -> Plan:
    """The plan with the end of these agents, by id, left undone, and without that of what belongs to them: what is
    barred holds nothing by itself.
    """
    told = {id(one): replace(one, barred=why[_id(one)]) for one in ending(plan) if _id(one) in why}
    changes = tuple(told.get(id(one), one) for one in plan.changes)
    keys = {one.desired.key for one in told.values()}
    return _staying(replace(plan, changes=changes), keys, bindings, [*told.values()])


def _id(change: Change) -> str:
    return change.observed.remote_id if change.observed else ""


def _unanswered(assistant: Assistant, number: str) -> str:
    return (
        f"{number} rings at it, which {assistant.key} of tenant {assistant.tenant} declares and does not have in its "
        "workspace: nobody would answer; bring it there first: "
        f"agentctl import-number --tenant {assistant.tenant} {number} --assistant {assistant.key}"
    )
