"""One call: what was said, what it came to, and what has to be done after it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from starlette.responses import Response

from agentctl.console.page import Page
from agentctl.console.visit import Visit


async def call(visit: Visit) -> Response:
    """All that this person may know of it."""
    found = await visit.ask("call", {"conversation_id": visit.request.path_params["conversation_id"]})
    evaluation = list(_results(found["evaluation"], "result"))
    collected = list(_results(found["collected"], "value"))
    return visit.show("call.html.j2", call=found, evaluation=evaluation, collected=collected)


def _results(told: Mapping[str, Any], field: str) -> Iterator[dict[str, str]]:
    """Name, value and reason of each result that the platform's analysis gave."""
    for name, result in told.items():
        value = result.get(field) if isinstance(result, Mapping) else result
        why = result.get("rationale") if isinstance(result, Mapping) else None
        shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        yield {"name": name, "value": shown, "why": why if isinstance(why, str) else ""}


PAGES = (Page("/calls/{conversation_id}", call),)
