"""A control's files, read without holding up what goes on beside."""

from __future__ import annotations

from agentctl.sources.loaded import Loaded
from agentctl.sources.reading import Reading
from agentctl.wiring import Control


async def read(control: Control, *, again: bool = False) -> Loaded:
    """`control.loaded`, with its problems; `again`: as the files are now. `control.reading` tells where it is.

    Cancelled, it is over within a second or so, whatever the files hold. Raises ConfigurationError where there is no
    project.
    """
    if again:
        vars(control).pop("loaded", None)
    control.reading = Reading()
    loaded = await control.reading.of(lambda: control.loaded)
    control.reading = None
    return loaded
