"""Look at agents that no file declares, and put together the files that would declare them. Writes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from agentctl.errors import Problem
from agentctl.resources import agent, knowledge, rag_index
from agentctl.resources.answer import having, listing
from agentctl.resources.assistant import E164, Assistant
from agentctl.resources.criteria import by_id
from agentctl.resources.defaults import beyond_defaults, inline_tools, without_secrets
from agentctl.resources.endpoints import AGENT, KNOWLEDGE
from agentctl.resources.mark import marked
from agentctl.resources.post_call import WEBHOOK
from agentctl.resources.prompt_text import as_in_file
from agentctl.secrecy.secret import withheld
from agentctl.sources.counterpart import room
from agentctl.sources.loaded import Loaded
from agentctl.sources.project import FILENAME
from agentctl.sources.pulled import PROMPT
from agentctl.sources.reading import aside
from agentctl.sources.written import Sheet
from agentctl.sync.bindings import Bindings
from agentctl.sync.diff import Edit, diff
from agentctl.sync.kind import Kind, Ref
from agentctl.sync.plan import resolve
from agentctl.verbs.pulling.candidates import Candidate, Candidates, called
from agentctl.verbs.pulling.library import Shelf, shelves
from agentctl.verbs.pulling.taking import at, is_only_space, named, without_null
from agentctl.verbs.sync import load
from agentctl.wiring import Control

_ROUNDS = 12
_KNOWLEDGE = ("conversation_config", "agent", "prompt", "knowledge_base")


@dataclass(frozen=True)
class Adoption:
    """One agent that is to become an assistant: its files, and the ids that its parts are bound to.

    `renames`: documents whose names are to carry our mark. `marks`: whether the agent itself is to get one.
    `trims`: whether there is space around its prompt, which no file keeps. `indexes`: how many of its documents are
    indexed for retrieval, or will be. `assistant`: what its files read as.
    """

    key: str
    agent_id: str
    name: str
    sheet: Sheet = field(repr=False)
    documents: Mapping[str, str] = field(repr=False)
    renames: tuple[str, ...] = ()
    marks: bool = True
    trims: bool = False
    indexes: int = 0
    assistant: Assistant = field(kw_only=True, repr=False)

    @property
    def writes(self) -> int:
        """How many objects at the platform get our mark."""
        return len(self.renames) + (self.marks or self.trims)


@dataclass(frozen=True)
class Adopting:
    """What would be adopted. `left`: what cannot be, with the reason; `notes`: what a person should know."""

    adoptions: tuple[Adoption, ...] = ()
    left: tuple[Problem, ...] = ()
    notes: tuple[Problem, ...] = ()


async def look(control: Control, wanted: Candidates) -> Adopting:
    """Put together the files of the agents that are wanted, as `candidates` found them."""
    loaded = await load(control)
    bindings = await control.bindings()
    answers = await asyncio.gather(*(control.api.get(AGENT, agent_id=one.agent_id) for one in wanted.found))
    bodies = [as_in_file(answer) for answer in answers]
    locators = {one.key: at(body, _KNOWLEDGE) for one, body in zip(wanted.found, bodies, strict=True)}
    asked = f"GET {AGENT}"
    lists = {key: [having(asked, one, "id") for one in listing(asked, there or [])] for key, there in locators.items()}
    shelf = await shelves(control, loaded, bindings, lists)
    names = {one["id"]: one async for one in _listed(control)} if any(lists.values()) else {}
    kinds = {kind.name: kind for kind in await control.kinds(bindings)}
    composer = _Composer(loaded, bindings, kinds, names)
    adoptions = []
    for one, body in zip(wanted.found, bodies, strict=True):
        adoption = await aside(partial(composer.compose, one, body, shelf[one.key]))
        adoptions += [adoption] if adoption else []
    told = partial(_told, control.veil)
    named_so = tuple(replace(one, name=control.veil(one.name)) for one in adoptions)
    return Adopting(named_so, told((*wanted.left, *composer.left)), told((*wanted.notes, *composer.notes)))


def _told(veil: Callable[[str], str], problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """The problems, in which others' names may stand, without a secret in them."""
    return tuple(Problem(veil(one.where), veil(one.what)) for one in problems)


