"""What is remembered of one resource: the fields that were applied last, and what else a later run has to know."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from agentctl.secrecy.secret import sealed
from agentctl.sync.diff import overlaid, without
from agentctl.sync.interrupted import Said

# Kept beside the fields, under names that no field of a resource has.
_TOUCHED, _FORMER, _UNJUDGED, _SAID = "~touched", "~former", "~unjudged", "~said"
_WRITTEN, _FINGERPRINT, _FOUND, _OWN = "~written", "~fingerprint", "~found", "~own"
# As many as revisions: of older ones it is not known any more what we wrote.
_OWN_KEPT = 20


@dataclass(frozen=True)
class Memory:
    """`applied`: the fields as they were last written or found equal, secrets sealed.

    `touched`: when the platform said it was changed last, as of our last write or look, and `written`, as of our last
    write; 0: unknown. `former`: the ids that it has taken the place of, and that are to be deleted once nothing refers
    to them, each with its fingerprint. `unjudged`: it was made under a gate that has not let it through. `said`: the
    words of a write that nobody has seen the end of. `fingerprint`: of the content as it was after our last write;
    empty: unknown. `found`: no write of ours is known, and the content is what was there when it was adopted.
    `own`: of each content that we have written, whichever object it went to, what stands for it and its fingerprint
    (empty: nobody has seen what came of it); the last of them, newest last.
    """

    applied: Mapping[str, Any] = field(default_factory=dict, repr=False)
    touched: int = 0
    written: int = 0
    former: Mapping[str, str] = field(default_factory=dict)
    unjudged: bool = False
    said: Said | None = field(default=None, repr=False)
    fingerprint: str = ""
    found: bool = False
    own: tuple[tuple[str, str], ...] = ()

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> Memory:
        """What the store keeps. What an earlier version took for no secret is sealed here."""
        applied = sealed(kept)
        said = applied.pop(_SAID, None)
        touched = int(applied.pop(_TOUCHED, 0) or 0)
        return cls(
            touched=touched,
            written=int(applied.pop(_WRITTEN, 0) or touched),
            former=_former(applied.pop(_FORMER, ())),
            unjudged=bool(applied.pop(_UNJUDGED, False)),
            said=Said(**said) if said else None,
            fingerprint=str(applied.pop(_FINGERPRINT, "")),
            found=bool(applied.pop(_FOUND, False)),
            own=tuple((str(content), str(fingerprint)) for content, fingerprint in applied.pop(_OWN, ())),
            applied=applied,
        )

    def kept(self) -> dict[str, Any]:
        """As the store keeps it."""
        marks = {
            _TOUCHED: self.touched,
            _WRITTEN: self.written if self.written != self.touched else 0,
            _FORMER: dict(self.former),
            _UNJUDGED: self.unjudged,
            _SAID: asdict(self.said) if self.said else None,
            _FINGERPRINT: self.fingerprint,
            _FOUND: self.found,
            _OWN: [list(one) for one in self.own],
        }
        return dict(sealed({**self.applied, **{name: mark for name, mark in marks.items() if mark}}))

    def after(
        self,
        written: Mapping[str, Any],
        gone: Sequence[tuple[str, ...]] = (),
        *,
        touched: int,
        fingerprint: str | None,
        looked: bool,
        found: bool,
    ) -> Memory:
        """With `written` applied and `gone` no more, and nothing under way. The rest is as of `Bindings.bind`."""
        return replace(
            self,
            applied=overlaid(without(self.applied, gone), written),
            touched=touched or self.touched,
            written=self.written if looked and self.written else touched or self.written,
            said=None,
            fingerprint=self.fingerprint if fingerprint is None else fingerprint,
            found=self.found if fingerprint is None else found,
        )

    def owning(self, own: Mapping[str, str]) -> Memory:
        """With these as contents of ours, by what stands for each."""
        former = [one for one in self.own if one[0] not in own]
        return replace(self, own=(*former, *own.items())[-_OWN_KEPT:])

    def less(self, former: str) -> Memory:
        """Without this id among those that it has taken the place of."""
        return replace(self, former={one: content for one, content in self.former.items() if one != former})

    def detached(self, gone: Collection[str]) -> Memory:
        """With nothing where it named one of these ids: the platform ends what refers to them with them."""
        return Memory.read(_detached(self.kept(), gone)) if gone else self


NOTHING = Memory()
"""What is remembered of something that was never ours, or of which only the id is known."""


def _former(kept: Any) -> Mapping[str, str]:
    """An earlier version kept the ids alone."""
    return kept if isinstance(kept, Mapping) else dict.fromkeys(kept or (), "")


def _detached(tree: Any, gone: Collection[str]) -> Any:
    if isinstance(tree, Mapping):
        return {key: _detached(value, gone) for key, value in tree.items()}
    return None if isinstance(tree, str) and tree in gone else tree
