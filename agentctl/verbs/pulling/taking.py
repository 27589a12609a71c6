"""Lay one resource's drift after another into drafts of the files, and say what cannot be taken."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Any

from agentctl.errors import Problem
from agentctl.resources import agent, agent_test, knowledge, phone_number
from agentctl.resources.assistant import Assistant
from agentctl.secrecy.secret import withheld
from agentctl.sources.counterpart import place
from agentctl.sources.pulled import ABSENT, PROMPT, Draft, Untakable
from agentctl.sources.reading import aside
from agentctl.sync.bindings import Bindings
from agentctl.sync.diff import Edit, diff, identity
from agentctl.sync.kind import Keyed, Kind, Ref
from agentctl.sync.plan import Change, resolve
from agentctl.verbs.attached import KNOWLEDGE, attached, is_list
from agentctl.verbs.remedy import anew, bereft, narrowed, owners
from agentctl.verbs.untakable import OURS, UNTAKABLE, left_of_list

_ROUNDS = 5
_OURS_AGAIN = f"put ours back with: {OURS}"


@dataclass(frozen=True)
class Taken:
    """One field that the files will have as the platform has it. `path` is the resource's own."""

    assistant: str
    kind: str
    path: str
    ours: Any = field(repr=False)
    theirs: Any = field(repr=False)


