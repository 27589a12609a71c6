"""(scope, kind, key) -> remote id and what was last written: kept in the store from the moment an id exists.

What was last written is the third side of the truth: with it a plan can tell a change made here from one made there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any, Protocol

from agentctl.errors import Stale
from agentctl.secrecy.secret import sealed
from agentctl.sync.interrupted import TAKEN, Said, is_taking, must_be_over
from agentctl.sync.kind import Ref, Scope
from agentctl.sync.memory import NOTHING, Memory
from agentctl.sync.plan import Settled
from agentctl.sync.target import Target, found
from agentctl.sync.task import all_of

_AGAIN = "Run it again: the new plan shows what is there then."
_EVER = datetime.max.replace(tzinfo=UTC)


class Store(Protocol):
    """What is needed of the database: named functions that take and return JSON."""

    async def call(self, function: str, args: Mapping[str, Any], *, timeout: float = 10.0) -> Any:
        """Run one function within `timeout` seconds. Raises StoreError."""


class Bindings:
    """The bindings of one scope, or of a target in it: read once, then kept equal to the store.

    No lease is held for ever, and its holder may have slept: whatever writes one raises Stale where another run has
    written it since it was read, and leaves it as that run did.
    """

    def __init__(self, store: Store, scope: Scope, target: Target | None = None) -> None:
        self._store = store
        self.scope = scope
        self._target = target
        self._ids: dict[Ref, str] = {}
        self._assumed: dict[Ref, str] = {}
        self._memories: dict[Ref, Memory] = {}
        self._intents: dict[Ref, datetime] = {}
        self._said: dict[Ref, Mapping[str, Any]] = {}
        self._taking: dict[Ref, tuple[str, Said]] = {}
        self._stamps: dict[Ref, str | None] = {}  # when each was written last, in the store's own words
        self._exposed: set[Ref] = set()
        self._lapsed: frozenset[str] = frozenset()
        self._unlabelled: dict[tuple[Ref, str], Memory] = {}

    def __len__(self) -> int:
        return len(self._ids) + len(self._assumed)

    async def load(self) -> Bindings:
        """Read all bindings of the scope, or of its target, and return self.

        Where the workspace has a label, what was bound before it got one is read too: see `memory`. Of what the
        target only refers to nothing is known but the ids.
        """
        rows, others = found(self._target, await self._rows(self.scope))
        self._assumed = {Ref(row["kind"], row["key"]): row["remote_id"] for row in others}
        self._ids = {Ref(row["kind"], row["key"]): row["remote_id"] for row in rows}
        self._stamps = {Ref(row["kind"], row["key"]): row.get("updated_at") for row in rows}
        kept = {Ref(row["kind"], row["key"]): row.get("applied") or {} for row in rows}
        self._memories = {ref: Memory.read(one) for ref, one in kept.items()}
        self._exposed = {ref for ref, one in kept.items() if one != sealed(one)}
        if before := self.scope.unlabelled:
            if not rows:
                begun = await self._store.call("intents", asdict(before))
                must_be_over(before.environment, begun, await self._store.call("holds", asdict(before)))
            rows = await self._rows(before)
            old = {(Ref(row["kind"], row["key"]), row["remote_id"]): row.get("applied") or {} for row in rows}
            self._unlabelled = {one: replace(Memory.read(kept), former={}) for one, kept in old.items()}
        intents = await self._store.call("intents", asdict(self.scope))
        creates = [row for row in intents if not is_taking(row)]
        self._intents = {Ref(row["kind"], row["key"]): datetime.fromisoformat(row["intended_at"]) for row in creates}
        self._said = {Ref(row["kind"], row["key"]): said for row in creates if (said := row.get("said"))}
        for row in filter(is_taking, intents):
            said = row["said"]
            self._taking[Ref(row["kind"], row["key"])] = said[TAKEN], Said(said["words"], said["was"])
        return self

    async def _rows(self, scope: Scope) -> list[Mapping[str, Any]]:
        keys = {"keys": self._target.keys} if self._target else {}
        rows: list[Mapping[str, Any]] = await self._store.call("bindings", {**asdict(scope), **keys})
        return rows

    def get(self, ref: Ref) -> str | None:
        """The bound id, or None."""
        return self._ids.get(ref) or self._assumed.get(ref)

    def assume(self, ref: Ref, remote_id: str) -> None:
        """Take an id for known without remembering it: `bind` does that, and whoever makes a plan writes nothing."""
        self._assumed[ref] = remote_id

    def applied(self, ref: Ref) -> Mapping[str, Any]:
        """The fields as they were last written or found equal, secrets sealed; empty where nothing is known."""
        return self._memories.get(ref, NOTHING).applied

    def memory(self, ref: Ref, remote_id: str) -> Mapping[str, Any] | None:
        """What was last applied to the object of that id; None where nothing is remembered of it.

        Also where it was bound as the same before the workspace had a label: whatever carries the id is the same one.
        """
        known = self._known(ref, remote_id)
        return None if known is None else known.applied

    def _known(self, ref: Ref, remote_id: str) -> Memory | None:
        if self._ids.get(ref) == remote_id:
            return self._memories[ref].detached(self._lapsed)
        return self._unlabelled.get((ref, remote_id)) if ref not in self._ids else None

    def said(self, ref: Ref, remote_id: str) -> Said | None:
        """What was said to the object of that id, or made it, by a write that nobody has seen the end of."""
        if known := self._known(ref, remote_id):
            return known.said
        taken, said = self._taking.get(ref, ("", None))
        return said if taken == remote_id else Said(self._said[ref]) if ref in self._said else None

    def relabelled(self, ref: Ref) -> bool:
        """Whether it is bound to nothing, and was before the workspace had a label."""
        return ref not in self._ids and any(old == ref for old, _ in self._unlabelled)

    def exposed(self, ref: Ref) -> bool:
        """Whether the store holds a secret of it in the clear; `bind` seals it."""
        return ref in self._exposed

    def recall(self, ref: Ref, remote_id: str) -> Memory:
        """All that is remembered of the object of that id; of one that was replaced that is its content."""
        return self._known(ref, remote_id) or Memory(fingerprint=self.former(ref).get(remote_id, ""))

    def former(self, ref: Ref) -> Mapping[str, str]:
        """Of `Memory.former`: what others have taken the place of, by id, and the fingerprint of its content."""
        return self._memories.get(ref, NOTHING).former

    def own(self, ref: Ref) -> Mapping[str, str]:
        """Of `Memory.own`: by what stands for it, the fingerprint of each content that we have written."""
        return dict(self._memories.get(ref, NOTHING).own)

    def unjudged(self, ref: Ref) -> bool:
        """Whether it was made under a gate that has not let it through."""
        return self._memories.get(ref, NOTHING).unjudged

    async def judge(self, ref: Ref) -> None:
        """A gate has let it through."""
        if self.unjudged(ref):
            await self._put(ref, self._ids[ref], replace(self._memories[ref], unjudged=False))

    def of(self, kind: str) -> dict[str, str]:
        """Every binding of one kind: key -> remote id."""
        return {ref.key: remote_id for ref, remote_id in self._ids.items() if ref.kind == kind}

    def ids(self) -> set[str]:
        """Every id that is bound."""
        return set(self._ids.values())

    async def of_others(self, kind: str, ids: Mapping[str, Sequence[str]]) -> set[str]:
        """Of these ids of one kind, by key, those that are bound in another workspace of the project."""
        return {*await self._store.call("bound_elsewhere", {**asdict(self.scope), "kind": kind, "ids": ids})}

    def intended(self, ref: Ref) -> bool:
        """Whether a create was begun whose id never became known."""
        return ref in self._intents

    def begun(self, kind: str, before: datetime = _EVER) -> list[Ref]:
        """The creates of one kind that were begun before that moment and whose ids never became known."""
        return sorted((ref for ref, at in self._intents.items() if ref.kind == kind and at < before), key=str)

    def attempted(self, ref: Ref) -> Mapping[str, Any]:
        """What such a create was to make, secrets sealed; empty where none was begun."""
        return self._said.get(ref, {})

    async def abandon(self, refs: Sequence[Ref]) -> None:
        """Forget that these creates were begun: nothing of them is there, and nobody has to look for it."""
        for ref in refs:
            await self._store.call("forget_intent", {**asdict(self.scope), "kind": ref.kind, "key": ref.key})
            self._intents.pop(ref, None)

    async def intend(self, ref: Ref, said: Mapping[str, Any], *, again: bool) -> None:
        """Remember that a create is about to say this; `bind` takes it back. `again`: an earlier one was looked for.

        Raises Stale where another sync is sending it too, or has. Two that take up the same interrupted create are not
        told apart.
        """
        await self._intend(ref, said, "made by another sync, so it was not made again", again=again)
        self._intents.setdefault(ref, datetime.now(UTC))

    async def say(self, ref: Ref, remote_id: str, said: Said) -> None:
        """Remember that an edit is about to say this; `bind` takes it back.

        Of what was just made it is remembered what made it. What is not bound is not ours yet: that it is about to be
        taken is remembered apart. Raises Stale where another sync has taken it.
        """
        if self._ids.get(ref) != remote_id:
            words, otherwise = {TAKEN: remote_id, **asdict(said)}, "taken over by another sync, so it was not written"
            await self._intend(ref, words, otherwise, again=ref in self._intents)
            self._taking[ref] = remote_id, said
        elif self._memories[ref].said is None:
            await self._put(ref, remote_id, replace(self._memories[ref], said=said))

    async def _intend(self, ref: Ref, said: Mapping[str, Any], otherwise: str, *, again: bool) -> None:
        again = again or ref in self._taking
        row = {"kind": ref.kind, "key": ref.key, "said": sealed(said), "again": again}
        told = await self._store.call("intend", {**asdict(self.scope), **row})
        if (not told.get("new", True) and not again) or told.get("remote_id") != self._ids.get(ref):
            raise Stale(f"{ref.kind} {ref.key} is being {otherwise}", _AGAIN)

    async def bind(
        self,
        ref: Ref,
        remote_id: str,
        written: Mapping[str, Any] | None = None,
        gone: Sequence[tuple[str, ...]] = (),
        *,
        touched: int = 0,
        fingerprint: str | None = None,
        looked: bool = False,
        former: str | None = None,
        unjudged: bool = False,
        made: Mapping[str, Any] | None = None,
        own: Mapping[str, str] | None = None,
    ) -> None:
        """Remember the id, and `written` as last applied; what was applied before and is not in it stays.

        `gone`: paths of what was applied before and is there no longer, nor declared. `former`: the id that this one
        takes the place of. `looked`: nothing was written, so that content of which nothing was known was found as
        it is. `unjudged`: it was made under a gate, and only `judge` says that it was let through. `made`: what has
        just been said to make it, and nobody has looked at yet. `fingerprint`: of its content as it is by that; None:
        as remembered. `own`: what has become known of what we wrote, see `Memory.own`.
        """
        known, here = self.recall(ref, remote_id), self._memories.get(ref, NOTHING)
        how: dict[str, Any] = {"touched": touched, "fingerprint": fingerprint, "looked": looked}
        how["found"] = looked and known == NOTHING and not self.said(ref, remote_id)
        replaced = {former: self.recall(ref, former).fingerprint} if former else {}
        memory = replace(
            known.after(written or {}, gone, **how),
            former={**here.former, **replaced},
            unjudged=unjudged or known.unjudged,
            said=None if made is None else Said(made),
            own=here.own or known.own,
        ).owning(own or {})
        await self._put(ref, remote_id, memory.less(remote_id))

    async def settle(self, found: Iterable[Settled]) -> None:
        """Remember what a plan found to be so already; all at once, so that the store takes it in groups."""

        async def remember(one: Settled) -> None:
            how: dict[str, Any] = {"touched": one.touched, "fingerprint": one.fingerprint, "former": one.former}
            how |= {"unjudged": one.unjudged, "own": one.own, "looked": True}
            await self.bind(one.ref, one.remote_id, one.body, one.gone, **how)

        await all_of(map(remember, found))

    async def _put(self, ref: Ref, remote_id: str, memory: Memory) -> None:
        kept = memory.kept()
        row = {"kind": ref.kind, "key": ref.key, "remote_id": remote_id, "applied": kept}
        told = await self._store.call("bind", {**asdict(self.scope), **row, "expected": self._stamps.get(ref)})
        if told is None:
            raise Stale(f"another sync has been at {ref.kind} {ref.key} since this one began", _AGAIN)
        self._stamps[ref] = told.get("updated_at")
        self._ids[ref] = remote_id
        self._memories[ref] = Memory.read(kept)
        self._intents.pop(ref, None)
        self._said.pop(ref, None)
        self._taking.pop(ref, None)
        self._exposed.discard(ref)

    async def detach(self, gone: Collection[str]) -> None:
        """Remember that whatever referred to one of these ids refers to nothing: the platform ends that with them."""
        for ref, memory in list(self._memories.items()):
            if (left := memory.detached(gone)) != memory:
                await self._put(ref, self._ids[ref], left)

    def lapse(self, gone: Iterable[str]) -> None:
        """Know these ids to be no more without remembering it: `detach` does that, and a plan writes nothing."""
        self._lapsed = frozenset(gone)

    async def forget(self, ref: Ref, remote_id: str) -> None:
        """Forget what is gone: the bound one with all that is known of it, or one whose place another has taken."""
        if self.get(ref) == remote_id:
            await self.unbind(ref)
        elif remote_id in self.former(ref):
            await self._put(ref, self._ids[ref], self._memories[ref].less(remote_id))

    async def unbind(self, ref: Ref) -> None:
        """Forget the id, unless another run has bound another one since."""
        row = {"kind": ref.kind, "key": ref.key, "remote_id": self._ids.get(ref)}
        await self._store.call("unbind", {**asdict(self.scope), **row})
        self._ids.pop(ref, None)
        self._memories.pop(ref, None)
        self._stamps.pop(ref, None)
