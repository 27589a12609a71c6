"""Holds: keys that were rolled back, which a sync leaves alone until their source changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from agentctl.wiring import Control

NOTE = "rollback to "
_OPEN = "open:"  # before the digest of one that stays whatever its source says


@dataclass(frozen=True)
class Hold:
    """One assistant at one revision. `digest` is that of the source it was rolled back from, `since` ISO 8601.

    `tenant`: whose the revision is; None where that is not kept. `passed`: the assistant is another tenant's by now.
    """

    key: str
    revision: int
    digest: str
    since: str
    tenant: str | None = None
    passed: bool = False

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Hold:
        """One as the store tells of it."""
        return cls(told["key"], told["revision"], told["digest"], told["held_at"], told.get("tenant"))

    def __str__(self) -> str:
        return f"held at revision {self.revision}: its files are left alone until they change, or: {self.remedy}"

    @property
    def is_open(self) -> bool:
        """Whether a step of agentctl's own is writing its files, or was cut off over that: they do not end it."""
        return self.digest.startswith(_OPEN)

    @property
    def end(self) -> str:
        """That it ends, and why, in words: said before anything of its files goes live."""
        if self.passed:  # whose, is not for its people to read, nor what it said
            return "was held for another tenant, whose it was; the hold ends with this sync; what is declared goes live"
        return (
            f"was held at revision {self.revision}; what it is made of (its folder, shared/, agentctl.toml) has "
            "changed since, so the hold ends with this sync, and its files go live"
        )

    @property
    def remedy(self) -> str:
        """The command that ends it."""
        return f"agentctl unhold {self.key}"


def note(revision: int) -> str:
    """What is noted of the configuration that a rollback to `revision` leaves."""
    return f"{NOTE}{revision}"


async def holds(control: Control) -> tuple[Hold, ...]:
    """Every hold of this project, environment and workspace, but of what has passed to another tenant."""
    return tuple(one for one in await all_holds(control) if not one.passed)


async def all_holds(control: Control) -> tuple[Hold, ...]:
    """Those too: such a one holds nothing, and ends with the next sync."""
    rows = await (await control.store()).call("holds", asdict(control.scope))
    tenants = {one.key: one.tenant for one in control.loaded.assistants}

    def told(one: Hold) -> Hold:
        return replace(one, passed=one.tenant is not None and tenants.get(one.key, one.tenant) != one.tenant)

    return tuple(told(Hold.of(row)) for row in rows)


async def hold(control: Control, key: str, revision: int, digest: str) -> None:
    """Leave `key` at `revision` for as long as the digest of its source is `digest`."""
    row = {"key": key, "revision": revision, "digest": digest}
    await (await control.store()).call("hold", {**asdict(control.scope), **row})


async def open_hold(control: Control, one: Hold) -> None:
    """Let it stay whatever its source says, until it is given another digest."""
    await hold(control, one.key, one.revision, f"{_OPEN}{one.digest}")


async def unhold(control: Control, key: str) -> bool:
    """Let the next sync apply the files of `key` again. False: it was not held."""
    answer = await (await control.store()).call("unhold", {**asdict(control.scope), "key": key})
    return bool(answer["removed"])
