"""The renames that files and store have each seen: whoever lacks one is the older of the two.

The files keep theirs in renames.toml, the store keeps the same ids. Nothing is guessed: of files that lack a rename all
is held back, and a store that lacks one has to learn it before anything is planned.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from agentctl.errors import SyncError, UsageError
from agentctl.sources.renames import FILENAME, Rename, done, last, moved, record, recorded
from agentctl.sync.kind import Scope
from agentctl.verbs.renaming.begun import Given
from agentctl.verbs.undertaking import Undertaking
from agentctl.wiring import Control

_PREFIX = "renamed "


@dataclass(frozen=True)
class Noted:
    """That the store has seen a rename. `before`: it was done before this store's time, so not by it."""

    before: bool = False


@dataclass(frozen=True)
class Missed:
    """What these files have not seen: `renames`, oldest first; `moved`: the key that each assistant has by now."""

    renames: tuple[Rename, ...] = ()
    moved: Mapping[str, str] = field(default_factory=dict)

    def given(self, key: str) -> Given:
        """What became of the assistant that had this key."""
        return Given(self.moved[key], next(one.on for one in self.renames if one.old == key))

    @property
    def told(self) -> str:
        """That they are older, and the way out of it."""
        if not self.renames:
            return ""
        first, more = self.renames[0], len(self.renames) - 1
        others = f" and {more} more" if more else ""
        return (
            f"{FILENAME} does not have {first.command} of {first.on.isoformat()}{others}, so these files are older: "
            "update the checkout (git pull); if they are the newest all the same, since the list was lost or Git took "
            "a rename back: agentctl rename --seen"
        )


async def missed(control: Control) -> Missed:
    """The renames that the store has seen and these files have not. Raises StoreError and ConfigurationError."""
    known, here = await _seen(control), await listed(control)
    renames = tuple(one for one in known if one not in here)
    return Missed(renames, moved(renames))


async def must_be_newest(control: Control, old: str = "", new: str = "") -> None:
    """Raise UsageError where these files are older than a rename, but for whoever takes just that back by `old`, `new`.

    Raises StoreError and ConfigurationError.
    """
    found = await missed(control)
    if found.renames and not (old and not moved([*found.renames, done(old, new)])):
        raise UsageError(found.told, "Nothing was changed.")


async def take(control: Control) -> tuple[Rename, ...]:
    """Have the files' list hold what the store has seen. Raises StoreError and ConfigurationError."""
    found = (await missed(control)).renames
    await asyncio.to_thread(record, control.directory, found)
    return found


async def must_be_learnt(control: Control) -> None:
    """Raise SyncError where these files have seen a rename of what this store knows by its old key still.

    In whatever environment: a key is the same one in all. Nothing is asked of the store where no assistant was ever
    renamed. Raises StoreError and ConfigurationError.
    """
    if left := await _unlearnt(control):
        several = f" and {len(left) - 1} more" if len(left) > 1 else ""
        raise SyncError(
            f"{FILENAME} has {left[0].command} of {left[0].on.isoformat()}{several}, which this store has not seen",
            f"Another store has. Let this one know it: {', then '.join(one.command for one in left)}",
        )


async def is_to_learn(control: Control, old: str, new: str) -> bool:
    """Whether this rename was done with another store, and is the next that this one has to learn."""
    left = await _unlearnt(control)
    return bool(left) and (left[0].old, left[0].new) == (old, new)


async def note(control: Control, old: str, new: str, *, again: bool) -> None:
    """Both have seen this rename from now on, and these files what it takes back. Raises StoreError and
    ConfigurationError.

    `again`: this store had done all of it before, so that it is no other rename. Nor is one that the list has and that
    was done without this store, as for an environment that lags behind: other stores have seen it by that line.
    """
    lacking = (await missed(control)).renames
    one = last(sorted([*await listed(control), *lacking], key=lambda one: one.id), old, new)
    if one is None or not (again or await _was_elsewhere(control, one)):
        one = done(old, new)
    await asyncio.to_thread(record, control.directory, [*lacking, one])
    await save(control, one)


async def _was_elsewhere(control: Control, one: Rename) -> bool:
    """Whether this store has neither done this rename nor learnt it."""
    state = await (await _noted(control, one)).state(Noted)
    return state is None or state.before


async def settle(control: Control) -> None:
    """What these files have seen and this store knows nothing of was before its time, and is seen from now on."""
    if not await _unlearnt(control):
        for one in await unseen(control):
            await save(control, one, before=True)


async def _unlearnt(control: Control) -> list[Rename]:
    left: list[Rename] = []
    if not (some := await unseen(control)):
        return left
    bound = set(await (await control.store()).call("agent_keys", {"project": control.scope.project}))
    for one in some:
        if one.old in bound:
            left.append(one)
            bound = {*bound - {one.old}, one.new}
    return left


async def unseen(control: Control) -> list[Rename]:
    """What the store has not seen, oldest first."""
    found = await listed(control)
    known = await _seen(control) if found else ()
    return [one for one in found if one not in known]


async def listed(control: Control) -> tuple[Rename, ...]:
    """Those that these files have seen. Raises ConfigurationError."""
    return await asyncio.to_thread(recorded, control.directory)


async def _seen(control: Control) -> list[Rename]:
    rows = await (await control.store()).call("undertakings", asdict(_everywhere(control)))
    names = sorted(row["name"] for row in rows if row["name"].startswith(_PREFIX))
    words = (name.removeprefix(_PREFIX).split(" ") for name in names)
    return [Rename(id=ident, old=old, new=new) for ident, old, new in words]


async def save(control: Control, one: Rename, *, before: bool = False) -> None:
    """The store has seen it, in every environment. `before`: as of `Noted`."""
    await (await _noted(control, one)).save(asdict(Noted(before)))


async def _noted(control: Control, one: Rename) -> Undertaking:
    return Undertaking(await control.store(), _everywhere(control), noted(one))


def noted(one: Rename) -> str:
    """The name under which the store remembers it."""
    return f"{_PREFIX}{one.id} {one.old} {one.new}"


def _everywhere(control: Control) -> Scope:
    return Scope(control.scope.project, "", "")
