"""Which calls are meant: a list, an export, the statistics and the open action items all ask in the same way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from agentctl.calls import number
from agentctl.errors import UsageError


@dataclass(frozen=True)
class Selection:
    """None asks for nothing. Of the times, `since` is inside and `until` is not; both know their zone.

    `number` is the other party's, however people write it. `items`: calls with action items, or with open ones.
    `search` is what people type: words that all have to be said, "a phrase", -without, or.
    """

    assistant: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    number: str | None = None
    outcome: str | None = None
    status: str | None = None
    items: Literal["open", "any"] | None = None
    search: str | None = None

    def record(self) -> dict[str, Any]:
        """As the store takes it. Raises UsageError for a number without digits."""
        return {
            "assistant": self.assistant,
            "since": self.since.isoformat() if self.since else None,
            "until": self.until.isoformat() if self.until else None,
            **(numbered(self.number) if self.number is not None else {}),
            "outcome": self.outcome,
            "status": self.status,
            "items": self.items,
            "search": self.search,
        }


def numbered(written: str) -> Mapping[str, str]:
    """`number` for one with its country, `number_ending` for one without: every number that ends so.

    +49 (0)89 9999-8100, 0049 89/99998100, 089 99998100 and (089) 9999 8100 lead to the same calls.
    Raises UsageError for what is no number.
    """
    found = number.read(written)
    if found is None:
        raise UsageError(f"{written!r} is no telephone number", "Write it as +498999998100, or its last digits.")
    return {"number" if found.is_whole else "number_ending": found.digits}
