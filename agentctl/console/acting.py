"""What a page does with the server's own rights, once the person was found to have the role: in their name, and for the
tenant that they look at.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from agentctl.calls.tenant import OPERATOR
from agentctl.console.home import home
from agentctl.console.visit import Visit
from agentctl.verbs.calls import audit
from agentctl.wiring import Control


@asynccontextmanager
async def acting(visit: Visit) -> AsyncIterator[Control]:
    """A control for what this person was allowed to do; the audit has their name.

    Whoever looks at `default` acts as the operator, whose that tenant is: for all of them where a page says so, and of
    the role that they have there.
    """
    async with visit.desk.control.afresh() as control:
        control.tenant = None if visit.tenant == OPERATOR else visit.tenant
        with audit.acting(visit.person.name):
            yield control


@asynccontextmanager
async def at_home(visit: Visit) -> AsyncIterator[Control]:
    """The same, in the workspace where that tenant's assistants live; errors name no other's. Raises StoreError."""
    async with acting(visit) as control, home(control, visit.tenant) as there:
        yield there
