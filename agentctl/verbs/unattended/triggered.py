"""Syncs that a request asks for: one at a time, in the background of a server, each with the files as they are then."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from agentctl.errors import AgentctlError, ConfigurationError, TimedOut
from agentctl.sync.applied import Applied
from agentctl.verbs import gate, sync, workspaces
from agentctl.verbs.commands import addressed
from agentctl.verbs.exclusive import exclusive
from agentctl.verbs.remedy import remedies
from agentctl.verbs.unattended import holding
from agentctl.verbs.unattended.addressees import is_wanted
from agentctl.verbs.unattended.limit import AFTER_SECONDS
from agentctl.verbs.unattended.watched import Body, Watched
from agentctl.verbs.wording import held_back, named
from agentctl.wiring import Control, connect

logger = logging.getLogger(__name__)

# Of one sync, without what its gate may wait.
DEADLINE_SECONDS = 600.0
_LONGER = "run agentctl sync, which has all the time it needs"
# Once its server is stopped, with what comes after its end.
LAST_SECONDS = 35.0


class Syncs:
    """Starts them and waits for the last one.

    Nobody waits for the answer: what becomes of each is logged, and told by mail, as `sync --mail` tells it, where
    agentctl.toml names anybody.
    """

    def __init__(self, control: Control) -> None:
        self._control = control
        self._running: asyncio.Task[None] | None = None
        self._watched: Watched | None = None
        self._over = False
        self._veil: Callable[[str], str] = str

    def start(self) -> bool:
        """Begin one; False while one is running, which will have seen the same files or will be asked for again.

        False after `end` too.
        """
        if self._over or (self._running is not None and not self._running.done()):
            return False
        self._watched = Watched(seconds=DEADLINE_SECONDS, longer=_LONGER)
        self._running = asyncio.create_task(self._run())
        return True

    async def end(self) -> None:
        """Begin no more, and let what runs finish within `LAST_SECONDS`; after that it is ended, and what is left told.

        What is done is bound, the next sync goes on from there.
        """
        self._over = True
        if self._running is None or self._running.done():
            return
        if self._watched is not None:
            self._watched.stop(max(0.0, LAST_SECONDS - AFTER_SECONDS), "its server was stopped")
        await asyncio.wait({self._running}, timeout=LAST_SECONDS)
        self._running.cancel()
        await asyncio.gather(self._running, return_exceptions=True)

    async def _run(self) -> None:
        try:
            await self._sync()
        except asyncio.CancelledError:
            logger.error("a sync that was asked for was cut off: what is done is bound, the next goes on from there")
            raise
        except TimedOut as error:
            logger.error("a sync that was asked for did not come to its end: %s", self._told(error.message, error.hint))
        except ConfigurationError as error:
            for problem in error.problems:
                hint = error.hint if problem is error.problems[-1] else ""
                logger.error("a sync that was asked for cannot begin: %s", self._told(problem, hint))
        except AgentctlError as error:
            logger.error("a sync that was asked for failed: %s", self._told(error.message, error.hint))
        except Exception as error:  # noqa: BLE001 - nobody awaits this task: what is not logged here is lost
            logger.error("a sync that was asked for failed: agentctl itself failed: %s", type(error).__name__)

    def _told(self, text: object, remedy: str = "") -> str:
        """One line, as a log has it: what there is to say, and what to do about it."""
        said, done = ("; ".join(line.strip() for line in str(part).splitlines()) for part in (text, remedy))
        whole = f"{said.removesuffix('.')}. {done}" if done else said
        return addressed(self._veil(whole), self._control.environment)

    async def _sync(self) -> None:
        # A control of its own: files are read once per control, and they may have changed since the server's start.
        ours = self._control
        async with connect(ours.directory, settings=ours.settings, environment=ours.environment) as control:
            self._veil = control.veil
            watched = self._watched
            assert watched is not None
            mail = is_wanted(control)
            await watched.run(control, _syncing(watched, self._log), mail=mail, mail_to=(), say=logger.warning)

    def _log(self, applied: Applied) -> None:
        for failure in applied.failures:
            logger.error("sync: %s", self._told(named(failure), failure.error.hint))
        for change, remedy in remedies(applied):
            logger.warning("sync: held back: %s", self._told(held_back(change), remedy))
        logger.info("sync: %d done, %d failed", len(applied.done), len(applied.failures))


def _syncing(watched: Watched, log: Callable[[Applied], None]) -> Body:
    async def here(control: Control, only: Sequence[str]) -> Applied:
        plan = await sync.plan(control, only)
        watched.planned(plan)
        for note in await holding.notes(control, plan):
            logger.warning("sync: %s", addressed(str(note), control.environment))
        if plan.gated:
            watched.extend(gate.longest(control))
        return await sync.apply(control, plan, on_change=watched.hearing())

    async def body(control: Control) -> Applied:
        done = await workspaces.everywhere(control, (), here, workspaces.applied, hold=exclusive)
        applied = workspaces.summed(done.results or done.checked())
        log(applied)
        watched.partly(applied)
        done.checked()
        return applied

    return body
