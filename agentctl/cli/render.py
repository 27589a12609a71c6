"""Plans as text for people and as JSON for machines. What comes from outside never carries control characters."""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from agentctl.cli.addressed import addressed
from agentctl.cli.render_edit import edit_lines, jsonable
from agentctl.cli.terminal import paint as paint
from agentctl.cli.terminal import plain as plain
from agentctl.cli.veil import both_shown
from agentctl.errors import Problem
from agentctl.sync.apply import Applied
from agentctl.sync.plan import Change, Failure, Plan
from agentctl.verbs.commands import Whose
from agentctl.verbs.remedy import anew
from agentctl.verbs.revisions.history import History, ProjectPlan
from agentctl.verbs.revisions.hold import Hold
from agentctl.verbs.stateless import unremembered
from agentctl.verbs.status import Standing
from agentctl.verbs.wording import held_back, named

_STATES = {
    "in sync": 32, "changed here": 36, "drifted": 33, "conflict": 31, "missing": 36, "needs its number": 33, "held": 33,
    "error": 31,
}  # fmt: skip
# Of what is unmanaged: names in text, their characters, and entries in JSON.
_SHOWN, _NAME, _SOME = 3, 40, 20
MARKS = {"create": ("+", 32), "update": ("~", 33), "delete": ("-", 31)}


def told(text: object) -> str:
    """A message as a person gets it: its commands name the environment at hand, and a terminal obeys none of it."""
    return plain(addressed(str(text)))


def to_json(value: Any) -> str:
    """One JSON document, indented, as UTF-8 text."""
    return json.dumps(value, ensure_ascii=False, indent=2, default=str)


def applied_json(applied: Applied) -> dict[str, Any]:
    """The stable face of `sync --json`: the plan, and what came of it."""
    left = [{"kind": one.ref.kind, "key": one.ref.key, "why": addressed(str(one.error))} for one in applied.left]
    return {**plan_json(applied.plan, applied.failures), "held": held_json(applied.held), "left": left}


def held_json(held: Sequence[Change]) -> list[dict[str, Any]]:
    """What was left undone, as `sync --json` has it."""
    return [
        {
            "kind": change.desired.kind,
            "key": change.desired.key,
            "paths": [edit.path for edit in change.edits if edit in change.foreign or edit in change.perilous],
            "destroys": list(change.destroys),
        }
        for change in held
    ]


def plan_json(plan: Plan, failures: Sequence[Failure] | None = None) -> dict[str, Any]:
    """The stable face of `plan --json`."""
    return {
        "changes": [
            {
                "kind": change.desired.kind,
                "key": change.desired.key,
                "action": change.action,
                "edits": [
                    {"path": edit.path, "from": before, "to": after, "changed": edit.origin}
                    for edit in change.edits
                    for before, after in (both_shown(jsonable(edit.before), jsonable(edit.after), edit.keys),)
                ],
                "destroys": list(change.destroys),
            }
            for change in plan.changes
        ],
        "counts": plan.counts(),
        "notices": [addressed(str(notice)) for notice in _notices(plan)],
        "two_way": [{"kind": ref.kind, "key": ref.key} for ref in unremembered(plan)],
        "waiting": [{"kind": one.ref.kind, "key": one.ref.key} for one in plan.waiting],
        "orphans": [{"kind": ref.kind, "key": ref.key, "there": ref not in plan.absent} for ref in plan.orphans],
        "forgotten": [{"kind": ref.kind, "key": ref.key} for ref, _ in plan.lapsed],
        "unmanaged": [
            {"kind": kind, "count": len(some), "some": [{"id": i, "name": name} for i, name in some[:_SOME]]}
            for kind, some in _unmanaged(plan).items()
        ],
        "holds": _holds(plan.holds if isinstance(plan, ProjectPlan) else ()),
        "released": _holds(plan.released if isinstance(plan, ProjectPlan) else ()),
        "gated": isinstance(plan, ProjectPlan) and plan.gated,
        "failures": [failure_json(failure) for failure in (plan.failures if failures is None else failures)],
    }


