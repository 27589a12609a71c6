"""The line that an import adds to an assistant.toml: it counts in every environment, and must be right in each."""

from __future__ import annotations

import asyncio

from agentctl.errors import UsageError
from agentctl.sources.environment import known_names
from agentctl.sources.files import load
from agentctl.sources.project import read_alone
from agentctl.sources.reading import Reading
from agentctl.wiring import Control


async def need_room(control: Control, number: str, key: str) -> None:
    """Raise UsageError where with that line another environment's files would declare the number twice, and
    ConfigurationError where it cannot be written: a number that rings and that no file declares is nobody's.
    """
    from agentctl.sources.edit import need_addable

    here = control.loaded.project.environment
    names = known_names(read_alone(control.directory, None)[0])
    for name in names:
        if name != here and (where := await _declared_in(control, name, number, key)):
            raise UsageError(
                f"{number} is declared in {where} for environment {name}: its line in assistants/{key}/assistant.toml "
                f"would count there too, and make the files of {name} invalid; nothing was done",
                f"Declare it for {here} alone, then run this again: in agentctl.toml, under "
                f'[environments.{here}.assistants.{key}.phone], numbers = ["{number}"].',
            )
    await asyncio.to_thread(need_addable, control.loaded.project.root, key, number)


async def _declared_in(control: Control, environment: str, number: str, key: str) -> str | None:
    """The file of another assistant that declares it there; None also where the line would have no say there."""
    loaded = await Reading().of(lambda: load(control.directory, environment))
    if loaded.layers is not None and loaded.layers.decides(key, ("phone", "numbers")):
        return None
    return next((one.where for one in loaded.assistants if one.key != key and number in one.phone.numbers), None)
