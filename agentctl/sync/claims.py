"""Several remote objects that claim to be one resource: which one is bound, and what a person can do about it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from agentctl.errors import AgentctlError, Ambiguous, Blocked
from agentctl.sync.kind import Observed, Ref, Sighting
from agentctl.sync.plan import Failure


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


def of_another(ref: Ref, sighting: Sighting, holders: Mapping[str, str]) -> Ambiguous | None:
    """Why what was seen may not be taken for it: it is another's. `holders`: bound id -> key."""
    for remote_id in ids_of(sighting):
        if (key := holders.get(remote_id, ref.key)) != ref.key:
            what = f"{ref.kind} {ref.key}: {remote_id} carries its mark and is bound to {key}; nothing is written to it"
            way = (
                f"If {ref.key} was renamed to {key}, these files are older: update them (git pull). Else take the mark "
            )
            return Ambiguous(what, f"{way}of {ref.key} off it in the dashboard; then it is made anew.")
    return None


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
