"""Work that is done at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable


async def all_of(steps: Iterable[Awaitable[object]]) -> None:
    """Run all to their end, whatever becomes of one; the first of what they raised is raised then."""
    results = await asyncio.gather(*steps, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
