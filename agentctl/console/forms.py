"""What a form holds, read within limits: of size, of fields and of time. Nothing else is taken for one."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qsl

from starlette.datastructures import FormData
from starlette.requests import ClientDisconnect, Request

from agentctl.console.visit import Refused

SMALL = 64 * 1024  # bytes of a form in which nobody writes a text
_BYTES_OF_A_FIELD = 320  # that a form may have, for each of its fields: 200 in a small one
_KIND = "application/x-www-form-urlencoded"
_SECONDS = 30.0


async def read(request: Request, most: int = SMALL) -> FormData:
    """Its fields, as a browser sends them, of at most that many bytes.

    Raises Refused for anything else, and for characters that no text of ours has: what is no UTF-8, and U+0000.
    """
    length = request.headers.get("content-length", "")
    if not (length.isascii() and length.isdigit()) or len(length) > 9 or int(length) > most:
        raise Refused(413, "refused.large")
    if request.headers.get("content-type", _KIND).partition(";")[0].strip().lower() != _KIND:
        raise Refused(415, "refused.form")
    try:
        async with asyncio.timeout(_SECONDS):
            body = await request.body()  # a server hands over no more than was announced
        fields = parse_qsl(
            body.decode(), keep_blank_values=True, errors="strict", max_num_fields=most // _BYTES_OF_A_FIELD
        )
    except TimeoutError:
        raise Refused(408, "refused.form") from None
    except (ValueError, ClientDisconnect):
        raise Refused(400, "refused.form") from None
    if any("\0" in part for field in fields for part in field):
        raise Refused(400, "refused.form")
    return FormData([*fields])
