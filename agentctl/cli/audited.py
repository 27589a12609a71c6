"""A command that reads or erases what callers said leaves a row in the audit log, whatever comes of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sized
from typing import TYPE_CHECKING, TypeVar

from agentctl.cli.session import connected

if TYPE_CHECKING:
    from agentctl.wiring import Control

Result = TypeVar("Result")
Rows = TypeVar("Rows", bound=Sized)


def audited(
    action: str, body: Callable[[Control], Awaitable[Result]], subject: Callable[[Result], Mapping[str, object]]
) -> Result:
    """As `connected`. What was read is noted before anybody sees it; `subject` says of the result what may be kept."""

    async def run(control: Control) -> Result:
        from agentctl.verbs.calls.audit import noted

        async with noted(control, action) as row:
            result = await body(control)
            row.update(subject(result))
        return result

    return connected(run)


def listed(action: str, body: Callable[[Control], Awaitable[Rows]], sort: str, **filters: object) -> Rows:
    """As `audited`, of a list: how many of this `sort`, and the filters as far as they may be kept."""
    from agentctl.verbs.calls.audit import asked

    return audited(action, body, lambda rows: {sort: len(rows), "asked": asked(**filters)})
