"""What no file can take of what was changed at the platform, told before anybody tries, with what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from agentctl.resources import MARKS, agent, agent_test, knowledge, knowledge_folder, post_call, rag_index
from agentctl.resources.assistant import Assistant, Document
from agentctl.secrecy.secret import masked
from agentctl.sync.departure import words
from agentctl.sync.diff import Edit
from agentctl.sync.kind import Desired, Ref
from agentctl.sync.plan import Change
from agentctl.verbs.attached import KNOWLEDGE, Attached, attached, is_list

OURS = "agentctl sync --take-ours"
_BACK = f"put ours back with: {OURS}"
_MOVED = "was moved or renamed at the platform"
_CONTENT = ("content",)
_UNSAID = {*MARKS[agent.KIND], agent_test.ATTACHED}


@dataclass(frozen=True)
class Left:
    """`why` it stays in no file; `way`: what to do, in words that follow a semicolon."""

    why: str
    way: str

    def __str__(self) -> str:
        return f"{self.why}; {self.way}"


def left_of(change: Change) -> Left | None:
    """What stays of the change when its resource is pulled; None: as far as can be told, nothing does."""
    rest = without_text(change)
    if not rest.foreign:
        return None
    if rest.desired.kind == agent.KIND:
        return _of_an_agent(rest)
    found = UNTAKABLE.get(rest.desired.kind)
    return found(rest) if found else None


def passed_over(changes: Iterable[Change]) -> set[str]:
    """The ids of documents of which no pull takes the text, since it takes that of the other one under their name.

    One file cannot take two edits. What callers hear counts: an agent that would exchange one for the other has it
    still. Where none of the changes tells, it is the one that the document is now.
    """
    found = dict[Ref, list[str]]()
    for change in (some := list(changes)):
        if change.observed and edit_of_text(change):
            found.setdefault(change.desired.ref, []).append(change.observed.remote_id)
    lists = [edit.before for change in some for edit in change.edits if edit.path == KNOWLEDGE]
    heard = set[str]().union(*map(words, lists))
    return {i for ids in found.values() for i in ids if i != next((one for one in ids if one in heard), ids[0])}


def takes(change: Change) -> bool:
    """Whether its pull would take anything of it."""
    if change.desired.kind == agent.KIND:
        said = [edit for edit in change.foreign if edit.path not in _UNSAID]
        lists = [_of_list(edit, change.desired.payload) for edit in said]
        return any(found is None or found.takes for found in lists)
    return edit_of_text(change) is not None or change.desired.kind not in UNTAKABLE


def without_text(change: Change) -> Change:
    """What is left of it once the text is in its file."""
    taken = edit_of_text(change)
    return replace(change, edits=tuple(edit for edit in change.edits if edit != taken))


def edit_of_text(change: Change) -> Edit | None:
    """The edit of a document's text that its file can take; None where there is none, or it has no such file.

    Only of what has a fingerprint it is known that it differs.
    """
    edit, seen, document = _of_content(change), change.observed, change.desired.payload
    if not isinstance(document, Document) or edit is None or edit.before is None:
        return None
    if seen is None or not seen.fingerprint or seen.body.get("type") != "text":
        return None
    return edit if document.text is not None and document.path else None


def place(change: Change) -> str:
    """Where a document is to be found in the dashboard."""
    assert change.observed is not None
    told = f"{masked(change.observed.told)}, " if change.observed.told else ""
    return f"{told}{change.observed.remote_id} in the Knowledge Base"


def _of_content(change: Change) -> Edit | None:
    return next((edit for edit in change.foreign if edit.keys == _CONTENT), None)


def _of_an_agent(change: Change) -> Left | None:
    if all(edit.path in _UNSAID for edit in change.foreign):
        return Left("has another tag of ours, or other tests, than the files say", _BACK)
    return next((left for edit in change.foreign if (left := left_of_list(edit, change.desired.payload))), None)


def left_of_list(edit: Edit, assistant: object) -> Left | None:
    """What no file of the assistant can take of its list of documents; None for whatever else was edited."""
    found = _of_list(edit, assistant)
    if found is None or (found.takes and not (found.filed or found.added or found.another)):
        return None
    if not (found.filed or found.added or found.another):
        return Left("what was changed there of its documents is nothing that a file could say", _BACK)
    return Left("other documents are attached there", f"{_by_hand(found)}, or {_BACK}")


def _of_list(edit: Edit, assistant: object) -> Attached | None:
    if not isinstance(assistant, Assistant) or not is_list(edit, assistant):
        return None
    return attached(edit, assistant.knowledge)


def _by_hand(found: Attached) -> str:
    """What a person would have to do to the files so that they say what is attached there."""
    ways = [f"delete the file of {key}, which was detached there" for key in found.filed]
    ways += [f"declare {name!r} ({i}), which was added there, in [[knowledge]]" for i, name in found.added.items()]
    ways += [
        f"copy what is to stay of the attached {name!r} ({i}) into the declared one, which it is not"
        for i, name in found.another.items()
    ]
    return " and ".join(ways)


def of_document(change: Change) -> Left:
    """What is to be done about a document that no pull takes anything of."""
    edit = _of_content(change)
    if edit is None or (edit.before is None and _is_page(change)):
        return Left(_MOVED, _BACK)
    there, here = place(change), _here(change.desired)
    then = f"then, or to put ours back: {OURS}"
    if edit.before is None:
        why = "was renamed at the platform, and whether it was edited there is not known"
        return Left(why, f"look at it there ({there}), copy what was edited into {here}; {then}")
    why = "was edited at the platform, and no pull can take that into its file"
    return Left(why, f"copy what is to stay of it ({there}) into {here} yourself; {then}")


def _is_page(change: Change) -> bool:
    return change.observed is not None and change.observed.body.get("type") == "url"


def _here(desired: Desired) -> str:
    document = desired.payload
    if not isinstance(document, Document):
        return "its file"
    return document.path or f"its entry in {desired.where}"


def _always(why: str, way: str = _BACK) -> Callable[[Change], Left]:
    return lambda change: Left(why, way)


UNTAKABLE: Mapping[str, Callable[[Change], Left]] = {
    knowledge_folder.KIND: _always(_MOVED),
    knowledge.KIND: of_document,
    rag_index.KIND: _always("is another one at the platform"),
    agent_test.KIND: _always("was changed at the platform", f"{_BACK}, or edit its file"),
    post_call.KIND: _always("was changed in the store"),
}
"""By kind: why nothing of a change is taken, or nothing more of a document once its text is."""
