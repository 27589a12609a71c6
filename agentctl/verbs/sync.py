"""load, plan, apply: the one path from a project's files to ElevenLabs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from agentctl.errors import Problem, UsageError
from agentctl.resources.assistant import Assistant
from agentctl.settings import nearest
from agentctl.sources.loaded import Loaded
from agentctl.sync import apply as engine
from agentctl.sync import planning
from agentctl.sync.apply import Applied, OnChange
from agentctl.sync.plan import Plan
from agentctl.sync.planning import Patience
from agentctl.verbs.exclusive import exclusive as exclusive
from agentctl.wiring import Control


async def load(control: Control) -> Loaded:
    """The project's assistants, read and checked.

    Raises ConfigurationError with every problem of every file.
    """
    loaded = await asyncio.to_thread(lambda: control.loaded)
    return loaded.checked()


async def plan(
    control: Control, only: Sequence[str] = (), *, prune: bool = False, patience: Patience | None = None
) -> Plan:
    """Compare the project with the workspace; write nothing. `only`: globs of assistant keys.

    `prune` plans to delete what is ours and no longer declared; it needs the whole project. Raises ConfigurationError
    for wrong files or settings, UsageError for a glob that matches nothing, ApiError or Unreachable where the platform
    cannot be read.
    """
    if prune and only:
        raise UsageError("--prune needs the whole project", "Leave --only out: what is not selected is still declared.")
    loaded = await load(control)
    assistants = select(loaded.assistants, only)
    bindings = await control.bindings()
    notices = [*loaded.warnings, *_unknown_keys(assistants)]
    kinds = await control.kinds(bindings)
    return await planning.plan(
        kinds, assistants, bindings, notices=notices, whole=not only, prune=prune, patience=patience
    )


async def apply(
    control: Control,
    plan: Plan,
    *,
    take_ours: bool = False,
    force: bool = False,
    on_change: OnChange | None = None,
) -> Applied:
    """Make `plan` true; each id is bound and each write verified at once.

    What somebody changed at the platform is held back unless `take_ours`. A resource that fails stops only what refers
    to it and stands in the result's failures. Raises UsageError for a plan that would delete or overwrite too much,
    unless `force`, and Busy while another sync of this project runs.
    """
    if not force:
        plan.raise_if_unsafe(take_ours=take_ours)
    async with exclusive(control):
        bindings = await control.bindings()
        kinds = await control.kinds(bindings)
        return await engine.apply(plan, kinds, bindings, take_ours=take_ours, on_change=on_change)


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
