"""What an examination finds: one line each, with what to do about it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Literal

from agentctl.wiring import Control

State = Literal["ok", "warning", "broken", "skipped"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `remedy` is empty where there is nothing to do.

    `blocks`: nothing that needs the subject can be examined. `tenant`: whose it is, where it is not the project's.
    `kind`: a name of `what`, for who has words of their own for it, and `about`: the place or key that it is about.
    """

    subject: str
    state: State
    what: str
    remedy: str = ""
    blocks: bool = False
    tenant: str = ""
    kind: str = ""
    about: str = ""


Examination = Callable[[Control], AsyncIterator[Finding]]