class Taking:
    """One pull in the making: what was laid into drafts, and what could not be. `gone`: see `bereft`."""

    def __init__(
        self,
        drafts: Mapping[str, Draft],
        bindings: Bindings,
        kinds: Mapping[str, Kind[Any]],
        gone: Mapping[Ref, str | None] = MappingProxyType({}),
    ) -> None:
        self._drafts = drafts
        self._bindings = bindings
        self._kinds = kinds
        self._gone = gone
        self.taken: list[Taken] = []
        self.left: list[Problem] = []

    async def change(self, change: Change) -> None:
        """Take one resource's drift."""
        known = len(self.left)
        await self._change(change)
        keys = owners([change.desired], [draft.assistant for draft in self._drafts.values()])
        self.left[known:] = [Problem(one.where, narrowed(one.what, keys)) for one in self.left[known:]]

    async def _change(self, change: Change) -> None:
        if why := change.withheld:
            self._leave(change, why)
        elif change.vanished:
            self._leave(change, f"was deleted at the platform; {anew(change, OURS)}, or delete its source")
        elif change.desired.kind == agent.KIND:
            await self._agent(change)
        elif change.desired.kind == phone_number.KIND:
            self._number(change)
        else:
            self._leave(change, str(UNTAKABLE[change.desired.kind](change)))

    def _leave(self, change: Change, why: str) -> None:
        self.left.append(Problem(f"{change.desired.kind} {change.desired.key}", why))

    async def _agent(self, change: Change) -> None:
        draft = self._drafts[change.desired.key]
        start, refused = self._state(draft), dict[str, None]()
        while unlike := await self._laid(draft, change, refused):
            # What is left is left as it was: all else is taken anew, without it.
            self._back(draft, start)
            refused |= dict.fromkeys(unlike)
        for path in refused:
            what = f"{path} would not read the same from a file; {_OURS_AGAIN}"
            self.left.append(Problem(f"{agent.KIND} {change.desired.key}", what))

    async def _laid(self, draft: Draft, change: Change, refused: Collection[str]) -> list[str]:
        """Take what was changed there but for `refused`, and what follows; the paths that read otherwise then."""
        known = {edit.path for edit in change.edits} | set(refused)
        await self._together(draft, change, [edit for edit in change.foreign if edit.path not in refused])
        for _ in range(_ROUNDS):
            # A language that was pulled changes what is derived from it, which the platform then has otherwise.
            derived = [edit for edit in await self._left_over(draft, change) if edit.path not in known]
            named = [edit for edit in derived if place(edit.keys, draft.assistant)]
            if not derived:
                break
            known |= {edit.path for edit in named or derived}
            await self._together(draft, change, named or derived)
        took = {one.path for one in self.taken if one.assistant == draft.assistant.key} - {KNOWLEDGE}
        left = await self._left_over(draft, change)
        return [edit.path for edit in left if edit.path in took and not is_only_space(edit)]

    def _state(self, draft: Draft) -> tuple[Mapping[str, str], int, int]:
        return draft.snapshot(), len(self.taken), len(self.left)

    def _back(self, draft: Draft, state: tuple[Mapping[str, str], int, int]) -> None:
        draft.restore(state[0])
        del self.taken[state[1] :], self.left[state[2] :]

    async def _together(self, draft: Draft, change: Change, edits: Sequence[Edit]) -> None:
        """Take all edits at once, or one by one where the files would not be valid with all of them."""
        start = self._state(draft)
        for edit in edits:
            self._edit(draft, change, edit)
        if not (await aside(draft.tried)).problems:
            return
        self._back(draft, start)
        for edit in edits:
            before, taken = draft.snapshot(), len(self.taken)
            self._edit(draft, change, edit)
            if problems := (await aside(draft.tried)).problems:
                draft.restore(before)
                del self.taken[taken:]
                self.left += problems

    def _edit(self, draft: Draft, change: Change, edit: Edit) -> None:
        assert change.observed is not None
        if is_only_space(edit):
            what = f"{edit.path}: only space around it differs, which files do not keep; {_OURS_AGAIN}"
            self.left.append(Problem(f"{agent.KIND} {change.desired.key}", what))
            return
        try:
            if is_list(edit, draft.assistant):
                self._documents(draft, change, edit)
                return
            rule = self._kinds[agent.KIND].lists.get(edit.path)
            by = rule.by if rule else None
            theirs = _declared(edit, by) if edit.before is not None else at(change.observed.body, edit.keys)
            _must_be_open(edit, theirs)
            draft.take(edit.keys, named(theirs, self._agents()), by=by)
        except Untakable as error:
            self.left.append(Problem(f"{agent.KIND} {change.desired.key}", str(error.problem)))
        else:
            self._took(draft, change, edit)

    def _agents(self) -> dict[str, str]:
        return {remote_id: key for key, remote_id in self._bindings.of(agent.KIND).items()}

    def _took(self, draft: Draft, change: Change, edit: Edit) -> None:
        kind = change.desired.kind
        self.taken.append(Taken(draft.assistant.key, kind, edit.path, ours=edit.after, theirs=edit.before))

    def _documents(self, draft: Draft, change: Change, edit: Edit) -> None:
        """The list of knowledge: another usage, and entries that are gone. What was added there is left."""
        where, snapshot = f"{agent.KIND} {change.desired.key}: knowledge", draft.snapshot()
        found = attached(edit, draft.assistant.knowledge)
        steps = [partial(draft.drop, key) for key in (*found.dropped, *found.filed)]
        steps += [partial(draft.use, key, usage) for key, usage in found.usages.items()]
        for step in steps:
            try:
                step()
            except Untakable as error:
                self.left.append(error.problem)
        for remote_id, name in found.added.items():
            what = f"{name!r} ({remote_id}) was added there; declare it in [[knowledge]]"
            self.left.append(Problem(where, f"{what}, or {_OURS_AGAIN}"))
        for remote_id, name in found.another.items():
            what = f"{name!r} ({remote_id}) was added there and is not the declared one of that name; copy what is to "
            self.left.append(Problem(where, f"{what}stay of it, and then {_OURS_AGAIN}"))
        if not (steps or found.added or found.another) and (left := left_of_list(edit, draft.assistant)):
            self.left.append(Problem(where, str(left)))
        if draft.snapshot() != snapshot:
            self._took(draft, change, edit)

    async def _left_over(self, draft: Draft, change: Change) -> tuple[Edit, ...]:
        """What would still differ with the draft's files."""
        assert change.observed is not None
        loaded = await aside(draft.tried)
        (assistant,) = loaded.assistants
        kind = self._kinds[agent.KIND]
        (desired,) = kind.desired(assistant)
        ids = {Ref(kind_, key): i for kind_ in _REFERRED for key, i in self._bindings.of(kind_).items()}
        return diff(resolve(desired.body, ids), change.observed.body, kind.lists)

    def _number(self, change: Change) -> None:
        """A number that rings elsewhere now: no longer declared here, but there, if there is one of ours."""
        number, holder = change.desired.key, change.desired.payload
        assert isinstance(holder, Assistant)
        for edit in change.foreign:
            if edit.path != "agent_id":
                self.left.append(Problem(f"phone_number {number}", f"{edit.path} differs; {_OURS_AGAIN}"))
                continue
            if bereft(edit, self._gone):
                what = f"rings nowhere since its agent was deleted at the platform; {_OURS_AGAIN}"
                self.left.append(Problem(f"phone_number {number}", what))
                continue
            there = self._agents().get(str(edit.before))
            before = self._drafts[holder.key].snapshot()
            try:
                self._drafts[holder.key].number(number, rings_here=False)
                if there in self._drafts:
                    self._drafts[str(there)].number(number, rings_here=True)
            except Untakable as error:
                self._drafts[holder.key].restore(before)
                self.left.append(error.problem)
            else:
                self._took(self._drafts[holder.key], change, edit)