async def _listed(control: Control) -> AsyncIterator[Mapping[str, Any]]:
    async for entry in control.api.pages(KNOWLEDGE, items="documents", params={"page_size": 100}):
        yield having(f"GET {KNOWLEDGE}", entry, "id")


class _Composer:
    """Makes one adoption after another; what is to be said of them grows."""

    def __init__(
        self,
        loaded: Loaded,
        bindings: Bindings,
        kinds: Mapping[str, Kind[Assistant]],
        documents: Mapping[str, Mapping[str, Any]],
    ) -> None:
        self._loaded = loaded
        self._layers = loaded.layers
        self._kinds = kinds
        self._documents = documents
        declared = {assistant.key for assistant in loaded.assistants}
        self._agents = {i: key for key, i in bindings.of(agent.KIND).items() if key in declared}
        kinds_bound = (knowledge.KIND, agent.KIND, WEBHOOK.kind)
        self._ids = {Ref(kind, key): i for kind in kinds_bound for key, i in bindings.of(kind).items()}
        self._numbers = {number: one.key for one in loaded.assistants for number in one.phone.numbers}
        self.left: list[Problem] = []
        self.notes: list[Problem] = []

    def compose(self, one: Candidate, body: Mapping[str, Any], shelf: Shelf) -> Adoption | None:
        """The adoption, or None where its files would not be valid: that is among what is left."""
        where = f"agent {called(one.name)} ({one.agent_id})"
        prompt = at(body, PROMPT.split("."))
        if not isinstance(prompt, str) or not prompt.strip():
            self.left.append(Problem(where, "has no prompt, and an assistant needs one; write it there, or leave it"))
            return None
        settings, hidden = without_secrets(beyond_defaults(body))
        _drop(settings, PROMPT.split("."))
        if not shelf.raw:
            _drop(settings, _KNOWLEDGE)
        self._say(where, shelf, hidden, inline_tools(body))
        sheet = Sheet(
            self._loaded.project.root,
            one.key,
            str(body.get("name")),
            prompt,
            documents=() if shelf.raw else shelf.documents,
            all_shared=shelf.all_shared,
            numbers=tuple(self._numbers_of(where, body)),
            environment=self._layers.name if self._layers else None,
        )
        documents = {document.key(one.key): i for document, i in zip(shelf.documents, shelf.ids, strict=True)}
        body = by_id(body)
        assistant = self._settle(where, sheet, named(by_id(settings), self._agents), body, documents)
        if assistant is None:
            return None
        if WEBHOOK in self._ids and assistant.webhooks.post_call_webhook_id is not None:
            what = "delivers its calls elsewhere, which its file keeps; to have them here, take [webhooks] out of it"
            self.notes.append(Problem(where, what))
        renames = tuple(self._renames(where, one.agent_id, assistant, documents))
        edits = [edit.path for edit in self._edits(assistant, body, documents)]
        name, marks, trims = str(body.get("name")), "tags" in edits, PROMPT in edits
        indexes = len(list(self._kinds[rag_index.KIND].desired(assistant)))
        return Adoption(
            one.key, one.agent_id, name, sheet, documents, renames, marks, trims, indexes, assistant=assistant
        )

    def _settle(
        self,
        where: str,
        sheet: Sheet,
        settings: Mapping[str, Any],
        body: Mapping[str, Any],
        documents: Mapping[str, str],
    ) -> Assistant | None:
        """Correct the sheet until it says what is there, and return what it then reads as."""
        missing: tuple[Edit, ...] = ()
        edits: list[Edit] = []
        for _ in range(_ROUNDS):
            loaded = sheet.tried()
            if loaded.problems:
                if sheet.table.demote(loaded.problems):
                    continue
                self.left += [Problem(where, f"cannot be a file: {problem}") for problem in loaded.problems]
                return None
            (assistant,) = loaded.assistants
            missing = diff(resolve(settings, self._ids), resolve(self._desired(assistant), self._ids), {})
            edits = [
                edit for edit in self._edits(assistant, body, documents) if not is_ours(edit, self._kinds[agent.KIND])
            ]
            if not missing and not edits:
                return assistant
            if decided := self._decided(sheet.key, assistant, (*missing, *edits)):
                self.left += [Problem(where, f"{path} is another one in {FILENAME}; {why}") for path, why in decided]
                return None
            if not missing and (hiding := [one.path for one in edits if any(withheld(_theirs(one, body), one.keys))]):
                what = "holds what looks like a secret, which no file may have; take it out there, or leave the agent"
                self.left += [Problem(where, f"{path} {what}") for path in hiding]
                return None
            sheet.table.lay((edit.keys for edit in missing), settings, assistant)
            for edit in () if missing else edits:  # what is declared besides may go with what was laid
                sheet.table.correct(edit.keys, named(_theirs(edit, body), self._agents), assistant)
        self.left += [Problem(where, f"{edit.path} would not read the same from a file") for edit in (*missing, *edits)]
        return None

    def _decided(self, key: str, assistant: Assistant, edits: Iterable[Edit]) -> list[tuple[str, str]]:
        """The fields of which a file has no say, since the environment lays its own value over it."""
        if self._layers is None:
            return []
        what = f"environments.{self._layers.name} decides it; change it there, or pull without --env"
        homes = {edit.path: room(edit.keys, assistant) for edit in edits}
        return [(path, what) for path, home in homes.items() if home and self._layers.decides(key, home)]

    def _desired(self, assistant: Assistant) -> Mapping[str, Any]:
        (desired,) = self._kinds[agent.KIND].desired(assistant)
        return desired.body

    def _edits(self, assistant: Assistant, body: Mapping[str, Any], documents: Mapping[str, str]) -> tuple[Edit, ...]:
        """What a plan would write at the agent."""
        ids = {**self._ids, **{Ref(knowledge.KIND, key): i for key, i in documents.items()}}
        return diff(resolve(self._desired(assistant), ids), body, self._kinds[agent.KIND].lists)

    def _numbers_of(self, where: str, body: Mapping[str, Any]) -> Iterator[str]:
        for entry in body.get("phone_numbers") or ():
            number = str(entry.get("phone_number"))
            if not E164.fullmatch(number):
                self.notes.append(Problem(where, f"{number} rings here and is no number that a file can declare"))
            elif number in self._numbers:
                self.left.append(Problem(where, f"{number} rings here, but {self._numbers[number]} declares it"))
            else:
                yield number

    def _renames(
        self, where: str, agent_id: str, assistant: Assistant, documents: Mapping[str, str]
    ) -> Iterator[str]:  # fmt: skip
        for desired in self._kinds[knowledge.KIND].desired(assistant):
            entry = self._documents.get(documents.get(desired.key, ""))
            name = marked(desired.body)
            if entry is None or entry.get("name") == name:
                continue
            yield desired.key
            others = [one for one in entry.get("dependent_agents") or () if one.get("id") != agent_id]
            if others:
                who = ", ".join(called(one.get("name", one.get("id", "unknown"))) for one in others)
                self.notes.append(
                    Problem(where, f"{called(entry.get('name'))} is used by {who} too, and is only renamed")
                )

    def _say(self, where: str, shelf: Shelf, hidden: Sequence[tuple[str, ...]], tools: Sequence[str]) -> None:
        if shelf.raw:
            self.notes.append(Problem(where, f"its knowledge stays at the platform, named by id: {shelf.raw}"))
        if tools:
            shown = ", ".join(map(called, tools))
            what = "stand in the agent itself and stay at the platform alone; a file can name tools of the workspace"
            self.notes.append(Problem(where, f"its tools {shown} {what}, by id (tool_ids under [elevenlabs])"))
        for path in hidden:
            what = "looks like a secret and stays at the platform alone; better make it one of ElevenLabs' secrets"
            self.notes.append(Problem(where, f"{'.'.join(path)} {what}"))


def is_ours(edit: Edit, kind: Kind[Any]) -> bool:
    """Whether adopting an agent may write this there: our mark, and space around a prompt, which no file keeps."""
    return edit.path in kind.traits.marks or is_only_space(edit)


def _theirs(edit: Edit, body: Mapping[str, Any]) -> Any:
    there = at(body, edit.keys)
    return [without_null(entry) for entry in there] if isinstance(there, list) else there


def _drop(settings: dict[str, Any], path: Sequence[str]) -> None:
    if len(path) == 1:
        settings.pop(path[0], None)
    elif path[0] in settings:
        _drop(settings[path[0]], path[1:])
