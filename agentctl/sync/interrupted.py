"""What a create has said whose answer never came. Pure.

It said all that is declared, as far as anybody knows. So whatever is otherwise at what it has made was changed there
since; or here, which cannot be told from it, and then it is left to a person as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from agentctl.errors import Problem
from agentctl.sync.diff import Edit, diff, without
from agentctl.sync.entries import postponed
from agentctl.sync.kind import Desired, Kind, Observed, Stamped, is_internal
from agentctl.sync.plan import refs
from agentctl.sync.secret import sealed


def said(kind: Kind[Any], desired: Desired, body: Mapping[str, Any], observed: Observed) -> Mapping[str, Any]:
    """The part of `body` that it has said; `body` holds every id that is known.

    Not what nobody but us writes, nor what it could not say: parts with another of its kind or with what is not there
    yet, which a create leaves to an edit. What is not there at all counts as not said.
    """
    if is_internal(kind):
        return {}
    own = {ref for ref in refs(desired.body) if ref.kind == kind.name}
    parts = [*postponed(desired.body, own, kind.lists), *((path,) for path in _stamps(kind))]
    later = [
        edit.keys
        for edit in diff(body, observed.body, kind.lists)
        if edit.before is None or refs({"": edit.after}) or any(edit.under(part) for part in parts)
    ]
    known: Mapping[str, Any] = sealed(without(body, later))
    return known


def unclear(desired: Desired, edits: Iterable[Edit]) -> Iterator[Problem]:
    """That a difference at what was made by such a create is not written over, where there is one."""
    if any(edit.origin != "here" for edit in edits):
        what = "the sync that made it never learned of it; what differs counts as changed at the platform since"
        yield Problem(f"{desired.kind} {desired.key}", what)


def _stamps(kind: Kind[Any]) -> frozenset[str]:
    return kind.stamps if isinstance(kind, Stamped) else frozenset()
