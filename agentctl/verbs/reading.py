"""What a control's project declares, in files and in a table, read without holding up what goes on beside."""

from __future__ import annotations

from agentctl.sources.loaded import Loaded
from agentctl.sources.reading import Reading, aside
from agentctl.wiring import Control


async def read(control: Control, *, again: bool = False) -> Loaded:
    """`control.loaded`, with its problems; `again`: as all is now. `control.reading` tells at which file it is.

    From now on the rows of the source table are in it. With problems in the files they are not read, nor beside one
    assistant that was looked up alone. Cancelled, it is
    over within a second or so, whatever the files hold. Of tenants that live in another workspace than this control's
    there is nothing but the keys. Raises ConfigurationError where there is no project, and
    StoreError where a table cannot be read.
    """
    if again:
        control.forget()
    control.reading = Reading()
    loaded = await control.reading.of(lambda: control.loaded)
    control.reading = None
    source = loaded.project.table
    if source is None or loaded.problems or loaded.rows is not None or loaded.target:
        return loaded
    from agentctl.sources.table.divided import divided
    from agentctl.sources.table.rows import ask, joined

    told = await ask(await control.store(), source, control.scope)
    access = control.access if control.access.is_known else (await control.tenants()).project
    whole = await aside(lambda: joined(loaded, source, told).housed(access.houses))
    return control.know(divided(whole, told.holders))
