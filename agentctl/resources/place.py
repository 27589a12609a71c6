"""Where the resources of a project live: what each kind takes its own parts from."""

from __future__ import annotations

from dataclasses import dataclass

from agentctl.resources.api import Api
from agentctl.sync.bindings import Store
from agentctl.sync.kind import Ref, Scope


@dataclass(frozen=True)
class Place:
    """One workspace and project. `webhook`: what agents deliver their calls to, once one is registered.

    `gated`: nothing that callers hear may change before it was tested.
    """

    api: Api
    store: Store
    scope: Scope
    webhook: Ref | None = None
    gated: bool = False
