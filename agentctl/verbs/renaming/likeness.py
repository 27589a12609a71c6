"""By what an assistant is known again under another key: its name, its prompt, its greeting, its own documents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from agentctl.resources import agent, knowledge
from agentctl.resources.assistant import Assistant
from agentctl.secrecy.secret import sealed
from agentctl.sync.bindings import Bindings
from agentctl.sync.kind import Kind, Ref

NAME, PROMPT, GREETING, DOCUMENT = "name", "prompt", "first message and voice", "knowledge document"
# How much each tells, the surest first: what was written for it before a mere name.
WEIGHTS = {PROMPT: 6, DOCUMENT: 5, NAME: 4, GREETING: 3}

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
            first, voice = _at(settings, "agent", "first_message"), _at(settings, "tts", "voice_id")
            yield from _told(NAME, body.get("name"))
            yield from _told(PROMPT, _at(settings, "agent", "prompt", "prompt"))
            # The platform's own voice is everybody's.
            yield from _told(GREETING, f"{voice}: {first}" if first and voice else "")


def _told(what: str, value: object) -> Iterator[Trait]:
    if isinstance(value, str) and value:
        yield what, value


def _at(body: Any, *path: str) -> Any:
    for name in path:
        body = body.get(name) if isinstance(body, Mapping) else None
    return body
