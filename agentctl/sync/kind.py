"""What the engine knows of a resource: a kind with a few verbs, a desired state, a sighting of the real one.

Nothing here knows ElevenLabs. A kind turns a spec into wire bodies; the engine compares, orders, binds and verifies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar, runtime_checkable

from agentctl.errors import AgentctlError

Spec = TypeVar("Spec", contravariant=True)


@dataclass(frozen=True)
class Scope:
    """Whose resources these are: ids bound in one scope mean nothing in another.

    `workspace`: a host, or `label@host` where it has a name of its own; behind a slash the tenant whose it is, if any.
    """

    project: str
    environment: str
    workspace: str

    @property
    def unlabelled(self) -> Scope | None:
        """Where all of it was bound before the workspace had a name; None: it has none."""
        _, label, host = self.workspace.rpartition("@")
        return replace(self, workspace=host) if label else None


@dataclass(frozen=True)
class Ref:
    """Stands in a body for the remote id of another resource, which may be known only after apply."""

    kind: str
    key: str

    def __str__(self) -> str:
        return f"(id of {self.kind} {self.key})"


@dataclass(frozen=True)
class Keyed:
    """How a list compares: as a set of entries told apart by the field `by` (None: by themselves), in any order.

    `open`: others own entries too, so ours must be among them and theirs stay. `ignored`: fields of an entry that
    are the platform's own copies.

    `owned`, for a list or for a map, whose keys tell its entries apart: an entry that was applied and is no longer
    declared goes; what others put there stays. `whole`, for a map: it is written with what others put there, since the
    platform may take a key that is left out for one that is to go. An entry of either is always written complete.

    `forms`: the fields by which an object in such a map says of what sort it is. One that is declared to be of another
    sort than what is there takes nothing over from it.
    """

    by: str | None = None
    open: bool = False
    ignored: frozenset[str] = frozenset()
    owned: bool = False
    whole: bool = False
    forms: frozenset[str] = frozenset()

    @property
    def complete(self) -> bool:
        """Whether the entries of such a map are written complete or not at all."""
        return self.owned or self.whole


@dataclass(frozen=True)
class Peril:
    """A part of a body that cannot be written without asking: it may destroy what nobody can make again.

    `at` is its path. `destroys` gets this part as it is and as it would be, and says in words what would be lost for
    good; empty where nothing would.
    """

    at: tuple[str, ...]
    destroys: Callable[[Mapping[str, Any], Mapping[str, Any]], str]


@dataclass(frozen=True)
class Desired:
    """One resource as it should be. `body` holds declared fields only, as JSON that may contain Refs.

    `payload`: what it is made of, or what is uploaded but cannot be read back and has a digest in `body`. `where` names
    the source.
    `partial`: other fields are declared elsewhere, so that nothing follows from their absence here. `follows`: what it
    refers to has to be as declared before this is written, and not only there. `implied`: the part of `body` that is so
    with every new one; it counts as applied from the first, so that what differs there is somebody's doing. `pinned`:
    the key that it is held for, so that it is not what the files say, nor can be changed by them. `brings`: by field,
    another that each write of it says too, so that it waits where that is held back. `after`: what it does not refer
    to and that has to be written before it all the same.
    """

    kind: str
    key: str
    body: Mapping[str, Any] = field(repr=False)
    where: str
    payload: Any = field(default=None, repr=False, compare=False)
    partial: bool = False
    perils: tuple[Peril, ...] = field(default=(), repr=False, compare=False)
    follows: bool = False
    implied: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    pinned: str = field(default="", compare=False)
    brings: Mapping[str, str] = field(default_factory=dict, compare=False)
    after: frozenset[Ref] = field(default=frozenset(), compare=False)

    @property
    def ref(self) -> Ref:
        """How other resources refer to this one."""
        return Ref(self.kind, self.key)


@dataclass(frozen=True)
class Observed:
    """One real resource: its id and its body in the shape of the desired one, with whatever else it has.

    `version` changes with every change of the resource, as the platform tells it or as all that a look shows of it adds
    up to; empty where neither is known, as in a list. `free`: no
    one else uses it, so that a declaration may take it; false where it was found without a mark of ours and in use, or
    beside the bound one. `touched`: when it was changed last, in seconds since 1970, where its body does not tell of
    each change; else 0. `told`: what tells it from another that claims to be the same, in words; empty: nothing does.
    `fingerprint`: a digest of the content that `Traits.opaque` stands for, as the platform gives it back: another one
    once it was edited. Empty: this look did not show it, or others than people change it. `reads`: see `Legible`.
    """

    remote_id: str
    body: Mapping[str, Any] = field(repr=False)
    version: str = ""
    free: bool = True
    touched: int = 0
    told: str = ""
    fingerprint: str = ""
    reads: str = ""


Sighting = Sequence[Observed] | AgentctlError
"""What was found for a key: nothing, one, several that claim to be it, or why it could not be looked at."""


@dataclass(frozen=True)
class Traits:
    """What is true of all resources of a kind.

    `marks`: dotted paths of the fields that tell at the platform itself whose one is; empty: only its binding does.
    `mark`: the same in words, as a person finds it in the dashboard.
    `prunable`: one that is no longer declared may be deleted, when somebody asks for it. `judged`: it is of effect only
    once something leads to it, so that a gate's verdict on a new one is remembered: one that was made under a gate and
    was not let through is judged again until it is. `repeatable`: its create may be sent twice and makes one all the
    same, so that no intent of it has to be remembered. `internal`: it lies in our own store; nobody else writes it, and
    nothing is lost with it. `part_of`: the field that names what it is a part of, and is no more without; empty: it is
    no part of another. `opaque`: the field that stands for content which the body does not show, as a digest of what
    was sent; an edit there leaves it as it is, and only the fingerprint of a look at the resource alone tells of it.
    """

    marks: frozenset[str] = frozenset()
    mark: str = ""
    prunable: bool = True
    judged: bool = False
    repeatable: bool = False
    internal: bool = False
    part_of: str = ""
    opaque: str = ""


class Kind(Protocol[Spec]):
    """A sort of resource. Every verb that writes makes one request, or a few that are safe to repeat."""

    @property
    def name(self) -> str:
        """Singular, snake_case; stands in plans and bindings."""

    @property
    def traits(self) -> Traits:
        """What the engine has to know of it besides its verbs."""

    @property
    def lists(self) -> Mapping[str, Keyed]:
        """Dotted path of each list that is not compared in order, and of each map whose entries are complete."""

    def desired(self, spec: Spec) -> Iterable[Desired]:
        """What `spec` needs of this kind."""

    async def observe(self, wanted: Sequence[Desired], bound: Mapping[str, str]) -> Mapping[str, Sighting]:
        """Look at the real resources: those bound by id, the others by the marks of ownership they carry.

        Keys that are not wanted may be in the answer where the marks say that they are ours.
        """

    async def check(self, desired: Desired, changed: frozenset[str], *, exists: bool) -> None:
        """Raise if the change must fail (SyncError, ApiError) or has to wait for a person (Waiting).

        `changed` holds the dotted paths that would be written.
        """

    def replaces(self, desired: Desired, changed: frozenset[str]) -> bool:
        """Whether these paths cannot be edited in place, so that a new object has to take over."""

    async def create(self, desired: Desired, body: Mapping[str, Any]) -> str:
        """Make it and return its id."""

    async def read(self, remote_id: str) -> Observed:
        """The resource as it is now."""

    async def update(self, remote_id: str, desired: Desired, patch: Mapping[str, Any]) -> Observed:
        """Write `patch` (changed fields only) and return the resource as it is afterwards.

        Raises AnswerLost where it may have been written, and must not be sent again before somebody has looked.
        """

    async def delete(self, remote_id: str) -> None:
        """Remove it; one that is gone already is fine."""


@runtime_checkable
class Eager(Protocol):
    """A kind that can begin to look at what is bound before it is known what is wanted."""

    def begin(self, bound: Mapping[str, str]) -> None:
        """Send the requests that the next `observe` will need for `bound`, and take their answers there."""

    def abandon(self) -> None:
        """Let go of whatever was begun and has not been taken."""


@dataclass(frozen=True)
class User:
    """Something remote that is not of this plan, such as what uses an object of ours: its id, and how it is called."""

    remote_id: str
    name: str


@runtime_checkable
class Shared(Protocol):
    """A kind whose objects may be in use by others, whom a plan does not know.

    One that others use is not edited under them where they would feel it: a new one takes over for those in the plan.
    Nor is it deleted.
    """

    def felt(self, changed: frozenset[str]) -> bool:
        """Whether a write of these dotted paths changes at once what users of the object do."""

    async def users(self, remote_id: str) -> Sequence[User]:
        """Whatever uses the object now, resources of ours included; empty where it does not exist."""


@runtime_checkable
class Legible(Protocol):
    """A kind whose content, of which a body has a stand-in alone, shows whether it says what is declared."""

    def reads(self, desired: Desired) -> str:
        """A digest of what is declared, as `Observed.reads` is of what a look at one shows, whatever form it has there.

        Empty: the look shows none of it.
        """


@runtime_checkable
class Surveying(Protocol):
    """A kind that comes across objects of nobody's of ours where it looks for ours anyway."""

    @property
    def name(self) -> str:
        """As of Kind."""

    def unmanaged(self) -> Sequence[User]:
        """What the last `observe` saw that carries no mark and is not among the ids that it was given.

        Others may be bound all the same: `plan.unmanaged` leaves those out. Nothing of it is ever written.
        """
