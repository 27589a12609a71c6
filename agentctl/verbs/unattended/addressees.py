"""Whom the mails about unattended syncs go to. Apart from the mails, since most runs look here and send none."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import TypeAdapter, ValidationError

from agentctl.errors import UsageError
from agentctl.resources.assistant import MailAddress
from agentctl.sources.project import read_alone
from agentctl.wiring import Control


def recipients(control: Control, given: Sequence[str]) -> tuple[str, ...]:
    """Whom to tell: `given`, else the project's [mail] to; nobody where that cannot be read.

    Raises UsageError where nobody is named and for an address that is none.
    """
    if given:
        return tuple({address.lower(): _address(address) for address in given}.values())
    project, sound = read_alone(control.directory, control.environment)
    if not project.mail_to and sound:
        raise UsageError("--mail: nobody is named", "Set [mail] to in agentctl.toml, or use --mail-to ADDRESS.")
    return project.mail_to


def is_wanted(control: Control) -> bool:
    """Whether agentctl.toml names anybody to tell, or is such that it cannot be known."""
    project, sound = read_alone(control.directory, control.environment)
    return bool(project.mail_to) or not sound


def _address(given: str) -> str:
    try:
        return TypeAdapter[str](MailAddress).validate_python(given)
    except ValidationError as error:
        said = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise UsageError(f"--mail-to: {given!r} {said}") from None
