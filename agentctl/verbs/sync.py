"""load, plan, apply: the one path from a project's files to ElevenLabs."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from fnmatch import fnmatchcase
from itertools import count

from agentctl.errors import Problem, UsageError
from agentctl.resources.assistant import Assistant
from agentctl.settings import nearest
from agentctl.sources.loaded import Loaded
from agentctl.sync import apply as engine
from agentctl.sync import plan as planner
from agentctl.sync.apply import Applied, OnChange
from agentctl.sync.plan import Plan
from agentctl.wiring import Control

log = logging.getLogger(__name__)

_PAUSE = 0.1  # seconds


async def load(control: Control) -> Loaded:
    """The project's assistants, read and checked.

    Raises ConfigurationError with every problem of every file.
    """
    loaded = await asyncio.to_thread(lambda: control.loaded)
    return loaded.checked()


async def plan(control: Control, only: Sequence[str] = ()) -> Plan:
    """Compare the project with the workspace; write nothing. `only`: globs of assistant keys.

    Raises ConfigurationError for wrong files or settings, UsageError for a glob that matches nothing, ApiError or
    Unreachable where the platform cannot be read.
    """
    loaded = await load(control)
    assistants = select(loaded.assistants, only)
    bindings = await control.bindings()
    notices = [*loaded.warnings, *_unknown_keys(assistants)]
    kinds = await control.kinds(bindings)
    return await planner.plan(kinds, assistants, bindings, notices=notices, whole=not only)


async def apply(control: Control, plan: Plan, *, on_change: OnChange | None = None) -> Applied:
    """Make `plan` true; each id is bound and each write verified at once.

    A resource that fails stops only what refers to it and stands in the result's failures. Two applies of one project
    on this machine go one after the other; what the first made is a failure of the second, whose plan is too old.
    """
    async with _alone(control):
        bindings = await control.bindings()
        return await engine.apply(plan, await control.kinds(bindings), bindings, on_change=on_change)


@asynccontextmanager
async def _alone(control: Control) -> AsyncIterator[None]:
    from agentctl.local import lock

    descriptor = os.open(control.directory / "agentctl.toml", os.O_RDONLY)
    try:
        for waited in count():
            if lock.take(descriptor):
                break
            if not waited:
                log.warning("another sync of this project is running; waiting for its end")
            await asyncio.sleep(_PAUSE)
        yield
    finally:
        os.close(descriptor)


def select(assistants: Sequence[Assistant], only: Sequence[str]) -> tuple[Assistant, ...]:
    """Those whose key matches one of the globs in `only`; all where there is none."""
    keys = [assistant.key for assistant in assistants]
    for glob in only:
        if not any(fnmatchcase(key, glob) for key in keys):
            guess = nearest(glob, keys)
            hint = f"Did you mean {guess}?" if guess else f"There are: {', '.join(keys) or 'none'}."
            raise UsageError(f"no assistant matches {glob!r}", hint)
    return tuple(
        assistant for assistant in assistants if not only or any(fnmatchcase(assistant.key, glob) for glob in only)
    )


def _unknown_keys(assistants: Sequence[Assistant]) -> Iterator[Problem]:
    raw = [assistant for assistant in assistants if assistant.elevenlabs]
    if not raw:
        return
    from agentctl.clients.lint import unknown_keys

    for assistant in raw:
        settings = assistant.elevenlabs
        found = unknown_keys(settings.get("conversation_config", {}), settings.get("platform_settings", {}))
        for key in found:
            guess = f"; did you mean {key.suggestion}?" if key.suggestion else ""
            yield Problem(assistant.where, f"elevenlabs.{key.path}: ElevenLabs' SDK knows no such key{guess}")
