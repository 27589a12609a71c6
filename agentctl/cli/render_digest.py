"""What came of digesting calls again, as text for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from agentctl.cli.render import paint
from agentctl.cli.render_call import line

if TYPE_CHECKING:
    from agentctl.verbs.calls.digest import Redigested

_COLOURS = {"made": 32, "failed": 31, "spent": 31}


def redigested_text(found: Sequence[Redigested]) -> str:
    """One line for each call that did not keep its digest for a good reason, and how many of each sort there are."""
    lines = [
        f"{line(made.conversation_id)}  {paint(made.state, _COLOURS.get(made.state, 0))}  {line(made.reason)}".rstrip()
        for made in found
        if made.state not in ("unchanged", "silent")
    ]
    counts = Counter(made.state for made in found)
    lines.append(", ".join(f"{count} {state}" for state, count in counts.items()) + "." if counts else "No such calls.")
    costs = [made.cost for made in found if made.cost is not None]
    return "\n".join([*lines, *([f"Cost: {sum(costs):.4f}"] if costs else [])])
