"""A sync that could not begin, since a setting is unusable: people are told all the same if a mail does not need it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from agentctl.settings import Settings
from agentctl.verbs.opening import usable
from agentctl.verbs.unattended import notice
from agentctl.verbs.unattended.limit import MAIL_SECONDS
from agentctl.verbs.unattended.report import Report
from agentctl.wiring import connect

# What says where it is remembered what was told, and by which way a mail goes.
_NEEDED = (
    "agentctl_env",
    "agentctl_pg_bin",
    "database_url",
    "mail_from",
    "resend_api_key",
    "resend_base_url",
    "smtp_url",
    "supabase_service_role_key",
    "supabase_url",
)


async def tell(
    directory: Path,
    environment: str | None,
    report: Report,
    given: Sequence[str],
    say: Callable[[str], None],
    *,
    seconds: float = MAIL_SECONDS,
) -> None:
    """As `notice.tell`, with the settings that are usable; where that is not enough, that nobody is told is said.

    Raises as `connect` does for anything but settings, such as an environment that nobody declares.
    """
    wanted, settings = _usable(directory, environment)
    if settings is None:
        say("warning: nobody is told by mail: what is wrong with the settings is what a mail needs")
        return
    async with connect(directory, settings=settings, environment=wanted) as control:
        await notice.tell(control, report, given, say, seconds=seconds)


def _usable(directory: Path, environment: str | None) -> tuple[str | None, Settings | None]:
    """The environment that is meant, and its settings; None where one that a mail needs is not usable."""
    wanted, settings, problems = usable(directory, environment)
    others = {settings.variable(name) for name in Settings.model_fields.keys() - set(_NEEDED)}
    return wanted, settings if all(problem.where in others for problem in problems) else None
