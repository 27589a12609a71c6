"""The sound of a call, for a player that jumps about in it (RFC 9110, 14: ranges)."""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path

from starlette.background import BackgroundTask
from starlette.responses import FileResponse, Response

from agentctl.console.acting import acting
from agentctl.console.page import Page
from agentctl.console.pages.call import asked
from agentctl.console.visit import Refused, Visit
from agentctl.errors import AgentctlError
from agentctl.verbs.calls import audit, recording

# What a recording may call itself; anything else is offered as bytes, which no browser takes for a page.
_KINDS = frozenset({"audio/mpeg", "audio/wav", "audio/x-wav", "audio/ogg", "audio/mp4", "audio/webm"})


async def sound(visit: Visit) -> Response:
    """A copy of what is kept, checked to be what was stored."""
    found = await asked(visit)
    if not found["recording"]:
        raise Refused(404, "refused.absent")
    with tempfile.NamedTemporaryFile(prefix="agentctl-", delete=False) as file:  # 0600 by itself
        path = Path(file.name)
        try:
            async with acting(visit) as control:
                wanted = await recording.recording(control, found["conversation_id"])
                async with visit.desk.copying:
                    await recording.fetch(control, wanted, file)
                await audit.note(control, "recording", call=found["conversation_id"], handed_out="console")
        except AgentctlError:
            await asyncio.to_thread(path.unlink)
            raise Refused(404, "refused.sound") from None
        except BaseException:
            os.unlink(path)  # also where it is cancelled, when nothing more is waited for
            raise
    kind = wanted.content_type if wanted.content_type in _KINDS else "application/octet-stream"
    gone = BackgroundTask(path.unlink, missing_ok=True)
    return FileResponse(path, media_type=kind, background=gone)


# A recording may be an hour's, and its answer is all of it.
PAGES = (Page("/calls/{conversation_id}/sound", sound, seconds=120.0),)