_REFERRED = (knowledge.KIND, agent_test.KIND, agent.KIND, "webhook")


def named(theirs: Any, agents: Mapping[str, str]) -> Any:
    """Theirs with a Ref for the id of each agent of this project (id -> key), so that files can name its assistant."""
    if isinstance(theirs, list):
        return [named(one, agents) for one in theirs]
    if not isinstance(theirs, Mapping):
        return theirs
    return {
        name: Ref(agent.KIND, agents[value]) if name == "agent_id" and value in agents else named(value, agents)
        for name, value in theirs.items()
    }


def at(body: Mapping[str, Any], keys: Sequence[str]) -> Any:
    """What is at `keys`, ABSENT where nothing is."""
    place: Any = body
    for key in keys:
        if not isinstance(place, Mapping) or key not in place:
            return ABSENT
        place = place[key]
    return place


def _must_be_open(edit: Edit, theirs: Any) -> None:
    """Raises Untakable for a secret that the files do not have: as for an agent that is adopted, no file gets one."""
    if {*withheld(theirs, edit.keys)} - {*withheld(edit.after, edit.keys)}:
        what = "looks like a secret and stays at the platform alone; better make it one of ElevenLabs' secrets there"
        raise Untakable(edit.path, f"{what}, write it into the file yourself, or {_OURS_AGAIN}")


def _declared(edit: Edit, by: str | None) -> Any:
    """Theirs; of an entry that is declared here too, only the fields that are."""
    if by is None or not isinstance(edit.before, list) or not isinstance(edit.after, list):
        return edit.before
    rule = Keyed(by)
    ours = {identity(entry, rule): entry for entry in edit.after if isinstance(entry, Mapping)}
    return [
        {key: value for key, value in entry.items() if key in ours[identity(entry, rule)]}
        if isinstance(entry, Mapping) and identity(entry, rule) in ours
        else without_null(entry)
        for entry in edit.before
    ]


def without_null(entry: Any) -> Any:
    """An entry of a list without what it does not have."""
    if not isinstance(entry, Mapping):
        return entry
    return {key: value for key, value in entry.items() if value is not None}


def is_only_space(edit: Edit) -> bool:
    """Whether it is a prompt that differs in the space around it alone."""
    texts = (edit.before, edit.after)
    return edit.path == PROMPT and all(isinstance(text, str) for text in texts) and _plain(texts[0]) == _plain(texts[1])


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()
