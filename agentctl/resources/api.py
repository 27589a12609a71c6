"""What the kinds need of ElevenLabs' API. Paths are templates; ids are passed apart, so that the client quotes them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, Protocol


class Api(Protocol):
    """Raw JSON in and out. Every method raises ApiError, Unreachable or AnswerLost."""

    async def get(self, path: str, *, params: Mapping[str, Any] | None = None, **ids: str) -> Any:
        """GET and decode."""

    async def post(
        self,
        path: str,
        *,
        json: Any = None,
        files: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
        **ids: str,
    ) -> Any:
        """POST JSON or multipart; never sent twice unless the first certainly did not happen."""

    async def patch(self, path: str, *, json: Any = None, files: Mapping[str, Any] | None = None, **ids: str) -> Any:
        """PATCH JSON or multipart."""

    async def delete(self, path: str, *, params: Mapping[str, Any] | None = None, **ids: str) -> None:
        """DELETE."""

    def pages(
        self, path: str, *, items: str, params: Mapping[str, Any] | None = None, **ids: str
    ) -> AsyncIterator[Any]:
        """Every entry of a cursor-paged list whose entries stand under `items`."""
