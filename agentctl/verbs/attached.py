"""The list of an agent's documents as somebody has changed it at the platform: what files can take of it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentctl.resources.assistant import Assistant, Document
from agentctl.secrecy.secret import masked
from agentctl.sync.diff import Edit
from agentctl.sync.entries import at

KNOWLEDGE = "conversation_config.agent.prompt.knowledge_base"


@dataclass(frozen=True)
class Attached:
    """What was done to it there since it was last applied, so far as it is about what is declared, or about others'.

    `usages`: by key, another usage. `dropped`: the keys of what was taken from the agent and is an entry alone, which
    can go; `filed`: those of what is a file, which no pull deletes. `added`: by id, the names of what nobody declares;
    `another`: of what has the name of a declared one, and is another one.
    """

    usages: Mapping[str, str]
    dropped: tuple[str, ...]
    filed: tuple[str, ...]
    added: Mapping[str, str]
    another: Mapping[str, str]

    @property
    def takes(self) -> bool:
        """Whether a file can take any of it."""
        return bool(self.usages or self.dropped)


def is_list(edit: Edit, declared: Assistant) -> bool:
    """Whether it is that list, made of the declared documents; one that [elevenlabs] says is taken as it is."""
    return edit.path == KNOWLEDGE and not isinstance(at(declared.elevenlabs, edit.keys), list | tuple)


def attached(edit: Edit, documents: Sequence[Document]) -> Attached:
    """What the edit of the list, which is made of these documents, would take back.

    What was declared since is nothing that anybody there has decided on, and neither is what is declared no longer.
    """
    theirs, applied = _by_id(edit.before), _by_id(edit.applied)
    gone, usages, known = list[Document](), dict[str, str](), {*applied}
    for document, (now, was) in zip(documents, _ids(edit.after, applied), strict=True):
        there = theirs.get(now) or theirs.get(was)
        known.add(now)
        if was and there is None:
            gone.append(document)
        elif was and there and _usage(there) not in (document.usage, _usage(applied[was])):
            usages[document.key] = _usage(there)
    names = {one.name for one in documents}
    others = {i: str(one.get("name")) for i, one in theirs.items() if i not in known}
    return Attached(
        usages=usages,
        dropped=tuple(one.key for one in gone if one.path is None),
        filed=tuple(one.key for one in gone if one.path is not None),
        added={i: masked(name) for i, name in others.items() if name not in names},
        another={i: masked(name) for i, name in others.items() if name in names},
    )


def _ids(ours: Sequence[Mapping[str, Any]], applied: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """The id of each, and the one that was applied; where another takes or took its place, that which its name had."""
    known = [one["id"] if isinstance(one["id"], str) else "" for one in ours]
    former = {one.get("name"): i for i, one in applied.items() if i not in known}
    for i, one in zip(known, ours, strict=True):
        yield i, i if i in applied else former.get(one["name"], "")


def _by_id(entries: Any) -> dict[str, Mapping[str, Any]]:
    found = entries if isinstance(entries, list | tuple) else ()
    return {str(one["id"]): one for one in found if isinstance(one, Mapping) and "id" in one}


def _usage(entry: Mapping[str, Any]) -> str:
    return str(entry.get("usage_mode") or "auto")
