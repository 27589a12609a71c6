"""What stands beside a call in the list that it was opened from: the call's address says which list that was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from agentctl.console.pages.calls import LIST, NEWEST, selection, wanted
from agentctl.console.visit import Visit
from agentctl.errors import NotThere, StoreError, UsageError

SECONDS = 3.0  # whoever opens a call waits no longer for what stands around it
_SEEN = 51  # calls: as many as a page of the list asks for
_KEPT = 10  # of those above go on being known, so that one can turn round


@dataclass(frozen=True)
class Beside:
    """`back`: what the address of that list asks for; `newer` and `older`: the addresses of its calls, if there are."""

    back: Mapping[str, str]
    newer: str = ""
    older: str = ""


def within(visit: Visit) -> dict[str, str]:
    """What the address of a call has of that list, for all addresses that lead back to the call."""
    return {**wanted(visit), LIST: visit.request.query_params.get(LIST, "")}


async def beside(visit: Visit, conversation: str) -> Beside:
    """Of this call; what the store does not tell in time is left out."""
    asked, begin = wanted(visit), visit.request.query_params.get(LIST, "")
    if not begin:
        return Beside(asked)
    known: list[str] = []
    # Of what is newer than the call itself, a page that begins before it knows nothing.
    for page in dict.fromkeys([NEWEST, begin] if begin == conversation else [begin]):
        before = page if page != NEWEST else None
        back = asked if before is None else {**asked, "before": before}
        try:
            chosen = {**selection(visit, asked), "before_id": before, "limit": _SEEN}
            found = await visit.ask("calls", chosen, timeout=SECONDS)
        except (UsageError, NotThere):
            return Beside({})
        except StoreError:
            return Beside(back)
        known = [*filter(None, [before]), *(one["conversation_id"] for one in found)]
        if conversation in known:
            break
    if conversation not in known:  # newer ones have pushed it off the page
        return Beside(back)
    at = known.index(conversation)

    def address(place: int) -> str:
        # Whoever comes to the end of what is known goes on with a page that has a part of it.
        start = page if place < _SEEN - _KEPT else known[place - _KEPT]
        return visit.url(f"/calls/{quote(known[place], safe='')}", **asked, **{LIST: start})

    return Beside(back, address(at - 1) if at else "", address(at + 1) if at + 1 < len(known) else "")
