"""By what an assistant is known again under another key: its numbers, name, prompt, greeting, its own documents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from agentctl.resources import agent, knowledge, phone_number
from agentctl.resources.assistant import Assistant
from agentctl.secrecy.secret import sealed
from agentctl.sync.bindings import Bindings
from agentctl.sync.kind import Kind, Ref

NAME, PROMPT, GREETING, DOCUMENT = "name", "prompt", "first message", "knowledge document"
NUMBER, LINES = "phone number", "prompt in most of its lines"
# How much each tells, the surest first: what nobody else can have, then what was written for it, before a mere name.
WEIGHTS = {NUMBER: 8, PROMPT: 6, DOCUMENT: 5, LINES: 5, NAME: 4, GREETING: 3}
_HANDFUL = 5  # words: as many as a line has that is nobody else's by chance

Trait = tuple[str, str]
Traits = dict[str, set[Trait]]
Seen = Mapping[Ref, Sequence[Mapping[str, Any]]]


def declared(kinds: Iterable[Kind[Assistant]], assistants: Iterable[Assistant]) -> Traits:
    """The traits of each assistant as its files have it, secrets sealed as they are in what is remembered."""
    found: Traits = {one.key: set() for one in assistants}
    telling = [kind for kind in kinds if kind.name in (agent.KIND, knowledge.KIND)]
    for one in assistants:
        for kind in telling:
            for desired in kind.desired(one):
                _add(found, desired.ref, [sealed(desired.body)])
    return found


def remembered(bindings: Bindings, seen: Seen) -> Traits:
    """The traits of all that is bound or was seen: as last applied, and as it is there."""
    found: Traits = {}
    for kind in (agent.KIND, knowledge.KIND):
        for ref in {*(Ref(kind, key) for key in bindings.of(kind)), *(one for one in seen if one.kind == kind)}:
            _add(found, ref, (bindings.applied(ref), *seen.get(ref, ())))
    return found


def numbered(had: Traits, wanted: Traits, bindings: Bindings, assistants: Iterable[Assistant]) -> None:
    """Add the numbers of each that is no longer declared, and who declares them now.

    One that stays may take over the number of one that goes, unless nothing else of it is what it was.
    """
    gone = {agent_id: key for key, agent_id in bindings.of(agent.KIND).items() if key in had.keys() - wanted.keys()}
    for number in bindings.of(phone_number.KIND):
        agent_id = bindings.applied(Ref(phone_number.KIND, number)).get("agent_id")
        if agent_id in gone:
            had[gone[agent_id]].add((NUMBER, number))
    for one in assistants:
        if one.key in wanted and not had.get(one.key, set()) & wanted[one.key]:
            wanted[one.key].update((NUMBER, number) for number in one.phone.numbers)


def resembling(had: Traits, wanted: Traits) -> None:
    """Add that most of a prompt is the same to each that is no longer declared and each new one of which that is true.

    What prompts that stay have in them too tells nobody from another.
    """
    gone, new = had.keys() - wanted.keys(), wanted.keys() - had.keys()
    if not gone or not new:
        return
    common = {line for key in wanted.keys() & had.keys() for prompt in _prompts(wanted[key]) for line in prompt}
    before = [(key, prompt - common) for key in sorted(gone) for prompt in _prompts(had[key])]
    after = [(key, prompt) for key in sorted(new) for prompt in _prompts(wanted[key])]
    for old, lines in before:
        for key, prompt in after:
            kept = lines & prompt
            words = sum(len(line.split()) for line in kept)
            is_same = any(what == PROMPT for what, _ in had[old] & wanted[key])
            if not is_same and 2 * len(kept) >= len(lines) and words >= _HANDFUL:
                had[old].add((LINES, old))
                wanted[key].add((LINES, old))


def told(traits: Iterable[Trait]) -> str:
    """What they are, in words, the surest first."""
    present = {what for what, _ in traits}
    return " and ".join(what for what in WEIGHTS if what in present)


def _add(found: Traits, ref: Ref, bodies: Iterable[Mapping[str, Any]]) -> None:
    found.setdefault(ref.key.partition("/")[0], set()).update(_traits(ref.kind, bodies))


def _traits(kind: str, bodies: Iterable[Mapping[str, Any]]) -> Iterator[Trait]:
    for body in bodies:
        if kind == knowledge.KIND:
            yield from _told(DOCUMENT, body.get("content"))
        elif kind == agent.KIND:
            settings = body.get("conversation_config")
            yield from _told(NAME, body.get("name"))
            yield from _told(PROMPT, _at(settings, "agent", "prompt", "prompt"))
            yield from _told(GREETING, _at(settings, "agent", "first_message"))


def _prompts(traits: Iterable[Trait]) -> Iterator[frozenset[str]]:
    """The lines of each prompt that say something."""
    for what, text in traits:
        if what == PROMPT:
            yield frozenset(line for line in map(str.strip, text.splitlines()) if line)


def _told(what: str, value: object) -> Iterator[Trait]:
    if isinstance(value, str) and value:
        yield what, value


def _at(body: Any, *path: str) -> Any:
    for name in path:
        body = body.get(name) if isinstance(body, Mapping) else None
    return body
