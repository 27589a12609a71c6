"""Who looks at the console, what they may, and how they reach what is stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from agentctl.calls.inbox import Store

Role = Literal["viewer", "editor", "admin"]
_RANKS: tuple[Role, ...] = get_args(Role)


@dataclass(frozen=True)
class Person:
    """`name`: as the audit has them. `roles`: in each of their tenants. `store` answers as this person, so that the
    database decides what is shown. `called`: as people know them, where that is not their name.
    """

    name: str
    roles: Mapping[str, Role]
    store: Store = field(repr=False)
    called: str = field(default="", repr=False)

    @property
    def tenants(self) -> tuple[str, ...]:
        """In the order in which they are offered; the first one is shown where none was chosen."""
        return tuple(self.roles)

    def may(self, role: Role, tenant: str) -> bool:
        """Whether they have this role there, or a higher one."""
        held = self.roles.get(tenant)
        return held is not None and _RANKS.index(held) >= _RANKS.index(role)
