"""Close what lies open in the database, and tell people once that it did."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from agentctl.verbs import rights
from agentctl.verbs.upkeep import alert
from agentctl.wiring import Control

log = logging.getLogger(__name__)

SUBJECT = "rights"
_WHOLE_STORE = {"project": "", "environment": "", "workspace": ""}


async def seal(control: Control, to: Sequence[str]) -> bool:
    """Take from users what only the server is to do; whether there was anything. `to`: who gets a mail.

    They are told before: whoever is cut off in between tells nobody twice. Raises StoreError, also where it cannot be
    taken.
    """
    store = await control.store()
    found = await rights.loose(store)
    told = str(found) if found.count else ""
    message = alert.of_rights(control, told, rights.REMEDY)
    is_news = await alert.tell(control, _WHOLE_STORE, SUBJECT, told, message, to if told else ())
    if told and is_news:
        log.error("rights: %s; they are taken now", told)
    if told:
        await rights.seal(store)
    return bool(told)
