"""What to do about changes that were held back, by commands that do it to these and to nothing else.

A run that `--only` narrowed has named nothing of the others: what somebody did to them must not go by its advice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from agentctl.errors import Ambiguous
from agentctl.resources import knowledge, knowledge_folder, phone_number
from agentctl.resources.assistant import Assistant
from agentctl.sources.row import is_row
from agentctl.sync.applied import Applied
from agentctl.sync.diff import Edit
from agentctl.sync.kind import Desired, Ref
from agentctl.sync.plan import Change, Planned, refs
from agentctl.verbs.revisions.history import ProjectPlan
from agentctl.verbs.untakable import OURS as _OURS
from agentctl.verbs.untakable import edit_of_text, left_of, of_document, passed_over, place, takes
from agentctl.verbs.wording import sentence

_T = TypeVar("_T")
_INTO_FILES = "take theirs into the files"
_KEEP = "Declare it again to keep it"
# --prune needs the whole project, so that all of it was named.
_NARROWABLE = re.compile(r"(?<=\bagentctl sync )(--take-ours|--delete-conversations)(?! --only| --prune)")
_ANY_SYNC = re.compile(r"\bagentctl sync\b(?! --gate)")


def remedies(applied: Applied) -> list[tuple[Change, str]]:
    """Each change that was held back, with one line of what to do; empty for what only waits for another that is.

    Those that have it in common stand together, and it stands with the last of them.
    """
    if applied.parts:
        return [one for part in applied.parts for one in remedies(part)]
    held, found = applied.held, dict[str, list[Change]]()
    for text, change in zip(templates(held), held, strict=True):
        found.setdefault(_aimed(text, [change.desired], applied.plan), []).append(change)
    return [(one, way if one is some[-1] else "") for way, some in _keeping_first(found) for one in some]


def together(held: Sequence[Change], plan: Planned | None = None) -> list[str]:
    """The same, each line once for all that it is about. `plan`: that of the run, where it was one of a project."""
    found: dict[str, list[Desired]] = {}
    for text, change in zip(templates(held), held, strict=True):
        found.setdefault(text, []).append(change.desired)
    return [_aimed(text, some, plan) for text, some in _keeping_first(found) if text]


def _aimed(text: str, wanted: Iterable[Desired], plan: Planned | None) -> str:
    """The commands in `text` for what is `wanted` alone, in the workspace of their run and with its gate: what that
    keeps back must not go live by them.
    """
    if not isinstance(plan, ProjectPlan):
        return narrowed(text, owners(wanted))
    narrow = narrowed(text, owners(wanted, plan.assistants))
    return plan.whose(_ANY_SYNC.sub(r"\g<0> --gate", narrow) if plan.gated else narrow)


def _keeping_first(found: Mapping[str, list[_T]]) -> list[tuple[str, list[_T]]]:
    """What keeps theirs before what overwrites it: `--take-ours` puts all else of that assistant back, too."""
    return sorted(found.items(), key=lambda one: "agentctl pull" not in one[0])


def narrowed(text: str, keys: Sequence[str]) -> str:
    """The commands in `text` for these assistants alone; as they are where it is not known whose matter it is."""
    if not keys:
        return text
    only = "".join(f" --only {key}" for key in keys)
    return _NARROWABLE.sub(rf"\1{only}", text).replace("agentctl pull KEY", f"agentctl pull {' '.join(keys)}")


def pointed(plan: Planned, assistants: Sequence[Assistant]) -> Planned:
    """The plan with what to do where several claim to be one, for the assistants alone whose it is."""
    failures = [
        replace(one, error=Ambiguous(one.error.message, narrowed(one.error.hint, _whose(one.ref, assistants))))
        if isinstance(one.error, Ambiguous)
        else one
        for one in plan.failures
    ]
    return replace(plan, failures=tuple(failures))


def _whose(ref: Ref, assistants: Sequence[Assistant]) -> Sequence[str]:
    declaring = [one for one in assistants if ref.kind == phone_number.KIND and ref.key in one.phone.numbers]
    return owners([Desired(ref.kind, ref.key, {}, "", payload=next(iter(declaring), None))], assistants)


def owners(wanted: Iterable[Desired], assistants: Sequence[Assistant] = ()) -> list[str]:
    """The assistants whose sync writes these, as few as will do; nobody where one is none of theirs, as far as is seen.

    `assistants`: those of the run; a shared document is written with all of them that use it, a folder with any.
    """
    some = list(wanted)
    users = [list(_users(one, assistants)) for one in some]
    # Where one alone would write a document, that gets a new one, and the others keep theirs.
    all_of = [keys for one, keys in zip(some, users, strict=True) if one.kind == knowledge.KIND or len(keys) == 1]
    found = dict.fromkeys(key for keys in all_of for key in keys)
    for keys in users:
        if keys and not any(key in found for key in keys):
            found[keys[0]] = None
    return sorted(found) if all(users) else []


def _users(wanted: Desired, assistants: Sequence[Assistant]) -> Iterator[str]:
    first, document = wanted.key.partition("/")[0], wanted.key.rpartition("@")[0] or wanted.key
    if isinstance(wanted.payload, Assistant):
        yield wanted.payload.key
    elif wanted.kind == knowledge_folder.KIND:
        yield from (one.key for one in assistants if one.knowledge)
    elif first == "shared":
        yield from (one.key for one in assistants if any(use.key == document for use in one.knowledge))
    elif wanted.kind != phone_number.KIND:
        yield first


def templates(held: Sequence[Change]) -> list[str]:
    """One line for each, not yet narrowed."""
    gone = {change.desired.ref: change.bound for change in held if change.vanished}
    # A sync with --prune is never narrowed.
    besides = any(change.foreign and change.action != "delete" for change in held)
    pruning = f"{_OURS} --prune" + (", which overwrites all else that is held back, too" if besides else "")
    passed = passed_over(held)
    found: list[str] = []
    for change in held:
        by_hand = change.observed is not None and change.observed.remote_id in passed and not change.desired.pinned
        found.append(_remedy(change, gone, pruning, undeclared(change, held), by_hand=by_hand))
    return found


def undeclared(change: Change, others: Iterable[Change]) -> list[Ref]:
    """What it waits for of which no change is among the `others`: no file declares it any more."""
    declared = {one.desired.ref for one in others}
    return sorted({ref for _, ref in change.awaits} - declared, key=str)


def bereft(edit: Edit, gone: Mapping[Ref, str | None]) -> bool:
    """Whether it differs since what it refers to is `gone` (its ref, and the id that it had), and for nothing else.

    What somebody has put in the place of that is a wish, which a file can take.
    """
    elsewhere = isinstance(edit.before, str) and edit.before not in ("", *gone.values())
    return bool(refs(edit.after) & gone.keys()) and not elsewhere


def _remedy(change: Change, gone: Mapping[Ref, str | None], pruning: str, lost: Sequence[Ref], *, by_hand: bool) -> str:
    """`by_hand`: its text is that of a document that a pull passes over."""
    if why := change.withheld:
        return sentence(why)
    lines, parts = list[str](), {at for at, _ in change.awaits}
    if change.vanished:
        way = anew(change, _OURS)
        made = f"Make what was deleted there anew: {_OURS}" if way.startswith("made") else sentence(way)
        lines.append(f"{way if change.observed else made}; or {_otherwise(change.desired)}")
    elif change.action == "delete" and change.foreign and change.replaces:
        pulled = ", or have it done: agentctl pull KEY" if edit_of_text(change) and not by_hand else ""
        copied = f"Copy what was edited into its file (it is {place(change)}){pulled}"
        lines.append(f"{copied}; or delete it as it is there: {_OURS}")
    elif change.action == "delete" and change.foreign:
        lines.append(f"{_KEEP}; or delete it as it is there: {pruning}")
    elif theirs := tuple(one for one in change.foreign if not bereft(one, gone) and one.keys not in parts):
        lines.append(sentence(of_document(change).way) if by_hand else _theirs(replace(change, edits=theirs)))
    if lost:
        lines.append(letting_go(change.desired.pinned))
    if change.destroys:
        lines.append("To delete stored conversations: agentctl sync --delete-conversations")
    return "; ".join(lines)


def letting_go(pinned: str = "") -> str:
    """The two ways out where what was edited there is declared no longer."""
    keep = f"end the hold: agentctl unhold {pinned}" if pinned else "bring its file back, then: agentctl pull KEY"
    return f"Let go of it as it is there: {_OURS}; or, to keep what was edited, {keep}"


def _otherwise(wanted: Desired) -> str:
    if pinned := wanted.pinned:
        return f"end the hold: agentctl unhold {pinned}"
    return f"take it out of the {'table' if is_row(wanted.where) else 'files'}"


def _theirs(change: Change) -> str:
    """The ways out of drift. The files of what is held say something else, and would go live as a whole."""
    is_rows = is_row(change.desired.where)  # into which a pull writes nothing
    if pinned := change.desired.pinned:
        taken, says = ("write theirs into the row", "it says") if is_rows else (_INTO_FILES, "these files say")
        how = "" if is_rows else f", then agentctl pull {pinned}"
        return (
            f"Overwrite it with what {pinned} is held at: {_OURS}; or end the hold and {taken}: "
            f"agentctl unhold {pinned}{how} (the next sync applies all that {says})"
        )
    if is_rows:
        return f"Write theirs into the row, as agentctl plan shows it; or overwrite it: {_OURS}"
    left = left_of(change)
    if left is None:
        return f"{sentence(_INTO_FILES)}: agentctl pull KEY; or overwrite it: {_OURS}"
    if not takes(change):
        return sentence(left.way)
    what = "its text into its file" if edit_of_text(change) else "the rest of theirs into the files"
    return f"Take {what}: agentctl pull KEY, and then {left.way}; or overwrite it: {_OURS}"


def anew(change: Change, ours: str = "--take-ours") -> str:
    """How what was deleted at the platform comes back; `ours` is how a sync is told that ours counts."""
    holder = change.desired.payload
    if change.desired.kind == phone_number.KIND and isinstance(holder, Assistant) and change.observed is None:
        return f"brought back by agentctl import-number {change.desired.key} --assistant {holder.key}"
    done = f"the other one, {change.observed.remote_id}, takes its place" if change.observed else "made anew"
    return f"{done} only with {ours}"
