"""Where one assistant is declared: what whoever syncs it alone needs of its source, and tells it afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from agentctl.errors import UsageError
from agentctl.settings import nearest
from agentctl.sources.files import ASSISTANTS, load
from agentctl.sources.loaded import Loaded
from agentctl.sources.mapping import OnDelete
from agentctl.sources.reading import Reading


@dataclass(frozen=True)
class Gone:
    """The source declares it no longer, and knows that for certain. `then`: what shall become of its agent."""

    then: OnDelete = "archive"


@dataclass(frozen=True)
class SyncOutcome:
    """How the sync of one assistant ended. `error`: empty where all is as declared, secrets taken out.

    `held`: it did not fail; what was changed at the platform was left alone, and `error` says what. `discreet`: the
    same for people of its tenant, where they may not read all of that.
    """

    error: str = ""
    held: bool = False
    discreet: str = ""

    @property
    def shown(self) -> str:
        """What people of its tenant read."""
        return self.discreet or self.error


class Source(Protocol):
    """Finds one assistant by its key."""

    async def one(self, key: str) -> Loaded | Gone:
        """What is declared, as it is now. With `Loaded.target` it is that assistant and nothing else.

        What is wrong with it stands in the problems. Raises UsageError for a key that nobody knows, and what else a
        look at the source may raise: such a look tells nothing, and is made again.
        """

    async def told(self, key: str, outcome: SyncOutcome) -> bool:
        """Hears how each attempt ended, for people who look at the source: whether it says so now. Raises StoreError.

        Not of one of which some changes were applied and others failed: what is told of each is told as they end.
        """


class Files:
    """Those of a project's files. An assistant's folder that is gone may be in another checkout, so that its agent is
    left to `sync --prune`.
    """

    def __init__(self, directory: Path, environment: str | None = None) -> None:
        self._directory = directory
        self._environment = environment

    async def one(self, key: str) -> Loaded:
        """All files: what they share, and which of them are older than a rename, is seen of all of them alone."""
        return declared(await self.all(), key)

    async def all(self) -> Loaded:
        """What the files declare, now."""
        return await Reading().of(lambda: load(self._directory, self._environment))

    async def told(self, key: str, outcome: SyncOutcome) -> bool:
        """Files show nothing."""
        return False


def declared(loaded: Loaded, key: str) -> Loaded:
    """`loaded`, where it has that key or cannot tell. Raises UsageError."""
    if key not in loaded.keys and not loaded.problems:
        raise lost(key, loaded)
    return loaded


def lost(key: str, loaded: Loaded) -> UsageError:
    """The error for a key of which these files have no folder."""
    guess = nearest(key, loaded.keys)
    hint = f"Did you mean {guess}?" if guess else f"There are: {', '.join(loaded.keys) or 'none'}."
    return UsageError(f"{ASSISTANTS}/{key} is not there", hint)
