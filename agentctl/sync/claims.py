"""Several remote objects that claim to be one resource: which one is bound, and what a person can do about it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from agentctl.errors import AgentctlError, Ambiguous, Blocked
from agentctl.sync.kind import Observed, Ref, Sighting
from agentctl.sync.plan import Failure, Plan


def ambiguous(ref: Ref, bound: str | None, claimants: Sequence[Observed], mark: str) -> Ambiguous:
    """Why nothing is written to any of them. `bound`: the one that counted as it until now, None where none did.

    `mark`: see `Traits`.
    """
    what = f"{ref.kind} {ref.key}: {len(claimants)} remote objects claim to be it: "
    what += ", ".join(_told(one, bound) for one in claimants)
    way = "Nothing is written to any of them. Delete the wrong ones in the dashboard"
    way += f", or take our mark off them there ({mark})" if mark else ""
    if bound not in {one.remote_id for one in claimants}:
        return Ambiguous(what, f"{way}, then: agentctl sync")
    way += ", then: agentctl sync. If the bound one is wrong, delete that, and then take the other: agentctl sync"
    return Ambiguous(what, f"{way} --take-ours")


def claiming(sighting: Iterable[Observed], former: Collection[str]) -> list[Observed]:
    """Those that claim to be it now; one that another has taken the place of does not, and is to go.

    Where only such a one is there as it is wanted, what is declared went back to it.
    """
    found = list(sighting)
    return [one for one in found if one.remote_id not in former] or found


def counting(claimants: Sequence[Observed], bound: str | None) -> str | None:
    """The id that others refer to meanwhile: of several it is the bound one until a person decides."""
    ids = [one.remote_id for one in claimants]
    return bound if bound in ids else ids[0] if len(ids) == 1 else None


def doubled(ref: Ref, ids: Iterable[str], bound: Mapping[str, str], sighting: Sighting, mark: str) -> list[Failure]:
    """What is wrong where `ref`, which nobody wants now, is bound and claimed by others. `bound`: all of its kind."""
    others = set(bound.values()) - {bound.get(ref.key)}
    seen = {} if isinstance(sighting, AgentctlError) else {one.remote_id: one for one in sighting}
    claims = [seen.get(i) or Observed(i, {}) for i in dict.fromkeys(ids) if i not in others]
    several = ref.key in bound and len(claims) > 1
    return [Failure(ref, ref.key, ambiguous(ref, bound[ref.key], claims, mark))] if several else []


def _told(one: Observed, bound: str | None) -> str:
    known = [*(["bound"] if one.remote_id == bound else []), *([one.told] if one.told else [])]
    return f"{one.remote_id} ({', '.join(known)})" if known else one.remote_id


def placed(
    kind: str,
    wanted: Collection[str],
    seen: Mapping[str, Sighting],
    bound: Mapping[str, str],
    is_ours: Callable[[Ref, Observed], bool] = lambda ref, one: False,
) -> tuple[dict[str, Sighting], dict[Ref, str]]:
    """What was seen of one kind, each under the key that it is bound to (`bound`: key -> id), whatever mark it carries.

    And by Ref, where nothing is left under its key by that, the key that has it: files or store may be older than that.
    What is bound to two keys is neither's, and what is wanted under another key is not this one's: errors. `is_ours`:
    whether what is bound to that key carries the mark that we wrote last, before the key was another. That is no error:
    its own write marks it anew.
    """
    whose: dict[str, list[str]] = {}
    for key, remote_id in bound.items():
        whose.setdefault(remote_id, []).append(key)
    found, misplaced = dict(seen), dict[Ref, str]()
    for key in wanted:
        ref, there = Ref(kind, key), seen.get(key, ())
        objects = {} if isinstance(there, AgentctlError) else {one.remote_id: one for one in there}
        strays = {i: whose[i][0] for i in objects if i in whose and key not in whose[i]}
        older = [i for i, holder in strays.items() if holder not in wanted]
        odd = [i for i in strays if i not in older and not is_ours(Ref(kind, strays[i]), objects[i])]
        if others := [one for one in whose.get(bound.get(key, ""), ()) if one != key]:
            found[key] = of_two(ref, bound[key], others[0])
        elif odd:
            holder = strays[odd[0]]
            found[key], misplaced[ref] = _of_another(ref, odd[0], holder), holder
            if {*ids_of(seen.get(holder, ()))} - {*odd}:  # which is no second one of it, nor in its place, then
                found[holder] = _marked_otherwise(Ref(kind, holder), odd[0], key)
        elif strays:
            _move(found, key, strays)
            misplaced |= {ref: strays[older[0]]} if older and not found[key] else {}
    return found, misplaced


def _move(found: dict[str, Sighting], key: str, strays: Mapping[str, str]) -> None:
    """Take the `strays` (id -> key) from what was seen under `key` to where they belong."""
    sighting = found[key]
    assert not isinstance(sighting, AgentctlError)
    for one in sighting:
        there = found.get(home := strays.get(one.remote_id, key), ())
        if not isinstance(there, AgentctlError) and one.remote_id not in ids_of(there):
            found[home] = (*there, one)
    found[key] = tuple(one for one in sighting if one.remote_id not in strays)


def of_two(ref: Ref, remote_id: str, other: str) -> Ambiguous:
    """Why nothing is written to what two keys are bound to: by the bindings nobody can tell whose it is."""
    what = f"{ref.kind} {ref.key}: {remote_id} is bound to {other} too; nothing is written to it"
    this, that = _folder(ref.key), _folder(other)
    return Ambiguous(
        what,
        f"If {that} was renamed to {this}: agentctl rename {that} {this}. If {this} was renamed to {that}, "
        f"these files are older: update them (git pull), and there: agentctl rename {this} {that}.",
    )


def _of_another(ref: Ref, remote_id: str, other: str) -> Ambiguous:
    what = f"{ref.kind} {ref.key}: {remote_id} carries its mark and is bound to {other}; nothing is written to it"
    return Ambiguous(what, _way(ref.key, other))


def _marked_otherwise(ref: Ref, remote_id: str, other: str) -> Ambiguous:
    what = f"{ref.kind} {ref.key}: {remote_id} is bound to it and carries the mark of {other}, and others carry its own"
    return Ambiguous(f"{what}; nothing is written to any of them", _way(other, ref.key))


def _way(key: str, holder: str) -> str:
    """What to do where something has the mark of one key and is bound to another, and both are wanted."""
    old, new = _folder(holder), _folder(key)
    known = f"If {old} was renamed to {new} with another store, let this one know it: agentctl rename {old} {new}. "
    return f"{known}If not, take the mark of {key} off it in the dashboard; then {key} is made anew."


def misplacing(plan: Plan, misplaced: Mapping[Ref, str], sighted: Mapping[Ref, tuple[Mapping[str, Any], ...]]) -> Plan:
    """The plan with a doubt about whatever would be made although something with its mark is bound to another key.

    And without the end of that: it stays as long as nobody can tell whose it is. `misplaced`, `sighted`: as of `Plan`.
    """
    theirs = {Ref(ref.kind, holder) for ref, holder in misplaced.items()}
    ends = [one for one in plan.changes if one.action == "delete" and one.desired.ref in theirs]
    changes = [
        replace(one, doubt=_doubt(one.desired.ref, misplaced[one.desired.ref])) if one.desired.ref in misplaced else one
        for one in plan.changes
        if one not in ends
    ]
    orphans = (*plan.orphans, *(one.desired.ref for one in ends))
    return replace(plan, changes=tuple(changes), orphans=orphans, misplaced=misplaced, sighted=sighted)


def _doubt(ref: Ref, holder: str) -> str:
    renamed = f"{_folder(ref.key)} was renamed to {_folder(holder)}"
    return (
        f"what carries its mark is bound to {holder}: if {renamed}, these files are older: update them (git pull); "
        "for another one beside it: agentctl sync --take-ours"
    )


def _folder(key: str) -> str:
    return key.partition("/")[0]


def lacking(ref: Ref, unknown: Iterable[Ref], several: Collection[Ref]) -> Blocked:
    """Why `ref` cannot be planned: what it refers to has no id, or, of `several`, one too many to choose from."""
    missing = sorted(unknown, key=str)
    doubled = ", ".join(f"{one.kind} {one.key}" for one in missing if one in several)
    gone = ", ".join(f"{one.kind} {one.key}" for one in missing if one not in several)
    why = [f"{gone}, which is not there"] if gone else []
    why += [f"{doubled}, for which there is more than one candidate"] if doubled else []
    return Blocked(f"{ref.kind} {ref.key} needs {', and '.join(why)}")


def ids_of(sighting: Sighting) -> list[str]:
    """The ids that were seen."""
    return [] if isinstance(sighting, AgentctlError) else [one.remote_id for one in sighting]


def bodies_of(
    there: Mapping[str, Mapping[str, Sighting]], bound: Callable[[str], Mapping[str, str]]
) -> dict[Ref, tuple[Mapping[str, Any], ...]]:
    """What was seen under each key, but for what is bound under another. `there`: by kind; `bound`: its key -> id."""
    found: dict[Ref, tuple[Mapping[str, Any], ...]] = {}
    for kind, seen in there.items():
        holders = {remote_id: key for key, remote_id in bound(kind).items()}
        for key, sighting in seen.items():
            if not isinstance(sighting, AgentctlError):
                own = tuple(one.body for one in sighting if holders.get(one.remote_id, key) == key)
                found |= {Ref(kind, key): own} if own else {}
    return found
