"""What the kinds need of ElevenLabs' API. Paths are templates; ids are passed apart, so that the client quotes them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, Protocol

Upload = tuple[str, bytes, str]
"""A file of a multipart request: its name, its content, its media type."""

Params = Mapping[str, Any] | None


class Api(Protocol):
    """Raw JSON in and out. Every method raises ApiError or Unreachable, a POST AnswerLost too."""

    async def get(self, path: str, *, params: Params = None, **ids: str) -> Any:
        """GET and decode."""

    async def post(
        self,
        path: str,
        *,
        json: object = None,
        files: Mapping[str, Upload] | None = None,
        data: Mapping[str, str] | None = None,
        params: Params = None,
        **ids: str,
    ) -> dict[str, Any]:
        """POST JSON or multipart; never sent twice unless the first certainly did not happen."""

    async def patch(
        self,
        path: str,
        *,
        json: object = None,
        files: Mapping[str, Upload] | None = None,
        data: Mapping[str, str] | None = None,
        params: Params = None,
        once: bool = False,
        **ids: str,
    ) -> dict[str, Any]:
        """PATCH JSON or multipart. `once`: AnswerLost, and not sent again, where it may have been carried out."""

    async def put(
        self, path: str, *, json: object = None, params: Params = None, once: bool = False, **ids: str
    ) -> dict[str, Any]:
        """PUT JSON: the whole object anew. `once`: as of `patch`."""

    async def delete(self, path: str, *, params: Params = None, **ids: str) -> None:
        """DELETE."""

    def pages(self, path: str, *, items: str, params: Params = None, **ids: str) -> AsyncIterator[dict[str, Any]]:
        """Every entry of a cursor-paged list whose entries stand under `items`."""