def _holds(holds: Sequence[Hold]) -> list[dict[str, Any]]:
    return [{"assistant": hold.key, "revision": hold.revision} for hold in holds]


def plan_text(plan: Plan) -> str:
    """A plan for a person: one block per change, then notices, failures and the count."""
    noticed = {notice.what for notice in plan.notices}
    whose = plan.whose if isinstance(plan, ProjectPlan) else Whose()
    lines = [line for change in plan.changes for line in _change(change, noticed, whose)]
    for ref in plan.orphans:
        stays = "and no longer there; --prune forgets it" if ref in plan.absent else "it stays as it is"
        joint = "," if ref in plan.absent else ";"
        lines.append(f"  {paint('?', 36)} {ref.kind} {ref.key} is no longer declared{joint} {stays}")
    for ref, _ in plan.lapsed:
        lines.append(f"  {paint('?', 36)} {ref.kind} {ref.key} is no longer declared, and no longer there: forgotten")
    lines += [
        _unmanaged_line(kind, [name for _, name in some], adoptable=not whose.tenant)
        for kind, some in _unmanaged(plan).items()
    ]
    lines += [f"{paint('note:', 36)} {told(notice)}" for notice in _grouped(_notices(plan))]
    lines += [failure_text(failure) for failure in plan.failures]
    return "\n".join([*lines, summary(plan)])


def _unmanaged(plan: Plan) -> dict[str, list[tuple[str, str]]]:
    kinds: dict[str, list[tuple[str, str]]] = {}
    for one in plan.unmanaged:
        kinds.setdefault(one.kind, []).append((one.remote_id, one.name))
    return kinds


def _unmanaged_line(kind: str, names: Sequence[str], *, adoptable: bool) -> str:
    """What is there and nobody's of ours, in one line however many there are. Files are the operator's alone."""
    shown = [repr(name if len(name) <= _NAME else f"{name[:_NAME]}…") for name in names[:_SHOWN]]
    more = [f"{len(names) - _SHOWN} more"] if len(names) > _SHOWN else []
    count = f"{len(names)} {kind}{'' if len(names) == 1 else 's'} ({', '.join([*shown, *more])})"
    taken = "; agentctl pull --all takes them into files" if kind == "agent" and adoptable else ""
    return f"{paint('unmanaged there:', 36)} {plain(count)}{addressed(taken)}"


def _notices(plan: Plan) -> Iterator[Problem]:
    yield from plan.notices
    for waiting in plan.waiting:
        yield Problem(waiting.where, str(waiting.error))


def _grouped(notices: Iterable[Problem]) -> Iterator[str]:
    """What is said of many places alike is said once: a notice must not drown the plan of fifty assistants."""
    places: dict[str, list[str]] = {}
    for notice in notices:
        places.setdefault(notice.what, []).append(notice.where)
    for what, where in places.items():
        if len(where) == 1:
            yield f"{where[0]}: {what}"
        else:
            shown = ", ".join(where[:2])
            more = f" and {len(where) - 2} more" if len(where) > 2 else ""
            yield f"{what}\n  ({shown}{more})"


def failure_json(failure: Failure) -> dict[str, str]:
    """One failed resource, for `--json`."""
    return {**asdict(failure.ref), "where": failure.where, "error": addressed(str(failure.error))}


def failure_text(failure: Failure) -> str:
    """One failed resource with its reason and remedy."""
    remedy = failure.error.hint or "Put that right, then run it again."
    return f"{paint('failed:', 31)} {told(named(failure))}\n  {told(remedy)}"


def left_text(left: Failure) -> str:
    """One object that was to be deleted and stays, with the reason."""
    return f"{paint('note:', 36)} {told(left.error)}"


