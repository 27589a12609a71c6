"""Tables for spreadsheets, sent while they are read: a year of calls is not in memory at once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence

from starlette.responses import Response, StreamingResponse

from agentctl.calls.spreadsheet import row

_BYTE_ORDER = "\ufeff"  # by which Excel knows UTF-8


async def sent(rows: Iterable[Sequence[object]]) -> AsyncIterator[Sequence[object]]:
    """Rows that are all there, as `table` takes them."""
    for one in rows:
        yield one


def table(name: str, head: Sequence[str], rows: AsyncIterator[Sequence[object]]) -> Response:
    """A file of that name with those rows under that head. What would be a formula is text."""

    async def lines() -> AsyncIterator[str]:
        yield _BYTE_ORDER + row(head)
        async for one in rows:
            yield row(one)

    how = {"content-disposition": f'attachment; filename="{name}.csv"'}
    return StreamingResponse(lines(), media_type="text/csv; charset=utf-8", headers=how)
