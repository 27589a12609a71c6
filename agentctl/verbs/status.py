"""How each assistant stands: one word for it, made from the plan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from agentctl.resources.agent import KIND as AGENT_KIND
from agentctl.resources.assistant import Assistant
from agentctl.resources.phone_number import KIND as NUMBER_KIND
from agentctl.sync.kind import Kind
from agentctl.sync.plan import Change, Failure, Plan
from agentctl.verbs import sync, trusted
from agentctl.verbs.revisions.history import resources
from agentctl.verbs.revisions.hold import Hold
from agentctl.verbs.unattended.report import ORIGINS, whence
from agentctl.wiring import Control

State = Literal["in sync", "changed here", "drifted", "conflict", "missing", "held", "error"]
"""`missing`: its agent is not there, never made or deleted there. A part that was deleted there is `drifted`, one that
is still to be made, or waits for a person, `changed here`."""
_WORST: tuple[State, ...] = ("error", "missing", "conflict", "drifted", "changed here", "in sync")


@dataclass(frozen=True)
class Standing:
    """One assistant. `what`: the resources and fields that make it so, in a few words each."""

    assistant: str
    state: State
    what: tuple[str, ...] = ()


async def status(
    control: Control,
    only: Sequence[str] = (),
    *,
    trust_store: bool = False,
) -> tuple[Standing, ...]:
    """How each assistant stands. Writes nothing. Raises as `plan` does."""
    plan = await trusted.plan(control, only, trust=trust_store)
    assistants = sync.select(control.loaded.assistants, only)
    held = {hold.key: hold for hold in plan.holds}
    kinds = await control.kinds(await control.bindings())
    sources = {one.key: one for one in (*assistants, *plan.assistants)}  # a held one as it is held
    found = [_with(held.get(one.key), standing(sources[one.key], plan, kinds)) for one in assistants]
    parts = {ref for one in sources.values() for ref in resources(kinds, one)}
    strays = [one for one in plan.failures if one.ref.kind == NUMBER_KIND and one.ref not in parts]
    return tuple(_with_strays(found, strays))


def _with_strays(found: Sequence[Standing], strays: Sequence[Failure]) -> Iterator[Standing]:
    """Each with what is wrong with numbers that no file declares; those whose files are not here follow."""
    known = {one.assistant: one for one in found}
    for key in dict.fromkeys([*known, *(one.where for one in strays)]):
        what = tuple(_told(one) for one in strays if one.where == key)
        before = known.get(key, Standing(key, "error"))
        yield Standing(key, "error", (*what, *before.what)) if what else before


def _with(hold: Hold | None, found: Standing) -> Standing:
    if hold is None:
        return found
    return Standing(found.assistant, "held" if found.state == "in sync" else found.state, (str(hold), *found.what))


def standing(assistant: Assistant, plan: Plan, kinds: Iterable[Kind[Assistant]]) -> Standing:
    """The worst of what the plan says of the assistant's own resources, of whatever kind."""
    mine = resources(kinds, assistant)
    found: list[tuple[State, str]] = []
    for failure in plan.failures:
        if failure.ref in mine:
            found.append(("error", _told(failure)))
    for waiting in plan.waiting:
        if waiting.ref in mine:
            found.append(("changed here", _told(waiting)))
    found += [_change(change) for change in plan.changes if change.desired.ref in mine]
    state: State = min((state for state, _ in found), key=_WORST.index, default="in sync")
    return Standing(assistant.key, state, tuple(what for _, what in found))


def _told(one: Failure) -> str:
    return ". ".join(filter(None, (one.error.message.removesuffix("."), one.error.hint)))


def _change(change: Change) -> tuple[State, str]:
    name = f"{change.desired.kind} {change.desired.key}"
    is_agent = change.desired.kind == AGENT_KIND
    if change.vanished:
        return ("missing" if is_agent else "drifted"), f"{name} was deleted there"
    if change.action == "delete":
        if change.foreign:
            return "drifted", f"{name}: a former one was edited there"
        return "changed here", f"{name}: a former one is to be deleted"
    if change.action == "create":
        doubt = f"; {change.doubt}" if is_agent and change.doubt else ""  # its parts are doubted for the same reason
        return ("missing" if is_agent else "changed here"), f"{name} is not there yet{doubt}"
    if change.unjudged and not change.edits:
        return "changed here", f"{name}: its tests have not let it through yet"
    origins = {edit.origin for edit in change.edits}
    # Where all was changed on one side, the word for the assistant says so already.
    mixed = len(origins) > 1 or any(whence(change, edit) != ORIGINS[edit.origin] for edit in change.edits)
    told = [f"{edit.path} ({whence(change, edit)})" if mixed else edit.path for edit in change.edits]
    paths = f"{name}: {', '.join(told)}"
    if "both" in origins or origins == {"here", "there"}:
        return ("conflict" if "both" in origins else "drifted"), paths
    return ("drifted" if "there" in origins else "changed here"), paths
