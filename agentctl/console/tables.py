"""Tables for spreadsheets, sent while they are read: a year of calls is not in memory at once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import TypeVar

from starlette.responses import Response, StreamingResponse

from agentctl.calls.spreadsheet import row
from agentctl.console.visit import Visit

_BYTE_ORDER = "\ufeff"  # by which Excel knows UTF-8
One = TypeVar("One")


def table(
    visit: Visit,
    name: str,
    head: Sequence[str],
    parts: AsyncIterator[Iterable[One]],
    cells: Callable[[One], Sequence[object]],
) -> Response:
    """A file of that name with the `cells` of each one under that head. What would be a formula is text."""

    def written(part: Iterable[One]) -> str:
        return "".join(row(cells(one)) for one in part)

    async def lines() -> AsyncIterator[str]:
        yield _BYTE_ORDER + row(head)
        async for part in parts:
            yield await visit.desk.aside(written, part)

    how = {"content-disposition": f'attachment; filename="{name}.csv"'}
    return StreamingResponse(lines(), media_type="text/csv; charset=utf-8", headers=how)


async def whole(part: Iterable[One]) -> AsyncIterator[Iterable[One]]:
    """A table that is there at once."""
    yield part
