"""How each assistant stands: one word for it, made from the plan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from agentctl.resources.agent import KIND as AGENT_KIND
from agentctl.resources.assistant import Assistant
from agentctl.resources.phone_number import KIND as NUMBER_KIND
from agentctl.sync.diff import Origin
from agentctl.sync.kind import Kind, Ref
from agentctl.sync.plan import Change, Failure, Plan
from agentctl.verbs import sync, trusted, workspaces
from agentctl.verbs.places import Everywhere
from agentctl.verbs.revisions.history import resources
from agentctl.verbs.revisions.hold import Hold
from agentctl.verbs.rows import wrong
from agentctl.verbs.wording import ORIGINS, whence
from agentctl.wiring import Control

State = Literal["in sync", "changed here", "drifted", "conflict", "missing", "needs its number", "held", "error"]
"""`missing`: its agent is not there, never made or deleted there. A part that was deleted there is `drifted`, one that
is still to be made `changed here`. `needs its number`: a sync has done what it can, and a person imports it."""
_WORST: tuple[State, ...] = ("error", "missing", "conflict", "drifted", "changed here", "needs its number", "in sync")
_STATES: Mapping[Origin, State] = {"here": "changed here", "there": "drifted", "both": "conflict"}


@dataclass(frozen=True)
class Part:
    """A resource that makes it so. `how`: what is with it; `fields`: those that differ, and where each was changed."""

    ref: Ref
    how: Literal["changed", "absent", "deleted", "former", "untested"]
    fields: tuple[tuple[str, Origin], ...] = ()


@dataclass(frozen=True)
class Standing:
    """One assistant. `what`: the resources and fields that make it so, in a few words each; `parts`: the same for who
    has words of their own, without what failed.
    """

    assistant: str
    state: State
    what: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()

    @property
    def differences(self) -> int:
        """How many fields and resources differ."""
        return sum(len(one.fields) or 1 for one in self.parts)


async def status(
    control: Control,
    only: Sequence[str] = (),
    *,
    trust_store: bool = False,
) -> tuple[Standing, ...]:
    """How each assistant stands. Writes nothing. Raises as `plan` does."""
    plan = await trusted.plan(control, only, trust=trust_store)
    assistants = sync.select(control.loaded.assistants, only, control.loaded.keys, control.loaded.elsewhere)
    held = {hold.key: hold for hold in plan.holds}
    kinds = await control.kinds(await control.bindings())
    sources = {one.key: one for one in (*assistants, *plan.assistants)}  # a held one as it is held
    found = [_with(held.get(one.key), standing(sources[one.key], plan, kinds)) for one in assistants]
    parts = {ref for one in sources.values() for ref in resources(kinds, one)}
    strays = [one for one in plan.failures if one.ref.kind == NUMBER_KIND and one.ref not in parts]
    found += [Standing(one.ref.key, "error", (_told(one),)) for one in wrong.failures(control.loaded, only)]
    told = (replace(one, what=tuple(map(plan.whose, one.what))) for one in _with_strays(found, strays))
    return tuple(told)


async def everywhere(control: Control, only: Sequence[str] = (), *, trust_store: bool = False) -> Everywhere[Standing]:
    """As `status`, of every workspace of the project; whoever lives in one that does not open is told why."""

    async def here(there: Control, mine: Sequence[str]) -> tuple[Standing, ...]:
        return await status(there, mine, trust_store=trust_store)

    async def failed(there: Control, plan: Plan) -> tuple[Standing, ...]:
        return tuple(Standing(one.ref.key, "error", (_told(one),)) for one in plan.failures)

    every = await workspaces.everywhere(control, only, here, failed, told=True)
    return Everywhere(tuple(standing for one in every.results for standing in one.result), every.errors)


def _with_strays(found: Sequence[Standing], strays: Sequence[Failure]) -> Iterator[Standing]:
    """Each with what is wrong with numbers that no file declares; those whose files are not here follow."""
    known = {one.assistant: one for one in found}
    for key in dict.fromkeys([*known, *(one.where for one in strays)]):
        what = tuple(_told(one) for one in strays if one.where == key)
        before = known.get(key, Standing(key, "error"))
        yield replace(before, state="error", what=(*what, *before.what)) if what else before


def _with(hold: Hold | None, found: Standing) -> Standing:
    if hold is None:
        return found
    state: State = "held" if found.state == "in sync" else found.state
    return replace(found, state=state, what=(str(hold), *found.what))


def standing(assistant: Assistant, plan: Plan, kinds: Iterable[Kind[Assistant]]) -> Standing:
    """The worst of what the plan says of the assistant's own resources, of whatever kind."""
    mine = resources(kinds, assistant)
    changes = [change for change in plan.changes if change.desired.ref in mine]
    found: list[tuple[State, str]] = [("error", _told(one)) for one in plan.failures if one.ref in mine]
    found += [("needs its number", _told(one)) for one in plan.waiting if one.ref in mine]
    states = [state for state, _ in found] + [_state(change) for change in changes]
    state: State = min(states, key=_WORST.index, default="in sync")
    what = [*(what for _, what in found), *(_what(change, state) for change in changes)]
    return Standing(assistant.key, state, tuple(what), tuple(map(part, changes)))


def _told(one: Failure) -> str:
    return ". ".join(filter(None, (one.error.message.removesuffix("."), one.error.hint)))


def _state(change: Change) -> State:
    is_agent = change.desired.kind == AGENT_KIND
    if change.vanished:
        return "missing" if is_agent else "drifted"
    if change.action == "create":
        return "missing" if is_agent else "changed here"
    return min((_STATES[edit.origin] for edit in change.edits), key=_WORST.index, default="changed here")


def part(change: Change) -> Part:
    """What there is to do, for who has words of their own."""
    if change.vanished:
        return Part(change.desired.ref, "deleted")
    if change.action == "delete":
        return Part(change.desired.ref, "former")
    if change.action == "create":
        return Part(change.desired.ref, "absent")
    if not change.edits:
        return Part(change.desired.ref, "untested")
    return Part(change.desired.ref, "changed", tuple((edit.path, edit.origin) for edit in change.edits))


def _what(change: Change, state: State) -> str:
    """What there is to do, in words. `state`: of the assistant, which tells where each field was changed, if one does.

    Where it was changed elsewhere than that word says, the field says so itself.
    """
    name = f"{change.desired.kind} {change.desired.key}"
    if change.vanished:
        return f"{name} was deleted there"
    if change.action == "delete":
        return f"{name}: a former one {'was edited there' if change.foreign else 'is to be deleted'}"
    # Its parts are held back for the same reason.
    why = change.withheld if change.desired.kind == AGENT_KIND else ""
    if change.action == "create":
        return "; ".join(filter(None, (f"{name} is not there yet", why)))
    if change.unjudged and not change.edits:
        return f"{name}: its tests have not let it through yet"
    told = any(_STATES[edit.origin] != state or whence(change, edit) != ORIGINS[edit.origin] for edit in change.edits)
    fields = [f"{edit.path} ({whence(change, edit)})" if told else edit.path for edit in change.edits]
    return "; ".join(filter(None, (f"{name}: {', '.join(fields)}", why)))
