"""What a write has said whose answer never came. Pure.

Whether it arrived is to be seen at what is there: what stands there as it was said is our own word, however the
declaration has changed since; what stands there as it was before shows that it did not arrive; and whatever stands
there otherwise has been changed by somebody else since.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from agentctl.errors import UsageError
from agentctl.sync.diff import Edit, contains, diff, patch, without
from agentctl.sync.kind import Keyed, Kind, Observed

# Kept with what an edit says of something that is bound to nothing yet: the id of that.
TAKEN = "~of"


@dataclass(frozen=True)
class Said:
    """The fields of one write, and what they `was` before it; None of a create, before which nothing was."""

    words: Mapping[str, Any]
    was: Mapping[str, Any] | None = None

    @classmethod
    def by(cls, edits: Iterable[Edit], body: Mapping[str, Any]) -> Said:
        """What these edits say of ours: of a list our own entries, and null or an empty list where something goes."""
        edits = tuple(edits)
        words = patch([replace(edit, after=_ours(edit, body)) for edit in edits])
        return cls(words, patch([replace(edit, after=edit.before) for edit in edits]))

    def names(self, keys: Iterable[str]) -> bool:
        """Whether it says anything at this path."""
        return _at(self.words, keys) is not None


def believed(
    said: Said | None, memory: Mapping[str, Any] | None, observed: Observed, kind: Kind[Any]
) -> Mapping[str, Any]:
    """The part of what was said that counts as applied last. `memory`: what was applied before it, if anything.

    That is all of it but what shows that it did not arrive: it is as it was, or what should have gone is there, or it
    stands for content, and something else does: an edit of that leaves what we have put there as it is.
    """
    if said is None:
        return {}
    left = diff(said.words, observed.body, kind.lists, memory)
    news = [edit for edit in left if edit.path == kind.traits.opaque or _is_news(edit, said.was, kind.lists)]
    return without(said.words, [edit.keys for edit in news])


def is_taking(intent: Mapping[str, Any]) -> bool:
    """Whether what was begun is no create, but the edit that takes over what is there."""
    return TAKEN in (intent.get("said") or ())


def must_be_over(environment: str, intents: Iterable[Mapping[str, Any]], holds: Iterable[Mapping[str, Any]]) -> None:
    """Raise UsageError where something is under way that belongs to the workspace while it had no label."""
    begun = [f"the create of {row['kind']} {row['key']}" for row in intents if not is_taking(row)]
    if under_way := [*begun, *(f"the hold of {row['key']}" for row in holds)]:
        raise UsageError(
            f"{environment} gets the label of a workspace while something without it is under way: "
            f"{', '.join(under_way[:5])}{', …' if len(under_way) > 5 else ''}",
            "Take the label away once more, end that (agentctl sync, agentctl unhold KEY), and give it then.",
        )


def arrived(said: Said | None, observed: Observed, lists: Mapping[str, Keyed]) -> bool:
    """Whether all that was said is there, so that what nobody remembers, and others may use, is ours by it."""
    return said is not None and not outstanding(said.words, observed, lists)


def outstanding(
    words: Mapping[str, Any], observed: Observed, lists: Mapping[str, Keyed], memory: Mapping[str, Any] | None = None
) -> list[Edit]:
    """What of these words is not there. What was to go, said as null, has gone where nothing stands."""
    edits = diff(words, observed.body, lists, memory)
    return [edit for edit in edits if edit.before is not None or edit.after is not None]


def _is_news(edit: Edit, was: Mapping[str, Any] | None, lists: Mapping[str, Keyed]) -> bool:
    if edit.after is None:
        return edit.before is not None
    if was is None:
        return False
    then, name, rule = _at(was, edit.keys), edit.keys[-1], lists.get(edit.path)
    if then is None and rule is None:
        return edit.before in (None, [], {})
    return not diff({name: then or []}, {name: edit.before}, {name: rule}) if rule else contains(then, edit.before)


def _ours(edit: Edit, body: Mapping[str, Any]) -> Any:
    if edit.removes:
        return None if edit.after is None else []
    return _at(body, edit.keys)


def _at(tree: Any, keys: Iterable[str]) -> Any:
    for key in keys:
        tree = tree.get(key) if isinstance(tree, Mapping) else None
    return tree