def summary(plan: Plan) -> str:
    """The last line of a plan."""
    counts = plan.counts()
    rest = f"{counts['unchanged']} unchanged" + (f", {len(plan.waiting)} waiting for you" if plan.waiting else "")
    if not plan.changes:
        state = "Nothing can be done" if plan.failures else "Nothing to do"
        return f"{state}: {rest}."
    parts = [f"{counts[action]} to {action}" for action in MARKS if counts[action]]
    return paint(f"Plan: {', '.join(parts)}, {rest}.", 1)


def change_line(change: Change) -> str:
    """`+ agent empfang`."""
    mark, colour = MARKS[change.action]
    replaced = " (replaced by a new one)" if change.replaces else ""
    return f"  {paint(mark, colour)} {change.desired.kind} {paint(change.desired.key, 1)}{replaced}"


def held_text(change: Change) -> str:
    """One change that was left undone, because it would take back what somebody did at the platform."""
    return f"{paint('held back:', 33)} {told(held_back(change))}"


def history_json(histories: Sequence[History]) -> list[dict[str, Any]]:
    """The face of `history --json`."""
    return [
        {
            "assistant": one.assistant,
            "held_at": one.hold.revision if one.hold else None,
            "revisions": [asdict(revision) for revision in one.revisions],
        }
        for one in histories
    ]


def history_text(histories: Sequence[History]) -> str:
    """One block per assistant, newest revision first; times are this machine's."""
    lines = []
    for one in histories:
        lines.append(paint(one.assistant, 1) + (f"  {paint(told(one.hold), 33)}" if one.hold else ""))
        for revision in one.revisions:
            when = f"{datetime.fromisoformat(revision.applied_at).astimezone():%Y-%m-%d %H:%M:%S}"
            lines.append(
                f"  {revision.revision:>4}  {when}  {revision.digest[:12]}  {plain(revision.note or '')}".rstrip()
            )
        if not one.revisions:
            lines.append("  no revision yet")
    return "\n".join(lines) or "No assistants."


def status_json(standings: Sequence[Standing]) -> list[dict[str, Any]]:
    """The face of `status --json`."""
    rows = ((one, [addressed(what) for what in one.what]) for one in standings)
    return [{"assistant": one.assistant, "state": one.state, "what": what} for one, what in rows]


def status_text(standings: Sequence[Standing]) -> str:
    """One line per assistant, and a line for each thing that makes it so."""
    width = max((len(one.assistant) for one in standings), default=0)
    lines = []
    for one in standings:
        lines.append(f"{one.assistant:{width}}  {paint(one.state, _STATES[one.state])}")
        lines += [f"{'':{width}}    {told(what)}" for what in one.what]
    return "\n".join(lines) or "No assistants."


def _change(change: Change, noticed: Container[str], whose: Whose) -> Iterator[str]:
    """`noticed`: what a notice says, be it of many changes at once."""
    yield change_line(change)
    if change.vanished:
        way = "" if change.barred else f"; {addressed(whose(anew(change)))}"
        yield f"      {paint(f'deleted at the platform{way}', 33)}"
    if change.action == "delete" and change.foreign and not change.barred:
        said = "changed at the platform since it was last applied, so it is deleted only with --take-ours"
        yield f"      {paint(said, 33)}"
    if change.barred and change.barred not in noticed:
        yield f"      {paint(plain(change.barred), 33)}"
    if change.unjudged and not change.edits:
        yield "      its tests have not let it through yet"
    for lost in change.destroys:
        yield f"      {paint(f'deletes for good: {lost}', 31)}"
    if change.others:
        yield f"      {plain(f'also used by {change.others}: the old one stays there')}"
    for edit in change.edits:
        yield from edit_lines(edit)
    for ref in dict.fromkeys(ref for _, ref in change.awaits):
        yield f"      {paint(f'waits for {ref.kind} {ref.key}, which was edited at the platform', 33)}"
