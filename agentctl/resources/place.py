"""Where the resources of a project live: what each kind takes its own parts from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from agentctl.resources.api import Api
from agentctl.sync.bindings import Store
from agentctl.sync.kind import Ref, Scope
from agentctl.sync.target import Target


@dataclass(frozen=True)
class Place:
    """One workspace and project. `webhook`: what agents deliver their calls to, once one is registered.

    `tell` hears how far something is that takes its time. `target`: all that is looked at there; None: everything.
    """

    api: Api
    store: Store
    scope: Scope
    webhook: Ref | None = None
    tell: Callable[[str], None] = lambda text: None
    target: Target | None = None
