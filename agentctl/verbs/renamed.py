"""Tell where a folder seems to have been renamed by hand: a sync would make a second agent then."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from agentctl.errors import Problem
from agentctl.resources import agent, knowledge
from agentctl.secrecy.secret import sealed
from agentctl.sync.bindings import Bindings
from agentctl.sync.kind import Ref
from agentctl.sync.plan import Plan, Planned

# By what one is known again, the surest first; all but a name prove nothing where one that stays has the same.
_NAME, _PROMPT, _GREETING, _DOCUMENT = "name", "prompt", "first message and voice", "knowledge document"
_TRAITS = (_NAME, _PROMPT, _GREETING, _DOCUMENT)
_Trait = tuple[str, str]


def doubted(plan: Planned, bindings: Bindings, declared: Collection[str]) -> Planned:
    """The plan with a doubt about each new assistant that resembles one that is no longer declared, and a notice.

    Its documents and tests are doubted with it, and so is the end of the other one. `declared`: every assistant's key.
    """
    new = {one.desired.key: one for one in plan.changes if one.action == "create" and one.desired.kind == agent.KIND}
    new = {key: change for key, change in new.items() if not change.bound}
    gone = ({*bindings.of(agent.KIND), *_seen(plan, agent.KIND)} - set(declared)) if new else set[str]()
    doubts: dict[str, str] = {}
    notices = []
    for key, (had, olds) in _resembling(plan, bindings, gone, new, declared).items():
        old, commands = " or ".join(olds), " or ".join(f"agentctl rename {one} {key}" for one in olds)
        what = f"is new, and {old}, which had its {had}, is no longer declared; if its folder was renamed, keep "
        notices.append(Problem(new[key].desired.where, f"{what}its agent and numbers: {commands}"))
        why = f"keep the agent and numbers of {old}, which had its {had}: {commands}; for a second agent:"
        # Narrowed, since it overwrites what was changed at the platform.
        doubts |= dict.fromkeys((*olds, key), f"{why} agentctl sync --only {key} --take-ours")
    if not doubts:
        return plan
    changes = tuple(
        replace(one, doubt=doubts.get(one.desired.key.partition("/")[0], "") if one.action != "update" else "")
        for one in plan.changes
    )
    return replace(plan, changes=changes, notices=(*plan.notices, *notices))


def _resembling(
    plan: Plan, bindings: Bindings, gone: Collection[str], new: Collection[str], declared: Collection[str]
) -> dict[str, tuple[str, list[str]]]:
    """By new assistant: by which trait it resembles others best that are gone, and which ones those are."""
    if not gone:
        return {}
    traits = _of_new(plan, new)
    holders: dict[_Trait, list[str]] = {}
    for key, trait in sorted(traits):
        holders.setdefault(trait, []).append(key)
    known = set(_remembered(plan, bindings))
    staying = {trait for key, trait in known if key in declared and trait[0] != _NAME}
    pairs: dict[str, dict[str, list[str]]] = {}
    for old in sorted(gone):
        same = [trait for key, trait in known if key == old and trait in holders and trait not in staying]
        if same:
            best = min(_TRAITS.index(what) for what, _ in same)
            for key in {one for trait in same if trait[0] == _TRAITS[best] for one in holders[trait]}:
                pairs.setdefault(key, {}).setdefault(_TRAITS[best], []).append(old)
    return {key: min(pairs[key].items(), key=lambda one: _TRAITS.index(one[0])) for key in sorted(pairs)}


def _of_new(plan: Plan, new: Collection[str]) -> set[tuple[str, _Trait]]:
    """The traits of what is to be made for each of them, secrets sealed as they are in what is remembered."""
    found = set()
    for change in plan.changes:
        key = change.desired.key.partition("/")[0]
        if change.action == "create" and key in new:
            found |= {(key, trait) for trait in _traits(change.desired.kind, [sealed(change.desired.body)])}
    return found


def _remembered(plan: Plan, bindings: Bindings) -> Iterator[tuple[str, _Trait]]:
    """The traits of all that is bound or was seen and is no longer declared: as it is there, or as last written."""
    for kind in (agent.KIND, knowledge.KIND):
        seen = _seen(plan, kind)
        for key in {*bindings.of(kind), *seen}:
            bodies = (bindings.applied(Ref(kind, key)), *seen.get(key, ()))
            yield from ((key.partition("/")[0], trait) for trait in _traits(kind, bodies))


def _seen(plan: Plan, kind: str) -> dict[str, tuple[Mapping[str, Any], ...]]:
    return {ref.key: bodies for ref, bodies in plan.departed.items() if ref.kind == kind}


def _traits(kind: str, bodies: Iterable[Mapping[str, Any]]) -> Iterator[_Trait]:
    for body in bodies:
        if kind == knowledge.KIND:
            yield from _told(_DOCUMENT, body.get("content"))
        elif kind == agent.KIND:
            settings = body.get("conversation_config")
            first, voice = _at(settings, "agent", "first_message"), _at(settings, "tts", "voice_id")
            yield from _told(_NAME, body.get("name"))
            yield from _told(_PROMPT, _at(settings, "agent", "prompt", "prompt"))
            # The platform's own voice is everybody's.
            yield from _told(_GREETING, f"{voice}: {first}" if first and voice else "")


def _told(what: str, value: object) -> Iterator[_Trait]:
    if isinstance(value, str) and value:
        yield what, value


def _at(body: Any, *path: str) -> Any:
    for name in path:
        body = body.get(name) if isinstance(body, Mapping) else None
    return body
